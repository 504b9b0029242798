"""What can get where by a config that lets more through than the law: each way is told, and no other."""

from typing import Any, Final

import pytest
from tests.unit.verify.by_hand import (
    DE,
    EU,
    EU_END,
    HERE,
    NOWHERE,
    OBJECTS,
    PEER,
    US,
    US_END,
    Json,
    candidates,
    config,
    edge,
    law,
    reaches,
    read,
    site,
)
from tests.unit.verify.installation import obj, policy, route, tenant

from isochrone.verify import Rule, reach
from isochrone.verify.declared import Declared
from isochrone.verify.finding import Finding
from isochrone.verify.reach import Bad, Reach

ENTRY: Final = "Ingress: comes in at its gateway"
RECORD: Final = "Logs: a record of the request is written"
CACHE: Final = "Cache: the answer is kept in its cache"
OWN: Final = "Inference: engines shop/chat at iad1"
HOP: Final = ("Ingress: peer iad1", "Inference: peer iad1 > engines shop/chat at iad1", "Logs: peer iad1")
OF_US: Final = "provider acme, endpoint us (https://us.example.com/v1)"
OF_EU: Final = "provider acme, endpoint eu (https://eu.example.com/v1)"
US_ANSWERS, US_KEEPS = f"Inference: {OF_US}", f"State: {OF_US} > keeps state"
EU_ANSWERS, EU_KEEPS = f"Inference: {OF_EU}", f"State: {OF_EU} > keeps state"


def found(*made: Json, known: Declared | None = None, at: str = "fra1") -> list[Finding]:
    all_ = reaches(known or read(), *made)
    return list(reach.findings(*all_[at], all_))


def told(*made: Json, known: Declared | None = None, at: str = "fra1") -> list[str]:
    """Each way without the site, the route, the caller and the place."""
    return [_way(each) for each in found(*made, known=known, at=at)]


def _way(each: Finding) -> str:
    scope = each.message.partition("in scope ")[2].split()[0].removesuffix(":")
    return f"{scope}: {' > '.join(each.path[3:-1])}"


def both(**sections: Any) -> list[Json]:
    return [config(name, **sections) for name in ("fra1", "iad1")]


def of_routes(made: Json, **fields: Any) -> list[Json]:
    return [{**each, **fields} for each in made["routes"]]


@pytest.mark.parametrize(
    ("allowed", "from_fra1", "from_iad1"),
    [
        pytest.param({}, [], [], id="nothing more"),
        pytest.param({"Ingress": {DE, US}}, [], [ENTRY], id="entry"),
        pytest.param({"Logs": {DE, US}}, [], [], id="records where nothing may come in"),
        pytest.param({"Ingress": {DE, US}, "Logs": {DE, US}}, [], [ENTRY, RECORD], id="records"),
        pytest.param({"Cache": {DE, US}}, [], [], id="a cache where nothing may come in"),
        pytest.param({"Ingress": {DE, US}, "Cache": {DE, US}}, [], [ENTRY, CACHE], id="cache"),
        pytest.param({"State": {DE, US}}, [], [], id="state of those who are sent nothing"),
        pytest.param({"Inference": {DE, EU}}, [EU_ANSWERS], [], id="a provider"),
        pytest.param({"Inference": {DE, EU}, "State": {DE, US}}, [EU_ANSWERS, EU_KEEPS], [], id="its state elsewhere"),
        pytest.param({"Inference": {DE, US}, "Ingress": {DE}, "State": {DE}}, [US_ANSWERS], [], id="no hops"),
        pytest.param({"Inference": {DE, US}, "Ingress": {DE}}, [US_ANSWERS, US_KEEPS], [], id="no hops, but state"),
        pytest.param(
            {"Inference": {DE, US}, "Ingress": {DE, US}, "State": {DE}, "Logs": {DE}, "Cache": {DE}},
            [*HOP[:2], US_ANSWERS],
            [ENTRY, OWN, US_ANSWERS],
            id="hops",
        ),
        pytest.param(
            {"Inference": {DE, US}, "Ingress": {DE, US}, "State": {DE}, "Logs": {US}, "Cache": {DE}},
            [*HOP, US_ANSWERS],
            [ENTRY, RECORD, OWN, US_ANSWERS],
            id="hops and records",
        ),
        pytest.param(
            {"Inference": {DE, US}},
            [*HOP, US_ANSWERS, US_KEEPS],
            [ENTRY, RECORD, CACHE, OWN, US_ANSWERS, US_KEEPS],
            id="every scope",
        ),
    ],
)
def test_what_is_let_through_is_told(allowed: dict[str, set[int]], from_fra1: list[str], from_iad1: list[str]) -> None:
    made = [config(name, law=law(**allowed)) for name in ("fra1", "iad1")]
    made = [{**each, "routes": of_routes(each, cache={"ttlMs": 1})} for each in made]
    assert told(*made) == from_fra1
    assert told(*made, at="iad1") == from_iad1


def test_what_no_site_does_isn_t_told() -> None:
    made = config("iad1", law=law(Inference={DE, US}))
    made["site"]["logs"] = {"requests": False}
    assert told(config("fra1"), made, at="iad1") == [ENTRY, OWN, US_ANSWERS, US_KEEPS]


WIDE: Final = law(Inference={DE, US})


def moved(section: str, number: int, **fields: Any) -> Json:
    made = config()
    made[section][number] |= fields
    return made


def end(name: str, **fields: Any) -> Json:
    return {"name": name, "baseUrl": f"https://{name}.example.com/v1", **fields}


def with_tier(made: Json, *each: tuple[Json, int]) -> Json:
    return {**made, "routes": of_routes(made, tiers=[candidates(*each)])}


@pytest.mark.parametrize(
    ("made", "ways", "place", "reason"),
    [
        pytest.param(
            with_tier(config(), (PEER, DE)), list(HOP), "place US-VA (Declared)", "PlaceNotAllowed", id="a peer"
        ),
        pytest.param(
            with_tier(config(), (US_END, DE)), [US_ANSWERS], "place US-VA (Declared)", "PlaceNotAllowed", id="provider"
        ),
        pytest.param(
            with_tier(moved("providers", 0, endpoints=[end("us", place=DE)]), (US_END, DE)),
            [US_ANSWERS, US_KEEPS],
            "place US-VA (Declared)",
            "PlaceNotAllowed",
            id="a provider and what it keeps",
        ),
        pytest.param(
            with_tier(moved("providers", 0, endpoints=[end("eu", place=EU, statePlace=DE)]), (EU_END, DE)),
            [EU_ANSWERS, EU_KEEPS],
            "place DE+FR (Declared)",
            "PlaceNotAllowed",
            id="what a provider keeps",
        ),
        pytest.param(
            with_tier(config(), ({**PEER, "site": "ghost"}, DE)),
            ["Ingress: peer ghost", "Inference: peer ghost > engines shop/chat at ghost", "Logs: peer ghost"],
            "place an unknown place (Declared)",
            "UnknownPlace",
            id="a peer that nobody declared",
        ),
        pytest.param(
            with_tier(moved("providers", 0, name="ghost"), ({**US_END, "provider": "ghost"}, DE)),
            ["Inference: provider ghost, endpoint us (https://us.example.com/v1)"],
            "place an unknown place (Declared)",
            "UnknownPlace",
            id="a provider that nobody declared",
        ),
        pytest.param(
            with_tier(
                moved("providers", 0, endpoints=[end("x", place=DE)]),
                ({**US_END, "endpoint": "x"}, DE),
            ),
            [
                "Inference: provider acme, endpoint x (https://x.example.com/v1)",
                "State: provider acme, endpoint x (https://x.example.com/v1) > keeps state",
            ],
            "place an unknown place (Declared)",
            "UnknownPlace",
            id="an endpoint that nobody declared",
        ),
    ],
)
def test_what_isn_t_where_it_is_said_to_be(made: Json, ways: list[str], place: str, reason: str) -> None:
    told_of = found(made)
    assert [_way(each) for each in told_of] == ways
    assert told_of[0].path[-1] == place
    assert f"policy eu forbids it ({reason})" in told_of[0].message


def test_a_site_that_isn_t_where_it_is_said_to_be() -> None:
    made = with_tier(config("iad1"), (HERE, DE))
    made["site"]["place"] = DE
    assert told(made, at="iad1") == [ENTRY, RECORD, OWN]


@pytest.mark.parametrize(
    ("there", "ways"),
    [
        pytest.param(config("iad1", law=WIDE), list(HOP), id="lets it in"),
        pytest.param(config("iad1"), [HOP[0]], id="refuses"),
        pytest.param(config("iad1", law=law(Inference={DE, US}, Ingress={DE})), [HOP[0]], id="refuses entry"),
        pytest.param(config("iad1", law=law(Ingress={DE, US})), [HOP[0]], id="refuses engines"),
        pytest.param(config("iad1", law=law(Inference={DE, US}, Logs={DE})), list(HOP[:2]), id="writes no records"),
        pytest.param(
            config("iad1", law=law(Ingress={DE, US}, Logs={DE, US})), [HOP[0]], id="would write records, but refuses"
        ),
        pytest.param(config("iad1", law=WIDE, routes=[]), [HOP[0]], id="doesn't know the route"),
        pytest.param(
            config("iad1", law=WIDE, routes=[{"id": "shop/other", "name": "other"}]), [HOP[0]], id="knows another route"
        ),
        pytest.param(config("iad1", law=WIDE, tenants={}), [HOP[0]], id="doesn't know the tenant"),
        pytest.param(
            config("iad1", law=WIDE, tenants={"tenants": [{"id": "shop/web", "routes": []}]}),
            [HOP[0]],
            id="gives the tenant nothing",
        ),
        pytest.param(None, list(HOP), id="isn't known"),
    ],
)
def test_a_peer_judges_anew(there: Json | None, ways: list[str]) -> None:
    """But what it is sent, it has seen."""
    here = with_tier(config(law=WIDE), (PEER, US))
    assert told(here, *([there] if there else [])) == ways


def test_a_peer_judges_by_the_route_that_is_asked_for() -> None:
    anything: Json = {"tenants": {"tenants": [{"id": "shop/web", "origins": ["DE"]}]}}
    here = with_tier(config(law=WIDE, **anything), (PEER, US))
    there = config("iad1", law=WIDE, **anything, routes=[{"id": "shop/other", "name": "other"}])
    assert told(here, there, known=read([route("other", "shop")])) == [HOP[0]]


def test_whom_a_peer_may_not_see_isn_t_sent_there() -> None:
    """Data of Japan is sent there; that of Germany may be processed, but not come in there."""
    known = read([TOKYO, tenant("far", "shop", 2, origins=["JP"])])
    tenants = {"tenants": [{"id": "shop/web", "origins": ["DE"]}, {"id": "shop/far", "origins": ["JP"]}]}
    made = with_tier(config(law=law(Inference={DE, US}, Ingress={DE}), tenants=tenants), (PEER, US))
    assert {each.policy for each in found(made, known=known) if "peer iad1" in each.path} == {"jp"}
    outside = with_tier(config(tenants=tenants), (US_END, US))
    assert {each.policy for each in found(outside, known=known) if OF_US in each.path} == {"jp"}


def test_a_peer_judges_by_the_place_that_its_own_config_gives_it() -> None:
    there = config("iad1", law=law(Inference={EU}))
    there["site"]["place"] = EU
    assert told(with_tier(config(law=WIDE), (PEER, US)), there) == list(HOP)


@pytest.mark.parametrize(
    ("allowed", "ways"),
    [
        pytest.param({DE, US}, [EU_ANSWERS, EU_KEEPS], id="all may keep it"),
        pytest.param({DE}, [EU_ANSWERS], id="one may not"),
        pytest.param({US}, [EU_ANSWERS], id="another may not"),
    ],
)
def test_state_is_kept_only_if_all_providers_of_the_route_may(allowed: set[int], ways: list[str]) -> None:
    made = with_tier(
        config(law=law(Inference={DE, EU}, State=allowed)), (EU_END, EU), ({**US_END, "endpoint": "de"}, DE)
    )
    made["providers"][0]["endpoints"].append({"name": "de", "baseUrl": "https://de.example.com", "place": DE})
    kept = [
        *OBJECTS[2]["spec"]["endpoints"],
        {"name": "de", "url": "https://de.example.com", "processesIn": ["DE-HE"]},
    ]
    known = read([obj("ModelProvider", "acme", {**OBJECTS[2]["spec"], "endpoints": kept})])
    assert told(made, known=known) == ways


def test_providers_that_the_route_doesn_t_ask_keep_nothing_of_it() -> None:
    """The endpoint `us` may keep no state; but only `eu` is asked."""
    made = with_tier(config(law=law(Inference={DE, EU}, State={DE, NOWHERE})), (EU_END, EU))
    made["providers"][0]["endpoints"][0]["statePlace"] = NOWHERE
    assert told(made) == [EU_ANSWERS, EU_KEEPS]


UNKNOWN_LET_IN: Final = {**law(Ingress={DE, US}), "tables": [{"rows": {"DE": 0}}, {"rows": {"DE": 0}, "unknown": 1}]}


@pytest.mark.parametrize(
    ("site_fields", "ways"),
    [pytest.param({"anonymousAccess": True}, [ENTRY], id="open"), pytest.param({}, [], id="closed")],
)
def test_callers_without_a_key_count_where_they_are_let_in(site_fields: Json, ways: list[str]) -> None:
    made = config("iad1", law=UNKNOWN_LET_IN)
    made["site"] |= site_fields
    told_of = found(made, at="iad1")
    assert [_way(each) for each in told_of] == ways
    if ways:
        (each,) = told_of
        assert each.path[2] == "a caller without a key, from an unknown origin"
        assert "data from an unknown origin of a caller without a key on route shop/chat can get to" in each.message
        assert "policy eu forbids it (UnknownOrigin)" in each.message


def test_where_nothing_binds_the_default_is_told() -> None:
    known = read([tenant("web", "shop", 1, origins=["JP"])], unbound="Deny")
    made = config(tenants={"tenants": [{"id": "shop/web", "origins": ["JP"]}]})
    told_of = found(with_tier(made, (HERE, DE)), known=known)
    assert [_way(each) for each in told_of] == [ENTRY, RECORD, "Inference: engines shop/chat at fra1"]
    assert {each.policy for each in told_of} == {None}
    assert all(each.message.endswith(": the default forbids it (DefaultDeny)") for each in told_of)


def test_data_that_nothing_binds_any_more_would_outlive_its_config() -> None:
    """Where it stands it is lawful; but a gateway refuses only what is bound once its config is too old."""
    made = with_tier(config(law={**law(), "policies": []}), (HERE, DE))
    (each,) = found(made)
    assert _way(each) == "Inference: engines shop/chat at fra1"
    assert each.policy == "eu"
    assert each.message == (
        "data from DE of tenant shop/web on route shop/chat would be answered at DE-HE (Declared) in scope"
        " Inference although the config is too old: nothing binds it here, and by policy eu it is refused past"
        " hardMaxAge (ConfigExpired)"
    )
    beside = policy("also", ["DE"], {"origins": {"include": ["DE"]}})
    assert [each.policy for each in found(made, known=read([beside]))] == ["also"], "the first by name"


TOKYO: Final = policy("jp", ["JP"], {"origins": {"include": ["JP"]}})


def test_each_policy_that_forbids_a_way_is_told_with_its_first_case() -> None:
    """Two tenants' data takes the same way; each has a policy of its own."""
    other = tenant("far", "shop", 2, origins=["JP"], originHeader="Trust")
    known = read([TOKYO, other, tenant("web", "shop", 1, origins=["DE"], originHeader="Trust")])
    tenants = [
        {"id": "shop/web", "origins": ["DE"], "originHeader": True},
        {"id": "shop/far", "origins": ["JP"], "originHeader": True},
        {"id": "shop/no", "origins": ["US"], "routes": []},
        {"id": "shop/free", "origins": ["FR"]},
    ]
    made = config("iad1", law={"policies": [], "tables": [], "rows": []}, tenants={"tenants": tenants})
    told_of = found(with_tier(made, (HERE, US)), known=known, at="iad1")
    assert [(_way(each), each.policy, each.cases) for each in told_of] == [
        (way, name, 1 + parts) for way in (ENTRY, RECORD, OWN) for name, parts in (("eu", 16), ("jp", 47))
    ]
    assert [each.path[2] for each in told_of[:2]] == ["tenant shop/web, from DE", "tenant shop/far, from JP"]
    assert all("(PlaceNotAllowed)" in each.message for each in told_of), "not that it would outlive its config"


def test_what_is_lawful_isn_t_told_beside_what_is_not() -> None:
    """Two tenants' data is taken; that of one alone ought to be elsewhere."""
    known = read([TOKYO, tenant("far", "shop", 2, origins=["JP"])])
    both_call = {"tenants": [{"id": "shop/web", "origins": ["DE"]}, {"id": "shop/far", "origins": ["JP"]}]}
    engines = "Inference: engines shop/chat at fra1"
    bound = with_tier(config(law=law(), tenants=both_call), (HERE, DE))
    assert [(_way(each), each.policy) for each in found(bound, known=known)] == [
        (ENTRY, "jp"),
        (RECORD, "jp"),
        (engines, "jp"),
    ]
    loose = with_tier(config(law={"policies": [], "tables": [], "rows": []}, tenants=both_call), (HERE, DE))
    assert [(_way(each), each.policy) for each in found(loose, known=known)] == [
        (ENTRY, "jp"),
        (RECORD, "jp"),
        (engines, "eu"),
        (engines, "jp"),
    ]


def test_whether_a_record_is_written_at_a_peer_is_for_its_config_to_say() -> None:
    here = with_tier(config(law=law(Inference={DE, US}, Logs={DE})), (PEER, US))
    assert told(here, config("iad1", law=WIDE)) == list(HOP)


def test_a_hop_is_bad_where_one_of_both_scopes_is() -> None:
    entries = {"scope": "Ingress", "places": {"include": ["DE", "US"]}}
    known = read([policy("eu", ["DE"], {"origins": {"include": ["DE"]}}, entries)])
    reached = Reach(known, site(config(law=law(Inference={DE, US}, Logs={DE}, Cache={DE}, State={DE}))))
    (chat,) = site(config()).config.routes
    assert reached.bad(chat, is_open=False) == Bad(direct=1 << US, hop=1 << US, logs_of_hop=1 << US)


def test_nothing_is_bad_for_data_that_nothing_binds() -> None:
    made = {"tenants": [{"id": "shop/web", "origins": ["FR"]}]}
    (chat,) = site(config()).config.routes
    assert Reach(read(), site(config(tenants=made))).bad(chat, is_open=False) == Bad()


def test_what_is_told_says_where_it_stands() -> None:
    (each,) = found(config("iad1", law=law(Ingress={DE, US})), at="iad1")
    assert each == Finding(
        rule=Rule.UNLAWFUL,
        site="iad1",
        where="config of iad1 (shard routes)",
        message=(
            "data from DE of tenant shop/web on route shop/chat can get to US-VA (Declared) in scope Ingress:"
            " policy eu forbids it (PlaceNotAllowed)"
        ),
        path=(
            "site iad1",
            "route shop/chat",
            "tenant shop/web, from DE",
            "comes in at its gateway",
            "place US-VA (Declared)",
        ),
        policy="eu",
    )


def test_a_route_that_nobody_declared_is_passed_over() -> None:
    made = config("iad1", law=WIDE)
    made["routes"] = [{**made["routes"][0], "id": "shop/ghost", "name": "ghost"}, *made["routes"]]
    assert {each.path[1] for each in found(made, at="iad1")} == {"route shop/chat"}


def test_routes_are_told_apart() -> None:
    """What is found of one isn't taken for what another does: the policy binds the second alone."""
    notes = {**route("notes", "shop"), "metadata": {"name": "notes", "namespace": "shop", "labels": {"app": "notes"}}}
    known = read([notes, policy("eu", ["DE"], {"routes": {"matchLabels": {"app": "notes"}}})])
    for order in (["shop/chat", "shop/notes"], ["shop/notes", "shop/chat"]):
        made = config("iad1", law={"policies": [], "tables": [], "rows": []})
        made["tenants"]["tenants"][0]["routes"] = ["shop/chat", "shop/notes"]
        made["routes"] = [{"id": each, "name": each.partition("/")[2]} for each in order]
        told_of = found(made, known=known, at="iad1")
        assert {each.path[1] for each in told_of} == {"route shop/notes"}


# How much was looked at


def test_combinations_are_counted() -> None:
    """A header may choose any code of a country; a caller without a key is one more."""
    made = config()
    made["tenants"]["tenants"] = [
        {"id": "shop/web", "origins": ["DE", "FR"]},
        {"id": "shop/far", "origins": ["US-CA", "GP"], "originHeader": True},
    ]
    made["routes"].append({"id": "shop/ghost", "name": "ghost"})
    opened = {**made, "site": {**made["site"], "anonymousAccess": True}}
    reached = Reach(read([edge("x", "DE")]), site(made))
    for _ in range(2):
        assert reached.combinations(site(made)) == 2 + 2
        assert reached.combinations(site(opened)) == 2 + 2 + 1


def test_what_is_bad_for_callers_without_a_key_is_so_only_where_they_are_let_in() -> None:
    reached = Reach(read(), site(config(law=UNKNOWN_LET_IN)))
    (chat,) = site(config()).config.routes
    for _ in range(2):
        assert reached.bad(chat, is_open=False) == Bad()
        assert reached.bad(chat, is_open=True).entry == 1 << DE | 1 << US


@pytest.mark.parametrize(
    ("allowed", "bad"),
    [
        pytest.param({}, Bad(), id="nothing"),
        pytest.param({"Ingress": {DE, US}}, Bad(entry=1 << US, logs_of_hop=1 << US), id="entry"),
        pytest.param({"Inference": {DE, US}, "Ingress": {DE}, "State": {DE}}, Bad(direct=1 << US), id="engines"),
        pytest.param({"Logs": {US}, "Cache": {US}}, Bad(), id="records and caches where nothing may come in"),
        pytest.param(
            {"Ingress": {DE, US}, "Logs": {US}, "Cache": {US}},
            Bad(entry=1 << US, logs=1 << US, logs_of_hop=1 << US, cache=1 << US),
            id="records and caches",
        ),
        pytest.param({"State": {US}}, Bad(state=1 << US), id="state"),
        pytest.param(
            {"Inference": {DE, US}, "Ingress": {DE, US}, "Logs": {DE}, "Cache": {DE}, "State": {DE}},
            Bad(entry=1 << US, direct=1 << US, hop=1 << US, logs_of_hop=1 << US),
            id="hops",
        ),
    ],
)
def test_which_places_are_bad(allowed: dict[str, set[int]], bad: Bad) -> None:
    """Where none is, all candidates are proved at once."""
    reached = Reach(read(), site(config(law=law(**allowed))))
    (chat,) = site(config()).config.routes
    assert reached.bad(chat, is_open=False) == bad


def test_places_are_bad_where_what_ought_to_be_bound_is_not() -> None:
    reached = Reach(read(), site(config(law={**law(), "policies": []})))
    (chat,) = site(config()).config.routes
    everywhere, but_home = 0b1111, 0b1110
    assert reached.bad(chat, is_open=False)._asdict() == {**dict.fromkeys(Bad._fields, but_home), "aged": everywhere}


def test_bad_places_add_up() -> None:
    one, other = Bad(*range(8)), Bad(*range(8, 0, -1))
    assert one | other == Bad(*(mine | theirs for mine, theirs in zip(range(8), range(8, 0, -1), strict=True)))
