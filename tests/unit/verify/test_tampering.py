"""Configs and objects that somebody has changed: the verifier finds each, and says what is wrong."""

import dataclasses
from collections.abc import Callable
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.unit.verify.installation import OBJECTS, obj, policy, site
from tests.worlds.verified import World, rendered

from isochrone.verify import Report, Rule, Severity
from isochrone_gateway.config import Signer
from isochrone_gateway.config.law import decode_row, encode_row

Json = dict[str, Any]
Edit = Callable[[Json], object]
Objects = Callable[[list[Json]], object]


@pytest.fixture(scope="module")
def world() -> World:
    return rendered(OBJECTS)


@pytest.fixture(scope="module")
def strict() -> World:
    """The same, where what nothing binds is refused."""
    return rendered(OBJECTS, unbound="Deny")


def errors(report: Report) -> list[tuple[Rule, str]]:
    return [(each.rule, each.message) for each in report.findings if each.severity is Severity.ERROR]


def one(items: list[Json], **wanted: Any) -> Json:
    (found,) = [each for each in items if all(each.get(key) == value for key, value in wanted.items())]
    return found


# The law


def table(config: Json, name: str, scope: str = "Inference") -> Json:
    """A table of its own for this policy and scope: others keep the one that they shared."""
    law = config["law"]
    scopes = one(law["policies"], name=name)["scopes"]
    own: Json = dict(law["tables"][scopes.get(scope, scopes["Inference"])])
    own["rows"] = dict(own.get("rows", {}))
    law["tables"].append(own)
    scopes[scope] = len(law["tables"]) - 1
    return own


def row(config: Json, places: int) -> int:
    config["law"]["rows"].append(encode_row(places))
    return len(config["law"]["rows"]) - 1


def with_place(config: Json, number: int, place: int) -> int:
    """A row like this one, with one bit more."""
    return row(config, decode_row(config["law"]["rows"][number]) | 1 << place)


def flip(config: Json) -> None:
    made = table(config, "eu")
    made["rows"]["DE"] = with_place(config, made["rows"]["DE"], 2)


def flip_provider(config: Json) -> None:
    made = table(config, "eu")
    made["rows"]["DE"] = with_place(config, made["rows"]["DE"], 5)


def flip_entry(config: Json) -> None:
    made = table(config, "eu")
    made["rows"]["DE"] = with_place(config, made["rows"]["DE"], 3)


def unbind_home(config: Json) -> None:
    """Where it stands it would be allowed; but an old config has to refuse what is bound."""
    for name in ("eu", "gold"):
        drop_policy(name)(config)


def unbind(config: Json) -> None:
    table(config, "eu")["rows"]["DE"] = -1


def lose_country(config: Json) -> None:
    del table(config, "eu")["rows"]["FR"]


def flip_otherwise(config: Json) -> None:
    made = table(config, "bank")
    made["otherwise"] = with_place(config, made.get("otherwise", -1), 3)


def ignore_unknown(config: Json) -> None:
    one(config["law"]["policies"], name="eu")["unknownOrigin"] = "Ignore"
    for scope in ("Inference", "State"):
        table(config, "eu", scope)["unknown"] = "Unbound"


def flip_unknown(config: Json) -> None:
    made = table(config, "eu")
    made["unknown"] = with_place(config, made["unknown"], 3)


def lose_scope(scope: str, name: str) -> Edit:
    return lambda config: one(config["law"]["policies"], name=name)["scopes"].pop(scope)


def audit(config: Json) -> None:
    one(config["law"]["policies"], name="eu")["mode"] = "Audit"


def drop_policy(name: str) -> Edit:
    def edit(config: Json) -> None:
        config["law"]["policies"].remove(one(config["law"]["policies"], name=name))

    return edit


def bind(name: str, **dimension: Any) -> Edit:
    return lambda config: one(config["law"]["policies"], name=name).setdefault("binds", {}).update(dimension)


def more_evidence(config: Json) -> None:
    """`known` wants Ingress at places that are Contracted: cdg1's is declared only."""
    made = table(config, "known", "Ingress")
    made["otherwise"] = with_place(config, made["otherwise"], 0)
    made["unknown"] = made["otherwise"]


def wide_state(config: Json) -> None:
    made = table(config, "eu", "State")
    everywhere = row(config, 0x3F)
    made["rows"] = dict.fromkeys(made["rows"], everywhere)
    made["unknown"] = everywhere


def own_code(config: Json) -> None:
    """No such part of Germany; but a client whose tenant is of DE may say so."""
    table(config, "eu")["rows"]["DE-ZZZ"] = row(config, 0x3F)


LAW: Final[list[tuple[str, Edit, Rule, str]]] = [
    (
        "a bit flipped in a row",
        flip,
        Rule.WRONG_LAW,
        "policy eu, scope Inference, data from DE: the table allows US-VA",
    ),
    ("an origin no longer bound", unbind, Rule.WRONG_LAW, "data from DE: the policy binds it, the table does not"),
    ("an origin left out of a table", lose_country, Rule.WRONG_LAW, "data from FR: the policy binds it"),
    ("a bit flipped for all other origins", flip_otherwise, Rule.WRONG_LAW, "the table allows JP-12"),
    ("an unknown origin ignored", ignore_unknown, Rule.WRONG_LAW, "an unknown origin: the policy binds it"),
    ("a bit flipped for an unknown origin", flip_unknown, Rule.WRONG_LAW, "an unknown origin: the table allows JP-12"),
    ("a scope's own table dropped", lose_scope("State", "eu"), Rule.WRONG_LAW, "policy eu, scope State"),
    ("state allowed everywhere", wide_state, Rule.WRONG_LAW, "policy eu, scope State"),
    ("evidence not asked for", more_evidence, Rule.WRONG_LAW, "(EvidenceTooLow)"),
    ("a row for a code that isn't one", own_code, Rule.WRONG_LAW, "the law has rows for DE-ZZZ"),
    ("a policy only audits", audit, Rule.WRONG_LAW, "policy eu is compiled as Audit, not Enforce"),
    ("a policy dropped", drop_policy("eu"), Rule.WRONG_LAW, "the law lacks the policy eu"),
    ("a policy for a data class dropped", drop_policy("health"), Rule.WRONG_LAW, "the law lacks the policy health"),
    (
        "a policy binds other classes",
        bind("health", dataClasses=["wealth"]),
        Rule.WRONG_LAW,
        "no longer binds by dataCl",
    ),
    ("a policy binds no namespace", bind("bank", namespaces=[]), Rule.WRONG_LAW, "no longer binds by namespaces: bank"),
    ("a policy binds no tenant", bind("gold", tenants=[]), Rule.WRONG_LAW, "no longer binds by tenants: shop/vip"),
    ("a policy binds few routes", bind("eu", routes=["shop/chat"]), Rule.WRONG_LAW, "no longer binds by routes: every"),
]


@pytest.mark.parametrize(("edit", "rule", "says"), [pytest.param(*rest, id=name) for name, *rest in LAW])
def test_a_changed_law_is_found(world: World, edit: Edit, rule: Rule, says: str) -> None:
    found = errors(world.verify(edit))
    assert any(rule is each and says in text for each, text in found), found


# What the law is about


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
    ("a candidate at another place", move_candidate, Rule.BROKEN_CONFIG, "but the target is at place 5"),
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
    ("where a provider keeps state forgotten", keep_nearby, Rule.WRONG_PLACE, "endpoint eu: keeps state in DE+FR"),
    (
        "a provider believed by another name",
        of_endpoint("eu", tls={"serverName": "mal.example.com"}),
        Rule.WRONG_ADDRESS,
        "whoever shows a certificate of mal.example.com",
    ),
    ("a provider's model of another region", upstream, Rule.WRONG_ADDRESS, "is asked for us.large"),
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


# The way that data would take

PATHS: Final[list[tuple[str, Edit, tuple[str, ...], str | None]]] = [
    ("a flipped bit", flip, ("site fra1", "route shop/chat", "tenant shop/web", "peer iad1", "place US-VA"), "eu"),
    (
        "a peer in disguise",
        move_peer,
        ("site fra1", "route shop/chat", "tenant shop/", "peer nrt1", "place JP-12"),
        "eu",
    ),
    (
        "a region in disguise",
        move_region,
        (
            "site fra1",
            "route shop/chat",
            "tenant shop/",
            "provider acme, endpoint us (https://us.acme.example.com/v1)",
            "place US (Declared)",
        ),
        "eu",
    ),
    (
        "a flipped bit for an entry",
        flip_entry,
        ("site nrt1", "route shop/chat", "tenant shop/web", "comes in at its gateway", "place JP-12"),
        "eu",
    ),
    (
        "a flipped bit for a provider",
        flip_provider,
        ("site fra1", "route shop/chat", "tenant shop/web", "provider acme, endpoint us", "place US (Declared)"),
        "eu",
    ),
    (
        "a policy no longer binding past its age",
        unbind_home,
        ("site fra1", "route shop/chat", "tenant shop/", "engines shop/chat at fra1", "place DE-HE"),
        "eu",
    ),
]


@pytest.mark.parametrize(("edit", "path", "name"), [pytest.param(*rest, id=name) for name, *rest in PATHS])
def test_the_path_is_shown(world: World, edit: Edit, path: tuple[str, ...], name: str) -> None:
    report = world.verify(edit, sites=(path[0].removeprefix("site "),))
    paths = [(each.path, each.policy) for each in report.findings if each.rule is Rule.UNLAWFUL]
    assert any(policy == name and begins(shown, path) for shown, policy in paths), paths


def begins(shown: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """Each step that is wanted is shown, in this order."""
    left = iter(shown)
    return all(any(step.startswith(each) for step in left) for each in wanted)


def test_state_has_a_path_of_its_own(world: World) -> None:
    report = world.verify(wide_state)
    shown = [each for each in report.findings if each.rule is Rule.UNLAWFUL]
    assert {each.path[-2] for each in shown} == {"keeps state"}
    assert all("in scope State: policy eu forbids it (PlaceNotAllowed)" in each.message for each in shown)


# Objects beside the config


def of_kind(objects: list[Json], kind: str, name: str) -> list[Json]:
    return [each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name]


def on(kind: str, name: str, edit: Callable[[Json], object]) -> Objects:
    def change(objects: list[Json]) -> None:
        for each in of_kind(objects, kind, name):
            edit(each)

    return change


def drop(kind: str, name: str) -> Objects:
    def change(objects: list[Json]) -> None:
        for each in of_kind(objects, kind, name):
            objects.remove(each)

    return change


def egress(**rule: Any) -> Callable[[Json], object]:
    return lambda item: item["spec"].setdefault("egress", []).append(rule)


def ingress(**rule: Any) -> Callable[[Json], object]:
    return lambda item: item["spec"]["ingress"].append(rule)


def add(*items: Json) -> Objects:
    return lambda objects: objects.extend(items)


ANYWHERE = [{"ipBlock": {"cidr": "0.0.0.0/0"}}]
WIDER = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "theirs", "namespace": "isochrone-system"},
    "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": ANYWHERE}]},
}
GATEWAY, ENGINE = "isochrone-gateway", "chat-engine"
OBJECT: Final[list[tuple[str, Objects, Rule, str]]] = [
    (
        "a gateway's egress to any port",
        on("NetworkPolicy", GATEWAY, egress(to=ANYWHERE)),
        Rule.EGRESS_OPEN,
        "any address at any port",
    ),
    (
        "a gateway's egress to a strange port",
        on("NetworkPolicy", GATEWAY, egress(to=ANYWHERE, ports=[{"protocol": "TCP", "port": 8080}])),
        Rule.EGRESS_OPEN,
        "any address at port 8080",
    ),
    ("a gateway's egress to anybody", on("NetworkPolicy", GATEWAY, egress()), Rule.EGRESS_OPEN, "talk to anybody"),
    (
        "a gateway's egress to a network",
        on("NetworkPolicy", GATEWAY, egress(to=[{"ipBlock": {"cidr": "198.51.100.0/24"}}])),
        Rule.EGRESS_OPEN,
        "talk to 198.51.100.0/24",
    ),
    (
        "a gateway's egress to a namespace",
        on(
            "NetworkPolicy",
            GATEWAY,
            egress(to=[{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "x"}}}]),
        ),
        Rule.EGRESS_OPEN,
        "talk to the namespace x",
    ),
    (
        "a gateway's policy dropped",
        drop("NetworkPolicy", GATEWAY),
        Rule.EGRESS_OPEN,
        "no NetworkPolicy closes the egress",
    ),
    (
        "a gateway's policy for ingress alone",
        on("NetworkPolicy", GATEWAY, lambda item: item["spec"].update(policyTypes=["Ingress"])),
        Rule.EGRESS_OPEN,
        "no NetworkPolicy closes the egress",
    ),
    (
        "a gateway's policy for other pods",
        on("NetworkPolicy", GATEWAY, lambda item: item["spec"].update(podSelector={"matchLabels": {"a": "b"}})),
        Rule.EGRESS_OPEN,
        "no NetworkPolicy closes the egress",
    ),
    ("somebody else's policy beside it", add(WIDER), Rule.EGRESS_OPEN, "any address at any port"),
    (
        "an engine's egress to anywhere",
        on("NetworkPolicy", ENGINE, egress(to=ANYWHERE)),
        Rule.EGRESS_OPEN,
        "their weights need port 443 alone",
    ),
    ("an engine's egress to anybody", on("NetworkPolicy", ENGINE, egress()), Rule.EGRESS_OPEN, "talk to anybody"),
    (
        "an engine's egress to a network",
        on("NetworkPolicy", ENGINE, egress(to=[{"ipBlock": {"cidr": "192.0.2.0/24"}}])),
        Rule.EGRESS_OPEN,
        "talk to 192.0.2.0/24",
    ),
    ("an engine's policy dropped", drop("NetworkPolicy", ENGINE), Rule.EGRESS_OPEN, "egress of engines shop"),
    (
        "an engine open to anybody",
        on("NetworkPolicy", ENGINE, ingress()),
        Rule.INGRESS_OPEN,
        "lets anybody talk to engi",
    ),
    (
        "an engine open to a network",
        on("NetworkPolicy", ENGINE, ingress(**{"from": ANYWHERE})),
        Rule.INGRESS_OPEN,
        "lets 0.0.0.0/0 talk to engines shop/chat",
    ),
    (
        "an engine open to other pods",
        on("NetworkPolicy", ENGINE, ingress(**{"from": [{"podSelector": {}}]})),
        Rule.INGRESS_OPEN,
        "lets other pods talk to engines shop/chat",
    ),
    (
        "a Service of other sites' engines too",
        on("Service", ENGINE, lambda item: item["spec"]["selector"].pop("isochrone.dev/edge-node")),
        Rule.WRONG_ADDRESS,
        "selects pods of other sites as well",
    ),
    (
        "a Service out of the cluster",
        on("Service", ENGINE, lambda item: item["spec"].update(type="ExternalName")),
        Rule.WRONG_ADDRESS,
        "leads out of the cluster",
    ),
    ("a gateway's Deployment dropped", drop("Deployment", GATEWAY), Rule.EGRESS_OPEN, "so nothing holds it"),
]


@pytest.mark.parametrize(("edit", "rule", "says"), [pytest.param(*rest, id=name) for name, *rest in OBJECT])
def test_changed_objects_are_found(world: World, edit: Objects, rule: Rule, says: str) -> None:
    found = errors(world.verify(objects=edit))
    assert any(rule is each and says in text for each, text in found), found


def of_pod(**changes: Any) -> Callable[[Json], object]:
    return lambda item: item["spec"]["template"]["spec"].update(changes)


def run_another(item: Json) -> None:
    (container,) = item["spec"]["template"]["spec"]["containers"]
    container["args"] = [each.replace("gateway-fra1-config", "gateway-other") for each in container["args"]]


def run_as_well(item: Json) -> None:
    item["spec"]["template"]["spec"]["containers"][0]["args"].append("--config=/etc/mine")


@pytest.mark.parametrize(
    ("edit", "rule", "says"),
    [
        pytest.param(on("Deployment", GATEWAY, of_pod(nodeSelector={})), Rule.WRONG_PLACE, "lacks site", id="gateway"),
        pytest.param(
            on("Deployment", ENGINE, of_pod(nodeSelector={"site": "cdg1"})),
            Rule.WRONG_PLACE,
            "lacks site",
            id="engines",
        ),
        pytest.param(
            on("Deployment", ENGINE, of_pod(nodeName="cdg1-7")), Rule.WRONG_PLACE, "the node cdg1-7", id="one node"
        ),
        pytest.param(
            on("Deployment", GATEWAY, run_another),
            Rule.WRONG_ADDRESS,
            "isochrone-gateway-other, not",
            id="other config",
        ),
        pytest.param(on("Deployment", GATEWAY, run_as_well), Rule.WRONG_ADDRESS, "/etc/mine", id="config of a file"),
    ],
)
def test_pods_on_other_nodes_or_with_another_config(edit: Objects, rule: Rule, says: str) -> None:
    own_nodes = {"nodeSelector": {"site": "fra1"}}
    first = {**OBJECTS[0], "spec": {**OBJECTS[0]["spec"], **own_nodes}}
    world = rendered([first, *OBJECTS[1:]])
    assert world.verify().findings == ()

    def change(objects: list[Json]) -> None:
        """The gateway of this site has the site's name in its own."""
        for each in objects:
            if each["kind"] == "Deployment" and "fra1" in each["metadata"]["name"]:
                each["metadata"]["name"] = GATEWAY if "gateway" in each["metadata"]["name"] else ENGINE
                edit([each])

    found = errors(world.verify(objects=change))
    assert any(rule is each and says in text for each, text in found), found


def test_engines_that_are_gone_are_told_and_harm_nobody(world: World) -> None:
    report = world.verify(objects=drop("Service", ENGINE))
    assert report.holds
    assert len(report.findings) == 1
    assert "engine pool shop/chat has no engines among this site's objects" in report.findings[0].message


def test_engines_where_their_weights_may_not_be(world: World) -> None:
    """The bank's may stand in the EU only; here they are in Ashburn too."""

    def move(objects: list[Json]) -> None:
        for each in of_kind(objects, "Deployment", "chat-engine"):
            if each["metadata"]["labels"]["isochrone.dev/edge-node"] == "iad1":
                labels = {"isochrone.dev/model-route": "score", "isochrone.dev/route-namespace": "bank"}
                each["metadata"]["labels"] |= labels

    found = errors(world.verify(objects=move))
    assert any(rule is Rule.UNLAWFUL_ENGINES and "engines of bank/score stand in US-VA" in text for rule, text in found)


def test_one_address_may_be_the_api_servers(world: World) -> None:
    rule = egress(to=[{"ipBlock": {"cidr": "198.51.100.7/32"}}], ports=[{"protocol": "TCP", "port": 6443}])
    report = world.verify(objects=on("NetworkPolicy", GATEWAY, rule))
    assert report.holds
    assert {each.severity for each in report.findings} == {Severity.WARNING}
    assert all("unless it is the cluster's API server" in each.message for each in report.findings)


# What is stored


def is_shard(item: Json, kind: str = "") -> bool:
    return item["kind"] == "ConfigMap" and "binaryData" in item and item["metadata"]["name"].startswith(kind)


def shards(edit: Callable[[Json], object]) -> Objects:
    def change(objects: list[Json]) -> None:
        for each in [each for each in objects if is_shard(each, "law")]:
            edit(each)

    return change


def damage(item: Json) -> None:
    text = item["binaryData"]["shard"]
    item["binaryData"]["shard"] = text[:40] + ("A" if text[40] != "A" else "B") + text[41:]


def index(edit: Callable[[str], str]) -> Objects:
    def change(objects: list[Json]) -> None:
        for each in objects:
            if each["kind"] == "ConfigMap" and "index.json" in each.get("data", {}):
                each["data"]["index.json"] = edit(each["data"]["index.json"])

    return change


def lose_shards(objects: list[Json]) -> None:
    objects[:] = [each for each in objects if not is_shard(each, "law")]


def twice(objects: list[Json]) -> None:
    objects += [each for each in objects if "index.json" in (each.get("data") or {})]


def lose_index(objects: list[Json]) -> None:
    objects[:] = [each for each in objects if "index.json" not in (each.get("data") or {})]


STORED: Final[list[tuple[str, Objects, Rule, str]]] = [
    ("a byte of a shard", shards(damage), Rule.BROKEN_CONFIG, "has sha256"),
    (
        "a shard that is no base64",
        shards(lambda item: item["binaryData"].update(shard="?")),
        Rule.BROKEN_CONFIG,
        "base64",
    ),
    ("a shard missing", lose_shards, Rule.BROKEN_CONFIG, "is missing, so the config is incomplete"),
    (
        "an index changed",
        index(lambda text: text.replace('"sequence":1', '"sequence":2')),
        Rule.BROKEN_CONFIG,
        "checksum",
    ),
    ("an index that is no JSON", index(lambda _: "{"), Rule.BROKEN_CONFIG, "is not a JSON object"),
    ("two configs of one site", twice, Rule.BROKEN_CONFIG, "is a second config of the site"),
    ("no config at all", lose_index, Rule.MISSING_CONFIG, "there is no config of this site"),
]


@pytest.mark.parametrize(("edit", "rule", "says"), [pytest.param(*rest, id=name) for name, *rest in STORED])
def test_what_is_damaged_is_found(world: World, edit: Objects, rule: Rule, says: str) -> None:
    found = errors(world.verify(objects=edit))
    assert any(rule is each and says in text for each, text in found), found


KEY: Final = Ed25519PrivateKey.generate()


def trusted(key_id: str, message: bytes, signature: bytes) -> bool:
    return key_id == "hub" and KEY.sign(message) == signature


def test_a_config_that_nobody_signed_is_found(world: World) -> None:
    found = errors(world.verify(trusted=trusted))
    assert [(rule, "is not signed by a trusted key" in text) for rule, text in found] == [(Rule.NOT_SIGNED, True)] * 4


def test_a_signed_config_is_proved(world: World) -> None:
    report = world.verify(lambda _: None, signers=[Signer(key_id="hub", sign=KEY.sign)], trusted=trusted)
    assert errors(report) == []
    assert {each.signed_by for each in report.sites} == {("hub",)}


# What is declared, when the configs stay as they were

CHANGED: Final = [
    ("a site gone", [each for each in OBJECTS if each["metadata"]["name"] != "nrt1"], Rule.NOT_DECLARED, "nrt1"),
    ("a site more", [*OBJECTS, site("gru1", "GRU")], Rule.MISSING_CONFIG, "no config of this site"),
    ("a policy more", [*OBJECTS, policy("new", ["FR"])], Rule.WRONG_LAW, "the law lacks the policy new"),
    ("a policy gone", [each for each in OBJECTS if each["metadata"]["name"] != "eu"], None, ""),
    (
        "a site elsewhere",
        [*OBJECTS[1:], obj("EdgeNode", "fra1", {**OBJECTS[0]["spec"], "place": {"iata": "JFK"}})],
        Rule.WRONG_PLACE,
        "the site is in DE-HE",
    ),
]


@pytest.mark.parametrize(("objects", "rule", "says"), [pytest.param(*rest, id=name) for name, *rest in CHANGED])
def test_configs_of_other_manifests_are_found(world: World, objects: list[Json], rule: Rule | None, says: str) -> None:
    changed = dataclasses.replace(world, declared=rendered(objects).declared)
    report = changed.verify()
    if rule is None:
        assert errors(report) == [], "what is stricter than the law keeps it"
        assert any("has a policy eu, which nobody declared" in each.message for each in report.findings)
    else:
        assert any(rule is each and says in text for each, text in errors(report)), errors(report)


def test_what_nobody_changed_is_proved(world: World, strict: World) -> None:
    for each in (world, strict):
        report = each.verify()
        assert report.findings == ()
        assert report.holds
        assert report.combinations > 500
