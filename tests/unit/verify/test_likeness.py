"""What a config says of the world beside what is declared: each difference is told, and whether it is laxer."""

from typing import Any, Final

import msgspec
import pytest
from tests.unit.verify.by_hand import DE, EU, OBJECTS, US, WITHIN, Json, config, edge, read, site
from tests.unit.verify.installation import obj, route, tenant

from isochrone.geo import codes
from isochrone.verify import Rule, Severity, likeness
from isochrone.verify.declared import Declared
from isochrone.verify.gathered import Found
from isochrone.verify.tables import Said
from isochrone_gateway.config import Config
from isochrone_gateway.config.places import Places

ERROR, WARNING = Severity.ERROR, Severity.WARNING


def decoded(made: Json) -> Config:
    return msgspec.convert(made, Config)


def said(rule: Rule, message: str, severity: Severity = ERROR, cases: int = 1) -> Said:
    return Said(rule, message, None, severity, cases)


# Places


def places(*each: Json, **fields: Any) -> list[Said]:
    right = {"aliases": dict(codes.aliases()), "within": {code: sorted(above) for code, above in WITHIN.items()}}
    return list(likeness.of_places(msgspec.convert({"places": list(each), **right, **fields}, Places)))


@pytest.mark.parametrize(
    ("place", "ought"),
    [
        pytest.param({"codes": ["DE-HE"], "country": "DE"}, "DE", id="a part of it"),
        pytest.param({"codes": ["DE", "DE-HE"], "country": "DE"}, "DE", id="two in one"),
        pytest.param({"codes": ["GB-LND"], "country": "GB"}, "GB", id="a part of a part"),
        pytest.param({"codes": ["DE", "FR"]}, None, id="two"),
        pytest.param({"codes": ["MA-12"]}, None, id="what lies in two"),
        pytest.param({"codes": []}, None, id="nowhere"),
        pytest.param({"codes": ["NO-21"], "country": "SJ"}, "SJ", id="what lies in another"),
        pytest.param({"codes": ["DE"]}, "DE", id="a country that isn't said"),
        pytest.param({"codes": ["DE", "FR"], "country": "DE"}, None, id="one of two"),
        pytest.param({"codes": ["DE"], "country": "US"}, "DE", id="another one"),
    ],
)
def test_the_country_of_a_place(place: Json, ought: str | None) -> None:
    text = f"places[1] is said to be in the country {place.get('country')}; its codes say {ought}"
    expected = [said(Rule.WRONG_PLACE, text)] if place.get("country") != ought else []
    assert places({"codes": []}, place) == expected


def about(what: str, wrong: str, cases: int) -> Said:
    text = f"places.{what} is wrong about {wrong}: data from there is judged as from elsewhere"
    return said(Rule.WRONG_PLACE, text, cases=cases)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, [], id="right"),
        pytest.param({"aliases": {**codes.aliases(), "DE": "US"}}, [about("aliases", "DE", 1)], id="one more"),
        pytest.param(
            {"aliases": {**codes.aliases(), "FR-971": "US"}}, [about("aliases", "FR-971", 1)], id="another meaning"
        ),
        pytest.param(
            {"aliases": {}},
            [about("aliases", ", ".join(sorted(codes.aliases())[:3]), len(codes.aliases()))],
            id="none",
        ),
        pytest.param(
            {"within": {}}, [about("within", ", ".join(sorted(WITHIN)[:3]), len(WITHIN))], id="nothing within"
        ),
        pytest.param(
            {"within": {**{code: sorted(above) for code, above in WITHIN.items()}, "DE-BY": ["US"]}},
            [about("within", "DE-BY", 1)],
            id="what simply lies in its country",
        ),
    ],
)
def test_what_codes_mean(fields: Json, expected: list[Said]) -> None:
    assert places(**fields) == expected


# Tenants


def subject(message: str, severity: Severity = ERROR, cases: int = 1) -> Said:
    return said(Rule.WRONG_SUBJECT, message, severity, cases)


def tenants(found: Json, declared: Json, *objects: Json, unbound: str = "Allow") -> list[Said]:
    """`shop/web` as it is in the config, and as it is declared."""
    known = read([tenant("web", "shop", 1, **declared), *objects], unbound=unbound)
    made = {"tenants": [{"id": "shop/web", "routes": ["shop/chat"], **found}]}
    return list(likeness.of_tenants(known, decoded(config(tenants=made))))


def judged(found: str, ought: str) -> Said:
    return subject(f"tenant shop/web: its data is judged as from {found}, but is declared as from {ought}")


@pytest.mark.parametrize(
    ("found", "declared", "expected"),
    [
        pytest.param({}, {}, None, id="unknown"),
        pytest.param({"origins": ["DE", "FR"]}, {"origins": ["FR", "DE"]}, None, id="two"),
        pytest.param({"origins": ["FR-971"]}, {"origins": ["GP"]}, None, id="by another code"),
        pytest.param({"origins": ["DE"], "orElsewhere": True}, {"origins": ["DE", "Nowhere"]}, None, id="or elsewhere"),
        pytest.param({"origins": ["DE"]}, {"origins": ["FR"]}, judged("DE", "FR"), id="another"),
        pytest.param({"origins": ["XX"]}, {"origins": ["FR"]}, judged("XX", "FR"), id="what is no code"),
        pytest.param({}, {"origins": ["DE"]}, judged("unknown", "DE"), id="lost"),
        pytest.param({"origins": ["DE"]}, {}, judged("DE", "unknown"), id="more"),
        pytest.param(
            {"origins": ["DE"]}, {"origins": ["DE", "Nowhere"]}, judged("DE", "DE, elsewhere"), id="elsewhere lost"
        ),
        pytest.param(
            {"origins": ["DE"], "orElsewhere": True}, {"origins": ["DE"]}, judged("DE, elsewhere", "DE"), id="elsewhere"
        ),
        pytest.param(
            {"origins": ["AT", "BE", "CH", "DE", "ES", "FI"]},
            {"origins": ["AT", "BE", "CH", "DE", "ES", "FI", "GB"]},
            judged("AT, BE, CH, DE, ES, FI", "AT, BE, CH, DE, ES, FI and 1 more"),
            id="many",
        ),
    ],
)
def test_where_data_is_from(found: Json, declared: Json, expected: Said | None) -> None:
    assert tenants(found, declared) == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("found", "declared", "severity", "if_denied"),
    [
        pytest.param({"originHeader": True}, {"originHeader": "Trust"}, None, None, id="origin: as declared"),
        pytest.param({"originHeader": True}, {}, ERROR, ERROR, id="origin: trusted"),
        pytest.param({}, {"originHeader": "Trust"}, WARNING, WARNING, id="origin: ignored"),
        pytest.param({"dataClassHeader": True}, {"dataClassHeader": "Trust"}, None, None, id="class: as declared"),
        pytest.param({"dataClassHeader": True}, {}, WARNING, ERROR, id="class: trusted"),
        pytest.param({}, {"dataClassHeader": "Trust"}, ERROR, ERROR, id="class: ignored"),
    ],
)
def test_which_headers_are_trusted(
    found: Json, declared: Json, severity: Severity | None, if_denied: Severity | None
) -> None:
    header = "origin" if "originHeader" in {*found, *declared} else "data-class"
    word = "trusted" if found else "ignored"
    text = f"tenant shop/web: the {header} header is {word}, against what is declared"
    for unbound, expected in (("Allow", severity), ("Deny", if_denied)):
        assert tenants(found, declared, unbound=unbound) == ([subject(text, expected)] if expected else [])


@pytest.mark.parametrize(
    ("found", "declared", "expected"),
    [
        pytest.param(["a"], ["a"], [], id="as declared"),
        pytest.param(
            [],
            list("hgfedcba"),
            [("the data class a, b, c, d, e, f, g, h is lost, so policies for it don't bind", ERROR, ERROR)],
            id="lost",
        ),
        pytest.param(
            list("hgfedcba"),
            [],
            [("has the data class a, b, c, d, e, f, g, h, which was not declared", WARNING, ERROR)],
            id="more",
        ),
        pytest.param(
            ["b"],
            ["a"],
            [
                ("the data class a is lost, so policies for it don't bind", ERROR, ERROR),
                ("has the data class b, which was not declared", WARNING, ERROR),
            ],
            id="another",
        ),
    ],
)
def test_which_classes_data_has(
    found: list[str], declared: list[str], expected: list[tuple[str, Severity, Severity]]
) -> None:
    for number, unbound in enumerate(("Allow", "Deny")):
        of_tenant = [subject(f"tenant shop/web: {text}", levels[number]) for text, *levels in expected]
        assert tenants({"dataClasses": found}, {"dataClasses": declared}, unbound=unbound) == of_tenant
        of_route = [subject(f"route shop/chat: {text}", levels[number]) for text, *levels in expected]
        assert routes({"dataClasses": found}, {"dataClasses": declared}, unbound=unbound) == of_route


@pytest.mark.parametrize(
    ("found", "declared", "expected"),
    [
        pytest.param(["shop/chat"], {}, [], id="its own"),
        pytest.param(["shop/ghost"], {}, [], id="what there isn't"),
        pytest.param(["shop/chat", "bank/score"], {}, [("bank/score", 1)], id="one more"),
        pytest.param(None, {}, [("bank/score", 1)], id="all"),
        pytest.param(None, {"allowedRoutes": [{"name": "no"}]}, [("bank/score, shop/chat", 2)], id="more than none"),
    ],
)
def test_which_routes_a_tenant_may_call(
    found: list[str] | None, declared: Json, expected: list[tuple[str, int]]
) -> None:
    texts = [(f"tenant shop/web may call {which}, which it was not given", count) for which, count in expected]
    told = tenants({"routes": found}, declared, route("score", "bank"))
    assert told == [subject(text, cases=count) for text, count in texts]


def test_a_tenant_that_nobody_declared() -> None:
    made = {"tenants": [{"id": "shop/ghost"}, {"id": "shop/web", "origins": ["DE"], "routes": []}]}
    told = list(likeness.of_tenants(read(), decoded(config(tenants=made))))
    assert told == [said(Rule.NOT_DECLARED, "tenant shop/ghost is not declared")]


def test_whose_keys_are_whose() -> None:
    """Of two tenants: one key each, one of them moved, one of nobody."""
    keys = {f"{1:064x}": "shop/web", f"{2:064x}": "shop/web", "ab" * 32: "shop/far"}
    made = {"tenants": [], "keys": {digest: {"tenant": owner} for digest, owner in reversed(list(keys.items()))}}
    known = read([tenant("far", "shop", 2)])
    assert list(likeness.of_tenants(known, decoded(config(tenants=made)))) == [
        subject("the key 000000000000… counts as one of tenant shop/web, but is that of shop/far"),
        subject("the key abababababab… counts as one of tenant shop/far, but is nobody's"),
    ]


# Routes and providers


def routes(found: Json, declared: Json, unbound: str = "Allow") -> list[Said]:
    known = read([route("chat", "shop", **declared)], unbound=unbound)
    made = [{"id": "shop/chat", "name": "chat", **found}]
    return list(likeness.of_routes(known, decoded(config(routes=made))))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param([("chat", "chat", ["talk"]), ("more", "more", [])], [], id="their own"),
        pytest.param([("chat", "talk", ["chat"])], [], id="in another order"),
        pytest.param([("chat", "chat", [])], [], id="one less"),
        pytest.param(
            [("chat", "more", []), ("more", "chat", [])],
            [("chat", "more", "shop/more"), ("more", "chat", "shop/chat")],
            id="swapped",
        ),
        pytest.param(
            [("chat", "chat", ["talk"]), ("more", "more", ["also", "talk"])],
            [("more", "also", "no route"), ("more", "talk", "shop/chat")],
            id="one more",
        ),
    ],
)
def test_a_route_answers_to_its_own_names(
    found: list[tuple[str, str, list[str]]], expected: list[tuple[str, str, str]]
) -> None:
    known = read([route("chat", "shop", aliases=["talk"]), route("more", "shop")])
    made = [{"id": f"shop/{route}", "name": name, "aliases": aliases} for route, name, aliases in found]
    assert list(likeness.of_routes(known, decoded(config(routes=made)))) == [
        said(
            Rule.WRONG_SUBJECT,
            f"route shop/{route} answers to the model name {name}, which is declared for {owner}",
        )
        for route, name, owner in expected
    ]


def test_a_route_that_nobody_declared() -> None:
    made = [{"id": "shop/ghost", "name": "ghost"}, *config()["routes"]]
    assert list(likeness.of_routes(read(), decoded(config(routes=made)))) == [
        said(Rule.NOT_DECLARED, "route shop/ghost is not declared")
    ]


def providers(known: Declared | None = None, **fields: Any) -> list[Said]:
    made = config()
    made["providers"][0] |= fields
    return list(likeness.of_providers(known or read(), decoded(made)))


def ends(*, eu: Json | None = None, more: tuple[Json, ...] = ()) -> list[Json]:
    first, second = config()["providers"][0]["endpoints"]
    return [{**first, **(eu or {})}, second, *more]


ADDRESS, PLACE = Rule.WRONG_ADDRESS, Rule.WRONG_PLACE
MORE_END: Final = {"name": "x", "baseUrl": "https://x.example.com", "place": DE}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, [], id="as declared"),
        pytest.param({"name": "ghost"}, [(Rule.NOT_DECLARED, "provider ghost is not declared")], id="nobody's"),
        pytest.param(
            {"endpoints": ends(more=(MORE_END,))},
            [(Rule.NOT_DECLARED, "provider acme, endpoint x is not declared")],
            id="an endpoint of nobody's",
        ),
        pytest.param(
            {"models": [{"name": "large"}, *({"name": each} for each in "hgfedcba")]},
            [(ADDRESS, "provider acme is asked for a, b, c, d, e, f, g, h, which is none of its models as declared")],
            id="models",
        ),
        pytest.param({"models": []}, [], id="fewer models"),
        pytest.param(
            {"headers": [f"x-{each}" for each in "gfedcba"]},
            [
                (
                    ADDRESS,
                    (
                        "provider acme is sent the clients' headers x-a, x-b, x-c, x-d, x-e, x-f, x-g,"
                        " which were not allowed"
                    ),
                )
            ],
            id="headers",
        ),
        pytest.param(
            {"endpoints": ends(eu={"baseUrl": "https://us.example.com/v1"})},
            [
                (
                    ADDRESS,
                    (
                        "provider acme, endpoint eu is called at https://us.example.com/v1,"
                        " but declared at https://eu.example.com/v1"
                    ),
                )
            ],
            id="an address",
        ),
        pytest.param(
            {"endpoints": ends(eu={"tls": {"serverName": "mal.example.com"}})},
            [
                (
                    ADDRESS,
                    "provider acme, endpoint eu is believed to be whoever shows a certificate of mal.example.com",
                )
            ],
            id="another name",
        ),
        pytest.param(
            {"endpoints": ends(eu={"place": DE})},
            [
                (
                    PLACE,
                    (
                        "provider acme, endpoint eu: processes in DE-HE (Declared) (places[0]) by the config,"
                        " in DE+FR (Declared) as declared"
                    ),
                )
            ],
            id="where it processes",
        ),
        pytest.param(
            {"endpoints": ends(eu={"statePlace": None})},
            [
                (
                    PLACE,
                    (
                        "provider acme, endpoint eu: keeps state in DE+FR (Declared) (places[2]) by the config,"
                        " in US-VA (Declared) as declared"
                    ),
                )
            ],
            id="where it keeps state",
        ),
        pytest.param(
            {"endpoints": ends(eu={"statePlace": DE})},
            [
                (
                    PLACE,
                    (
                        "provider acme, endpoint eu: keeps state in DE-HE (Declared) (places[0]) by the config,"
                        " in US-VA (Declared) as declared"
                    ),
                )
            ],
            id="where else it keeps state",
        ),
    ],
)
def test_what_a_provider_is(fields: Json, expected: list[tuple[Rule, str]]) -> None:
    assert providers(**fields) == [said(*each) for each in expected]


def test_models_by_the_names_that_a_provider_knows_and_headers_that_it_may_see() -> None:
    spec = {**OBJECTS[2]["spec"], "models": [{"name": "big", "upstreamName": "eu.big"}], "headers": ["x-a"]}
    known = read([obj("ModelProvider", "acme", spec)])
    assert providers(known, models=[{"name": "eu.big"}], headers=["x-a"]) == []
    assert len(providers(known, models=[{"name": "big"}])) == 1


HERE_US: Final = {
    "requestBody": [{"name": "inference_geo", "value": "us"}, {"name": "a", "value": "b"}],
    "requestHeaders": [{"name": "acme-project", "value": "us-1"}],
    "models": [{"name": "large", "upstreamName": "us.large"}],
}
TOLD: Final = {
    "body": {"inference_geo": "us", "a": "b"},
    "headers": {"acme-project": "us-1"},
    "models": {"large": "us.large"},
}
END: Final = "provider acme, endpoint us is"


@pytest.mark.parametrize(
    ("declared", "told", "expected"),
    [
        pytest.param({}, {}, [], id="nothing"),
        pytest.param(HERE_US, TOLD, [], id="as declared"),
        pytest.param(
            HERE_US,
            {**TOLD, "models": {"large": "eu.large"}},
            [f"{END} asked for other models, large: eu.large, than is declared, large: us.large"],
            id="another region's model",
        ),
        pytest.param(
            HERE_US,
            {**TOLD, "body": {"inference_geo": "eu", "a": "b"}},
            [
                (
                    f"{END} sent other members of the body, a: b, inference_geo: eu,"
                    " than is declared, a: b, inference_geo: us"
                )
            ],
            id="another region",
        ),
        pytest.param(
            HERE_US,
            {**TOLD, "headers": {}},
            [f"{END} sent other headers, none, than is declared, acme-project: us-1"],
            id="a header lost",
        ),
        pytest.param(
            {},
            TOLD,
            [
                f"{END} asked for other models, large: us.large, than is declared, none",
                f"{END} sent other members of the body, a: b, inference_geo: us, than is declared, none",
                f"{END} sent other headers, acme-project: us-1, than is declared, none",
            ],
            id="what nobody declared",
        ),
    ],
)
def test_how_an_endpoint_is_told_its_region(declared: Json, told: Json, expected: list[str]) -> None:
    spec = OBJECTS[2]["spec"]
    eu, us = spec["endpoints"]
    known = read([obj("ModelProvider", "acme", {**spec, "endpoints": [eu, {**us, **declared}]})])
    first, second = config()["providers"][0]["endpoints"]
    assert providers(known, endpoints=[first, {**second, **told}]) == [said(ADDRESS, each) for each in expected]


def test_providers_after_one_that_nobody_declared_are_looked_at() -> None:
    made = config()
    made["providers"] = [{**made["providers"][0], "name": "ghost"}, {**made["providers"][0], "headers": ["x-a"]}]
    assert len(list(likeness.of_providers(read(), decoded(made)))) == 2


def keyed(**endpoint: Any) -> Declared:
    """The provider with two keys, and something more of its endpoint `eu`."""
    (ought,) = [each for each in OBJECTS if each["kind"] == "ModelProvider"]
    first, second = ought["spec"]["endpoints"]
    keys = [{"name": name, "secretRef": {"name": "acme-eu", "key": f"{name}.txt"}} for name in ("one", "two")]
    return read(
        [obj("ModelProvider", "acme", {**ought["spec"], "keys": keys, "endpoints": [{**first, **endpoint}, second]})]
    )


def credentials(**files: str) -> list[Json]:
    return [{"name": name, "file": file} for name, file in files.items()]


ONE, TWO = "providers/acme-eu/one.txt", "providers/acme-eu/two.txt"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({"two": TWO, "one": ONE}, [], id="as declared"),
        pytest.param(
            {"one": "providers/acme-us/one.txt", "two": TWO},
            [said(ADDRESS, f"provider acme is shown the key one of providers/acme-us/one.txt, but {ONE} as declared")],
            id="of another Secret",
        ),
        pytest.param(
            {"z": "x/z", "one": ONE, "two": TWO, "a": "x/a"},
            [
                said(ADDRESS, "provider acme is shown the key a of x/a, but none as declared"),
                said(ADDRESS, "provider acme is shown the key z of x/z, but none as declared"),
            ],
            id="two more",
        ),
        pytest.param(
            {"one": ONE, "two": ONE},
            [said(ADDRESS, f"provider acme is shown the key two of {ONE}, but {TWO} as declared")],
            id="another of the Secret",
        ),
        pytest.param(
            {"one": ONE, "two": TWO, "us": "providers/acme-us/key"},
            [said(ADDRESS, "provider acme is shown the key us of providers/acme-us/key, but none as declared")],
            id="one more",
        ),
        pytest.param(
            {"two": TWO},
            [said(ADDRESS, "provider acme is not shown the key one, which is declared", WARNING)],
            id="one less",
        ),
        pytest.param(
            {}, [said(ADDRESS, "provider acme is not shown the key one, two, which is declared", WARNING)], id="none"
        ),
    ],
)
def test_which_keys_a_provider_is_shown(files: dict[str, str], expected: list[Said]) -> None:
    assert providers(keyed(), credentials=credentials(**files)) == expected


AUTHORITIES: Final = {"caSecretRef": {"name": "acme-ca", "key": "ca.crt"}}


@pytest.mark.parametrize(
    ("declared", "tls", "told"),
    [
        pytest.param({}, {}, None, id="the system's"),
        pytest.param(AUTHORITIES, {"caBundle": "providers/acme-ca/ca.crt"}, None, id="its own"),
        pytest.param({}, {"caBundle": "peer/ca.crt"}, "peer/ca.crt, not of the system", id="somebody's"),
        pytest.param(AUTHORITIES, {}, "of the system, not providers/acme-ca/ca.crt", id="everybody's"),
        pytest.param(
            AUTHORITIES,
            {"caBundle": "providers/x/ca.crt"},
            "providers/x/ca.crt, not providers/acme-ca/ca.crt",
            id="x's",
        ),
    ],
)
def test_who_vouches_for_a_provider(declared: Json, tls: Json, told: str | None) -> None:
    text = f"provider acme, endpoint eu is believed by the authorities {told}"
    found = providers(keyed(**declared), credentials=credentials(one=ONE, two=TWO), endpoints=ends(eu={"tls": tls}))
    assert found == ([] if told is None else [said(ADDRESS, text)])


# One site


def of_site(declared: Json | None = None, unbound: str = "Allow", **fields: Any) -> list[Said]:
    made = config()
    made["site"] |= fields
    known = read([edge("fra1", "DE-HE", **(declared or {}))], unbound=unbound)
    return list(likeness.of_site(known, site(made)))


def ages(fresh: int = 86_400_000, hard: int = 2_592_000_000) -> Json:
    return {"age": {"maxAgeMs": fresh, "hardMaxAgeMs": hard}}


def too_old(found: int, what: str, ought: int) -> str:
    return f"a config may be used for {found} ms ({what}), declared are {ought} ms"


SETTING: Final = Rule.WRONG_SETTING


@pytest.mark.parametrize(
    ("declared", "unbound", "fields", "expected"),
    [
        pytest.param({}, "Allow", {}, [], id="as declared"),
        pytest.param({}, "Deny", {"unboundTraffic": "Deny"}, [], id="refused by default, as declared"),
        pytest.param(
            {},
            "Deny",
            {},
            [said(SETTING, "data that no policy binds meets Allow; declared is Deny")],
            id="allowed by default",
        ),
        pytest.param(
            {},
            "Allow",
            {"unboundTraffic": "Deny"},
            [said(SETTING, "data that no policy binds meets Deny; declared is Allow", WARNING)],
            id="refused by default",
        ),
        pytest.param(
            {},
            "Allow",
            {"anonymousAccess": True},
            [said(SETTING, "requests without a key are answered, which was not declared")],
            id="open",
        ),
        pytest.param(
            {"gateway": {"anonymousAccess": "Allow"}}, "Allow", {"anonymousAccess": True}, [], id="open as declared"
        ),
        pytest.param({"gateway": {"anonymousAccess": "Allow"}}, "Allow", {}, [], id="closed, but declared open"),
        pytest.param(
            {},
            "Allow",
            ages(86_400_001, 1),
            [
                said(SETTING, too_old(86_400_001, "maxAge", 86_400_000)),
                said(SETTING, too_old(1, "hardMaxAge", 2_592_000_000), WARNING),
            ],
            id="fresh for longer, used for less",
        ),
        pytest.param(
            {"staleness": {"maxAge": "1h30m", "hardMaxAge": "2h"}}, "Allow", ages(5_400_000, 7_200_000), [], id="ages"
        ),
        pytest.param(
            {"staleness": {"maxAge": "1h", "hardMaxAge": "2h"}},
            "Allow",
            ages(1, 7_200_001),
            [
                said(SETTING, too_old(1, "maxAge", 3_600_000), WARNING),
                said(SETTING, too_old(7_200_001, "hardMaxAge", 7_200_000)),
            ],
            id="fresh for less, used for longer",
        ),
        pytest.param(
            {},
            "Allow",
            {"place": US},
            [
                said(
                    PLACE,
                    "the site is in US-VA (Declared) (places[1]) by the config, in DE-HE (Declared) as declared",
                )
            ],
            id="place",
        ),
    ],
)
def test_what_a_site_is(declared: Json, unbound: str, fields: Json, expected: list[Said]) -> None:
    assert of_site(declared, unbound, **fields) == expected


def peers(declared: Json | None = None, **fields: Any) -> list[Said]:
    made = config()
    made["peers"][0] |= fields
    return list(likeness.of_peers(read([edge("iad1", "US-VA", **(declared or {}))]), site(made)))


@pytest.mark.parametrize(
    ("declared", "fields", "expected"),
    [
        pytest.param({}, {}, [], id="as declared"),
        pytest.param({}, {"site": "ghost"}, [(Rule.NOT_DECLARED, "peer ghost is not declared, or Disabled")], id="no"),
        pytest.param(
            {"state": "Disabled"}, {}, [(Rule.NOT_DECLARED, "peer iad1 is not declared, or Disabled")], id="disabled"
        ),
        pytest.param({"state": "Draining"}, {}, [], id="draining"),
        pytest.param(
            {},
            {"place": EU},
            [
                (
                    PLACE,
                    "peer iad1 is in DE+FR (Declared) (places[2]) by the config, in US-VA (Declared) as declared",
                )
            ],
            id="place",
        ),
        pytest.param(
            {},
            {"uri": "spiffe://isochrone/site/mal1"},
            [
                (
                    ADDRESS,
                    (
                        "peer iad1 is taken to be whoever shows spiffe://isochrone/site/mal1,"
                        " not spiffe://isochrone/site/iad1"
                    ),
                )
            ],
            id="identity",
        ),
        pytest.param(
            {},
            {"address": "mal.example.com:8443"},
            [(ADDRESS, "peer iad1 is called at mal.example.com:8443, but advertises iad1.example.com:8443")],
            id="host",
        ),
        pytest.param(
            {},
            {"address": "iad1.example.com:8444"},
            [(ADDRESS, "peer iad1 is called at iad1.example.com:8444, but advertises iad1.example.com:8443")],
            id="port",
        ),
        pytest.param(
            {"gateway": {"advertise": {"host": "2001:db8::1", "port": 9}}}, {"address": "[2001:db8::1]:9"}, [], id="v6"
        ),
        pytest.param({"gateway": {}}, {"address": "mal.example.com:1"}, [], id="one that advertises nothing"),
        pytest.param({"gateway": {"hostname": "a.example.net"}}, {"hostname": "a.example.net"}, [], id="name"),
        pytest.param(
            {"gateway": {"hostname": "a.example.net"}},
            {"hostname": "mal.example.com"},
            [(ADDRESS, "peer iad1 is known to clients as mal.example.com, but a.example.net was declared")],
            id="another name",
        ),
    ],
)
def test_who_a_peer_is(declared: Json, fields: Json, expected: list[tuple[Rule, str]]) -> None:
    assert peers(declared, **fields) == [said(*each) for each in expected]


def trusting(**fields: Any) -> list[Said]:
    made = config()
    made["site"]["peerTrust"] |= fields
    return list(likeness.of_peers(read(), site(made)))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, [], id="as it is mounted"),
        pytest.param(
            {"caBundle": "providers/x/ca.crt"}, ["peers are believed by providers/x/ca.crt, not peer/ca.crt"], id="whom"
        ),
        pytest.param(
            {"identity": {"certificate": "tls/tls.crt", "key": "tls/tls.key"}},
            [
                "peers are shown tls/tls.crt, not peer/tls.crt",
                "peers are shown the certificate of tls/tls.key, not peer/tls.key",
            ],
            id="what they are shown",
        ),
    ],
)
def test_whom_a_site_takes_for_a_peer(fields: Json, expected: list[str]) -> None:
    assert trusting(**fields) == [said(ADDRESS, text) for text in expected]


def test_a_site_without_peers_trusts_nobody() -> None:
    made = config(peers=[])
    del made["site"]["peerTrust"]
    assert list(likeness.of_peers(read(), site(made))) == []


# Where the hub is

BESIDE, KUBECONFIG = {"type": "Local"}, {"name": "k", "key": "kubeconfig"}
AWAY = {"type": "Remote"}


@pytest.mark.parametrize(
    ("clusters", "hub", "expected"),
    [
        pytest.param((BESIDE, BESIDE), [DE, US], None, id="beside both"),
        pytest.param((BESIDE, AWAY), [DE], None, id="beside one"),
        pytest.param((AWAY, AWAY), [], None, id="beside none"),
        pytest.param(({"kubeconfigSecretRef": KUBECONFIG}, BESIDE), [US], None, id="one by a kubeconfig"),
        pytest.param(({"clusterProfileRef": KUBECONFIG}, BESIDE), [US], None, id="one by a profile"),
        pytest.param(
            (AWAY, BESIDE),
            [DE],
            "the hub is in DE-HE (Declared) by the config, in US-VA (Declared) as declared",
            id="elsewhere",
        ),
        pytest.param(
            (BESIDE, BESIDE),
            [DE],
            "the hub is in DE-HE (Declared) by the config, in DE-HE (Declared) or in US-VA (Declared) as declared",
            id="in one of two alone",
        ),
        pytest.param(
            (BESIDE, AWAY),
            [3, 2, 1, 0],
            "the hub is in DE+FR (Declared) or in DE-HE (Declared) or in US-VA (Declared) or in an unknown place"
            " (Declared) by the config, in DE-HE (Declared) as declared",
            id="anywhere",
        ),
        pytest.param(
            (BESIDE, AWAY),
            [],
            "the hub is at no known place by the config, in DE-HE (Declared) as declared",
            id="lost",
        ),
    ],
)
def test_where_the_hub_is(clusters: tuple[Json, Json], hub: list[int], expected: str | None) -> None:
    made = config()
    made["site"]["hub"] = hub
    here, there = clusters
    known = read([edge("fra1", "DE-HE", cluster=here), edge("iad1", "US-VA", cluster=there)])
    assert list(likeness.of_site(known, site(made))) == ([said(PLACE, expected)] if expected else [])


# Engines


def service(namespace: str, name: str, **spec: Any) -> tuple[tuple[str, str, str], Found]:
    item = {"kind": "Service", "metadata": {"name": name, "namespace": namespace}, "spec": spec}
    return ("Service", namespace, name), Found(item, "x")


OWN: Final = service("shop", "chat-engine", selector={"isochrone.dev/edge-node": "fra1"})


def pools(
    *objects: tuple[tuple[str, str, str], Found],
    pool: str = "shop/chat",
    others: frozenset[tuple[str, str]] = frozenset(),
    **discovery: Any,
) -> list[Said]:
    made = config()
    made["engines"][0]["id"] = pool
    made["engines"][0]["discovery"] |= discovery
    if "type" in discovery:
        made["engines"][0]["discovery"] = discovery
    known = read([route("a" * 60, "shop")])
    return list(likeness.of_pools(known, site(made), dict(objects), others=others))


def astray(why: str) -> list[Said]:
    return [said(ADDRESS, f"engine pool shop/chat {why}")]


LEADS: Final = "leads to the Service shop/chat-engine, which"
GONE: Final = "has no engines among this site's objects: nobody answers there"
FOUND_BY_ADDRESS: Final = "is found by address, and nobody declared where that is"
CHAT_ENGINE: Final = frozenset({("shop", "chat-engine")})


@pytest.mark.parametrize(
    ("objects", "given", "expected"),
    [
        pytest.param([OWN], {}, [], id="its own"),
        pytest.param(
            [OWN],
            {"pool": "shop/ghost"},
            [said(Rule.NOT_DECLARED, "engine pool shop/ghost is of no route that is declared")],
            id="of no route",
        ),
        pytest.param(
            [OWN], {"type": "Static", "addresses": ["192.0.2.7:80"]}, astray(FOUND_BY_ADDRESS), id="by address"
        ),
        pytest.param([OWN], {"type": "Dns", "name": "x.test", "port": 80}, astray(FOUND_BY_ADDRESS), id="by name"),
        pytest.param(
            [OWN], {"namespace": "bank"}, astray("leads to the namespace bank, not to its own"), id="another namespace"
        ),
        pytest.param(
            [service("shop", "chat-engine")],
            {},
            astray(f"{LEADS} selects no pods: whoever writes its EndpointSlices says where it leads"),
            id="of nobody knows whom",
        ),
        pytest.param(
            [service("shop", "chat-engine", selector={"b": "c", "app": "evil"})],
            {},
            astray(f"{LEADS} selects app=evil,b=c, not pods of fra1 alone"),
            id="of other pods",
        ),
        pytest.param(
            [service("shop", "chat-engine", type="ExternalName", externalName="evil.example.com")],
            {},
            astray(f"{LEADS} leads to evil.example.com, out of the cluster"),
            id="out of the cluster, by name",
        ),
        pytest.param(
            [(OWN[0], Found({"kind": "Service", "metadata": {"name": "chat-engine", "namespace": "shop"}}, "x"))],
            {},
            astray(f"{LEADS} selects no pods: whoever writes its EndpointSlices says where it leads"),
            id="of which nothing is said",
        ),
        pytest.param(
            [service("shop", "chat-engine", selector={"isochrone.dev/edge-node": "iad1"})],
            {},
            astray(f"{LEADS} selects isochrone.dev/edge-node=iad1, not pods of fra1 alone"),
            id="of another site",
        ),
        pytest.param(
            [service("shop", "chat-engine", selector={"isochrone.dev/edge-node": "fra1"}, type="ExternalName")],
            {},
            astray(f"{LEADS} leads to a name that it does not say, out of the cluster"),
            id="out of the cluster",
        ),
        pytest.param(
            [service("shop", "chat-engine", selector={"isochrone.dev/edge-node": "fra1"}, type="ClusterIP")],
            {},
            [],
            id="within it",
        ),
        pytest.param([], {}, [said(ADDRESS, f"engine pool shop/chat {GONE}", WARNING)], id="engines that are to go"),
        pytest.param(
            [], {"others": CHAT_ENGINE}, astray(f"{LEADS} is none of this site's objects"), id="engines of others"
        ),
        pytest.param(
            [],
            {"service": "x-engine"},
            astray("leads to the Service shop/x-engine, which is none of this site's objects"),
            id="engines of another route",
        ),
        pytest.param(
            [],
            {"pool": f"shop/{'a' * 60}", "service": f"{'a' * 50}-cut-engine"},
            [said(ADDRESS, f"engine pool shop/{'a' * 60} {GONE}", WARNING)],
            id="of a long name that was cut",
        ),
        pytest.param(
            [],
            {"pool": f"shop/{'a' * 60}", "service": f"{'a' * 49}-cut-engine"},
            [
                said(
                    ADDRESS,
                    f"engine pool shop/{'a' * 60} leads to the Service shop/{'a' * 49}-cut-engine,"
                    " which is none of this site's objects",
                )
            ],
            id="of a shorter name",
        ),
    ],
)
def test_whose_engines_a_pool_is(
    objects: list[tuple[tuple[str, str, str], Found]], given: Json, expected: list[Said]
) -> None:
    assert pools(*objects, **given) == expected


def test_a_place_of_a_config_in_words() -> None:
    made = config()
    made["places"]["places"][EU]["evidence"] = "Attested"
    assert str(likeness.place_at(decoded(made), EU)) == "DE+FR (Attested)"
