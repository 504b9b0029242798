"""TLS contexts: made once for equal settings, and made again from the files when asked to."""

import asyncio
import hashlib
import ssl
from typing import Final, NamedTuple

from isochrone_gateway.upstream.target import TlsSettings

# HTTP/2 would need another protocol; a server that insists on it fails in the handshake, not afterwards.
_ALPN: Final = ("http/1.1",)


class Contexts:
    """Remembers contexts. Reading certificate files blocks, so that happens on another thread."""

    def __init__(self) -> None:
        self._contexts: dict[TlsSettings, _Made] = {}

    async def get(self, settings: TlsSettings) -> ssl.SSLContext:
        """Give the context; raises OSError (ssl.SSLError is one) if a file can't be used."""
        found = self._contexts.get(settings)
        if found is None:
            made = await asyncio.to_thread(_make, settings)
            found = self._contexts.setdefault(settings, made)
        return found.context

    async def reload(self, *, only_changed: bool = False) -> tuple[frozenset[TlsSettings], dict[TlsSettings, OSError]]:
        """Read all files again. Gives what was renewed, and what couldn't be: that keeps its old context.

        `only_changed`: leave those whose files are as they were.
        """
        renewed: set[TlsSettings] = set()
        failed: dict[TlsSettings, OSError] = {}
        for settings, before in tuple(self._contexts.items()):
            try:
                if only_changed and await asyncio.to_thread(_fingerprint, settings) == before.fingerprint:
                    continue
                self._contexts[settings] = await asyncio.to_thread(_make, settings)
            except OSError as error:
                failed[settings] = error
            else:
                renewed.add(settings)
        return frozenset(renewed), failed


class _Made(NamedTuple):
    """A context, and what its files were before it was made: a change meanwhile is seen as one."""

    fingerprint: bytes
    context: ssl.SSLContext


def _make(settings: TlsSettings) -> _Made:
    return _Made(_fingerprint(settings), make_context(settings))


def _fingerprint(settings: TlsSettings) -> bytes:
    digest = hashlib.sha256()
    for path in (settings.ca_bundle, settings.certificate, settings.key):
        content = b"" if path is None else path.read_bytes()
        digest.update(b"%d:" % len(content) + content)
    return digest.digest()


def make_context(settings: TlsSettings) -> ssl.SSLContext:
    """Make a context that checks the server, and shows a certificate where there is one to show."""
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=settings.ca_bundle)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(_ALPN)
    # A name isn't asked for where the URI identifies the server; the chain always is.
    context.check_hostname = settings.server_name is not None or settings.uri is None
    if settings.certificate is not None:
        context.load_cert_chain(settings.certificate, settings.key)
    return context
