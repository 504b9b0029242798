"""What is known of one request, filled in as it becomes known."""

from typing import TYPE_CHECKING, Final

from isochrone_gateway.ledger.record import Operation
from isochrone_gateway.route.mask import Age
from isochrone_gateway.server.exchange import Exchange
from isochrone_gateway.server.pipeline.callers import ANYBODY, Caller
from isochrone_gateway.server.pipeline.outgoing import Asked
from isochrone_gateway.server.pipeline.rulings import Standpoint

if TYPE_CHECKING:
    from isochrone_gateway.server.pipeline.revision import Revision, RouteView, Way
    from isochrone_gateway.server.pipeline.services import Services

_NOWHERE: Final = Standpoint(None, frozenset(), frozenset(), Age.FRESH)


class Visit:
    """One request."""

    __slots__ = (
        "asked",
        "attempts",
        "bytes_in",
        "caller",
        "exchange",
        "first_byte",
        "first_token",
        "id",
        "lines",
        "model",
        "operation",
        "policies",
        "revision",
        "route",
        "services",
        "standpoint",
        "stream",
        "way",
    )

    def __init__(self, services: "Services", revision: "Revision", exchange: Exchange) -> None:
        self.services = services
        self.revision = revision
        self.exchange = exchange
        self.id = services.names()
        self.caller: Caller = ANYBODY
        self.standpoint = _NOWHERE
        self.operation = Operation.UNKNOWN
        self.asked = Asked.CHAT
        self.lines = b""
        """Header lines of any answer."""
        self.route: RouteView | None = None
        self.way: Way | None = None
        """Who was asked last."""
        self.model = ""
        """The public name, once it is one of ours."""
        self.attempts = 0
        self.stream = False
        self.bytes_in = 0
        self.first_byte: float | None = None
        self.first_token: float | None = None
        self.policies: tuple[str, ...] = ()

    def common_lines(self) -> bytes:
        """Header lines of an answer that no backend gave."""
        return b"%bx-request-id: %b\r\n%b" % (self.lines, self.id, self.revision.site_lines)

    def answer_lines(self, way: "Way") -> bytes:
        """Header lines of an answer that this backend gave."""
        return b"%bx-request-id: %b\r\n%bx-isochrone-attempts: %d\r\n" % (self.lines, self.id, way.lines, self.attempts)
