"""The peer port: requests that the gateways of other sites send on, for engines of this one.

Who sends is known by its certificate, for whom and what by the headers of the hop. Its word is taken for who the client
is; whether its data may be handled here is judged anew, by this gateway's own config and that config's own age, and the
stricter of both ends wins. What comes in here can't leave the site again: only pools of engines can be asked for.
"""

from typing import Final, NamedTuple

from isochrone_gateway.ledger.record import Operation
from isochrone_gateway.route.mask import Age, age_of
from isochrone_gateway.server.exchange import NOBODY, Exchange, ExchangeHandler
from isochrone_gateway.server.pipeline.callers import ANYBODY
from isochrone_gateway.server.pipeline.entrance import PATHS
from isochrone_gateway.server.pipeline.hosting import Hosting
from isochrone_gateway.server.pipeline.outgoing import Asked
from isochrone_gateway.server.pipeline.revision import Own, Revision
from isochrone_gateway.server.pipeline.rulings import Ruling, Standpoint, Writing
from isochrone_gateway.server.pipeline.services import Services
from isochrone_gateway.wire import hop as hops
from isochrone_gateway.wire.errors import ApiError, ErrorKind
from isochrone_gateway.wire.hop import BadHop, Hop, Refused
from isochrone_gateway.wire.http import RequestHead, status_line

_WELL: Final = status_line(200) + b"content-type: text/plain\r\ncache-control: no-store\r\n"
_STRANGER: Final = ApiError(
    kind=ErrorKind.FORBIDDEN, message="The certificate is of no peer of this site.", should_retry=False
)
_NOT_FOUND: Final = ApiError(kind=ErrorKind.NOT_FOUND)
_BAD_METHOD: Final = ApiError(kind=ErrorKind.BAD_METHOD)
_ENDING: Final = ApiError(kind=ErrorKind.DRAINING, retry_after_s=1.0)
_UNBOUND: Final = ApiError(
    kind=ErrorKind.RESIDENCY_DENIED,
    message="A policy binds the request here that did not bind it at its entry, so its body was not judged by it.",
    should_retry=False,
)


class Asking(NamedTuple):
    """A hop as its head says it."""

    hop: Hop
    asked: Asked
    operation: Operation


class Refusal(NamedTuple):
    """Why a hop goes no further."""

    error: ApiError
    word: Refused


class PeerEntrance:
    """Takes the requests of the peer port. `revision` may be replaced at any time, between two requests."""

    def __init__(self, services: Services, revision: Revision) -> None:
        self._services = services
        self._is_ending = False
        self.revision = revision

    def end(self) -> None:
        """The gateway ends now: whoever still asks is told so."""
        self._is_ending = True

    def on_request(self, exchange: Exchange) -> ExchangeHandler:
        services, revision, head = self._services, self.revision, exchange.head
        peer = revision.peers.site_of(exchange.certificate())
        if peer is not None and head.path == hops.HEALTH_PATH.encode() and head.method == b"GET":
            exchange.respond(_WELL, b"ok\n")
            return NOBODY
        hosting = Hosting(services, exchange, revision, peer or "")
        if peer is None:
            hosting.refuse(_STRANGER, Refused.UNKNOWN_PEER)
            return NOBODY
        asking = read(head) if not self._is_ending else Refusal(_ENDING, Refused.DRAINING)
        if isinstance(asking, Refusal):
            hosting.refuse(*asking)
            return NOBODY
        hosting.hop, hosting.asked, hosting.operation = asking
        age = age_of(services.age(), revision.age)
        own = find(asking.hop, revision)
        hosting.writing = written_of(asking.hop, own, revision, age)
        if isinstance(own, Refusal):
            hosting.refuse(*own)
            return NOBODY
        ruling = judge(asking.hop, own, revision, age)
        if isinstance(ruling, Refusal):
            hosting.refuse(*ruling)
            return NOBODY
        hosting.policies = ruling.policies
        hosting.age = age.value
        hosting.data_classes = tuple(sorted(asking.hop.data_classes | own.route.data_classes))
        hosting.audited = ruling.audited_with(own.way.place)
        hosting.begin(asking.hop, own)
        return hosting


def read(head: RequestHead) -> Asking | Refusal:
    """What a head asks for."""
    found = PATHS.get(head.path)
    if found is None:
        return Refusal(_NOT_FOUND, Refused.BAD_HOP)
    if head.method != b"POST":
        return Refusal(_BAD_METHOD, Refused.BAD_HOP)
    hop = hops.parse(head.fields)
    if isinstance(hop, BadHop):
        return Refusal(ApiError(kind=ErrorKind.BAD_REQUEST, message=hop.text), Refused.BAD_HOP)
    return Asking(hop, *found)


def find(hop: Hop, revision: Revision) -> Own | Refusal:
    """The pool that is asked for, if it is one of this site that may answer the route here."""
    own = revision.own.get((hop.route, hop.pool))
    if own is not None:
        return own
    if hop.route not in revision.route_classes:
        text = f"The route {hop.route} is not known here."
        return Refusal(ApiError(kind=ErrorKind.NOT_FOUND, message=text), Refused.UNKNOWN_ROUTE)
    text = f"No engines {hop.pool} of this site answer the route {hop.route}."
    return Refusal(ApiError(kind=ErrorKind.NOT_FOUND, message=text), Refused.UNKNOWN_POOL)


def judge(hop: Hop, own: Own, revision: Revision, age: Age) -> Ruling | Refusal:
    """What the law says here. What this config knows of the route and the tenant can only add to what the hop says."""
    standpoint = _standpoint(hop, own.route.data_classes, revision, age)
    ruling = revision.rulings.of(hop.route, standpoint, ())
    if ruling.entry is not None:
        return Refusal(ruling.entry, Refused.UNLAWFUL)
    if not ruling.lawful.permits(own.way.place):
        return Refusal(revision.rulings.refusal(hop.route, standpoint, own.way.place), Refused.UNLAWFUL)
    if ruling.listed is not None and not hop.is_bound:
        return Refusal(_UNBOUND, Refused.UNLAWFUL)
    return ruling


def written_of(hop: Hop, own: Own | Refusal, revision: Revision, age: Age) -> Writing:
    """What may be written of it here. Of a route that isn't known, what may be of all."""
    if isinstance(own, Refusal):
        return revision.rulings.unrouted(_standpoint(hop, frozenset(), revision, age), ANYBODY, revision.route_classes)
    return revision.rulings.of(hop.route, _standpoint(hop, own.route.data_classes, revision, age), ()).writing


def _standpoint(hop: Hop, data_classes: frozenset[str], revision: Revision, age: Age) -> Standpoint:
    own_classes = revision.tenant_classes.get(hop.tenant or "", frozenset())
    return Standpoint(hop.tenant, hop.origin, hop.data_classes | data_classes | own_classes, age)
