"""Who is behind the Services by which gateways and engines are found."""

import dataclasses
from typing import Any, Final

import pytest
from tests.unit.verify.by_hand import Json, config, edge, read, site

from isochrone.api import EdgeNode
from isochrone.render.names import cut, gateway_name
from isochrone.verify import Rule, services
from isochrone.verify.declared import Site
from isochrone.verify.gathered import Found

HUBS: Final = read().sites["fra1"]
REMOTE: Final = read([edge("fra1", "DE-HE", cluster={"type": "Remote"})]).sites["fra1"]
NODES: Final = read([edge("fra1", "DE-HE", cluster={"type": "Remote"}, nodeSelector={"site": "fra1"})]).sites["fra1"]
SYSTEM: Final = "isochrone-system"
COMPONENT: Final = "app.kubernetes.io/component"
EDGE_NODE: Final = "isochrone.dev/edge-node"
GATEWAYS: Final = {COMPONENT: "gateway", EDGE_NODE: "fra1"}
OURS: Final = "isochrone-gateway-fra1"


def service(name: str = OURS, namespace: str | None = SYSTEM, labels: Json | None = None, **spec: Any) -> Found:
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return Found({"kind": "Service", "metadata": metadata, "spec": spec}, f"{name}.yaml")


def maker(labels: Json, namespace: str = SYSTEM, *, own: Json | None = None, kind: str = "Deployment") -> Found:
    metadata = {"name": "it", "namespace": namespace, "labels": own or {}}
    return Found(
        {"kind": kind, "metadata": metadata, "spec": {"template": {"metadata": {"labels": labels}}}}, "it.yaml"
    )


def piece(name: str, namespace: str = SYSTEM) -> Found:
    metadata = {"name": "mine", "namespace": namespace, "labels": {"kubernetes.io/service-name": name}}
    item = {"kind": "EndpointSlice", "metadata": metadata, "endpoints": [{"addresses": ["203.0.113.9"]}]}
    return Found(item, "slice.yaml")


def told(
    *objects: Found, known: Site = HUBS, others: tuple[Found, ...] = (), elsewhere: tuple[Found, ...] = ()
) -> list[tuple[str, str]]:
    """`others` are in the cluster, but don't carry the site's label."""
    names = services.Names([*others, *objects, *elsewhere])
    found = list(services.findings(known, site(config()), objects, names, elsewhere=elsewhere))
    assert {(each.rule, each.site) for each in found} <= {(Rule.WRONG_ADDRESS, "fra1")}
    return [(each.where, each.message) for each in found]


def led(why: str, name: str = OURS, namespace: str = SYSTEM) -> list[tuple[str, str]]:
    return [(f"{name}.yaml", f"the gateway is found by the Service {namespace}/{name}, which {why}")]


# The gateway's


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        pytest.param({"selector": GATEWAYS}, None, id="its pods"),
        pytest.param({"selector": {**GATEWAYS, "a": "b"}, "externalIPs": []}, None, id="some of its pods"),
        pytest.param(
            {"selector": {"app": "evil"}}, "selects app=evil, not pods of the gateway of fra1 alone", id="evil"
        ),
        pytest.param(
            {"selector": {EDGE_NODE: "iad1", COMPONENT: "gateway"}},
            f"selects {COMPONENT}=gateway,{EDGE_NODE}=iad1, not pods of the gateway of fra1 alone",
            id="another site's",
        ),
        pytest.param(
            {"selector": {COMPONENT: "gateway"}},
            f"selects {COMPONENT}=gateway, not pods of the gateway of fra1 alone",
            id="any site's",
        ),
        pytest.param(
            {"selector": {EDGE_NODE: "fra1"}},
            f"selects {EDGE_NODE}=fra1, not pods of the gateway of fra1 alone",
            id="engines, too",
        ),
        pytest.param({}, "selects no pods: whoever writes its EndpointSlices says where it leads", id="none"),
        pytest.param(
            {"selector": None}, "selects no pods: whoever writes its EndpointSlices says where it leads", id="null"
        ),
        pytest.param(
            {"type": "ExternalName", "externalName": "gw.example.us", "selector": GATEWAYS},
            "leads to gw.example.us, out of the cluster",
            id="a name",
        ),
        pytest.param(
            {"type": "ExternalName"},
            "leads to a name that it does not say, out of the cluster",
            id="a name that isn't said",
        ),
        pytest.param(
            {"selector": GATEWAYS, "externalIPs": ["203.0.113.9", "203.0.113.10"]},
            "takes what is sent to 203.0.113.9, 203.0.113.10, which nothing declared names",
            id="addresses of others",
        ),
    ],
)
def test_where_a_gateways_service_leads(spec: Json, why: str | None) -> None:
    """Whether it is known by its name, its label, or both: it is told of once."""
    expected = led(why) if why else []
    labelled = service(labels=GATEWAYS, **spec)
    assert told(labelled) == expected
    assert told(others=(service(**spec),)) == expected
    assert told(service("web", "demo", GATEWAYS, **spec)) == (led(why, "web", "demo") if why else [])


def test_a_service_that_says_nothing_selects_nobody() -> None:
    item = {name: value for name, value in service().item.items() if name != "spec"}
    given = Found(item, f"{OURS}.yaml")
    assert told(others=(given,)) == led("selects no pods: whoever writes its EndpointSlices says where it leads")


@pytest.mark.parametrize(
    ("known", "name", "is_its"),
    [
        pytest.param(HUBS, OURS, True, id="the hub's"),
        pytest.param(HUBS, f"{OURS}-peer", True, id="the hub's, for peers"),
        pytest.param(HUBS, "isochrone-gateway", False, id="the hub's has the site's name"),
        pytest.param(HUBS, "isochrone-gateway-iad1", False, id="another site's"),
        pytest.param(NODES, OURS, True, id="on its nodes"),
        pytest.param(NODES, "isochrone-gateway", False, id="on its nodes, it has the site's name"),
        pytest.param(REMOTE, "isochrone-gateway", True, id="of a cluster of its own"),
        pytest.param(REMOTE, "isochrone-gateway-peer", True, id="of a cluster of its own, for peers"),
        pytest.param(REMOTE, OURS, False, id="of a cluster of its own, it has no site's name"),
    ],
)
def test_which_services_are_a_gateways_by_name(known: Site, name: str, *, is_its: bool) -> None:
    evil = {"app": "evil"}
    expected = led("selects app=evil, not pods of the gateway of fra1 alone", name) if is_its else []
    assert told(others=(service(name, selector=evil),), known=known) == expected
    assert told(others=(service(name, "demo", selector=evil),), known=known) == []
    slices = [("slice.yaml", f"203.0.113.9 are behind the Service {SYSTEM}/{name}, by which the gateway is found")]
    assert told(others=(piece(name),), known=known) == (slices if is_its else [])
    assert told(others=(piece(name, "demo"),), known=known) == []


@pytest.mark.parametrize("name", [f"{'a' * length}-b" for length in (38, 43, 44, 46)] + [f"{'a' * 35}-{'b' * 12}"])
@pytest.mark.parametrize("known", [HUBS, REMOTE, NODES])
def test_names_are_those_that_are_rendered(known: Site, name: str) -> None:
    cluster = {"type": "Local" if known is HUBS else "Remote"}
    nodes = {"nodeSelector": dict(known.nodes)} if known.nodes else {}
    delivery = {} if known is HUBS else {"delivery": "Pull"}
    raw = edge(name, "DE-HE", cluster=cluster, **nodes, **delivery)
    raw["spec"]["place"]["coordinates"] = {"latitude": "1.0", "longitude": "1.0"}
    made = EdgeNode.model_validate(raw)
    known = dataclasses.replace(known, name=made.metadata.name)
    assert services.rendered(known)[0] == (SYSTEM, gateway_name(made))
    evil = service(cut(f"{gateway_name(made)}-peer"), selector={"app": "evil"})
    assert len(told(others=(evil,), known=known)) == 1


@pytest.mark.parametrize(
    ("labels", "home", "is_its"),
    [
        pytest.param({**GATEWAYS, "app": "gw"}, SYSTEM, True, id="its pods"),
        pytest.param({**GATEWAYS, "app": "x"}, SYSTEM, False, id="other pods of its"),
        pytest.param({**GATEWAYS, "app": "gw"}, "demo", False, id="in another namespace"),
        pytest.param({COMPONENT: "web", "app": "gw"}, SYSTEM, False, id="other pods"),
    ],
)
def test_whoever_selects_a_gateways_pods_is_its_service(labels: Json, home: str, *, is_its: bool) -> None:
    expected = led("selects app=gw, not pods of the gateway of fra1 alone", "mine") if is_its else []
    for given in (service("mine", selector={"app": "gw"}), service("mine", labels={"a": "b"}, selector={"app": "gw"})):
        assert told(maker(labels, home), others=(given,)) == expected
    slices = told(maker(labels, home), others=(service("mine", selector={"app": "gw"}), piece("mine")))[len(expected) :]
    text = f"203.0.113.9 are behind the Service {SYSTEM}/mine, by which the gateway is found"
    assert slices == ([("slice.yaml", text)] if is_its else [])


def test_whoever_asks_for_the_sites_pods_selects_them_too() -> None:
    given = service("mine", selector={EDGE_NODE: "fra1"})
    why = f"selects {EDGE_NODE}=fra1, not pods of the gateway of fra1 alone"
    assert told(maker(GATEWAYS), others=(given,)) == led(why, "mine")
    assert told(maker(GATEWAYS), others=(service("mine", selector={EDGE_NODE: "iad1"}),)) == []
    assert told(maker(GATEWAYS), others=(service("mine", selector=GATEWAYS), service("other"))) == []


def test_what_carries_the_sites_label_in_other_folders_counts() -> None:
    labelled = service("web", "demo", GATEWAYS, selector={"app": "evil"})
    why = "selects app=evil, not pods of the gateway of fra1 alone"
    assert told(elsewhere=(labelled,), known=NODES) == led(why, "web", "demo")
    assert told(service("web", "demo", {**GATEWAYS, COMPONENT: "route"}, selector={"app": "evil"})) == []


# Those of engines

POD: Final = {COMPONENT: "engine", "isochrone.dev/model-route": "chat", "more": "x"}
POOL: Final = {**POD, "isochrone.dev/route-namespace": "shop"}
CHAT: Final = {"isochrone.dev/model-route": "chat", EDGE_NODE: "fra1"}
ENGINES: Final = service("chat-engine", "shop", {EDGE_NODE: "fra1"}, selector=CHAT)
STRANGE: Final = [("it.yaml", "pods are behind the Service shop/chat-engine, but aren't engines of shop/chat")]
FOUND: Final = "engines of shop/chat are found by the Service shop/chat-engine, which"


@pytest.mark.parametrize(
    ("own", "pods_own", "expected"),
    [
        pytest.param({}, {**POOL, **CHAT}, [], id="its engines, by their pods alone"),
        pytest.param(POOL, {**POOL, **CHAT, "b": "c"}, [], id="its engines, with one label more"),
        pytest.param({}, CHAT, STRANGE, id="other pods"),
        pytest.param({}, {**POD, **CHAT}, STRANGE, id="engines of another route"),
        pytest.param({}, {**CHAT, EDGE_NODE: "iad1"}, [], id="pods that it doesn't select"),
        pytest.param(
            {**POOL, **CHAT}, {**CHAT, "isochrone.dev/model-route": "x"}, [], id="pods of which it selects the maker"
        ),
        pytest.param({}, {**POOL, **CHAT, COMPONENT: "web"}, STRANGE, id="no engines"),
    ],
)
def test_who_is_behind_the_service_of_engines(own: Json, pods_own: Json, expected: list[tuple[str, str]]) -> None:
    given = maker(pods_own, "shop", own=own)
    assert told(given, ENGINES) == told(ENGINES, given) == expected
    assert told(ENGINES, elsewhere=(given,), known=NODES) == expected
    assert told(maker(pods_own, "web", own=own), ENGINES) == []
    assert told(maker(pods_own, "shop", own=own, kind="Other"), ENGINES) == []
    assert told(given) == []


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param({"pod-template-hash": "5d4f"}, STRANGE, id="that pods get later"),
        pytest.param({"mine": "5d4f"}, [], id="that they lack"),
        pytest.param({"reserved.mine": "5d4f"}, [], id="that Cilium alone would take for its own"),
    ],
)
def test_a_service_of_engines_that_asks_for_labels(asked: Json, expected: list[tuple[str, str]]) -> None:
    behind = {"isochrone.dev/edge-node": "fra1"}
    found = service("chat-engine", "shop", selector={**behind, **asked})
    assert told(maker(behind, "shop"), found) == expected


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(Found({**ENGINES.item, "kind": "Other"}, "x"), id="another kind of its name"),
        pytest.param(Found({**ENGINES.item, "spec": None}, "x"), id="a Service that says nothing"),
        pytest.param(Found({**ENGINES.item, "spec": {}}, "x"), id="a Service without a selector"),
        pytest.param(Found({**ENGINES.item, "spec": {"selector": {}}}, "x"), id="a Service with an empty one"),
        pytest.param(service("web", "shop", selector=CHAT), id="a Service by which nobody is found"),
        pytest.param(service("chat-engine", "web", selector=CHAT), id="a Service of another namespace"),
        pytest.param(service("chat-engine", None, selector=CHAT), id="a Service of no namespace"),
    ],
)
def test_behind_other_services_may_be_whoever_is(given: Found) -> None:
    assert told(given, maker(CHAT, "shop")) == []


def test_a_service_of_engines_that_is_in_another_folder() -> None:
    """Where the site's own lead is told beside its config."""
    name: Json = {"type": "ExternalName", "externalName": "evil.us"}
    assert told(service("chat-engine", "shop", **name)) == []
    expected = [("chat-engine.yaml", f"{FOUND} leads to evil.us, out of the cluster")]
    assert told(ENGINES, others=(service("chat-engine", "shop", **name),), known=NODES) == expected
    assert told(ENGINES, elsewhere=(service("chat-engine", "shop", CHAT, **name),), known=NODES) == expected
    assert told(ENGINES, others=(service("chat-engine", "shop", selector=CHAT),), known=NODES) == []
    text = f"{FOUND} selects app=evil, not pods of fra1 alone"
    evil = service("chat-engine", "shop", selector={"app": "evil"})
    assert told(ENGINES, others=(evil,), known=NODES) == [("chat-engine.yaml", text)]


def test_addresses_behind_the_service_of_engines() -> None:
    text = "203.0.113.9 are behind the Service shop/chat-engine, by which engines of shop/chat are found"
    assert told(ENGINES, others=(piece("chat-engine", "shop"),)) == [("slice.yaml", text)]
    assert told(ENGINES, others=(piece("chat-engine", "web"), piece("web", "shop"))) == []
