"""What will be done with a request whose body was read: by its route, the law, caps and limits, in this order.

Asked without a gateway around it: of a visit `decide` needs its entry, its path, and where demand is counted.
"""

import types
from typing import Any, Final

import pytest
from tests.unit.pipeline.harness import tenant
from tests.unit.pipeline.test_rulings import ALL, DE, US, asked, of, policy

from isochrone_gateway.config.law import Mode
from isochrone_gateway.config.rates import Rates
from isochrone_gateway.config.routes import RouteEndpoint
from isochrone_gateway.route.limits import Admission, Meter
from isochrone_gateway.server.pipeline.callers import Caller
from isochrone_gateway.server.pipeline.decide import Decision, changes_for, decide, terms_of, to_look_for
from isochrone_gateway.server.pipeline.outgoing import Asked
from isochrone_gateway.server.pipeline.regions import Regions
from isochrone_gateway.server.pipeline.rulings import Rulings
from isochrone_gateway.wire.body import Request, Shaping, read_request
from isochrone_gateway.wire.errors import ApiError, ErrorKind

pytestmark = pytest.mark.interpreted
NOW: Final = 100.0
OF_TENANT: Final = Caller(tenant=tenant())
STORES: Final = policy("p", {"Inference": ALL, "State": DE})
HERE: Final = policy("p", {"Inference": ALL})
ELSEWHERE: Final = policy("p", {"Inference": US})


class Demand:
    """Counts nothing, but knows for what it was asked."""

    def __init__(self) -> None:
        self.children: list[tuple[str, ...]] = []
        self.made = object()

    def child(self, *labels: str) -> object:
        self.children.append(labels)
        return self.made


def route(id_: str = "lab/chat", **fields: Any) -> Any:
    made = {
        "id": id_,
        "endpoints": frozenset({RouteEndpoint.CHAT_COMPLETIONS}),
        "data_classes": frozenset(),
        "state_places": (),
        "shaping": Shaping({}, {}),
        "regions": Regions(),
        **fields,
    }
    return types.SimpleNamespace(**made)


def visit(
    rulings: Rulings | None = None,
    *,
    caller: Caller = OF_TENANT,
    kind: Asked = Asked.CHAT,
    **fields: Any,
) -> Any:
    routes = {"chat": route(**fields), "other": route("lab/other")}
    entry = types.SimpleNamespace(
        revision=types.SimpleNamespace(names=routes, rulings=rulings or asked()),
        caller=caller,
        standpoint=of(),
        origin=("DE",),
        asked=kind,
        terms={},
    )
    return types.SimpleNamespace(
        entry=entry,
        services=types.SimpleNamespace(demand=Demand()),
        exchange=types.SimpleNamespace(head=types.SimpleNamespace(path=b"/v1/chat/completions")),
        terms=None,
        stream=None,
        audited=None,
    )


def request(text: str = "", model: str = "chat") -> Request:
    found = read_request(f'{{"model":"{model}"{text}}}'.encode())
    assert isinstance(found, Request)
    return found


def decided(found: Decision | ApiError) -> Decision:
    assert isinstance(found, Decision), found
    return found


def refused(found: Decision | ApiError) -> ApiError:
    assert isinstance(found, ApiError), found
    return found


REMOTE: Final = ',"tools":[{"type":"mcp"}]'
SETS: Final[dict[str, Any]] = {"regions": Regions([(DE, {"geo": "eu"})])}
SETS_TIER: Final[dict[str, Any]] = {"regions": Regions([(DE, {"service_tier": "eu"})])}
SETS_NONE: Final[dict[str, Any]] = {"regions": Regions([(DE, {})])}
OTHERS: Final[dict[str, Any]] = {"regions": Regions([(DE, {"geo": "eu"}), (US, {"geo": "us"})])}
CAPS: Final[dict[str, Any]] = {"shaping": Shaping({}, {"temperature": 1})}


@pytest.mark.parametrize(
    ("of_visit", "text", "kind"),
    [
        pytest.param(visit(), "", None, id="nothing against it"),
        pytest.param(visit(asked(HERE)), "", None, id="bound, and lawful"),
        pytest.param(visit(asked(ELSEWHERE)), "", ErrorKind.RESIDENCY_DENIED, id="not lawful here"),
        pytest.param(visit(asked(HERE)), REMOTE, ErrorKind.RESIDENCY_DENIED, id="bound, and would leave"),
        pytest.param(visit(), REMOTE, None, id="would leave, and nothing binds"),
        pytest.param(visit(**CAPS), ',"temperature":2', ErrorKind.ABOVE_CAP, id="above a cap"),
        pytest.param(visit(**CAPS), ',"temperature":1', None, id="at a cap"),
        pytest.param(visit(asked(HERE), **CAPS), ',"temperature":2', ErrorKind.ABOVE_CAP, id="lawful, above a cap"),
        pytest.param(
            visit(asked(HERE), **CAPS), REMOTE + ',"temperature":2', ErrorKind.RESIDENCY_DENIED, id="the law first"
        ),
        pytest.param(visit(**SETS), ',"geo":"eu"', None, id="the region that is set anyway"),
        pytest.param(visit(**SETS), ',"geo":"us"', ErrorKind.NOT_ALLOWED_HERE, id="another region"),
        pytest.param(visit(**SETS), ',"inference_geo":"us"', ErrorKind.NOT_ALLOWED_HERE, id="a region set nowhere"),
        pytest.param(visit(**SETS_NONE), ',"inference_geo":"us"', ErrorKind.NOT_ALLOWED_HERE, id="where none is set"),
        pytest.param(visit(), ',"geo":"us"', None, id="what chooses none"),
        pytest.param(visit(**SETS_TIER), ',"service_tier":"us"', ErrorKind.NOT_ALLOWED_HERE, id="a usual key"),
        pytest.param(
            visit(asked(policy("p", {"Inference": DE})), **OTHERS), ',"geo":"eu"', None, id="others are not lawful"
        ),
        pytest.param(visit(**OTHERS), ',"geo":"eu"', ErrorKind.NOT_ALLOWED_HERE, id="others set another"),
        pytest.param(visit(asked(HERE), **SETS), REMOTE + ',"geo":"us"', ErrorKind.RESIDENCY_DENIED, id="law first"),
        pytest.param(
            visit(**{**SETS, **CAPS}), ',"geo":"us","temperature":2', ErrorKind.NOT_ALLOWED_HERE, id="regions first"
        ),
        pytest.param(visit(kind=Asked.EMBEDDINGS), "", ErrorKind.BAD_VALUE, id="another endpoint"),
        pytest.param(visit(caller=Caller(routes=frozenset({"lab/other"}))), "", ErrorKind.MODEL_NOT_FOUND, id="no key"),
    ],
)
def test_what_is_against_a_request(of_visit: Any, text: str, kind: ErrorKind | None) -> None:
    found = decide(of_visit, request(text), 100, NOW)
    assert (found.kind if isinstance(found, ApiError) else None) is kind


def test_what_was_looked_through_beside_the_loop_isn_t_again() -> None:
    found = decide(visit(asked(HERE)), request(REMOTE), 100, NOW, is_looked_through=True)
    assert decided(found).admission is None
    capped = decide(visit(asked(HERE), **CAPS), request(',"temperature":2'), 100, NOW, is_looked_through=True)
    assert refused(capped).kind is ErrorKind.ABOVE_CAP


def test_a_model_that_there_isn_t_is_said_so() -> None:
    error = refused(decide(visit(), request(model="m" * 200), 100, NOW))
    text = (
        f"The model {'m' * 128!r} does not exist, or this key may not use it. GET /v1/models lists those that it may."
    )
    assert error == ApiError(kind=ErrorKind.MODEL_NOT_FOUND, message=text, param="model")


def test_a_model_that_doesn_t_answer_there_is_said_so() -> None:
    here = visit(kind=Asked.COMPLETION)
    here.exchange.head.path = b"/v1/completions"
    error = refused(decide(here, request(',"stream":true'), 100, NOW))
    text = "The model 'chat' answers at /v1/chat/completions, not at /v1/completions."
    assert error == ApiError(kind=ErrorKind.BAD_VALUE, message=text, param="model")
    assert (here.terms.route.id, here.stream) == ("lab/chat", True), "its record says what was asked for"


def test_all_paths_at_which_a_model_answers_are_said() -> None:
    here = visit(endpoints=frozenset({RouteEndpoint.EMBEDDINGS, RouteEndpoint.COMPLETIONS}))
    text = "The model 'chat' answers at /v1/completions and /v1/embeddings, not at /v1/chat/completions."
    assert refused(decide(here, request(), 100, NOW)).message == text


def test_a_visit_remembers_what_was_decided_by() -> None:
    audits = policy("p", {"Inference": ALL, "Ingress": US}, mode=Mode.AUDIT)
    here = visit(asked(audits))
    made = decided(decide(here, request(), 100, NOW))
    assert (here.terms, here.stream, here.audited) == (made.terms, False, ("p",))
    assert made.request.model == "chat"
    assert made.admission is None


# What is looked for in a large body


@pytest.mark.parametrize(
    ("of_visit", "is_looked_through"),
    [
        pytest.param(visit(asked(HERE)), True, id="bound"),
        pytest.param(visit(), False, id="nothing binds"),
        pytest.param(visit(asked(ELSEWHERE)), False, id="refused by the law anyway"),
        pytest.param(visit(asked(HERE), kind=Asked.COMPLETION), False, id="refused for its path anyway"),
        pytest.param(visit(asked(HERE), caller=Caller(routes=frozenset())), False, id="refused for its model anyway"),
    ],
)
def test_what_is_looked_for_beside_the_loop(of_visit: Any, *, is_looked_through: bool) -> None:
    found = to_look_for(of_visit, request())
    assert (found is not None) is is_looked_through
    if found is not None:
        assert found is of_visit.entry.terms["chat"].ruling.listed


def test_the_terms_of_a_model_are_kept_with_the_head() -> None:
    here = visit(asked(HERE))
    to_look_for(here, request())
    kept = here.entry.terms["chat"]
    assert decided(decide(here, request(), 100, NOW)).terms is kept
    to_look_for(here, request())
    assert here.entry.terms["chat"] is kept
    assert here.services.demand.children == [("lab/chat", "")]


# Terms


def test_terms_are_worked_out_on_the_route() -> None:
    binding = policy("p", {"Inference": ALL, "State": DE}, binds={"data_classes": frozenset({"health"})})
    here = visit(asked(binding), data_classes=frozenset({"health"}), state_places=(1,))
    terms = terms_of(here.entry, "chat", here.services.demand)
    assert terms is not None
    assert (terms.model, terms.route.id, terms.is_asked_for, terms.children) == ("chat", "lab/chat", True, {})
    assert terms.standpoint == of("DE", "health")
    assert terms.ruling.policies == ("p",)
    assert terms.ruling.listed is not None
    assert not terms.ruling.listed.state
    assert here.entry.terms == {"chat": terms}


@pytest.mark.parametrize(
    ("made", "counted"),
    [
        pytest.param([], ("lab/chat", "DE"), id="told"),
        pytest.param([HERE], ("lab/chat", ""), id="not for the hub to know"),
    ],
)
def test_demand_is_counted_by_origin(made: list[Any], counted: tuple[str, str]) -> None:
    here = visit(asked(*made))
    terms = terms_of(here.entry, "chat", here.services.demand)
    assert terms is not None
    assert here.services.demand.children == [counted]
    assert terms.demand is here.services.demand.made


@pytest.mark.parametrize(
    ("model", "routes"),
    [pytest.param("ghost", None, id="no such model"), pytest.param("chat", frozenset({"lab/other"}), id="not its own")],
)
def test_there_are_no_terms_of_what_a_caller_may_not_use(model: str, routes: frozenset[str] | None) -> None:
    here = visit(caller=Caller(routes=routes))
    assert terms_of(here.entry, model, here.services.demand) is None
    assert here.entry.terms == {}


# Tokens and limits


@pytest.mark.parametrize(
    ("text", "size", "tokens"),
    [
        pytest.param("", 0, 256, id="nobody bounded the answer"),
        pytest.param("", 403, 100 + 256, id="four bytes are a token"),
        pytest.param(',"max_tokens":10', 40, 10 + 10, id="bounded"),
        pytest.param(',"max_tokens":10,"n":3', 40, 10 + 30, id="several answers"),
        pytest.param(',"n":2', 40, 10 + 512, id="several that nobody bounded"),
    ],
)
def test_how_many_tokens_are_reserved(text: str, size: int, tokens: int) -> None:
    assert decided(decide(visit(), request(text), size, NOW)).tokens == tokens


def limited(**rates: int) -> Caller:
    return Caller(meters=(Meter("tenant lab/team", Rates(**rates)),))


def test_what_is_admitted_is_counted() -> None:
    here = visit(caller=limited(requests_per_minute=1))
    assert isinstance(decided(decide(here, request(), 100, NOW)).admission, Admission)
    error = refused(decide(here, request(), 100, NOW + 1))
    text = "The limit of tenant lab/team is reached: 1 requests."
    assert error == ApiError(kind=ErrorKind.RATE_LIMITED, message=text, retry_after_s=60.0)


def test_whoever_is_told_to_wait_waits_a_second_at_least() -> None:
    here = visit(caller=limited(requests_per_minute=1))
    decided(decide(here, request(), 100, NOW))
    assert refused(decide(here, request(), 100, NOW + 60.5)).retry_after_s == 1.0


def test_what_exceeds_a_limit_alone_needn_t_be_tried_again() -> None:
    error = refused(decide(visit(caller=limited(tokens_per_minute=100)), request(), 100, NOW))
    text = "The limit of tenant lab/team is reached: 100 tokens. This request alone exceeds it."
    assert error == ApiError(kind=ErrorKind.RATE_LIMITED, message=text, should_retry=False)


def test_what_is_refused_otherwise_uses_nothing() -> None:
    caller = limited(requests_per_minute=1)
    refused(decide(visit(asked(ELSEWHERE), caller=caller), request(), 100, NOW))
    assert decided(decide(visit(caller=caller), request(), 100, NOW)).admission is not None


# What is changed


@pytest.mark.parametrize(
    ("of_visit", "text", "changes"),
    [
        pytest.param(visit(), ',"store":true', {}, id="nothing"),
        pytest.param(visit(shaping=Shaping({"top_p": 0.5}, {})), "", {"top_p": b"0.5"}, id="a default"),
        pytest.param(visit(shaping=Shaping({"top_p": 0.5}, {})), ',"top_p":1', {}, id="a default that is given"),
        pytest.param(visit(), ',"stream":true', {"stream_options": b'{"include_usage":true}'}, id="a stream"),
        pytest.param(
            visit(asked(STORES), state_places=(1,)), ',"store":true', {"store": b"false"}, id="what may not be kept"
        ),
        pytest.param(visit(asked(STORES), state_places=(1,)), "", {}, id="what nobody asked to keep"),
        pytest.param(visit(asked(STORES), state_places=(0,)), ',"store":true', {}, id="what may be kept"),
        pytest.param(
            visit(asked(STORES), state_places=(1,), shaping=Shaping({"top_p": 0.5}, {})),
            ',"store":true,"stream":true',
            {"top_p": b"0.5", "stream_options": b'{"include_usage":true}', "store": b"false"},
            id="all of it",
        ),
    ],
)
def test_what_is_changed_whoever_answers(of_visit: Any, text: str, changes: dict[str, bytes]) -> None:
    assert decided(decide(of_visit, request(text), 100, NOW)).changes == changes


def way(model: str, *, salts: bool = False, sets: dict[str, bytes] | None = None) -> Any:
    text = f'"{model}"'.encode()
    made = {"model": model, "model_json": text, "model_change": {"model": text}}
    return types.SimpleNamespace(**made, salts=salts, set_members=sets or {})


@pytest.mark.parametrize(
    ("text", "of_way", "changes"),
    [
        pytest.param("", way("chat"), {}, id="the same model"),
        pytest.param("", way("big"), {"model": b'"big"'}, id="another model"),
        pytest.param(
            ',"stream":true',
            way("big"),
            {"model": b'"big"', "stream_options": b'{"include_usage":true}'},
            id="another model, and more",
        ),
        pytest.param("", way("chat", salts=True), {"cache_salt": b'"anybody"'}, id="a salt"),
        pytest.param("", way("chat", sets={"geo": b'"eu"'}), {"geo": b'"eu"'}, id="a region"),
        pytest.param(
            "",
            way("big", salts=True, sets={"geo": b'"eu"'}),
            {"model": b'"big"', "cache_salt": b'"anybody"', "geo": b'"eu"'},
            id="all of it",
        ),
        pytest.param("", way("big", salts=True), {"model": b'"big"', "cache_salt": b'"anybody"'}, id="both"),
    ],
)
def test_what_is_changed_for_one_backend(text: str, of_way: Any, changes: dict[str, bytes]) -> None:
    made = decided(decide(visit(), request(text), 100, NOW))
    assert changes_for(made, of_way, Caller()) == changes
    assert of_way.model_change == {"model": of_way.model_json}, "others use it, too"
