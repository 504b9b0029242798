"""What the law's answers come to for one kind of request, and what is kept of them.

The gateway is at place 0, of three; nobody but `hub` says where the hub is.
"""

import string
from typing import Any, Final

import pytest
from msgspec.structs import replace
from tests.unit.pipeline.harness import sha256

from isochrone_gateway.config.law import Binds, Law, Mode, Policy, Refusal, Scope, Table, encode_row
from isochrone_gateway.config.places import Place, Places
from isochrone_gateway.config.site import UnboundTraffic
from isochrone_gateway.route.mask import Age, Lawbook, Mask
from isochrone_gateway.server.pipeline import rulings
from isochrone_gateway.server.pipeline.callers import ANYBODY, Caller
from isochrone_gateway.server.pipeline.rulings import ANYTHING, Ruling, Rulings, Standpoint, Writing, with_hops
from isochrone_gateway.wire.errors import ApiError, residency_denied

DE, US, FR, ALL = 1, 2, 4, 7
PLACES: Final = Places(places=tuple(Place(codes=frozenset({code}), country=code) for code in ("DE", "US", "FR")))
NONE: Final[frozenset[str]] = frozenset()
ROUTES: Final = {"lab/chat": NONE, "lab/scan": frozenset({"health"})}
OF_CHAT: Final = Caller(routes=frozenset({"lab/chat"}))
OF_SCAN: Final = Caller(routes=frozenset({"lab/scan"}))
OF_NOTHING: Final = Caller(routes=NONE)


def policy(name: str, places: dict[Scope, int], **fields: Any) -> tuple[Policy, list[int]]:
    """For German data, with a table for each scope."""
    rest = {"binds": Binds(**fields.pop("binds", {})), **fields}
    scopes = {scope: index for index, scope in enumerate(places)}
    return Policy(name=name, generation=1, digest=sha256(name), scopes=scopes, **rest), list(places.values())


def law(*made: tuple[Policy, list[int]]) -> Law:
    policies: list[Policy] = []
    tables: list[int] = []
    for each, rows in made:
        policies.append(replace(each, scopes={scope: len(tables) + index for scope, index in each.scopes.items()}))
        tables += rows
    return Law(
        policies=tuple(policies),
        tables=tuple(Table(rows={"DE": index}) for index in range(len(tables))),
        rows=tuple(encode_row(each) for each in tables),
    )


def asked(
    *made: tuple[Policy, list[int]], hub: frozenset[int] = frozenset(), unbound: UnboundTraffic = UnboundTraffic.ALLOW
) -> Rulings:
    return Rulings(Lawbook(law(*made), PLACES, site_country="DE", unbound=unbound), 0, hub)


def of(origin: str = "DE", *classes: str, tenant: str | None = "lab/team", age: Age = Age.FRESH) -> Standpoint:
    return Standpoint(tenant, frozenset({origin}), frozenset(classes), age)


def ruled(places: dict[Scope, int], *state_places: int, standpoint: Standpoint = of(), **fields: Any) -> Ruling:  # noqa: B008 - frozen
    return asked(policy("p", places, **fields)).of("lab/chat", standpoint, state_places)


def denied(scope: str, policy_name: str | None = "p", reason: str = "PlaceNotAllowed") -> ApiError:
    return residency_denied(
        reason=reason, scope=scope, origin=frozenset({"DE"}), policy=policy_name, way_out="", hostnames={}
    )


# On one route


@pytest.mark.parametrize(
    ("places", "error"),
    [
        pytest.param({"Inference": ALL}, None, id="everywhere"),
        pytest.param({"Inference": DE}, None, id="here"),
        pytest.param({"Inference": US, "Ingress": DE}, None, id="entry here, whatever the engines"),
        pytest.param({"Inference": ALL, "Ingress": US}, denied("Ingress"), id="entry elsewhere"),
        pytest.param({"Inference": US}, denied("Ingress"), id="all elsewhere"),
    ],
)
def test_who_may_come_in(places: dict[Scope, int], error: ApiError | None) -> None:
    assert ruled(places).entry == error


@pytest.mark.parametrize(
    ("places", "state_places", "keeps"),
    [
        pytest.param({"Inference": ALL}, (0, 1), True, id="all may"),
        pytest.param({"Inference": ALL, "State": DE}, (0,), True, id="where it is kept"),
        pytest.param({"Inference": ALL, "State": DE}, (0, 1), False, id="one of two may not"),
        pytest.param({"Inference": DE, "State": ALL}, (0, 1), True, id="state apart"),
        pytest.param({"Inference": DE}, (1,), False, id="Inference holds for state"),
        pytest.param({"Inference": 0, "State": 0}, (), True, id="nobody keeps any"),
    ],
)
def test_what_of_a_body_is_listed(places: dict[Scope, int], state_places: tuple[int, ...], *, keeps: bool) -> None:
    found = ruled(places, *state_places)
    assert found.listed is not None
    assert found.listed.state is keeps
    assert found.policies == ("p",)


def test_a_body_is_judged_if_state_alone_is_bound() -> None:
    """A scope's table may bind what Inference's doesn't."""
    bound, rows = policy("p", {"Inference": ALL, "State": DE})
    made = law((bound, rows))
    tables = (Table(), made.tables[1])
    for scope, expected in (("State", False), ("Inference", True)):
        chosen = replace(made, tables=tables if scope == "State" else (made.tables[0], Table()))
        found = Rulings(Lawbook(chosen, PLACES, site_country="DE"), 0).of("lab/chat", of(), (1,))
        assert found.listed is not None
        assert found.listed.state is expected


def test_where_nothing_binds_any_body_will_do() -> None:
    found = ruled({"Inference": DE}, standpoint=of("FR"))
    assert (found.listed, found.policies, found.entry) == (None, (), None)
    assert found.writing == ANYTHING


@pytest.mark.parametrize(
    ("places", "hub", "is_told"),
    [
        pytest.param({"Inference": ALL}, set(), False, id="bound, and the hub may be anywhere"),
        pytest.param({"Inference": DE, "Metadata": FR}, {2}, True, id="where the hub is"),
        pytest.param({"Inference": ALL, "Metadata": FR}, {1}, False, id="not where the hub is"),
        pytest.param({"Inference": ALL, "Metadata": FR}, {1, 2}, False, id="not at one of its places"),
    ],
)
def test_what_the_hub_is_told(places: dict[Scope, int], hub: set[int], *, is_told: bool) -> None:
    assert asked(policy("p", places), hub=frozenset(hub)).of("lab/chat", of(), ()).is_told is is_told
    assert asked(policy("p", places)).of("lab/chat", of("FR"), ()).is_told, "nothing binds"


@pytest.mark.parametrize(
    ("places", "age", "unbound", "writing"),
    [
        pytest.param({"Inference": ALL, "Logs": DE}, Age.FRESH, "Allow", Writing(True, False), id="here"),
        pytest.param({"Inference": ALL, "Logs": US}, Age.FRESH, "Allow", Writing(False, False), id="elsewhere"),
        pytest.param({"Inference": ALL}, Age.FRESH, "Allow", Writing(True, False), id="everywhere that is known"),
        pytest.param(None, Age.FRESH, "Allow", Writing(True, True), id="nothing binds"),
        pytest.param(None, Age.STALE, "Allow", Writing(True, False), id="nothing binds, but the config is old"),
        pytest.param(None, Age.FRESH, "Deny", Writing(False, False), id="nothing binds, so it is refused"),
    ],
)
def test_what_may_be_written(places: dict[Scope, int] | None, age: Age, unbound: str, writing: Writing) -> None:
    made = [policy("p", places)] if places else []
    found = asked(*made, unbound=UnboundTraffic(unbound)).of("lab/chat", of(age=age), ())
    assert found.writing == writing


def test_what_may_answer_is_the_mask_with_hops() -> None:
    found = ruled({"Inference": DE | FR, "Ingress": DE | US})
    assert found.lawful.allowed == DE | FR | DE << 3
    assert found.lawful.bound == ("p",)


AUDITING: Final[dict[str, Any]] = {"mode": Mode.AUDIT}


@pytest.mark.parametrize(
    ("places", "audited", "with_us", "with_a_hop_to_us"),
    [
        pytest.param({"Inference": ALL}, (), (), (), id="allows all"),
        pytest.param({"Inference": ALL, "Ingress": US}, ("p",), ("p",), ("p",), id="entry"),
        pytest.param({"Inference": ALL, "Logs": US}, ("p",), ("p",), ("p",), id="records"),
        pytest.param({"Inference": DE}, (), ("p",), ("p",), id="engines"),
        pytest.param({"Inference": DE | US, "Ingress": DE}, (), (), ("p",), id="entry of a peer"),
        pytest.param({"Inference": DE, "Ingress": DE | US}, (), ("p",), ("p",), id="engines of a peer"),
    ],
)
def test_what_audit_policies_would_have_refused(
    places: dict[Scope, int], audited: tuple[str, ...], with_us: tuple[str, ...], with_a_hop_to_us: tuple[str, ...]
) -> None:
    found = ruled(places, **AUDITING)
    assert (found.audited, found.is_audited) == (audited, True)
    assert (found.audited_with(1), found.audited_with(3 + 1)) == (with_us, with_a_hop_to_us)
    assert found.entry is None
    assert not ruled({"Inference": DE}).is_audited


def test_audit_policies_are_told_by_name() -> None:
    made = [
        policy("c", {"Inference": ALL, "Logs": US}, **AUDITING),
        policy("b", {"Inference": DE}, **AUDITING),
        policy("a", {"Inference": ALL, "Ingress": US}, **AUDITING),
    ]
    found = asked(*made).of("lab/chat", of(), ())
    assert found.audited == ("a", "c")
    assert found.audited_with(1) == ("a", "b", "c")
    assert [name for name, _ in found.lawful.audits] == ["a", "b", "c"]


def test_however_many_they_are() -> None:
    made = [policy(name, {"Inference": US}, **AUDITING) for name in "hgfedcba"]
    assert asked(*made).of("lab/chat", of(), ()).audited == tuple("abcdefgh")


def test_a_mask_has_each_place_twice() -> None:
    inference = Mask(DE | US, ("x",), (("one", DE), ("two", US)))
    ingress = Mask(US | FR, ("y",), (("two", US | FR), ("three", FR)))
    assert with_hops(inference, ingress, 3) == Mask(
        DE | US | US << 3, ("x",), (("one", DE | DE << 3), ("three", ALL | FR << 3), ("two", US | US << 3))
    )


# Refusals


def test_a_refusal_says_whose_it_is_and_shows_the_way_out() -> None:
    refusal = Refusal(way_out="Ask your admin.", hostnames={"DE": "de.example.com"})
    made = asked(policy("p", {"Inference": DE}, refusal=refusal))
    assert made.refusal("lab/chat", of(), 1) == residency_denied(
        reason="PlaceNotAllowed",
        scope="Inference",
        origin=frozenset({"DE"}),
        policy="p",
        way_out="Ask your admin.",
        hostnames={"DE": "de.example.com"},
    )


@pytest.mark.parametrize(
    ("places", "scope"),
    [
        pytest.param({"Inference": DE, "Ingress": DE | FR}, "Inference", id="no engines there"),
        pytest.param({"Inference": DE | FR, "Ingress": DE}, "Ingress", id="no entry there"),
        pytest.param({"Inference": DE}, "Inference", id="neither"),
    ],
)
def test_why_a_peer_is_not_lawful(places: dict[Scope, int], scope: str) -> None:
    assert asked(policy("p", places)).peers_refusal("lab/chat", of(), 2) == denied(scope)


# Before the route is known


HEALTH_ELSEWHERE: Final = policy("p", {"Inference": US}, binds={"data_classes": frozenset({"health"})})
ANY_NAMESPACE: Final = policy("p", {"Inference": US}, binds={"namespaces": frozenset(string.ascii_lowercase)})
SCAN_ELSEWHERE: Final = policy("p", {"Inference": US}, binds={"routes": frozenset({"lab/scan"})})


@pytest.mark.parametrize(
    ("made", "caller", "error"),
    [
        pytest.param([], ANYBODY, None, id="nothing binds"),
        pytest.param([HEALTH_ELSEWHERE], OF_CHAT, None, id="a route of other classes"),
        pytest.param([HEALTH_ELSEWHERE], OF_SCAN, denied("Ingress"), id="a route of these classes"),
        pytest.param([HEALTH_ELSEWHERE], ANYBODY, None, id="one of its routes lets it in"),
        pytest.param([SCAN_ELSEWHERE], OF_SCAN, denied("Ingress"), id="a route that is bound"),
        pytest.param([SCAN_ELSEWHERE], OF_NOTHING, None, id="no route, so nothing binds by one"),
        pytest.param([ANY_NAMESPACE], OF_NOTHING, None, id="no route, so no namespace"),
        pytest.param([policy("p", {"Inference": US})], OF_NOTHING, denied("Ingress"), id="no route, but bound"),
    ],
)
def test_who_may_not_come_in_whatever_is_asked_for(
    made: list[tuple[Policy, list[int]]], caller: Caller, error: ApiError | None
) -> None:
    kept = asked(*made)
    assert [kept.entry(of(tenant=None), caller, ROUTES) for _ in range(2)] == [error, error]


def test_of_several_refusals_that_of_the_first_route_is_told() -> None:
    first = policy("p", {"Inference": US}, binds={"routes": frozenset({"lab/chat"})})
    other = policy("a", {"Inference": FR}, binds={"routes": frozenset({"lab/scan"})})
    assert asked(first, other).entry(of(tenant=None), ANYBODY, ROUTES) == denied("Ingress")


@pytest.mark.parametrize(
    ("made", "caller", "writing"),
    [
        pytest.param([], ANYBODY, Writing(True, True), id="nothing binds"),
        pytest.param([HEALTH_ELSEWHERE], ANYBODY, Writing(False, False), id="one may not"),
        pytest.param([HEALTH_ELSEWHERE], OF_CHAT, Writing(True, True), id="the others' don't matter"),
        pytest.param([HEALTH_ELSEWHERE], OF_NOTHING, Writing(True, True), id="no route"),
        pytest.param(
            [policy("p", {"Inference": DE}, binds={"routes": frozenset({"lab/chat"})})],
            ANYBODY,
            Writing(True, False),
            id="one may be traced, the other logged",
        ),
    ],
)
def test_what_may_be_written_whatever_is_asked_for(
    made: list[tuple[Policy, list[int]]], caller: Caller, writing: Writing
) -> None:
    kept = asked(*made)
    assert [kept.unrouted(of(), caller, ROUTES) for _ in range(2)] == [writing, writing]


# Standpoints


def test_a_route_adds_its_data_classes() -> None:
    here = of("DE", "health")
    assert here.on(frozenset({"health"})) is here
    assert here.on(frozenset({"secret"})) == of("DE", "health", "secret")


# What is kept


def test_what_was_asked_before_is_told_apart() -> None:
    """By route, by standpoint, by where state is kept; and before the route is known, by who calls."""
    kept = asked(SCAN_ELSEWHERE, policy("q", {"Inference": ALL, "State": DE}))
    assert kept.of("lab/chat", of(), ()).entry is None
    assert kept.of("lab/scan", of(), ()).entry == denied("Ingress")
    assert kept.of("lab/scan", of("FR"), ()).entry is None
    states = [kept.of("lab/chat", of(), places).listed for places in ((0,), (1,))]
    assert [each.state for each in states if each] == [True, False]
    assert [kept.entry(of(origin), OF_SCAN, ROUTES) for origin in ("DE", "FR")] == [denied("Ingress"), None]
    assert [kept.entry(of(), caller, ROUTES) for caller in (OF_CHAT, OF_SCAN)] == [None, denied("Ingress")]
    writings = [kept.unrouted(*each, ROUTES) for each in ((of(), OF_CHAT), (of(), OF_SCAN), (of("FR"), OF_SCAN))]
    assert writings == [Writing(True, False), Writing(False, False), Writing(True, True)]


def test_what_was_asked_before_is_remembered() -> None:
    kept = asked(policy("p", {"Inference": DE, "Ingress": US}))
    assert kept.of("lab/chat", of(), ()) is kept.of("lab/chat", of(), ())
    assert kept.entry(of(), ANYBODY, ROUTES) is kept.entry(of(), ANYBODY, ROUTES)
    assert kept.unrouted(of(), ANYBODY, ROUTES) is kept.unrouted(of(), ANYBODY, ROUTES)


@pytest.mark.interpreted
def test_rulings_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rulings, "_REMEMBERED", 10)
    kept = asked(policy("p", {"Inference": DE}))
    for number in range(100):
        standpoint = of(tenant=f"lab/team-{number}")
        kept.entry(standpoint, ANYBODY, {})
        kept.of("lab/chat", standpoint, ())
        kept.unrouted(standpoint, ANYBODY, {})
        count = min(number % 10 + 1, 10)
        assert [len(each) for each in (kept._entries, kept._rulings, kept._unrouted)] == [count] * 3
