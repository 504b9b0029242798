"""What policies of a cluster let pods talk to, object by object: each that is wider than need be is told."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

import pytest
from tests.unit.verify.by_hand import OBJECTS, Json, config, edge, read, site
from tests.unit.verify.installation import obj, route

from isochrone.verify import Egress, Rule, Severity
from isochrone.verify.declared import Declared
from isochrone.verify.egress import Held, Pods, Remote, of_engines, of_gateway, remote_of, remotes
from isochrone.verify.finding import Finding
from isochrone.verify.gathered import Found

ERROR, WARNING = Severity.ERROR, Severity.WARNING
HOME: Final = "isochrone-system"
OURS: Final = {"app.kubernetes.io/component": "gateway", "isochrone.dev/edge-node": "fra1"}
ENGINES: Final = {
    "app.kubernetes.io/component": "engine",
    "isochrone.dev/edge-node": "fra1",
    "isochrone.dev/model-route": "chat",
    "isochrone.dev/route-namespace": "shop",
}
ANYWHERE: Final = [{"ipBlock": {"cidr": "0.0.0.0/0"}}]


def found(kind: str, name: str, namespace: str = HOME, **fields: Any) -> Found:
    labels = {"labels": fields.pop("labels")} if "labels" in fields else {}
    home = {"namespace": namespace} if namespace else {}
    return Found({"kind": kind, "metadata": {"name": name, **home, **labels}, **fields}, f"{kind} {name}")


def workload(name: str, labels: Json, namespace: str = HOME, kind: str = "Deployment") -> Found:
    spec = {"template": {"metadata": {"labels": labels}}}
    return found(kind, name, namespace, labels=labels, spec=spec)


GATEWAY: Final = workload("gateway", OURS)
ENGINE: Final = workload("chat", ENGINES, "shop")


def allow(*rules: Json, name: str = "p", namespace: str = HOME, direction: str = "egress", **spec: Any) -> Found:
    both = {"policyTypes": ["Ingress", "Egress"]} if "policyTypes" not in spec else {}
    return found("NetworkPolicy", name, namespace, spec={"podSelector": {}, **both, direction: list(rules), **spec})


def to(cidr: str, *ports: Any) -> Json:
    return {"to": [{"ipBlock": {"cidr": cidr}}], **ports_of(*ports)}


def ports_of(*ports: Any) -> Json:
    return {"ports": [{"protocol": "TCP", "port": each} for each in ports]} if ports else {}


def peer(*ports: Any, namespace: str | None = None, **labels: str) -> Json:
    """Pods with these labels, by the last word of each; of the policy's namespace, another, or with "" of any."""
    full = {"component": "app.kubernetes.io/component", "site": "isochrone.dev/edge-node", "dns": "k8s-app"}
    named = {"matchLabels": {"kubernetes.io/metadata.name": namespace}} if namespace else {}
    home = {} if namespace is None else {"namespaceSelector": named}
    chosen = {"podSelector": {"matchLabels": {full[key]: value for key, value in labels.items()}}} if labels else {}
    return {"to": [{**home, **chosen}], **ports_of(*ports)}


def gateway(*objects: Found, known: Declared | None = None) -> tuple[Held, list[tuple[str, Severity]]]:
    held, told = of_gateway(known or read(), site(config()), [GATEWAY, *objects])
    assert {(each.rule, each.site) for each in told} <= {(Rule.EGRESS_OPEN, "fra1")}
    return held, [(each.message, each.severity) for each in told]


# Whom a gateway has a reason to call


@pytest.mark.parametrize(
    ("url", "remote"),
    [
        ("https://ai.example.com/v1", Remote("ai.example.com", 443)),
        ("http://ai.example.com", Remote("ai.example.com", 80)),
        ("https://ai.example.com:8443/v1", Remote("ai.example.com", 8443)),
        ("https://[2001:db8::7]:8443/v1", Remote("2001:db8::7", 8443)),
        ("https://[2001:db8::7]", Remote("2001:db8::7", 443)),
    ],
)
def test_the_host_and_port_of_a_base_url(url: str, remote: Remote) -> None:
    assert remote_of(url) == remote


def test_what_is_no_base_url_is_said_so() -> None:
    with pytest.raises(ValueError, match="ftp://x is no base URL"):
        remote_of("ftp://x")


@pytest.mark.parametrize(
    ("host", "network"),
    [("198.51.100.7", "198.51.100.7/32"), ("2001:db8::7", "2001:db8::7/128"), ("ai.example.com", None)],
)
def test_the_network_of_a_host(host: str, network: str | None) -> None:
    assert Remote(host, 443).network == network


def test_peers_that_advertise_and_endpoints_of_providers_may_be_called() -> None:
    quiet = edge("quiet", "DE")
    del quiet["spec"]["gateway"]["advertise"]
    known = read([edge("off", "DE", state="Disabled"), quiet, edge("par1", "FR")])
    made = config()
    made["providers"].append({**made["providers"][0], "name": "ghost"})
    assert remotes(known, site(made)) == [
        Remote("iad1.example.com", 8443),
        Remote("par1.example.com", 8443),
        Remote("eu.example.com", 443),
        Remote("us.example.com", 443),
    ]


BUCKET: Final = {"endpoint": "https://s3.example.com", "bucket": "acme", "place": 0, "accessKey": "a", "secretKey": "s"}
STORE: Final = Remote("s3.example.com", 443)


@pytest.mark.parametrize(
    ("is_declared", "evidence", "may_be_called"),
    [
        pytest.param(True, {"objects": BUCKET}, True, id="declared, and in the config"),
        pytest.param(True, {}, False, id="evidence is kept, and not copied"),
        pytest.param(True, None, False, id="no evidence is kept"),
        pytest.param(False, {"objects": BUCKET}, False, id="nobody declared it"),
    ],
)
def test_the_store_of_copies_may_be_called(is_declared: bool, evidence: Json | None, may_be_called: bool) -> None:
    made = config()
    made["site"] |= {} if evidence is None else {"evidence": evidence}
    said = {"endpoint": "https://s3.example.com", "bucket": "acme", "secretName": "keys", "jurisdiction": "DE-HE"}
    keeping = {"gateway": {"evidence": {"objectStorage": said}}} if is_declared else {}
    assert (STORE in remotes(read([edge("fra1", "DE-HE", **keeping)]), site(made))) is may_be_called


# How a gateway is held


def test_a_gateway_that_nobody_gave_isn_t_held() -> None:
    held, told = of_gateway(read(), site(config()), [ENGINE, allow()])
    assert held == Held(level=Egress.NONE, detail="no Deployment or StatefulSet of the gateway was given")
    (each,) = told
    assert each == Finding(
        rule=Rule.EGRESS_OPEN,
        site="fra1",
        where="config of fra1",
        message="no Deployment or StatefulSet of the gateway was given, so nothing holds it",
    )


OPEN: Final = [("no NetworkPolicy closes the egress of the gateway's pods", ERROR)]
CILIUM: Final = {"toFQDNs": [{"matchName": "us.example.com"}], "toPorts": [{"ports": [{"port": "443"}]}]}
GKE: Final = {"matches": [{"name": "us.example.com"}], "ports": [{"port": 443}]}


def cilium(*rules: Json, **spec: Any) -> Found:
    return found("CiliumNetworkPolicy", "c", spec={"endpointSelector": {}, "egress": list(rules), **spec})


def gke(*rules: Json) -> Found:
    return found("FQDNNetworkPolicy", "f", spec={"podSelector": {}, "egress": list(rules)})


def selecting(**selector: Any) -> Found:
    return allow(podSelector=selector)


@pytest.mark.parametrize(
    ("objects", "level", "detail"),
    [
        pytest.param([], Egress.NONE, "no policy", id="no policy"),
        pytest.param([allow(namespace="shop")], Egress.NONE, "no policy", id="one of another namespace"),
        pytest.param([allow(policyTypes=["Ingress"])], Egress.NONE, "no policy", id="one for ingress alone"),
        pytest.param([allow(policyTypes=[])], Egress.NONE, "no policy", id="one that has no rules of egress"),
        pytest.param([selecting(matchLabels={"a": "b"})], Egress.NONE, "no policy", id="one of other pods"),
        pytest.param(
            [selecting(matchExpressions=[{"key": "a", "operator": "Exists"}])], Egress.NONE, "no policy", id="of others"
        ),
        pytest.param([gke(GKE)], Egress.NONE, "no policy", id="by name, which only opens"),
        pytest.param(
            [cilium(CILIUM, endpointSelector={"matchLabels": {"a": "b"}})],
            Egress.NONE,
            "no policy",
            id="by name, others",
        ),
        *(
            pytest.param(
                [cilium(CILIUM, endpointSelector={"matchExpressions": [{"key": key, "operator": "Exists"}]})],
                Egress.BY_NAME,
                "1 hosts by CiliumNetworkPolicy",
                id=f"by name, of these pods by {key}",
            )
            for key in ("k8s:isochrone.dev/edge-node", "any:isochrone.dev/edge-node", "isochrone.dev/edge-node")
        ),
        pytest.param(
            [allow(), found("CiliumNetworkPolicy", "c", spec={"endpointSelector": {}})],
            Egress.BY_ADDRESS,
            "addresses and pods alone",
            id="by name, of nothing",
        ),
        pytest.param([cilium()], Egress.NONE, "no policy", id="by name, without rules"),
        pytest.param(
            [cilium(CILIUM, enableDefaultDeny={"egress": False})], Egress.NONE, "no policy", id="by name, only opening"
        ),
        pytest.param(
            [cilium(CILIUM, enableDefaultDeny={"ingress": False})],
            Egress.BY_NAME,
            "1 hosts by CiliumNetworkPolicy",
            id="by name, only opening ingress",
        ),
        pytest.param([cilium(CILIUM)._replace(only_opens=True)], Egress.NONE, "no policy", id="by name, elsewhere"),
        pytest.param([allow()._replace(only_opens=True)], Egress.NONE, "no policy", id="elsewhere"),
        pytest.param(
            [selecting(matchExpressions=[{"key": "pod-template-hash", "operator": "DoesNotExist"}])],
            Egress.NONE,
            "no policy",
            id="maybe of these pods",
        ),
        pytest.param(
            [cilium(CILIUM, endpointSelector={"matchLabels": {"io.cilium.k8s.policy.serviceaccount": "x"}})],
            Egress.NONE,
            "no policy",
            id="by name, maybe of these pods",
        ),
        pytest.param(
            [allow(), selecting(matchExpressions=[{"key": "pod-template-hash", "operator": "Exists"}])],
            Egress.BY_ADDRESS,
            "addresses and pods alone",
            id="maybe of these pods, beside one that is",
        ),
        pytest.param([allow()], Egress.BY_ADDRESS, "addresses and pods alone", id="nobody at all"),
        pytest.param(
            [allow(peer(53), policyTypes=[])], Egress.BY_ADDRESS, "addresses and pods alone", id="rules of egress"
        ),
        pytest.param([selecting(matchLabels=OURS)], Egress.BY_ADDRESS, "addresses and pods alone", id="of these pods"),
        pytest.param(
            [
                selecting(
                    matchExpressions=[{"key": "isochrone.dev/edge-node", "operator": "In", "values": ["fra1", "x"]}]
                )
            ],
            Egress.BY_ADDRESS,
            "addresses and pods alone",
            id="of these pods by an expression",
        ),
        pytest.param([cilium(CILIUM)], Egress.BY_NAME, "1 hosts by CiliumNetworkPolicy", id="by name"),
        pytest.param(
            [cilium(CILIUM, endpointSelector={"matchLabels": {f"k8s:{key}": value for key, value in OURS.items()}})],
            Egress.BY_NAME,
            "1 hosts by CiliumNetworkPolicy",
            id="by name, of these pods",
        ),
        pytest.param(
            [allow(), gke(GKE, {"matches": [{"name": "eu.example.com"}]}, GKE)],
            Egress.BY_NAME,
            "2 hosts by FQDNNetworkPolicy",
            id="by name and by address",
        ),
        pytest.param([allow(to("0.0.0.0/0", 443, 8443))], Egress.BY_PORT, "port 443, 8443", id="any address"),
        pytest.param([allow(to("::/0", 443), to("0.0.0.0/0", 443))], Egress.BY_PORT, "port 443", id="at one port"),
        pytest.param([allow(to("0.0.0.0/0", 8080, 443))], Egress.BY_PORT, "port 443, 8080", id="ports in order"),
        pytest.param([allow(ports_of(443))], Egress.BY_PORT, "port 443", id="a rule that names nobody"),
        pytest.param(
            [cilium(CILIUM), gke(GKE)], Egress.BY_NAME, "1 hosts by CiliumNetworkPolicy", id="by name, in two ways"
        ),
        pytest.param([allow(to("0.0.0.0/0", 443)), cilium(CILIUM)], Egress.BY_PORT, "port 443", id="the widest counts"),
        pytest.param([allow(to("0.0.0.0/0"))], Egress.BY_PORT, "all ports", id="any port"),
        pytest.param(
            [allow(to("0.0.0.0/0", 443), to("0.0.0.0/0"))], Egress.BY_PORT, "all ports", id="any port beside one"
        ),
    ],
)
def test_how_a_gateway_is_held(objects: list[Found], level: Egress, detail: str) -> None:
    held, told = gateway(*objects)
    assert held == Held(level=level, detail=detail)
    assert (told == OPEN) is (level is Egress.NONE)


def test_no_policy_holds_a_gateway_on_the_network_of_its_node() -> None:
    on_node = found("Deployment", "gateway", labels=OURS, spec={"template": {"spec": {"hostNetwork": True}}})
    held, _ = of_gateway(read(), site(config()), [on_node, allow()])
    assert held == Held(level=Egress.NONE, detail="on its node's network")


@pytest.mark.parametrize(
    ("others", "level"),
    [
        pytest.param([], Egress.BY_ADDRESS, id="none"),
        pytest.param([to("0.0.0.0/0", 443)], Egress.BY_PORT, id="one that is held by port"),
        pytest.param([to("0.0.0.0/0", 443), None], Egress.NONE, id="and one that nothing holds"),
    ],
)
def test_of_several_gateways_the_widest_counts(others: list[Json | None], level: Egress) -> None:
    objects = [GATEWAY, selecting(matchLabels={"n": "0"}), allow(podSelector={"matchLabels": OURS}, name="all")]
    for number, rule in enumerate(others, start=1):
        own = {"n": str(number), "app.kubernetes.io/component": "gateway"}
        objects += [workload(f"other{number}", own)]
        objects += [allow(rule, podSelector={"matchLabels": own})] if rule else []
    for order in (objects, objects[::-1]):
        held, told = of_gateway(read(), site(config()), order)
        assert held.level is level
        assert [each.where for each in told] == (["Deployment other2"] if level is Egress.NONE else [])


def test_what_several_gateways_share_is_told_once() -> None:
    _, told = of_gateway(read(), site(config()), [GATEWAY, workload("other", OURS), allow({})])
    assert [each.where for each in told] == ["NetworkPolicy p"]


def test_where_it_is_said_that_nothing_holds_a_gateway() -> None:
    _, (each,) = of_gateway(read(), site(config()), [GATEWAY])
    assert each.where == "Deployment gateway"


@pytest.mark.parametrize(
    "fields", [{}, {"spec": {}}, {"spec": {"template": {}}}, {"spec": {"template": {"metadata": {}}}}]
)
def test_pods_of_which_nothing_is_said_have_no_labels(fields: Json) -> None:
    bare = found("Deployment", "gateway", labels=OURS, **fields)
    for policy, level in ((selecting(matchLabels=OURS), Egress.NONE), (allow(), Egress.BY_ADDRESS)):
        held, _ = of_gateway(read(), site(config()), [bare, policy])
        assert held.level is level


def test_a_gateway_of_no_namespace_is_in_the_default_one() -> None:
    bare = workload("gateway", OURS, "")
    for home in ("", "default"):
        held, _ = of_gateway(read(), site(config()), [bare, allow(namespace=home)])
        assert held.level is Egress.BY_ADDRESS


def at(cidr: str) -> str:
    return f"a rule lets the gateway talk to {cidr}, where nobody is whom it calls"


def wide(ports: str) -> str:
    return f"a rule lets the gateway talk to any address at {ports}, where it calls nobody"


API: Final = "198.51.100.7/32"
MAYBE: Final = (f"{at(API)}, unless it is the cluster's API server", WARNING)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        pytest.param({}, [("a rule lets the gateway talk to anybody", ERROR)], id="anybody"),
        pytest.param(ports_of(443), [("a rule lets the gateway talk to anybody", ERROR)], id="anybody at a port"),
        pytest.param(to("0.0.0.0/0", 443), [], id="the port of a provider"),
        pytest.param(to("0.0.0.0/0", 8443), [], id="the port of a peer"),
        pytest.param(to("0.0.0.0/0", 6443), [], id="the port of an API server"),
        pytest.param(to("0.0.0.0/0", 53, 443), [(wide("port 53"), ERROR)], id="the port of resolvers, too"),
        pytest.param(to("0.0.0.0/0", "443"), [], id="a port as text"),
        pytest.param(to("0.0.0.0/0", 443, 80, 79), [(wide("port 79, 80"), ERROR)], id="other ports, too"),
        pytest.param(to("0.0.0.0/0"), [(wide("any port"), ERROR)], id="all ports"),
        pytest.param(to("0.0.0.0/0", 443, "any"), [(wide("any port"), ERROR)], id="a port by its name"),
        pytest.param(to("0.0.0.0/0", "any", 53), [(wide("any port"), ERROR)], id="resolvers' port, and one by name"),
        pytest.param(
            {"to": ANYWHERE, "ports": [{"port": 443, "endPort": 9000}]}, [(wide("any port"), ERROR)], id="many ports"
        ),
        pytest.param(
            {"to": ANYWHERE, "ports": [{"port": 443, "endPort": 9000}, {"port": 6443}]},
            [(wide("any port"), ERROR)],
            id="many ports, and one",
        ),
        pytest.param({"to": ANYWHERE, "ports": [{"protocol": "UDP"}]}, [(wide("any port"), ERROR)], id="a protocol"),
        pytest.param(to("198.51.100.7/0", 79), [(wide("port 79"), ERROR)], id="any address, by one of them"),
        pytest.param(to("198.51.100.7/24", 443), [(at("198.51.100.7/24"), ERROR)], id="a network by one address of it"),
        pytest.param(to("::/0", 79), [(wide("port 79"), ERROR)], id="any address of version 6"),
        pytest.param(to("203.0.113.5/32", 443), [], id="the address of a provider"),
        pytest.param(to("198.51.100.0/24", 443), [(at("198.51.100.0/24"), ERROR)], id="a network"),
        pytest.param(to("198.51.100.0/24"), [(at("198.51.100.0/24"), ERROR)], id="a network at all ports"),
        pytest.param(to(API, 6443), [MAYBE], id="one address, maybe the API server's"),
        pytest.param(to(API, 443, 6443), [MAYBE], id="one address at two ports"),
        pytest.param(to(API, 443, 6443, 80), [(at(API), ERROR)], id="one address at a third port"),
        pytest.param(to(API, 22), [(at(API), ERROR)], id="one address at a port of no API server"),
        pytest.param(
            to("10.0.0.1/32", 16443),
            [(f"{at('10.0.0.1/32')}, unless it is the cluster's API server", WARNING)],
            id="one address of one's own at any port",
        ),
        pytest.param(to("10.0.0.1/32", 16443, 22), [(at("10.0.0.1/32"), ERROR)], id="and at two of them"),
        pytest.param(to(API), [(at(API), ERROR)], id="one address at all ports"),
        pytest.param(to("198.51.100.6/31", 443), [(at("198.51.100.6/31"), ERROR)], id="two addresses"),
        pytest.param(peer(8000, namespace="shop", component="engine", site="fra1"), [], id="its engines"),
        pytest.param(
            peer(8000, namespace="shop", component="engine", site="iad1"),
            [("a rule lets the gateway talk to engines of other sites", ERROR)],
            id="others' engines",
        ),
        pytest.param(
            peer(8000, namespace="shop", component="engine"),
            [("a rule lets the gateway talk to engines of other sites", ERROR)],
            id="all engines",
        ),
        pytest.param(
            peer(8000, namespace="x", component="engine", site="fra1"),
            [(at("the namespace x"), ERROR)],
            id="engines where no route is",
        ),
        pytest.param(
            peer(8000, namespace="", component="engine", site="fra1"),
            [(at("pods of any namespace"), ERROR)],
            id="engines anywhere",
        ),
        pytest.param(
            peer(8000, namespace="shop", site="fra1"), [(at("the namespace shop"), ERROR)], id="no engines beside them"
        ),
        pytest.param(peer(8443, component="gateway"), [], id="gateways beside it"),
        pytest.param(peer(8443, component="gateway", site="iad1"), [], id="one gateway beside it"),
        pytest.param(peer(8443, namespace=HOME, component="gateway"), [], id="gateways of their namespace"),
        pytest.param(
            peer(8443, namespace="x", component="gateway"), [(at("the namespace x"), ERROR)], id="gateways elsewhere"
        ),
        pytest.param(
            peer(8443, namespace="", component="gateway"),
            [(at("pods of any namespace"), ERROR)],
            id="gateways anywhere",
        ),
        pytest.param(
            peer(53, 54, namespace="kube-system", dns="kube-dns"),
            [(at("the namespace kube-system"), ERROR)],
            id="resolvers at another port, too",
        ),
        pytest.param(peer(443, namespace="ai"), [], id="the namespace of a provider"),
        pytest.param(peer(443, namespace="x"), [(at("the namespace x"), ERROR)], id="another namespace"),
        pytest.param(peer(443, namespace=""), [(at("pods of any namespace"), ERROR)], id="any namespace"),
        pytest.param(peer(443), [(at(f"the namespace {HOME}"), ERROR)], id="its own namespace"),
        pytest.param(
            {"to": [*to(API)["to"], *peer(namespace="x")["to"]], **ports_of(443)},
            [MAYBE, (at("the namespace x"), ERROR)],
            id="an address and a namespace",
        ),
    ],
)
def test_whom_a_gateway_may_talk_to(rule: Json, told: list[tuple[str, Severity]]) -> None:
    urls = ["https://203.0.113.5/v1", "http://model.ai.svc:443", "https://us.example.com"]
    ends = [{"name": f"e{number}", "url": url, "processesIn": ["DE"]} for number, url in enumerate(urls)]
    known = read([obj("ModelProvider", "acme", {**OBJECTS[2]["spec"], "endpoints": ends})])
    assert gateway(allow(rule), known=known)[1] == told


@pytest.mark.parametrize("port", [443, 6443, 8443, 80])
def test_ports_of_peers_and_api_servers_need_nobody_that_is_declared(port: int) -> None:
    end = {"name": "e", "url": "http://us.example.com", "processesIn": ["DE"]}
    known = read([obj("ModelProvider", "acme", {**OBJECTS[2]["spec"], "endpoints": [end]})])
    assert gateway(allow(to("0.0.0.0/0", port)), known=known)[1] == []
    assert len(gateway(allow(to("0.0.0.0/0", port + 1)), known=known)[1]) == 1


def test_what_is_too_wide_says_where_it_stands() -> None:
    _, told = of_gateway(read(), site(config()), [GATEWAY, allow(), allow({}, name="theirs")])
    assert [(each.where, each.site) for each in told] == [("NetworkPolicy theirs", "fra1")]


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        pytest.param(CILIUM, None, id="a name that is declared"),
        pytest.param(GKE, None, id="a name that is declared, at GKE"),
        pytest.param(
            {"toFQDNs": [{"matchPattern": "*.example.com"}]},
            "talk to *.example.com, which nothing declared names",
            id="a pattern",
        ),
        pytest.param(
            {"matches": [{"pattern": "*"}]}, "talk to *, which nothing declared names", id="a pattern, at GKE"
        ),
        pytest.param({"toEntities": ["kube-apiserver"]}, None, id="the API server"),
        pytest.param(
            {"toEntities": ["world", "kube-apiserver", "all"]}, "talk by the entities all, world", id="entities"
        ),
        pytest.param({"toCIDR": ["0.0.0.0/0"], "icmps": []}, "talk by icmps, toCIDR", id="what isn't known here"),
        pytest.param(
            {"toEndpoints": [{}], "toPorts": [{"ports": [{"port": "53"}, {"port": "80"}]}]},
            "talk by labels of pods",
            id="pods at other ports",
        ),
        pytest.param({"toEndpoints": [{}], "toPorts": [{}]}, "talk by labels of pods", id="pods at no port"),
        pytest.param(
            {"toEndpoints": [{}], "toPorts": [{"ports": [{"port": "53"}]}, {}]}, "talk by labels of pods", id="at any"
        ),
        pytest.param(
            {"toEndpoints": [{}], "toPorts": [{"ports": [{"port": "dns"}]}]}, "talk by labels of pods", id="by its name"
        ),
        pytest.param(
            {"toEndpoints": [{}], "toPorts": [{"ports": [{"port": "53", "endPort": 99}]}]},
            "talk by labels of pods",
            id="pods at many ports",
        ),
        pytest.param({"toEndpoints": [{}]}, "talk by labels of pods", id="pods at all ports"),
        pytest.param({"toPorts": [{"ports": [{"port": "443"}]}]}, "talk by ports alone", id="anybody at a port"),
        pytest.param({"toFQDNs": [], "toPorts": []}, "talk by ports alone", id="an empty list of names"),
        pytest.param({}, None, id="nobody"),
    ],
)
def test_whom_pods_may_talk_to_by_name(rule: Json, what: str | None) -> None:
    policy = gke(rule) if "matches" in rule else cilium(rule)
    expected = [(f"a rule lets pods {what}", ERROR)] if what else []
    assert gateway(allow(), policy)[1] == expected


# Engines


def engines(
    *objects: Found, uri: str = "https://models.example.com/one", stores: Mapping[str, str] | None = None
) -> list[Finding]:
    serving = {"weights": {"uri": uri}}
    known = read([{**route("chat", "shop"), "spec": {"serving": serving}}])
    known = dataclasses.replace(known, stores=stores or {})
    return list(of_engines(known, "fra1", [GATEWAY, ENGINE, *objects]))


def allow_in(*rules: Json) -> Found:
    return allow(*rules, namespace="shop", direction="ingress", policyTypes=["Ingress"], name="in")


def allow_out(*rules: Json) -> Found:
    return allow(*rules, namespace="shop", policyTypes=["Egress"], name="out")


def by_name(rule: Json) -> Found:
    return found("CiliumNetworkPolicy", "c", "shop", spec={"endpointSelector": {}, "egress": [rule]})


def test_engines_that_nothing_holds() -> None:
    assert [(each.rule, each.message, each.where) for each in engines()] == [
        (Rule.EGRESS_OPEN, "no NetworkPolicy closes the egress of engines shop/chat", "Deployment chat"),
        (
            Rule.INGRESS_OPEN,
            "no NetworkPolicy says who may talk to engines shop/chat: anybody may, past the gateway",
            "Deployment chat",
        ),
    ]
    assert engines(allow_in(), allow_out()) == []
    assert {each.rule for each in engines(allow_in())} == {Rule.EGRESS_OPEN}
    assert {each.rule for each in engines(allow_out())} == {Rule.INGRESS_OPEN}
    assert {each.site for each in engines()} == {"fra1"}


def test_a_policy_that_says_nothing_of_directions_closes_ingress() -> None:
    assert engines(allow_out(), allow(namespace="shop", direction="ingress", policyTypes=[])) == []


def test_what_closes_by_name_closes_egress_alone() -> None:
    assert {each.rule for each in engines(by_name({"toFQDNs": [{"matchName": "models.example.com"}]}))} == {
        Rule.INGRESS_OPEN
    }


def test_what_is_open_by_name_is_told_in_order() -> None:
    (entities,) = gateway(allow(), cilium({"toEntities": list("hgfedcba")}))[1]
    assert entities[0].endswith("by the entities a, b, c, d, e, f, g, h")
    (unknown,) = gateway(allow(), cilium(dict.fromkeys("hgfedcba", 1)))[1]
    assert unknown[0].endswith("by a, b, c, d, e, f, g, h")


EACH_WAY: Final = {Rule.EGRESS_OPEN, Rule.INGRESS_OPEN}


@pytest.mark.parametrize(
    ("chosen", "open_"),
    [
        pytest.param(ENGINES, set(), id="by its labels"),
        pytest.param({"other": "x"}, EACH_WAY, id="not by them"),
        pytest.param({"of-a-template": "x"}, EACH_WAY, id="by what a Pod has no use for"),
        pytest.param({**ENGINES, "other": "x"}, EACH_WAY, id="by one more than it has"),
    ],
)
def test_a_bare_pod_is_chosen_by_its_own_labels(chosen: Json, open_: set[Rule]) -> None:
    item = {
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "shop", "labels": ENGINES},
        "spec": {"template": {"metadata": {"labels": {**ENGINES, "of-a-template": "x"}}}},
    }
    policy = allow(namespace="shop", podSelector={"matchLabels": chosen})
    assert {each.rule for each in of_engines(read(), "fra1", [Found(item, "Pod p"), policy])} == open_


def test_other_workloads_are_no_engines() -> None:
    assert list(of_engines(read(), "fra1", [workload("web", {"app.kubernetes.io/component": "web"}, "shop")])) == []


ANY: Final = "a rule lets engines shop/chat talk to any address; their weights need"
FARTHER: Final = "a rule lets engines shop/chat talk to"


@pytest.mark.parametrize(
    ("rule", "uri", "told"),
    [
        pytest.param(to("0.0.0.0/0", 443), "https://x.test/a", [], id="where weights are"),
        pytest.param(to("0.0.0.0/0", 443), "oci://x.test/a", [], id="where images are"),
        pytest.param(to("0.0.0.0/0", 443), "hf://a/b", [], id="where a hub is"),
        pytest.param(to("0.0.0.0/0", 8443), "https://x.test:8443/a", [], id="at a port of their own"),
        pytest.param(to("0.0.0.0/0", 5000), "oci://x.test:5000/a", [], id="at a port of their registry's"),
        pytest.param(to("0.0.0.0/0", 443), "s3://a:8443/b", [], id="a bucket has no port"),
        pytest.param(to("0.0.0.0/0", 443), "https://x.test:8443/a", [(f"{ANY} port 8443 alone", ERROR)], id="another"),
        pytest.param(to("0.0.0.0/0", 443, 80), "https://x.test/a", [(f"{ANY} port 443 alone", ERROR)], id="two ports"),
        pytest.param(to("0.0.0.0/0"), "https://x.test/a", [(f"{ANY} port 443 alone", ERROR)], id="all ports"),
        pytest.param(to("0.0.0.0/0", 443), "pvc://a/b", [(f"{ANY} no address", ERROR)], id="weights on a disk"),
        pytest.param(to("0.0.0.0/0", 53, "x"), "pvc://a/b", [(f"{ANY} no address", ERROR)], id="a port by name"),
        pytest.param({}, "https://x.test/a", [(f"{FARTHER} anybody", ERROR)], id="anybody"),
        pytest.param(ports_of(443), "https://x.test/a", [(f"{FARTHER} anybody", ERROR)], id="anybody at the port"),
        pytest.param(
            to("192.0.2.0/24", 443),
            "https://x.test/a",
            [(f"{FARTHER} 192.0.2.0/24 at port 443, which nothing declared names", ERROR)],
            id="a network",
        ),
        pytest.param(peer(443, namespace="x"), "https://x.test/a", [(f"{FARTHER} other pods", ERROR)], id="other pods"),
        pytest.param(
            {"to": [*to("10.1.0.0/16")["to"], *peer(namespace="x")["to"]], **ports_of(443)},
            "https://x.test/a",
            [
                (f"{FARTHER} 10.1.0.0/16 at port 443, which nothing declared names", WARNING),
                (f"{FARTHER} other pods", ERROR),
            ],
            id="a network of one's own, and pods",
        ),
        pytest.param(
            to("10.1.0.0/16"),
            "https://x.test/a",
            [(f"{FARTHER} 10.1.0.0/16 at all ports, which nothing declared names", ERROR)],
            id="a network of one's own at all ports",
        ),
        pytest.param(
            to("10.1.0.0/16", 443, 22),
            "https://x.test/a",
            [(f"{FARTHER} 10.1.0.0/16 at port 22, 443, which nothing declared names", ERROR)],
            id="a network of one's own at two ports",
        ),
        pytest.param(
            {"to": [*ANYWHERE, *to("10.1.0.0/16")["to"], *peer()["to"]], **ports_of(443)},
            "https://x.test/a",
            [
                (f"{FARTHER} 10.1.0.0/16 at port 443, which nothing declared names", WARNING),
                (f"{FARTHER} other pods", ERROR),
            ],
            id="a network of one's own, and pods, beside any address",
        ),
    ],
)
def test_whom_engines_may_talk_to(rule: Json, uri: str, told: list[tuple[str, Severity]]) -> None:
    found_here = engines(allow_in(), allow_out(rule), uri=uri)
    assert [(each.message, each.severity) for each in found_here] == told
    assert all((each.rule, each.where) == (Rule.EGRESS_OPEN, "NetworkPolicy out") for each in found_here)


MIRRORS: Final = {"hf": "http://hub.example.com:8080/models", "s3": "https://store.example.com:9000"}


@pytest.mark.parametrize(
    ("uri", "stores", "port"),
    [
        pytest.param("hf://a/b", MIRRORS, 8080, id="a mirror of the hub"),
        pytest.param("s3://a/b", MIRRORS, 9000, id="a store of one's own"),
        pytest.param("hf://a/b", {"hf": "http://hub.example.com"}, 80, id="a mirror without a port"),
        pytest.param("hf://a/b", {"hf": "https://[2001:db8::1]:8443"}, 8443, id="a mirror by its address"),
        pytest.param("hf://a/b", {"s3": MIRRORS["s3"]}, 443, id="the hub beside a store of one's own"),
        pytest.param("https://x.test/a", MIRRORS, 443, id="no mirror stands before it"),
        pytest.param("pvc://a/b", MIRRORS, None, id="on a disk"),
    ],
)
def test_where_weights_lead_may_be_said(uri: str, stores: dict[str, str], port: int | None) -> None:
    for asked in (80, 443, 8080, 8443, 9000):
        rule = allow_out(to("0.0.0.0/0", asked))
        told = [each.message for each in engines(allow_in(), rule, uri=uri, stores=stores)]
        shown = "no address" if port is None else f"port {port} alone"
        assert told == ([] if asked == port else [f"{ANY} {shown}"])


@pytest.mark.parametrize(
    ("cidr", "severity"),
    [
        *((each, WARNING) for each in ("10.0.0.0/8", "10.255.0.0/16", "100.64.0.0/10", "127.0.0.0/8")),
        *((each, WARNING) for each in ("169.254.0.0/16", "172.16.0.0/12", "172.31.0.0/16", "192.168.7.0/24")),
        *((each, WARNING) for each in ("::1/128", "fc00::/7", "fd12::/16", "fe80::/10", "10.1.2.3/16")),
        *((each, ERROR) for each in ("8.0.0.0/6", "100.128.0.0/10", "172.32.0.0/16", "192.169.0.0/16", "11.0.0.0/8")),
        *((each, ERROR) for each in ("2001:db8::/32", "fe00::/7", "::2/128", "126.0.0.0/8", "169.253.0.0/16")),
    ],
)
def test_networks_of_ones_own_are_only_warned_of(cidr: str, severity: Severity) -> None:
    (each,) = engines(allow_in(), allow_out(to(cidr, 443)))
    assert each.severity is severity


@pytest.mark.parametrize(
    ("rule", "uri", "told"),
    [
        pytest.param({"toFQDNs": [{"matchName": "models.example.com"}]}, "https://x.test/a", None, id="a host"),
        pytest.param({"toFQDNs": [{"matchPattern": "*.hf.co"}]}, "https://x.test/a", None, id="a pattern"),
        pytest.param({"toFQDNs": [{"matchPattern": "*"}]}, "https://x.test/a", f"{FARTHER} *", id="any host"),
        pytest.param({"toFQDNs": [{"matchPattern": "*.*."}]}, "https://x.test/a", f"{FARTHER} *.*.", id="any at all"),
        pytest.param(
            {"toFQDNs": [{"matchName": "models.example.com"}]},
            "pvc://a/b",
            f"{FARTHER} models.example.com",
            id="a disk",
        ),
        pytest.param(
            {"toEntities": ["world"]},
            "https://x.test/a",
            "a rule lets engines shop/chat talk by the entities world",
            id="entities",
        ),
    ],
)
def test_whom_engines_may_talk_to_by_name(rule: Json, uri: str, told: str | None) -> None:
    found_here = engines(allow_in(), allow_out(), by_name(rule), uri=uri)
    assert [(each.message, each.where) for each in found_here] == ([(told, "CiliumNetworkPolicy c")] if told else [])


@pytest.mark.parametrize(
    ("ingress", "is_told"),
    [([{"fromEntities": ["world"]}], True), ([{}, {"fromEndpoints": [{}]}], True), ([{}], False), ([], False)],
    ids=["the world", "some pods", "nobody", "no rule"],
)
def test_whom_cilium_lets_in_is_not_read(ingress: list[Json], is_told: bool) -> None:
    policy = found("CiliumNetworkPolicy", "c", "shop", spec={"endpointSelector": {}, "ingress": ingress})
    text = "a rule of Cilium's says who may talk to engines shop/chat, and isn't read"
    expected = [Finding(rule=Rule.INGRESS_OPEN, site="fra1", where="CiliumNetworkPolicy c", message=text)]
    assert engines(allow_in(), allow_out(), policy) == (expected if is_told else [])


def of(namespace: str | None = HOME, **labels: str) -> Json:
    (found_here,) = peer(namespace=namespace, **labels)["to"]
    return dict(found_here)


def reader(namespace: str | None = "monitoring") -> Json:
    return {**of(namespace), "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}}}


OTHERS: Final = [("other pods", ERROR)]


@pytest.mark.parametrize(
    ("who", "told"),
    [
        pytest.param([of(component="gateway", site="fra1")], [], id="the gateway"),
        pytest.param([reader()], [], id="who reads metrics"),
        pytest.param([reader(), of(component="gateway", site="fra1")], [], id="both"),
        pytest.param([of(component="gateway", site="iad1")], OTHERS, id="another gateway"),
        pytest.param([of(component="gateway")], OTHERS, id="all gateways"),
        pytest.param([of("", component="gateway", site="fra1")], OTHERS, id="a gateway of any namespace"),
        pytest.param([of("x", component="gateway", site="fra1")], OTHERS, id="a gateway of another namespace"),
        pytest.param([of(None, component="gateway", site="fra1")], OTHERS, id="a gateway of their own namespace"),
        pytest.param([of(component="engine", site="fra1")], OTHERS, id="engines"),
        pytest.param([reader(), {"podSelector": {}}], OTHERS, id="all pods"),
        pytest.param([{"namespaceSelector": {}}], OTHERS, id="all namespaces"),
        pytest.param([reader(), {"ipBlock": {"cidr": "10.0.0.0/8"}}], [("10.0.0.0/8", ERROR)], id="a network"),
        pytest.param([], [("anybody", ERROR)], id="anybody"),
        pytest.param([reader("")], [("pods called prometheus of any namespace", ERROR)], id="readers anywhere"),
        pytest.param(
            [reader("x"), reader(None)],
            [
                ("pods called prometheus of the namespace x, unless they read metrics,", WARNING),
                ("pods called prometheus of the namespace shop, unless they read metrics,", WARNING),
            ],
            id="readers of other namespaces",
        ),
    ],
)
def test_who_may_talk_to_engines(who: list[Json], told: list[tuple[str, Severity]]) -> None:
    found_here = engines(allow_out(), allow_in({"from": who, **ports_of(8000)} if who else {}))
    assert [(each.message, each.severity) for each in found_here] == [
        (f"a rule lets {each} talk to engines shop/chat, past the gateway of this site", severity)
        for each, severity in told
    ]
    assert all(
        (each.rule, each.where, each.site) == (Rule.INGRESS_OPEN, "NetworkPolicy in", "fra1") for each in found_here
    )


@pytest.mark.parametrize(
    "ports",
    [
        pytest.param({}, id="all"),
        pytest.param(ports_of(8000, 8001), id="two"),
        pytest.param({"ports": [{"port": 8000, "endPort": 8001}]}, id="a range"),
    ],
)
def test_who_reads_metrics_needs_one_port(ports: Json) -> None:
    text = "a rule lets pods called prometheus at more ports than one talk to engines shop/chat, past the gateway"
    (each,) = engines(allow_out(), allow_in({"from": [reader()], **ports}))
    assert (each.message, each.severity) == (f"{text} of this site", ERROR)
    assert engines(allow_out(), allow_in({"from": [of(component="gateway", site="fra1")], **ports})) == []


# Resolvers, of gateways and engines


UNLESS: Final = "at port 53, unless they resolve names"
NO_RESOLVER: Final = "at port 53, where no resolver is known to be"


@pytest.mark.parametrize(
    ("whom", "told"),
    [
        pytest.param(of("kube-system", dns="kube-dns"), [], id="the cluster's"),
        pytest.param({"ipBlock": {"cidr": "169.254.20.10/32"}}, [], id="the node's"),
        pytest.param(
            of("kube-system", dns="x"),
            [(f"pods of the namespace kube-system with k8s-app=x {UNLESS}", WARNING)],
            id="x",
        ),
        pytest.param(
            of("dns", dns="kube-dns", component="dns"),
            [(f"pods of the namespace dns with app.kubernetes.io/component=dns, k8s-app=kube-dns {UNLESS}", WARNING)],
            id="of another namespace",
        ),
        pytest.param(of("", dns="kube-dns"), [("pods of any namespace at port 53", ERROR)], id="of any namespace"),
        pytest.param(of("x"), [("any pods of the namespace x at port 53", ERROR)], id="any of a namespace"),
        pytest.param(of(""), [("any pods of any namespace at port 53", ERROR)], id="any pods"),
        pytest.param(ANYWHERE[0], [(f"0.0.0.0/0 {NO_RESOLVER}", ERROR)], id="any address"),
        pytest.param({"ipBlock": {"cidr": "10.0.0.10/32"}}, [(f"10.0.0.10/32 {NO_RESOLVER}", ERROR)], id="an address"),
        pytest.param(None, [("anybody at port 53", ERROR)], id="anybody"),
    ],
)
def test_who_resolves_names(whom: Json | None, told: list[tuple[str, Severity]]) -> None:
    rule = {**({"to": [whom]} if whom else {}), **ports_of(53)}
    assert gateway(allow(rule))[1] == [(f"a rule lets the gateway talk to {each}", bad) for each, bad in told]
    found_here = engines(allow_in(), allow_out(rule), uri="pvc://a/b")
    assert [(each.message, each.severity) for each in found_here] == [(f"{FARTHER} {each}", bad) for each, bad in told]


def test_pods_that_engines_ask_for_names_are_of_their_own_namespace_if_none_is_said() -> None:
    rule = {"to": [{"podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}], **ports_of(53)}
    (found_here,) = engines(allow_in(), allow_out(rule), uri="pvc://a/b")
    assert found_here.message == f"{FARTHER} pods of the namespace shop with k8s-app=kube-dns {UNLESS}"


POD_NAMESPACE: Final = "io.kubernetes.pod.namespace"


@pytest.mark.parametrize(
    ("selector", "told"),
    [
        pytest.param({"matchLabels": {f"k8s:{POD_NAMESPACE}": "kube-system", "k8s:k8s-app": "kube-dns"}}, [], id="k8s"),
        pytest.param({"matchLabels": {f"any:{POD_NAMESPACE}": "kube-system", "k8s-app": "kube-dns"}}, [], id="any"),
        pytest.param(
            {"matchLabels": {"k8s:k8s-app": "kube-dns"}},
            [(f"pods of the namespace {HOME} with k8s-app=kube-dns {UNLESS}", WARNING)],
            id="of the policy's own namespace",
        ),
        pytest.param({}, [(f"any pods of the namespace {HOME} at port 53", ERROR)], id="any of that"),
        pytest.param(
            {
                "matchLabels": {"k8s-app": "kube-dns"},
                "matchExpressions": [{"key": f"k8s:{POD_NAMESPACE}", "operator": "Exists"}],
            },
            [("pods of any namespace at port 53", ERROR)],
            id="of any namespace",
        ),
        pytest.param(
            {"matchLabels": {"k8s:io.cilium.k8s.namespace.labels.a": "b"}},
            [("pods of any namespace at port 53", ERROR)],
            id="of namespaces with a label",
        ),
        pytest.param(
            {"matchLabels": {"reserved:world": ""}},
            [("whatever Cilium knows by reserved:world at port 53", ERROR)],
            id="no pods",
        ),
        pytest.param(
            {
                "matchLabels": {f"k8s:{POD_NAMESPACE}": "kube-system", "k8s:k8s-app": "kube-dns", "reserved:init": ""},
                "matchExpressions": [{"key": "$host", "operator": "DoesNotExist"}],
            },
            [("whatever Cilium knows by $host, reserved:init at port 53", ERROR)],
            id="not only resolvers",
        ),
    ],
)
def test_who_resolves_names_by_cilium(selector: Json, told: list[tuple[str, Severity]]) -> None:
    rule = {"toEndpoints": [selector], "toPorts": [{"ports": [{"port": "53"}]}]}
    assert gateway(allow(), cilium(rule))[1] == [(f"a rule lets pods talk to {each}", bad) for each, bad in told]
    theirs = found("CiliumNetworkPolicy", "c", "shop", spec={"endpointSelector": {}, "egress": [rule]})
    assert len(engines(allow_in(), allow_out(), theirs)) == len(told)


def test_engines_of_no_route_need_no_address() -> None:
    told = list(of_engines(read([]), "fra1", [workload("x", {**ENGINES, "isochrone.dev/model-route": "x"}, "shop")]))
    assert {each.message.partition("engines ")[2][:6] for each in told} == {"shop/x"}
    strange = [workload("x", {**ENGINES, "isochrone.dev/model-route": "x"}, "shop"), allow_in()]
    (each,) = of_engines(read(), "fra1", [*strange, allow_out(to("0.0.0.0/0", 443))])
    assert each.message == "a rule lets engines shop/x talk to any address; their weights need no address"


def test_engines_of_no_namespace_are_in_the_default_one() -> None:
    bare = workload("chat", ENGINES, "")
    objects = [bare, allow(namespace=""), allow(namespace="shop")]
    assert list(of_engines(read(), "fra1", objects)) == []


def test_policies_are_chosen_by_their_namespace_and_labels() -> None:
    chosen = Pods([allow(), allow(namespace="shop"), cilium(CILIUM), GATEWAY], GATEWAY.item)
    assert [each.where for each in (*chosen.policies, *chosen.by_name)] == ["NetworkPolicy p", "CiliumNetworkPolicy c"]
