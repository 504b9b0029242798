"""What is known of one request, filled in as it becomes known."""

from typing import TYPE_CHECKING

from isochrone_gateway.ledger.trail import Trail
from isochrone_gateway.route.clients import client_address
from isochrone_gateway.server.exchange import Exchange
from isochrone_gateway.server.pipeline.collecting import Collecting
from isochrone_gateway.server.pipeline.entry import Entry
from isochrone_gateway.server.pipeline.services import Services
from isochrone_gateway.wire.trace_context import recorded

if TYPE_CHECKING:
    from isochrone_gateway.server.pipeline.decide import Terms
    from isochrone_gateway.server.pipeline.revision import Way


class Visit(Collecting):
    """One request."""

    __slots__ = (
        "attempts",
        "audited",
        "entry",
        "first_byte",
        "first_token",
        "id",
        "stream",
        "terms",
        "trace",
        "trail",
        "way",
    )

    def __init__(self, services: Services, exchange: Exchange, entry: Entry) -> None:
        super().__init__(services, exchange)
        self.entry = entry
        self.id = services.names.next()
        self.terms: Terms | None = None
        """By which it is answered, once its model is known."""
        self.way: Way | None = None
        """Who was asked last."""
        self.attempts = 0
        self.audited: tuple[str, ...] = ()
        """The Audit policies that would have refused what was done so far."""
        self.stream = False
        self.first_byte: float | None = None
        self.first_token: float | None = None
        self.trace = entry.came
        self.trail: Trail | None = None
        """Of the attempts, if its spans are recorded."""
        if entry.chance and services.random() * 100 < entry.chance:
            self.trace = recorded(entry.came, services.bits)
            self.trail = Trail(self.trace, exchange.head.fields, started=exchange.started, bits=services.bits)

    def client(self) -> str:
        """Whose address the request is from. Worked out for who asks; nothing keeps it."""
        exchange = self.exchange
        forwarded = exchange.head.fields.get(b"x-forwarded-for")
        return client_address(exchange.peer[0], forwarded, self.entry.revision.forwarders)

    def common_lines(self) -> bytes:
        """Header lines of an answer that no backend gave."""
        entry = self.entry
        return b"%bx-request-id: %b\r\n%b" % (entry.lines, self.id, entry.revision.site_lines)

    def answer_lines(self) -> bytes:
        """Header lines of an answer that a backend gave."""
        way = self.way
        if way is None:
            raise RuntimeError("an answer of nobody")
        lines = b"%bx-request-id: %b\r\n%bx-isochrone-attempts: %d\r\n"
        return lines % (self.entry.lines, self.id, way.lines, self.attempts)
