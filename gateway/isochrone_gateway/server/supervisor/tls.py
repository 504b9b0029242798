"""Server contexts from the files of the secrets mount.

Files are replaced while we run (a certificate is renewed), so contexts are made again when their files changed; open
connections keep theirs. The peer port asks for a certificate of the trusted authority; whose it is, the pipeline
checks.
"""

import hashlib
import pathlib
import ssl
from collections.abc import Iterable
from typing import Final

from isochrone_gateway.config import ConfigError, Problem
from isochrone_gateway.config.site import Listener, PeerTrust, TlsFiles

_ALPN: Final = ("http/1.1",)


class ServerTls:
    """The TLS of one listener."""

    def __init__(self, files: TlsFiles, *, secrets: pathlib.Path | None, clients: str | None = None) -> None:
        """`clients` is the bundle of authorities that clients must be certified by."""
        if secrets is None:
            raise ConfigError(Problem(text=f"names the certificate {files.certificate}; say where, with --secrets"))
        self._certificate = secrets / files.certificate
        self._key = secrets / files.key
        self._clients = None if clients is None else secrets / clients
        self._seen = b""
        self.refresh()

    def refresh(self) -> None:
        """Read the files again; if they can't be used, what was read before stays."""
        seen = self._fingerprint()
        if seen == self._seen:
            return
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(_ALPN)
        try:
            context.load_cert_chain(self._certificate, self._key)
            if self._clients is not None:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(self._clients)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(Problem(source=str(self._certificate), text=f"can't be used ({error})")) from error
        self._seen, self.context = seen, context

    def _fingerprint(self) -> bytes:
        digest = hashlib.sha256()
        for path in self._paths():
            try:
                content = path.read_bytes()
            except OSError as error:
                raise ConfigError(Problem(source=str(path), text=f"can't be read ({error.strerror})")) from error
            digest.update(b"%d:" % len(content) + content)
        return digest.digest()

    def _paths(self) -> Iterable[pathlib.Path]:
        return (
            (self._certificate, self._key) if self._clients is None else (self._certificate, self._key, self._clients)
        )


def for_clients(listener: Listener, *, secrets: pathlib.Path | None) -> ServerTls | None:
    """The TLS of the data or the admin port, if it has any."""
    return None if listener.tls is None else ServerTls(listener.tls, secrets=secrets)


def for_peers(listener: Listener, trust: PeerTrust | None, *, secrets: pathlib.Path | None) -> ServerTls:
    """Mutual TLS, always: without it the peer port would believe anybody."""
    if trust is None:
        raise ConfigError(Problem(text="has a peer listener but no peerTrust; set both or neither"))
    return ServerTls(listener.tls or trust.identity, secrets=secrets, clients=trust.ca_bundle)
