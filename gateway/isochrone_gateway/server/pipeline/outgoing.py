"""The bytes of a request to a backend: which lines, and in which body.

Only what is listed goes on from the client's head. Its own key never does.
"""

import enum
from collections.abc import Iterable, Mapping
from typing import Final

from isochrone_gateway.config.routes import RouteEndpoint
from isochrone_gateway.server.pipeline.rulings import Ruling, Standpoint
from isochrone_gateway.wire import hop
from isochrone_gateway.wire.http import Fields

_NEVER: Final = frozenset(
    {
        b"api-key", b"authorization", b"connection", b"content-length", b"content-type", b"cookie", b"expect", b"host",
        b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"x-api-key", b"x-request-id",
        b"accept-encoding", b"content-encoding", b"traceparent", b"tracestate",
    }
)  # fmt: skip
_NEVER_BEGINS: Final = (b"x-isochrone-", b"proxy-", b"x-forwarded-")
_NO_HEADERS: Final[Mapping[str, str]] = {}


class Asked(enum.Enum):
    """What a path asks for; the value is what follows a backend's base path."""

    CHAT = b"/chat/completions"
    COMPLETION = b"/completions"
    EMBEDDINGS = b"/embeddings"


ENDPOINTS: Final[Mapping[Asked, RouteEndpoint]] = {
    Asked.CHAT: RouteEndpoint.CHAT_COMPLETIONS,
    Asked.COMPLETION: RouteEndpoint.COMPLETIONS,
    Asked.EMBEDDINGS: RouteEndpoint.EMBEDDINGS,
}


def heads(base: str, authority: bytes | None, always: Mapping[str, str] = _NO_HEADERS) -> dict[Asked, bytes]:
    """The lines of a request that don't depend on it, for each thing that may be asked. No `authority`: add it.

    `always` are headers that every request to this backend has.
    """
    host = b"" if authority is None else b"host: %b\r\n" % authority
    added = b"".join(b"%b: %b\r\n" % (name.encode(), always[name].encode()) for name in sorted(always))
    return {
        asked: b"POST %b%b HTTP/1.1\r\n%bcontent-type: application/json\r\naccept-encoding: identity\r\n"
        b"user-agent: isochrone-gateway\r\n%b" % (base.encode(), asked.value, host, added)
        for asked in Asked
    }


def passable(names: Iterable[str]) -> tuple[bytes, ...]:
    """Of these headers, the ones that may go on. Those for tracing go on by their own rules (`wire.trace_context`)."""
    wanted = {name.lower().encode() for name in names}
    return tuple(sorted(name for name in wanted if name not in _NEVER and not name.startswith(_NEVER_BEGINS)))


def hop_lines(route: str, pool: str, standpoint: Standpoint, ruling: Ruling) -> bytes:
    """What a peer is told of a request beside its body: what it needs to come to a verdict of its own."""
    return hop.whose(
        route=route,
        pool=pool,
        tenant=standpoint.tenant,
        origin=standpoint.origin,
        data_classes=standpoint.data_classes,
        is_bound=ruling.listed is not None,
    )


def passed_on(names: tuple[bytes, ...], fields: Fields) -> bytes:
    """The lines of the client's head that go on."""
    return b"".join([b"%b: %b\r\n" % (name, fields[name]) for name in names if name in fields])
