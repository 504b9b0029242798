"""Keys -> who calls.

Only hashes of keys are known here. The look-up is by the hash, so its time tells nothing about a key; the hash that was
found is compared in constant time all the same.
"""

import dataclasses
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

from isochrone_gateway.config.tenants import Tenant
from isochrone_gateway.route.limits import Meter
from isochrone_gateway.wire.errors import ApiError, ErrorKind
from isochrone_gateway.wire.http import Fields

_BEARER: Final = b"bearer"
_NO_KEY: Final = ApiError(kind=ErrorKind.NO_KEY)
_BAD_KEY: Final = ApiError(kind=ErrorKind.BAD_KEY)
_EXPIRED: Final = ApiError(kind=ErrorKind.BAD_KEY, message="The API key has expired.")
_SUSPENDED: Final = ApiError(kind=ErrorKind.FORBIDDEN, message="This tenant is suspended.")
_TWO_KEYS: Final = ApiError(
    kind=ErrorKind.BAD_REQUEST, message="Authorization and x-api-key hold different keys; send one."
)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """A tenant by one of its keys, or anybody."""

    digest: bytes = b""
    key_name: str = ""
    expires: float | None = None
    """Seconds since 1970."""
    tenant: Tenant | None = None
    tenant_id: str = ""
    origin: frozenset[str] = frozenset()
    """As declared."""
    data_classes: frozenset[str] = frozenset()
    routes: frozenset[str] | None = None
    meters: tuple[Meter, ...] = ()
    salt: bytes = b""
    """Of prompts that may share a cache."""
    salting: Mapping[str, bytes] = dataclasses.field(default_factory=lambda: salting(b""))
    """The change of a body that keeps them from sharing it with others."""
    is_suspended: bool = False
    may_explain: bool = False

    def may_use(self, route: str) -> bool:
        return self.routes is None or route in self.routes


def salt_of(installation: str, tenant: str) -> bytes:
    """The salt of a tenant's prompts, the same at every site; nothing for nobody."""
    return hashlib.sha256(f"{installation}\0{tenant}".encode()).hexdigest()[:32].encode() if tenant else b""


def salting(salt: bytes) -> dict[str, bytes]:
    """The change of a body that makes its prompt share a cache only with those of one tenant, or of nobody's."""
    return {"cache_salt": b'"%b"' % (salt or _ANYBODYS_SALT)}


_ANYBODYS_SALT: Final = b"anybody"
ANYBODY: Final = Caller()


def shown_key(fields: Fields) -> bytes | ApiError | None:
    """The key that a request shows."""
    auth, other = fields.get(b"authorization"), fields.get(b"x-api-key")
    if auth is None:
        return other or None
    scheme, _, key = auth.partition(b" ")
    if scheme.lower() != _BEARER:
        return _BAD_KEY
    key = key.strip()
    if other is not None and not hmac.compare_digest(other, key):
        return _TWO_KEYS
    return key or None


def authenticate(
    fields: Fields, callers: Mapping[bytes, Caller], anybody: Caller | None, wall: float
) -> Caller | ApiError:
    """Who calls, or why that isn't accepted. A key that is shown must be good, even where none is needed."""
    key = shown_key(fields)
    if isinstance(key, ApiError):
        return key
    if key is None:
        return anybody or _NO_KEY
    digest = hashlib.sha256(key).digest()
    caller = callers.get(digest)
    if caller is None or not hmac.compare_digest(caller.digest, digest):
        return _BAD_KEY
    if caller.expires is not None and wall >= caller.expires:
        return _EXPIRED
    return _SUSPENDED if caller.is_suspended else caller
