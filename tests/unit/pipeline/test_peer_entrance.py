"""How a hop is judged: by what its head says, what this config knows of it, and this config's own age."""

import types
from typing import Any, Final

import pytest
from tests.unit.pipeline.test_rulings import ALL, DE, FR, US, asked, denied, policy

from isochrone_gateway.config.law import Mode
from isochrone_gateway.ledger.record import Operation
from isochrone_gateway.route.mask import Age
from isochrone_gateway.server.pipeline.outgoing import Asked
from isochrone_gateway.server.pipeline.peer_entrance import Asking, Refusal, find, judge, read, written_of
from isochrone_gateway.server.pipeline.revision import Own
from isochrone_gateway.server.pipeline.rulings import Rulings, Standpoint, Writing
from isochrone_gateway.wire import hop as hops
from isochrone_gateway.wire.errors import ApiError, ErrorKind
from isochrone_gateway.wire.hop import Hop, Refused

pytestmark = pytest.mark.interpreted
HEALTH: Final = frozenset({"health"})
CHAT: Final = Hop(
    route="lab/chat",
    pool="lab/a",
    tenant="lab/team",
    origin=frozenset({"DE"}),
    data_classes=frozenset(),
    is_bound=True,
    deadline_ms=1,
    affinity=None,
    request_id="req_1",
)


def hop(**fields: Any) -> Hop:
    return Hop(**({name: getattr(CHAT, name) for name in CHAT.__struct_fields__} | fields))


def own(place: int = 0, classes: frozenset[str] = frozenset()) -> Own:
    route: Any = types.SimpleNamespace(data_classes=classes)
    way: Any = types.SimpleNamespace(place=place)
    return Own(route, way)


def revision(rulings: Rulings | None = None, **fields: Any) -> Any:
    made = {"own": {("lab/chat", "lab/a"): own()}, "route_classes": {"lab/chat": frozenset()}, "tenant_classes": {}}
    return types.SimpleNamespace(**{**made, "rulings": rulings or asked(), **fields})


# What is asked for


def head(path: bytes = b"/v1/chat/completions", method: bytes = b"POST", **changes: str) -> Any:
    lines = hops.whose(
        route="lab/chat",
        pool="lab/a",
        tenant="lab/team",
        origin=["DE"],
        data_classes=[],
        is_bound=True,
    ) + hops.attempt(deadline_ms=1, affinity=None)
    fields = dict(line.split(b": ", 1) for line in lines.splitlines())
    fields[b"x-request-id"] = b"req_1"
    fields |= {name.replace("_", "-").encode(): value.encode() for name, value in changes.items()}
    return types.SimpleNamespace(path=path, method=method, fields=fields)


@pytest.mark.parametrize(
    ("path", "expected", "operation"),
    [
        pytest.param(b"/v1/chat/completions", Asked.CHAT, Operation.CHAT, id="chat"),
        pytest.param(b"/v1/embeddings", Asked.EMBEDDINGS, Operation.EMBEDDINGS, id="embeddings"),
    ],
)
def test_what_a_head_asks_for(path: bytes, expected: Asked, operation: Operation) -> None:
    assert read(head(path)) == Asking(CHAT, expected, operation)


@pytest.mark.parametrize(
    ("asked_for", "kind", "message"),
    [
        pytest.param(head(b"/v1/models"), ErrorKind.NOT_FOUND, None, id="another path"),
        pytest.param(head(method=b"GET"), ErrorKind.BAD_METHOD, None, id="another method"),
        pytest.param(head(b"/v1/models", b"GET"), ErrorKind.NOT_FOUND, None, id="neither"),
        pytest.param(
            head(x_isochrone_hop="2"),
            ErrorKind.BAD_REQUEST,
            "x-isochrone-hop is '2'; this gateway speaks version 1.",
            id="no hop",
        ),
    ],
)
def test_what_asks_for_nothing(asked_for: Any, kind: ErrorKind, message: str | None) -> None:
    error = ApiError(kind=kind, message=message) if message else ApiError(kind=kind)
    assert read(asked_for) == Refusal(error, Refused.BAD_HOP)


@pytest.mark.parametrize(
    ("asked_for", "word", "message"),
    [
        pytest.param(
            hop(pool="lab/b"),
            Refused.UNKNOWN_POOL,
            "No engines lab/b of this site answer the route lab/chat.",
            id="another pool",
        ),
        pytest.param(
            hop(route="lab/x"), Refused.UNKNOWN_ROUTE, "The route lab/x is not known here.", id="another route"
        ),
    ],
)
def test_who_isn_t_asked_for_here(asked_for: Hop, word: Refused, message: str) -> None:
    assert find(asked_for, revision()) == Refusal(ApiError(kind=ErrorKind.NOT_FOUND, message=message), word)


def test_who_is_asked_for() -> None:
    here = revision()
    assert find(CHAT, here) is here.own["lab/chat", "lab/a"]


# What the law says here


UNJUDGED: Final = ApiError(
    kind=ErrorKind.RESIDENCY_DENIED,
    message="A policy binds the request here that did not bind it at its entry, so its body was not judged by it.",
    should_retry=False,
)
OF_HEALTH: Final = policy("p", {"Inference": US}, binds={"data_classes": HEALTH})


@pytest.mark.parametrize(
    ("made", "asked_for", "asked_of", "fields", "error"),
    [
        pytest.param([], CHAT, own(), {}, None, id="nothing binds"),
        pytest.param([policy("p", {"Inference": ALL})], CHAT, own(), {}, None, id="lawful"),
        pytest.param([policy("p", {"Inference": US})], CHAT, own(), {}, denied("Ingress"), id="no entry here"),
        pytest.param(
            [policy("p", {"Inference": US, "Ingress": DE})], CHAT, own(), {}, denied("Inference"), id="no engines here"
        ),
        pytest.param([policy("p", {"Inference": DE | FR})], CHAT, own(2), {}, None, id="engines at another place"),
        pytest.param(
            [policy("p", {"Inference": DE})], CHAT, own(2), {}, denied("Inference"), id="no engines at that place"
        ),
        pytest.param([policy("p", {"Inference": ALL})], hop(is_bound=False), own(), {}, UNJUDGED, id="bound here only"),
        pytest.param([], hop(is_bound=False), own(), {}, None, id="bound nowhere"),
        pytest.param(
            [policy("p", {"Inference": US})], hop(origin=frozenset({"FR"})), own(), {}, None, id="of others' origin"
        ),
        pytest.param([OF_HEALTH], CHAT, own(), {}, None, id="of no class"),
        pytest.param([OF_HEALTH], hop(data_classes=HEALTH), own(), {}, denied("Ingress"), id="of the hop's class"),
        pytest.param([OF_HEALTH], CHAT, own(classes=HEALTH), {}, denied("Ingress"), id="of the route's class"),
        pytest.param(
            [OF_HEALTH],
            CHAT,
            own(),
            {"tenant_classes": {"lab/team": HEALTH}},
            denied("Ingress"),
            id="of the tenant's class",
        ),
        pytest.param(
            [OF_HEALTH], hop(tenant=None), own(), {"tenant_classes": {"lab/team": HEALTH}}, None, id="of nobody"
        ),
        pytest.param(
            [policy("p", {"Inference": US}, binds={"routes": frozenset({"lab/x"})})],
            CHAT,
            own(),
            {},
            None,
            id="bound by another route",
        ),
    ],
)
def test_the_law_here(
    made: list[Any], asked_for: Hop, asked_of: Own, fields: dict[str, Any], error: ApiError | None
) -> None:
    here = revision(asked(*made), **fields)
    found = judge(asked_for, asked_of, here, Age.FRESH)
    if error is None:
        assert found is here.rulings.of("lab/chat", _standpoint(asked_for, asked_of), ())
    else:
        assert found == Refusal(error, Refused.UNLAWFUL)


def _standpoint(asked_for: Hop, asked_of: Own) -> Standpoint:
    classes = asked_for.data_classes | asked_of.route.data_classes
    return Standpoint(asked_for.tenant, asked_for.origin, classes, Age.FRESH)


def test_a_config_that_is_too_old_refuses_what_is_bound() -> None:
    here = revision(asked(policy("p", {"Inference": ALL})))
    assert judge(CHAT, own(), here, Age.EXPIRED) == Refusal(denied("Ingress", None, "ConfigExpired"), Refused.UNLAWFUL)


# What may be written of it here


@pytest.mark.parametrize(
    ("made", "asked_for", "writing"),
    [
        pytest.param([], CHAT, Writing(True, True), id="nothing binds"),
        pytest.param([policy("p", {"Inference": ALL, "Logs": US})], CHAT, Writing(False, False), id="not here"),
        pytest.param([policy("p", {"Inference": DE})], CHAT, Writing(True, False), id="here"),
        pytest.param(
            [policy("p", {"Inference": DE}, mode=Mode.AUDIT)], CHAT, Writing(True, True), id="whatever only audits"
        ),
        pytest.param(
            [policy("p", {"Inference": US}, binds={"routes": frozenset({"lab/scan"})})],
            CHAT,
            Writing(True, True),
            id="of another route",
        ),
    ],
)
def test_what_may_be_written_of_a_hop(made: list[Any], asked_for: Hop, writing: Writing) -> None:
    assert written_of(asked_for, own(), revision(asked(*made)), Age.FRESH) == writing


def test_of_a_route_that_is_not_known_what_may_be_written_of_all_is() -> None:
    """Whatever the hop says of its data."""
    of_scan = policy("p", {"Inference": US}, binds={"routes": frozenset({"lab/scan"})})
    of_class = policy("p", {"Inference": US}, binds={"data_classes": HEALTH})
    unknown = Refusal(ApiError(kind=ErrorKind.NOT_FOUND), Refused.UNKNOWN_ROUTE)
    routes: dict[str, Any] = {"route_classes": {"lab/chat": frozenset(), "lab/scan": frozenset()}}
    assert written_of(CHAT, unknown, revision(asked(of_scan)), Age.FRESH) == Writing(True, True)
    assert written_of(CHAT, unknown, revision(asked(of_scan), **routes), Age.FRESH) == Writing(False, False)
    assert written_of(CHAT, unknown, revision(asked(of_class)), Age.FRESH) == Writing(True, True)
    assert written_of(hop(data_classes=HEALTH), unknown, revision(asked(of_class)), Age.FRESH) == Writing(False, False)
    of_tenant = {"tenant_classes": {"lab/team": HEALTH}}
    assert written_of(CHAT, unknown, revision(asked(of_class), **of_tenant), Age.FRESH) == Writing(False, False)
