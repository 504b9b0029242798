"""How to reach an API server and be let in: by a site's kubeconfig, one's own kubeconfig, or a pod's service account.

    kubeconfig.parse(bytes)  from a Secret: only what is in it, nothing that runs, is looked up or lowers a guard
    from_file(path)          one's own, with all that kubectl can do, plug-ins too
    in_cluster()             this pod's

Keys and tokens are in no repr and no message.
"""

import contextlib
import dataclasses
import os
import pathlib
import ssl
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import kubernetes.client
import kubernetes.config
import yaml
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from isochrone.kube.api import Api, Limits
from isochrone.kube.errors import Unauthorized

SERVICE_ACCOUNT: Final = pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount")
_BAD_KEY: Final = (ValueError, TypeError, UnsupportedAlgorithm)


class AccessError(Unauthorized):
    """What is said of a cluster can't be used to reach it. The message says what to do, and holds no secret."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """An API server, and what it lets in."""

    url: str
    authority: bytes | None = None
    """The authorities that may vouch for the server, as PEM; those of the system when left out."""
    client_certificate: bytes | None = None
    client_key: bytes | None = dataclasses.field(default=None, repr=False)
    token: str | None = dataclasses.field(default=None, repr=False)
    server_name: str | None = None
    """Whom the server's certificate must name, where that isn't the host of the URL."""
    renewed: Callable[[], str | None] | None = dataclasses.field(default=None, repr=False, compare=False)
    """The token as it is now, where it is renewed."""

    def bearer(self) -> str | None:
        """The token to show with the next request."""
        return self.renewed() if self.renewed is not None else self.token

    def api(self, *, limits: Limits | None = None, check: Callable[[], None] = lambda: None) -> Api:
        """A client of the API server. To be closed."""
        return Api(
            self.url,
            tls=self.tls(),
            token=self.bearer,
            limits=limits,
            check=check,
            server_name=self.server_name,
        )

    def tls(self) -> ssl.SSLContext:
        """A context that always checks who the server is, and shows our certificate if we have one."""
        authority = self.authority.decode("ascii") if self.authority else None
        context = ssl.create_default_context(cadata=authority)
        context.set_alpn_protocols(["http/1.1"])
        if authority:
            # Authorities of clusters are often made without the identifiers that Python 3.13 asks for.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if self.client_certificate and self.client_key:
            with _unnamed(self.client_certificate) as certificate, _unnamed(self.client_key) as key:
                context.load_cert_chain(certificate, key)
        return context


def checked(access: Access, where: str) -> Access:
    """The same, if its certificates and keys can be used. Raises AccessError; `where` begins its message."""
    if access.authority is not None:
        _certificates(access.authority, f"{where}: the cluster's certificate authority")
    if (access.client_certificate is None) != (access.client_key is None):
        missing = "key" if access.client_key is None else "certificate"
        raise AccessError(f"{where}: the client {missing} is missing; certificate and key go together")
    if access.client_certificate is not None and access.client_key is not None:
        _pair(access.client_certificate, access.client_key, where)
    if access.token is None and access.client_certificate is None:
        raise AccessError(f"{where}: there are no credentials in it; give it a token or a client certificate")
    return access


def from_file(path: pathlib.Path, context: str | None = None) -> Access:
    """What one's own kubeconfig says, or several that are named as in $KUBECONFIG; plug-ins run. Raises AccessError."""
    where = f"kubeconfig {path}"
    files = [each for each in str(path).split(os.pathsep) if each and pathlib.Path(each).exists()]
    if not files:
        raise AccessError(f"{where}: there is no such file; --help says how to name another")
    configuration = kubernetes.client.Configuration()
    with tempfile.TemporaryDirectory() as folder:
        try:
            kubernetes.config.load_kube_config(  # type: ignore[no-untyped-call]
                config_file=os.pathsep.join(files),
                context=context or _current(files),
                client_configuration=configuration,
                persist_config=False,
                temp_file_path=folder,
            )
        except yaml.YAMLError:
            raise AccessError(f"{where} is not YAML") from None
        except (AttributeError, LookupError, TypeError):
            # The library takes its shape for granted, and these tell of nothing but what it was told.
            raise AccessError(f"{where} is YAML, but no kubeconfig") from None
        except (kubernetes.config.ConfigException, OSError, ValueError) as error:
            # The library quotes whole entries, with tokens and passwords.
            raise AccessError(f"{where}: {str(error).partition('{')[0]}") from None
        if not configuration.verify_ssl:
            raise AccessError(f"{where} skips the check of the server's certificate; give it certificate-authority")
        authority, certificate, key = (
            _content(each, where)
            for each in (configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file)
        )

    def renewed() -> str | None:
        return _without_scheme(configuration.get_api_key_with_prefix("BearerToken"))

    access = Access(
        url=configuration.host,
        authority=authority,
        client_certificate=certificate,
        client_key=key,
        token=renewed(),
        server_name=configuration.tls_server_name,
        renewed=renewed,
    )
    return checked(access, where)


def _current(files: Iterable[str]) -> str | None:
    """The first context that a kubeconfig names, as kubectl takes it: of several, the library takes the last."""
    for each in files:
        found = yaml.safe_load(pathlib.Path(each).read_bytes())
        if isinstance(found, dict) and found.get("current-context"):
            return str(found["current-context"])
    return None


def in_cluster(folder: pathlib.Path = SERVICE_ACCOUNT, environment: Mapping[str, str] | None = None) -> Access:
    """The service account of this pod, whose token the kubelet renews. Raises AccessError outside of a pod."""
    variables = os.environ if environment is None else environment
    host, port = variables.get("KUBERNETES_SERVICE_HOST", ""), variables.get("KUBERNETES_SERVICE_PORT", "")
    if not host or not port.isdecimal():
        raise AccessError(
            "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set, so this is no pod; use --kubeconfig"
        )
    token = _Token(folder / "token")
    access = Access(
        url=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        authority=_content(str(folder / "ca.crt"), "the service account"),
        token=token(),
        renewed=token,
    )
    return checked(access, "the service account")


class _Token:
    """A token in a file that is replaced while we run. If it can't be read, the last one goes on to be used."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self._stamp: tuple[int, ...] = ()
        self._text = ""
        try:
            self._read()
        except (OSError, UnicodeDecodeError) as error:
            raise AccessError(f"{path} can't be read ({type(error).__name__})") from None

    def __call__(self) -> str | None:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            self._read()
        return self._text or None

    def _read(self) -> None:
        """Read it if it isn't the file that was read last."""
        found = self._path.stat()
        stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
        if stamp != self._stamp and (text := self._path.read_text(encoding="ascii").strip()):
            self._stamp, self._text = stamp, text


@contextlib.contextmanager
def _unnamed(content: bytes) -> Iterator[str]:
    """A path at which OpenSSL, which takes keys from files only, finds this; no folder has it, and no disk."""
    # In memory, where there is such a thing; else a file without a name.
    is_memory = hasattr(os, "memfd_create")
    with os.fdopen(os.memfd_create("isochrone"), "w+b") if is_memory else tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        file.seek(0)
        yield f"/dev/fd/{file.fileno()}"


def _certificates(text: bytes, what: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(text)
    except _BAD_KEY:
        raise AccessError(f"{what} is not a certificate in PEM form") from None


def _pair(certificate: bytes, key: bytes, where: str) -> None:
    shown = _certificates(certificate, f"{where}: the client certificate")[0]
    try:
        public = load_pem_private_key(key, password=None).public_key()
    except _BAD_KEY:
        raise AccessError(f"{where}: the client key is not a private key in PEM form without a password") from None
    if public != shown.public_key():
        raise AccessError(f"{where}: the client key is not the key of the client certificate")


def _content(path: str | None, where: str) -> bytes | None:
    if path is None:
        return None
    try:
        return pathlib.Path(path).read_bytes()
    except OSError as error:
        raise AccessError(f"{where}: {path} can't be read ({error.strerror})") from error


def _without_scheme(header: str | None) -> str | None:
    return header.removeprefix("Bearer ").strip() if header else None
