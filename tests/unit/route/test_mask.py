"""The mask: what is compared with the law's table is in tests/contract/test_gateway_mask.py; here is the rest."""

import pytest
from msgspec.structs import replace

from isochrone_gateway.config.law import Binds, Law, Mode, Policy, Refusal, Table, encode_row
from isochrone_gateway.config.places import Place, Places
from isochrone_gateway.config.site import Age as AgeLimits
from isochrone_gateway.config.site import UnboundTraffic
from isochrone_gateway.route import mask as masks
from isochrone_gateway.route.mask import Age, Lawbook, Question, Reason, age_of
from isochrone_gateway.route.origin import ELSEWHERE

PLACES = Places(
    places=(
        Place(codes=frozenset({"DE"}), country="DE"),
        Place(codes=frozenset({"FR"}), country="FR"),
        Place(codes=frozenset({"DE", "US"})),
        Place(codes=frozenset()),
    )
)


def policy(name: str, *, table: int = 0, binds: Binds = Binds(), mode: Mode = Mode.ENFORCE) -> Policy:  # noqa: B008
    return Policy(name=name, generation=1, digest="0" * 64, scopes={"Inference": table}, binds=binds, mode=mode)


def book(*policies: Policy, unbound: UnboundTraffic = UnboundTraffic.ALLOW, country: str | None = "DE") -> Lawbook:
    tables = (
        Table(rows={"DE": 0, "US": 1, "US-CA": -1}, otherwise=-1),
        Table(otherwise=0, unknown=1),
        Table(otherwise=1, unknown="Unbound"),
    )
    law = Law(policies=policies, tables=tables, rows=(encode_row(0b0001), encode_row(0b0011)))
    return Lawbook(law, PLACES, site_country=country, unbound=unbound)


def ask(*origin: str, route: str = "shop/chat", tenant: str | None = "shop/web", age: Age = Age.FRESH) -> Question:
    return Question(route, tenant, frozenset({"health"}), frozenset(origin), "Inference", age)


@pytest.mark.parametrize(
    ("origin", "allowed", "bound"),
    [
        pytest.param({"DE"}, 0b0001, ("p",), id="its own row"),
        pytest.param({"US"}, 0b0011, ("p",), id="another row"),
        pytest.param({"US-NY"}, 0b0011, ("p",), id="the row of its country"),
        pytest.param({"US-CA"}, 0b1111, (), id="not bound, though its country is"),
        pytest.param({"JP"}, 0b1111, (), id="otherwise"),
        pytest.param({"DE", "US"}, 0b0001, ("p",), id="both must allow"),
        pytest.param({"DE", "JP"}, 0b0001, ("p",), id="one is bound"),
        pytest.param(set(), 0, ("p",), id="unknown is denied"),
        pytest.param({"JP", ELSEWHERE}, 0, ("p",), id="one of them is unknown"),
    ],
)
def test_a_table_is_looked_up(origin: set[str], allowed: int, bound: tuple[str, ...]) -> None:
    mask = book(policy("p")).mask(ask(*origin))
    assert (mask.allowed, mask.bound) == (allowed, bound)


@pytest.mark.parametrize(
    ("binds", "is_bound"),
    [
        pytest.param(Binds(), True, id="anyone"),
        pytest.param(Binds(routes=frozenset({"shop/chat"})), True, id="route"),
        pytest.param(Binds(routes=frozenset({"shop/notes"})), False, id="another route"),
        pytest.param(Binds(routes=frozenset()), False, id="no route"),
        pytest.param(Binds(tenants=frozenset({"web/client"})), True, id="tenant"),
        pytest.param(Binds(data_classes=frozenset({"health", "x"})), True, id="data class"),
        pytest.param(Binds(data_classes=frozenset({"x"})), False, id="another data class"),
        pytest.param(Binds(namespaces=frozenset({"shop"})), True, id="namespace of the route"),
        pytest.param(Binds(namespaces=frozenset({"web"})), True, id="namespace of the tenant"),
        pytest.param(Binds(namespaces=frozenset({"bank"})), False, id="another namespace"),
        pytest.param(Binds(routes=frozenset({"shop/chat"}), tenants=frozenset({"x/y"})), False, id="all must hold"),
    ],
)
def test_whom_a_policy_binds(binds: Binds, *, is_bound: bool) -> None:
    mask = book(policy("p", binds=binds)).mask(ask("DE", tenant="web/client"))
    assert mask.bound == (("p",) if is_bound else ())


def test_a_request_without_a_tenant_has_the_routes_namespace_only() -> None:
    in_shop, in_web = Binds(namespaces=frozenset({"shop"})), Binds(namespaces=frozenset({"web"}))
    named = Binds(tenants=frozenset({"shop/web"}))
    law = book(policy("a", binds=in_shop), policy("b", binds=in_web), policy("c", binds=named))
    assert law.mask(ask("DE", tenant=None)).bound == ("a",)


def test_policies_intersect_and_the_first_by_name_is_named() -> None:
    law = book(policy("b", table=0), policy("a", table=1))
    assert law.mask(ask("US")).allowed == 0b0001
    assert law.explain(ask("US"), 3).policy == "a"
    assert law.explain(ask("DE"), 1).policy == "a"
    assert law.explain(ask("US"), 0).reason is Reason.ALLOWED_BY_POLICIES


def test_of_several_origins_an_unknown_one_is_told_of_first() -> None:
    law = book(policy("b", table=0), policy("a", table=0))
    verdict = law.explain(ask("DE", "US", ELSEWHERE), 3)
    assert (verdict.policy, verdict.reason) == ("a", Reason.UNKNOWN_ORIGIN)


def test_the_reason_is_that_of_the_policy_that_is_named() -> None:
    """For an unknown origin table 1 allows some places, table 0 none."""
    law = book(policy("b", table=0), policy("a", table=1))
    verdict = law.explain(ask(ELSEWHERE), 2)
    assert (verdict.policy, verdict.reason) == ("a", Reason.PLACE_NOT_ALLOWED)


def test_a_refusal_shows_the_way_out_of_its_policy() -> None:
    way_out = Refusal(way_out="Ask legal@example.com.", hostnames={"EU": "eu.example.com"})
    law = book(policy("b"), replace(policy("a"), refusal=way_out))
    assert law.explain(ask("DE"), 1).refusal == way_out
    assert book(policy("b")).explain(ask("DE"), 1).refusal == Refusal()


def test_audit_policies_are_told_by_name() -> None:
    law = book(policy("b", mode=Mode.AUDIT), policy("a", mode=Mode.AUDIT))
    assert law.mask(ask("DE")).audited(1) == ("a", "b")


def test_an_audit_policy_that_refuses_an_unknown_origin_refuses_every_place() -> None:
    mask = book(policy("p", mode=Mode.AUDIT)).mask(ask("DE", ELSEWHERE))
    assert [mask.audited(place) for place in range(4)] == [("p",)] * 4


def test_audit_neither_allows_nor_denies() -> None:
    law = book(policy("p", mode=Mode.AUDIT), unbound=UnboundTraffic.DENY)
    mask = law.mask(ask("DE"))
    assert (mask.allowed, mask.bound) == (0, ())
    assert (mask.audited(0), mask.audited(1)) == ((), ("p",))
    assert law.explain(ask("DE"), 0).reason is Reason.DEFAULT_DENY


@pytest.mark.parametrize(
    ("age", "country", "origin", "allowed"),
    [
        pytest.param(Age.FRESH, "DE", "US", 0b0011, id="fresh"),
        pytest.param(Age.STALE, "DE", "US", 0b0001, id="stale: at home only"),
        pytest.param(Age.STALE, "DE", "JP", 0b0001, id="stale, unbound: at home only"),
        pytest.param(Age.STALE, None, "JP", 0, id="stale, and nobody knows where home is"),
        pytest.param(Age.EXPIRED, "DE", "US", 0, id="expired: nothing that is bound"),
        pytest.param(Age.EXPIRED, "DE", "JP", 0b0001, id="expired, unbound: at home only"),
    ],
)
def test_an_old_config_only_becomes_stricter(age: Age, country: str | None, origin: str, allowed: int) -> None:
    assert book(policy("p"), country=country).mask(ask(origin, age=age)).allowed == allowed


def test_a_place_that_is_partly_elsewhere_is_not_at_home() -> None:
    law = book(country="DE")
    assert law.mask(ask("DE", age=Age.STALE)).allowed == 0b0001
    assert law.explain(ask("DE", age=Age.STALE), 2).reason is Reason.CONFIG_STALE


def test_a_place_that_is_not_known_is_said_so() -> None:
    law = book(policy("p"))
    assert law.explain(ask("DE"), 3).reason is Reason.UNKNOWN_PLACE
    assert law.explain(ask("DE"), 1).reason is Reason.PLACE_NOT_ALLOWED
    assert law.explain(ask(), 0).reason is Reason.UNKNOWN_ORIGIN


def test_peers_bits_begin_after_all_places() -> None:
    assert book().places == len(PLACES.places)


def test_answers_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    law = book(policy("p"))
    first = law.mask(ask("DE"))
    law.mask(ask("US"))
    assert law.mask(ask("DE")) is first
    monkeypatch.setattr(masks, "_REMEMBERED", 10)
    for number in range(100):
        law.mask(ask("DE", route=f"shop/route-{number}"))
        assert len(law._answers) <= 10


@pytest.mark.parametrize(
    ("seconds", "age"),
    [
        pytest.param(0, Age.FRESH, id="new"),
        pytest.param(900, Age.FRESH, id="just fresh"),
        pytest.param(900.001, Age.STALE, id="stale"),
        pytest.param(3_600, Age.STALE, id="just stale"),
        pytest.param(3_600.001, Age.EXPIRED, id="expired"),
    ],
)
def test_the_age_of_a_config(seconds: float, age: Age) -> None:
    assert age_of(seconds, AgeLimits(max_age_ms=900_000, hard_max_age_ms=3_600_000)) is age


def test_reasons_are_the_words_of_the_record() -> None:
    """Clients and evidence read them."""
    assert {reason.value for reason in Reason} == {
        "NoPolicyBinds",
        "AllowedByPolicies",
        "DefaultDeny",
        "UnknownOrigin",
        "UnknownPlace",
        "PlaceNotAllowed",
        "ConfigStale",
        "ConfigExpired",
    }
