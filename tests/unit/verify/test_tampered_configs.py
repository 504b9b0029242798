"""What else a config says, changed by somebody: the verifier finds it, and says what is wrong."""

from typing import Any, Final

import pytest
from tests.unit.verify.tampering import Edit, Json, errors, one
from tests.worlds.verified import World

from isochrone.verify import Rule


def place_of(site_name: str) -> int:
    return ["cdg1", "fra1", "iad1", "nrt1"].index(site_name)


def move_site(config: Json) -> None:
    """Ashburn says that it is in Hesse."""
    config["places"]["places"][place_of("iad1")] |= {"codes": ["DE-HE"], "country": "DE"}


def stand_elsewhere(config: Json) -> None:
    """Engines' candidates have to be where their site is, so they move with it."""
    config["site"]["place"] = place_of("fra1")
    for each in candidates(config):
        if each["target"]["type"] == "Engine":
            each["place"] = place_of("fra1")


def raise_evidence(config: Json) -> None:
    config["places"]["places"][place_of("cdg1")]["evidence"] = "Attested"


def alias(config: Json) -> None:
    config["places"]["aliases"]["DE"] = "US"


def lose_within(config: Json) -> None:
    config["places"]["within"] = {}


def country(config: Json) -> None:
    config["places"]["places"][5] |= {"codes": ["US", "DE"]}
    config["places"]["places"][5].pop("country")


def candidates(config: Json) -> list[Json]:
    return [each for route in config["routes"] for tier in route.get("tiers", ()) for each in tier["candidates"]]


def move_candidate(config: Json) -> None:
    one([each for each in candidates(config) if each["target"].get("endpoint") == "us"][:1])["place"] = 4


def move_peer(config: Json) -> None:
    """Tokyo is said to be where Frankfurt is, and its candidates with it."""
    one(config["peers"], site="nrt1")["place"] = place_of("fra1")
    for each in candidates(config):
        if each["target"].get("site") == "nrt1":
            each["place"] = place_of("fra1")


def peer(**changes: Any) -> Edit:
    return lambda config: one(config["peers"], site="nrt1").update(changes)


def stranger(config: Json) -> None:
    config["peers"].append({**config["peers"][0], "site": "evil1", "uri": "spiffe://isochrone/site/evil1"})


def endpoint(config: Json, name: str) -> Json:
    return one(config["providers"][0]["endpoints"], name=name)


def move_region(config: Json) -> None:
    """The provider's American endpoint is said to be its European one."""
    endpoint(config, "us")["place"] = endpoint(config, "eu")["place"]
    for each in candidates(config):
        if each["target"].get("endpoint") == "us":
            each["place"] = endpoint(config, "eu")["place"]


def of_endpoint(name: str, **changes: Any) -> Edit:
    return lambda config: endpoint(config, name).update(changes)


def keep_nearby(config: Json) -> None:
    del endpoint(config, "eu")["statePlace"]


def upstream(config: Json) -> None:
    config["providers"][0]["models"][0]["name"] = "us.large"
    for each in candidates(config):
        if each["target"]["type"] == "Provider":
            each["model"] = "us.large"


def of_tenant(id_: str, **changes: Any) -> Edit:
    return lambda config: one(config["tenants"]["tenants"], id=id_).update(changes)


def without(id_: str, field: str) -> Edit:
    return lambda config: one(config["tenants"]["tenants"], id=id_).pop(field)


def move_key(config: Json) -> None:
    config["tenants"]["keys"][f"{1:064x}"]["tenant"] = "shop/far"


def own_key(config: Json) -> None:
    config["tenants"]["keys"]["ab" * 32] = {"tenant": "shop/far"}


def own_tenant(config: Json) -> None:
    config["tenants"]["tenants"].append({"id": "shop/ghost", "origins": ["US"]})


def lose_class(config: Json) -> None:
    del one(config["routes"], id="clinic/scan")["dataClasses"]


def swap_names(config: Json) -> None:
    first, second = (one(config["routes"], id=each) for each in ("shop/chat", "clinic/scan"))
    first["name"], second["name"] = second["name"], first["name"]


def own_route(config: Json) -> None:
    config["routes"].append({**one(config["routes"], id="shop/chat"), "id": "shop/ghost", "name": "ghost"})


def of_site(**changes: Any) -> Edit:
    return lambda config: config["site"].update(changes)


def of_age(**changes: Any) -> Edit:
    return lambda config: config["site"]["age"].update(changes)


def discover(**discovery: Any) -> Edit:
    return lambda config: one(config["engines"], id="shop/chat").update(discovery=discovery)


ELSEWHERE = {"type": "EndpointSlices", "portName": "http"}
DOCUMENT: Final[list[tuple[str, Edit, Rule, str]]] = [
    ("a site's place said to be another", move_site, Rule.WRONG_PLACE, "the site is in DE-HE"),
    ("a site at another's place", stand_elsewhere, Rule.WRONG_PLACE, "(places[1]) by the config, in US-VA"),
    ("evidence raised", raise_evidence, Rule.WRONG_PLACE, "FR-IDF (Attested) (places[0]) by the config"),
    ("an alias from one country to another", alias, Rule.WRONG_PLACE, "places.aliases is wrong about DE"),
    ("what lies within what forgotten", lose_within, Rule.WRONG_PLACE, "places.within is wrong about"),
    ("a place with another country added", country, Rule.WRONG_PLACE, "endpoint us: processes in DE+US"),
    ("the hub somewhere else", of_site(hub=[2]), Rule.WRONG_PLACE, "the hub is in US-VA (Declared) by the config"),
    (
        "a candidate at another place",
        move_candidate,
        Rule.BROKEN_CONFIG,
        "endpoint us is in US (Declared) (places[5]), but what is sent there is judged as if it were in DE+FR",
    ),
    ("a peer's place changed", move_peer, Rule.WRONG_PLACE, "peer nrt1 is in DE-HE"),
    ("a peer that is another site", peer(uri="spiffe://isochrone/site/mal1"), Rule.WRONG_ADDRESS, "is taken to be who"),
    ("a peer without an identity", peer(address="127.0.0.1:8443", uri=None), Rule.WRONG_ADDRESS, "shows None"),
    ("a peer at another address", peer(address="mal.example.com:8443"), Rule.WRONG_ADDRESS, "is called at mal.example"),
    ("a peer that nobody declared", stranger, Rule.NOT_DECLARED, "peer evil1 is not declared"),
    ("a provider's region changed", move_region, Rule.WRONG_PLACE, "endpoint us: processes in DE+FR"),
    (
        "a provider's address changed",
        of_endpoint("eu", baseUrl="https://us.acme.example.com/v1"),
        Rule.WRONG_ADDRESS,
        "is called at https://us.acme.example.com/v1, but declared at https://eu.acme",
    ),
    (
        "a provider shown another key",
        lambda config: config["providers"][0].update(credentials=[{"name": "x", "file": "providers/y/key"}]),
        Rule.WRONG_ADDRESS,
        "provider acme is shown the key x of providers/y/key, but none as declared",
    ),
    (
        "peers believed by others",
        lambda config: config["site"]["peerTrust"].update(caBundle="providers/y/key"),
        Rule.WRONG_ADDRESS,
        "peers are believed by providers/y/key, not peer/ca.crt",
    ),
    ("where a provider keeps state forgotten", keep_nearby, Rule.WRONG_PLACE, "endpoint eu: keeps state in DE+FR"),
    (
        "a provider believed by another name",
        of_endpoint("eu", tls={"serverName": "mal.example.com"}),
        Rule.WRONG_ADDRESS,
        "whoever shows a certificate of mal.example.com",
    ),
    ("a provider's model of another region", upstream, Rule.WRONG_ADDRESS, "is asked for us.large"),
    (
        "a model's name of another region at one endpoint",
        of_endpoint("eu", models={"large": "us.large"}),
        Rule.WRONG_ADDRESS,
        "endpoint eu is asked for other models, large: us.large, than is declared, none",
    ),
    (
        "a provider told another region",
        of_endpoint("us", body={"inference_geo": "global"}),
        Rule.WRONG_ADDRESS,
        "is sent other members of the body, inference_geo: global, than is declared, inference_geo: us",
    ),
    ("a provider not told its region", of_endpoint("us", body={}), Rule.WRONG_ADDRESS, "other members of the body, no"),
    (
        "a provider told another project",
        of_endpoint("us", headers={"acme-project": "us-2"}),
        Rule.WRONG_ADDRESS,
        "is sent other headers, acme-project: us-2, than is declared, acme-project: us-1",
    ),
    (
        "a tenant's origins widened",
        of_tenant("shop/web", origins=["DE", "FR", "US"]),
        Rule.WRONG_SUBJECT,
        "its data is judged as from DE, FR, US",
    ),
    ("a tenant's origins narrowed", of_tenant("shop/web", origins=["FR"]), Rule.WRONG_SUBJECT, "judged as from FR"),
    ("a tenant's origins lost", without("shop/web", "origins"), Rule.WRONG_SUBJECT, "judged as from unknown"),
    ("a tenant's origins elsewhere", of_tenant("shop/web", origins=["US"]), Rule.WRONG_SUBJECT, "judged as from US"),
    ("an unreadable origin forgotten", without("bank/teller", "orElsewhere"), Rule.WRONG_SUBJECT, "DE, elsewhere"),
    ("an origin header trusted", of_tenant("shop/far", originHeader=True), Rule.WRONG_SUBJECT, "header is trusted"),
    ("a data-class header ignored", without("shop/far", "dataClassHeader"), Rule.WRONG_SUBJECT, "header is ignored"),
    (
        "a tenant's data class dropped",
        without("clinic/ward", "dataClasses"),
        Rule.WRONG_SUBJECT,
        "data class secret is",
    ),
    (
        "a tenant given more routes",
        of_tenant("shop/web", routes=["bank/score"]),
        Rule.WRONG_SUBJECT,
        "may call bank/sc",
    ),
    ("a key moved to another tenant", move_key, Rule.WRONG_SUBJECT, "but is that of"),
    ("a key that nobody has", own_key, Rule.WRONG_SUBJECT, "but is nobody's"),
    ("a tenant that nobody declared", own_tenant, Rule.NOT_DECLARED, "tenant shop/ghost is not declared"),
    (
        "a route's data class dropped",
        lose_class,
        Rule.WRONG_SUBJECT,
        "route clinic/scan: the data class health is lost",
    ),
    (
        "names of routes swapped",
        swap_names,
        Rule.WRONG_SUBJECT,
        "route shop/chat answers to the model name scan, which is declared for clinic/scan",
    ),
    (
        "a name that another route has",
        lambda config: one(config["routes"], id="shop/chat").update(aliases=["other"]),
        Rule.WRONG_SUBJECT,
        "route shop/chat answers to the model name other, which is declared for no route",
    ),
    ("a route that nobody declared", own_route, Rule.NOT_DECLARED, "route shop/ghost is not declared"),
    ("callers without a key let in", of_site(anonymousAccess=True), Rule.WRONG_SETTING, "requests without a key"),
    ("no hard end of age", of_age(hardMaxAgeMs=31_622_400_000), Rule.WRONG_SETTING, "(hardMaxAge), declared are 25920"),
    ("a config that never ages", of_age(maxAgeMs=2_592_000_000), Rule.WRONG_SETTING, "(maxAge), declared are 86400000"),
    ("engines by address", discover(type="Static", addresses=["192.0.2.7:80"]), Rule.WRONG_ADDRESS, "found by address"),
    ("engines by name", discover(type="Dns", name="mal.example.com", port=80), Rule.WRONG_ADDRESS, "found by address"),
    (
        "engines in another namespace",
        discover(**ELSEWHERE, namespace="bank", service="score-engine"),
        Rule.WRONG_ADDRESS,
        "leads to the namespace bank",
    ),
    (
        "engines behind an unknown Service",
        discover(**ELSEWHERE, namespace="shop", service="other"),
        Rule.WRONG_ADDRESS,
        "is none of this site's objects",
    ),
]


@pytest.mark.parametrize(("edit", "rule", "says"), [pytest.param(*rest, id=name) for name, *rest in DOCUMENT])
def test_a_changed_config_is_found(world: World, edit: Edit, rule: Rule, says: str) -> None:
    sites = ("iad1",) if edit in {move_site, stand_elsewhere} else ("fra1", "cdg1")
    found = errors(world.verify(edit, sites=sites))
    assert any(rule is each and says in text for each, text in found), found


def test_a_default_that_allows_is_found(strict: World) -> None:
    found = errors(strict.verify(of_site(unboundTraffic="Allow")))
    assert any(rule is Rule.WRONG_SETTING and "meets Allow; declared is Deny" in text for rule, text in found), found
    assert any(rule is Rule.UNLAWFUL and "the default forbids it (DefaultDeny)" in text for rule, text in found), found
