"""Objects beside the config that somebody has changed: the verifier finds each, and says what is wrong."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from tests.unit.verify.installation import OBJECTS
from tests.unit.verify.tampering import Json, Objects, errors
from tests.worlds.verified import World, rendered

from isochrone import verify
from isochrone.verify import Found, Rule, Severity


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


def anywhere(key: str, value: str) -> Json:
    """Pods of any namespace."""
    return {"namespaceSelector": {}, "podSelector": {"matchLabels": {key: value}}}


DNS = [{"protocol": "TCP", "port": 53}]
FOREIGN = [{"ipBlock": {"cidr": "203.0.113.9/32"}}]
ANYWHERE = [{"ipBlock": {"cidr": "0.0.0.0/0"}}]
WIDER: Json = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "theirs", "namespace": "isochrone-system"},
    "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": ANYWHERE}]},
}
GATEWAY, ENGINE = "isochrone-gateway", "chat-engine"


def only(key: str, operator: str, *values: str) -> Json:
    return {"matchExpressions": [{"key": key, "operator": operator, **({"values": [*values]} if values else {})}]}


def wider(namespace: str, selector: Json) -> Json:
    """A policy of somebody else that lets these pods talk to anybody, and anybody to them."""
    spec = {"podSelector": selector, "policyTypes": ["Egress", "Ingress"], "egress": [{}], "ingress": [{}]}
    return {**WIDER, "metadata": {"name": "theirs", "namespace": namespace}, "spec": spec}


def to_the_world(selector: Json) -> Json:
    return {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {"name": "theirs", "namespace": "isochrone-system"},
        "spec": {"endpointSelector": selector, "egress": [{"toEntities": ["world"]}]},
    }


def choosing(selector: Json) -> Callable[[Json], object]:
    return lambda item: item["spec"]["podSelector"].update(selector)


def other_authorities(item: Json) -> None:
    sources = item["spec"]["template"]["spec"]["volumes"][0]["projected"]["sources"]
    (peer,) = [each["secret"] for each in sources if each["secret"]["name"] == f"{GATEWAY}-peer"]
    peer["name"] = "mal"


def annotated(key: str) -> Callable[[Json], object]:
    return lambda item: item["metadata"].update(annotations={key: "true"})


def of_pod(**changes: Any) -> Callable[[Json], object]:
    return lambda item: item["spec"]["template"]["spec"].update(changes)


def mount_above(item: Json) -> None:
    """What is projected there says `secrets/` by itself."""
    pod = item["spec"]["template"]["spec"]
    (mount,) = [each for each in pod["containers"][0]["volumeMounts"] if each["name"] == "secrets"]
    mount["mountPath"] = "/run/isochrone"
    items = [{"key": "ca.crt", "path": "secrets/peer/ca.crt"}]
    pod["volumes"][0]["projected"]["sources"] = [{"secret": {"name": "mal", "items": items}}]


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
    (
        "a gateway's peers trusted by another Secret",
        on("Deployment", GATEWAY, other_authorities),
        Rule.WRONG_ADDRESS,
        "the gateway reads peer/ca.crt out of the Secret mal, key ca.crt",
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
    (
        "a gateway's egress to any address at the port of names",
        on("NetworkPolicy", GATEWAY, egress(to=ANYWHERE, ports=DNS)),
        Rule.EGRESS_OPEN,
        "the gateway talk to 0.0.0.0/0 at port 53",
    ),
    (
        "a gateway's egress to gateways anywhere",
        on("NetworkPolicy", GATEWAY, egress(to=[anywhere("app.kubernetes.io/component", "gateway")])),
        Rule.EGRESS_OPEN,
        "talk to pods of any namespace",
    ),
    (
        "a gateway's egress to one address at strange ports",
        on("NetworkPolicy", GATEWAY, egress(to=FOREIGN, ports=[{"protocol": "TCP", "port": 9999}, {"port": 22}])),
        Rule.EGRESS_OPEN,
        "talk to 203.0.113.9/32",
    ),
    (
        "an engine's egress to any address at the port of names",
        on("NetworkPolicy", ENGINE, egress(to=ANYWHERE, ports=DNS)),
        Rule.EGRESS_OPEN,
        "talk to 0.0.0.0/0 at port 53",
    ),
    (
        "an engine's egress to anybody at the port of names",
        on("NetworkPolicy", ENGINE, egress(ports=DNS)),
        Rule.EGRESS_OPEN,
        "talk to anybody at port 53",
    ),
    (
        "an engine's egress to any port of private networks",
        on("NetworkPolicy", ENGINE, egress(to=[{"ipBlock": {"cidr": "10.0.0.0/8"}}])),
        Rule.EGRESS_OPEN,
        "talk to 10.0.0.0/8 at all ports",
    ),
    (
        "an engine open to what is called prometheus",
        on("NetworkPolicy", ENGINE, ingress(**{"from": [anywhere("app.kubernetes.io/name", "prometheus")]})),
        Rule.INGRESS_OPEN,
        "lets pods called prometheus of any namespace talk to engines shop/chat",
    ),
    ("somebody else's policy beside it", add(WIDER), Rule.EGRESS_OPEN, "any address at any port"),
    (
        "somebody else's policy by the hash of a Deployment's pods",
        add(wider("isochrone-system", only("pod-template-hash", "Exists"))),
        Rule.EGRESS_OPEN,
        "lets the gateway talk to anybody",
    ),
    (
        "somebody else's policy by where pods' nodes are",
        add(wider("shop", only("topology.kubernetes.io/zone", "In", "a", "b"))),
        Rule.INGRESS_OPEN,
        "lets anybody talk to engines shop/chat",
    ),
    (
        "somebody else's policy that leaves out what no pod here is",
        add(wider("shop", only("app", "DoesNotExist"))),
        Rule.EGRESS_OPEN,
        "lets engines shop/chat talk to anybody",
    ),
    (
        "somebody else's policy with a selector of Cilium's policies",
        add({**WIDER, "spec": {**WIDER["spec"], "endpointSelector": {"matchLabels": {"a": "b"}}}}),
        Rule.EGRESS_OPEN,
        "any address at any port",
    ),
    (
        "somebody else's policy by a service account",
        add(to_the_world({"matchLabels": {"io.cilium.k8s.policy.serviceaccount": GATEWAY}})),
        Rule.EGRESS_OPEN,
        "talk by the entities world",
    ),
    (
        "somebody else's policy by another namespace, which Cilium takes for its own",
        add(to_the_world({"matchLabels": {"k8s:io.kubernetes.pod.namespace": "shop"}})),
        Rule.EGRESS_OPEN,
        "talk by the entities world",
    ),
    (
        "somebody else's policy by a label that no pod has",
        add(to_the_world(only("reserved:host", "DoesNotExist"))),
        Rule.EGRESS_OPEN,
        "talk by the entities world",
    ),
    (
        "a gateway's policy for pods of no Deployment",
        on("NetworkPolicy", GATEWAY, choosing(only("pod-template-hash", "DoesNotExist"))),
        Rule.EGRESS_OPEN,
        "no NetworkPolicy closes the egress of the gateway's pods",
    ),
    (
        "an engine's policy for pods whose node has no zone",
        on("NetworkPolicy", ENGINE, choosing(only("topology.kubernetes.io/zone", "DoesNotExist"))),
        Rule.INGRESS_OPEN,
        "no NetworkPolicy says who may talk to engines shop/chat",
    ),
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
        ", not pods of fra1 alone",
    ),
    (
        "a Service out of the cluster",
        on(
            "Service",
            ENGINE,
            lambda item: item.update(spec={"type": "ExternalName", "externalName": "mal.example.com"}),
        ),
        Rule.WRONG_ADDRESS,
        "which leads to mal.example.com, out of the cluster",
    ),
    (
        "an address behind a Service of engines",
        add(
            {
                "kind": "EndpointSlice",
                "metadata": {
                    "name": "mine",
                    "namespace": "shop",
                    "labels": {"kubernetes.io/service-name": ENGINE},
                },
                "endpoints": [{"addresses": ["203.0.113.7"]}],
            }
        ),
        Rule.WRONG_ADDRESS,
        "203.0.113.7 are behind the Service shop/chat-engine",
    ),
    (
        "a Service of engines that hides whose it is",
        on(
            "Service",
            ENGINE,
            lambda item: (item["metadata"].pop("labels"), item["spec"].update(selector={"app": "evil"})),
        ),
        Rule.WRONG_ADDRESS,
        "leads to the Service shop/chat-engine, which is none of this site's objects",
    ),
    *(
        (
            f"a gateway's policy with {key}",
            on("NetworkPolicy", GATEWAY, annotated(key)),
            Rule.NOT_READ,
            f"NetworkPolicy {GATEWAY} (networking.k8s.io/v1) has the annotation {key}, by which it may be left out",
        )
        for key in (
            "argocd.argoproj.io/hook",
            "argocd.argoproj.io/sync-options",
            "config.kubernetes.io/local-config",
            "helm.sh/hook",
            "kustomize.toolkit.fluxcd.io/reconcile",
            "mine",
        )
    ),
    (
        "a gateway's policy that goes with another object",
        on("NetworkPolicy", GATEWAY, lambda item: item["metadata"].update(ownerReferences=[{"name": "gone"}])),
        Rule.NOT_READ,
        "has ownerReferences in its metadata",
    ),
    (
        "a gateway's policy in a version of nobody's",
        on("NetworkPolicy", GATEWAY, lambda item: item.update(apiVersion="networking.k8s.io/v9")),
        Rule.NOT_READ,
        "(networking.k8s.io/v9) may let pods talk to others",
    ),
    (
        "a gateway's config left out",
        on("ConfigMap", f"{GATEWAY}-config", lambda item: item["metadata"].update(labels={"helm.sh/hook": "x"})),
        Rule.NOT_READ,
        "has the label helm.sh/hook",
    ),
    (
        "a copy of requests",
        add(
            {
                "apiVersion": "gateway.networking.k8s.io/v1",
                "kind": "HTTPRoute",
                "metadata": {"name": "mine", "namespace": "isochrone-system"},
                "spec": {
                    "hostnames": ["fra1.ai.example.com"],
                    "parentRefs": [{"name": "front"}],
                    "rules": [{"filters": [{"type": "RequestMirror"}], "backendRefs": [{"name": GATEWAY, "port": 80}]}],
                },
            }
        ),
        Rule.WRONG_ADDRESS,
        "the HTTPRoute isochrone-system/mine has filters, which may copy requests",
    ),
    (
        "a gateway's Service with addresses of others",
        on("Service", GATEWAY, lambda item: item["spec"].update(externalIPs=["203.0.113.9"])),
        Rule.WRONG_ADDRESS,
        "takes what pods send to 203.0.113.9 (externalIPs)",
    ),
    *(
        (
            f"a strange {kind}",
            add({"apiVersion": version, "kind": kind, "metadata": {"name": "mine", "namespace": namespace}}),
            Rule.NOT_READ,
            f"{kind} mine ({version}) {says}",
        )
        for version, kind, namespace, says in (
            ("v1", "Node", None, "may let pods talk to others, start some, or lead requests"),
            ("v1", "Endpoints", "shop", "may let pods talk to others, start some, or lead requests"),
            ("networking.k8s.io/v1", "Ingress", "isochrone-system", "may let pods talk to others"),
            ("v1", "ConfigMap", "kube-system", "is in the namespace kube-system, where none of ours is"),
            ("v1", "ConfigMap", "cilium", "is in the namespace cilium, where no config of ours is"),
        )
    ),
    (
        "a gateway's Service of other pods",
        on("Service", GATEWAY, lambda item: item["spec"].update(selector={"app": "evil"})),
        Rule.WRONG_ADDRESS,
        "the gateway is found by the Service isochrone-system/isochrone-gateway, which selects app=evil",
    ),
    (
        "a gateway's Service of other sites' gateways too",
        on("Service", GATEWAY, lambda item: item["spec"]["selector"].pop("isochrone.dev/edge-node")),
        Rule.WRONG_ADDRESS,
        ", not pods of the gateway of fra1 alone",
    ),
    (
        "a gateway's Service that hides whose it is",
        on(
            "Service",
            GATEWAY,
            lambda item: (item["metadata"].pop("labels"), item["spec"].update(selector={"app": "evil"})),
        ),
        Rule.WRONG_ADDRESS,
        "which selects app=evil",
    ),
    (
        "a gateway's Service out of the cluster",
        on(
            "Service", GATEWAY, lambda item: item.update(spec={"type": "ExternalName", "externalName": "gw.example.us"})
        ),
        Rule.WRONG_ADDRESS,
        "which leads to gw.example.us, out of the cluster",
    ),
    (
        "a gateway's Service without a selector",
        on("Service", GATEWAY, lambda item: item["spec"].pop("selector")),
        Rule.WRONG_ADDRESS,
        "which selects no pods",
    ),
    (
        "a gateway's Service at somebody's address",
        on("Service", GATEWAY, lambda item: item["spec"].update(externalIPs=["203.0.113.9"])),
        Rule.WRONG_ADDRESS,
        "which takes what is sent to 203.0.113.9",
    ),
    (
        "an engine's Service at somebody's address",
        on("Service", ENGINE, lambda item: item["spec"].update(externalIPs=["203.0.113.9"])),
        Rule.WRONG_ADDRESS,
        "the Service shop/chat-engine, which takes what is sent to 203.0.113.9",
    ),
    (
        "an address behind a gateway's Service",
        add(
            {
                "kind": "EndpointSlice",
                "metadata": {
                    "name": "mine",
                    "namespace": "isochrone-system",
                    "labels": {"kubernetes.io/service-name": GATEWAY},
                },
                "endpoints": [{"addresses": ["203.0.113.9"]}],
            }
        ),
        Rule.WRONG_ADDRESS,
        "203.0.113.9 are behind the Service isochrone-system/isochrone-gateway, by which the gateway is found",
    ),
    (
        "another Service of the gateway's pods",
        add(
            {
                "kind": "Service",
                "metadata": {"name": "mine", "namespace": "isochrone-system"},
                "spec": {"selector": {"app.kubernetes.io/name": "isochrone-gateway"}},
            }
        ),
        Rule.WRONG_ADDRESS,
        "the gateway is found by the Service isochrone-system/mine, which selects app.kubernetes.io/name=iso",
    ),
    (
        "a route's Service out of the cluster",
        on("Service", "chat", lambda item: item["spec"].update(externalName="gw.example.us")),
        Rule.WRONG_ADDRESS,
        "the Service shop/chat, by which clients call a route, leads to gw.example.us",
    ),
    (
        "a policy that another of its name replaces",
        add({**WIDER, "metadata": {"name": GATEWAY, "namespace": "isochrone-system"}}),
        Rule.GIVEN_TWICE,
        "NetworkPolicy isochrone-system/isochrone-gateway isn't what it is in NetworkPolicy isochrone-gateway",
    ),
    (
        "Secrets mounted above where they are read",
        on("Deployment", GATEWAY, mount_above),
        Rule.WRONG_ADDRESS,
        "the gateway reads its Secrets in /run/isochrone/secrets, where no volume is mounted",
    ),
    (
        "names of a gateway's own",
        on(
            "Deployment",
            GATEWAY,
            lambda item: item["spec"]["template"]["spec"].update(hostAliases=[{"ip": "192.0.2.1"}]),
        ),
        Rule.WRONG_ADDRESS,
        "takes names from its pod's hostAliases",
    ),
    ("a gateway's Deployment dropped", drop("Deployment", GATEWAY), Rule.EGRESS_OPEN, "so nothing holds it"),
]


@pytest.mark.parametrize(("edit", "rule", "says"), [pytest.param(*rest, id=name) for name, *rest in OBJECT])
def test_changed_objects_are_found(world: World, edit: Objects, rule: Rule, says: str) -> None:
    found = errors(world.verify(objects=edit))
    assert any(rule is each and says in text for each, text in found), found


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(wider("shop", {"matchLabels": {"app": "web"}}), id="an application's"),
        pytest.param(wider("shop", only("app", "Exists")), id="all applications'"),
        pytest.param(wider("shop", {"matchLabels": {"app.kubernetes.io/instance": "web"}}), id="a release's"),
        pytest.param(wider("shop", {"matchLabels": {"job-name": "migrate"}}), id="a job's"),
        pytest.param(wider("shop", {"matchLabels": {"statefulset.kubernetes.io/pod-name": "db-0"}}), id="one pod's"),
        pytest.param(
            wider("shop", {"matchLabels": {"app": "web"}, **only("pod-template-hash", "Exists")}),
            id="an application's, of a Deployment",
        ),
        pytest.param(
            wider("shop", only("app.kubernetes.io/component", "NotIn", "engine")), id="that of all but the engines"
        ),
        pytest.param(
            to_the_world({"matchLabels": {"k8s:app": "web", "k8s:io.kubernetes.pod.namespace": "isochrone-system"}}),
            id="an application's, of Cilium",
        ),
    ],
)
def test_policies_of_pods_beside_them_are_nothing_to_gateways_and_engines(world: World, policy: Json) -> None:
    assert world.verify(objects=add(policy)).findings == ()


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
        pytest.param(
            on("Deployment", GATEWAY, of_pod(hostNetwork=True)), Rule.EGRESS_OPEN, "(hostNetwork)", id="gateway on node"
        ),
        pytest.param(
            on("Deployment", ENGINE, of_pod(hostNetwork=True)), Rule.EGRESS_OPEN, "(hostNetwork)", id="engines on node"
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


def rogue(objects: list[Json]) -> None:
    """A Deployment that says nothing of itself, and whose pods get the requests of engines."""
    for own in [each for each in of_kind(objects, "Deployment", ENGINE) if "fra1" in str(each["metadata"]["labels"])]:
        pods_own = {**own["spec"]["template"]["metadata"]["labels"], "rogue": "yes"}
        pod = {"metadata": {"labels": pods_own}, "spec": {"containers": [{"name": "it", "image": "evil"}]}}
        home = own["metadata"]["namespace"]
        opened = {"podSelector": {"matchLabels": {"rogue": "yes"}}, "policyTypes": ["Egress"], "egress": [{}]}
        objects += [
            {"kind": "Deployment", "metadata": {"name": "rogue", "namespace": home}, "spec": {"template": pod}},
            {"kind": "NetworkPolicy", "metadata": {"name": "rogue", "namespace": home}, "spec": opened},
        ]


def stranger(objects: list[Json]) -> None:
    """The same, behind a Service that asks its pods for less."""
    for each in of_kind(objects, "Service", ENGINE):
        each["spec"]["selector"].pop("app.kubernetes.io/component")
    rogue(objects)
    for each in of_kind(objects, "Deployment", "rogue"):
        each["spec"]["template"]["metadata"]["labels"].pop("app.kubernetes.io/component")


@pytest.mark.parametrize(
    ("edit", "rule", "says"),
    [
        pytest.param(rogue, Rule.EGRESS_OPEN, "lets engines shop/chat talk to anybody", id="rogue engines"),
        pytest.param(stranger, Rule.WRONG_ADDRESS, "pods are behind the Service shop/chat-engine", id="other pods"),
    ],
)
def test_pods_behind_an_engines_service_are_its_engines(world: World, edit: Objects, rule: Rule, says: str) -> None:
    found = errors(world.verify(objects=edit))
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
                each["spec"]["template"]["metadata"]["labels"] |= labels

    found = errors(world.verify(objects=move))
    assert any(rule is Rule.UNLAWFUL_ENGINES and "engines of bank/score stand in US-VA" in text for rule, text in found)


def test_one_address_may_be_the_api_servers(world: World) -> None:
    rule = egress(to=[{"ipBlock": {"cidr": "198.51.100.7/32"}}], ports=[{"protocol": "TCP", "port": 6443}])
    report = world.verify(objects=on("NetworkPolicy", GATEWAY, rule))
    assert report.holds
    assert {each.severity for each in report.findings} == {Severity.WARNING}
    assert all("unless it is the cluster's API server" in each.message for each in report.findings)


BEHIND: Final = "the Service shop/chat-fra1-engine-"


def slice_of(service: Json) -> Json:
    """An address behind it."""
    labels = {"kubernetes.io/service-name": service["metadata"]["name"]}
    metadata = {"name": "mine", "namespace": service["metadata"]["namespace"], "labels": labels}
    return {"kind": "EndpointSlice", "metadata": metadata, "endpoints": [{"addresses": ["203.0.113.9"]}]}


def with_spec(kind: str, **spec: Any) -> Callable[[Json], Json]:
    """Another of its name that says something else, and not whose it is."""

    def change(item: Json) -> Json:
        metadata = {name: item["metadata"][name] for name in ("name", "namespace")}
        return {"apiVersion": item["apiVersion"], "kind": kind, "metadata": metadata, "spec": spec}

    return change


@pytest.mark.parametrize(
    ("kind", "name", "made", "rule", "says"),
    [
        pytest.param("Service", "chat-fra1", slice_of, Rule.WRONG_ADDRESS, BEHIND, id="an address of engines"),
        pytest.param(
            "Service", "isochrone-gateway", slice_of, Rule.WRONG_ADDRESS, "by which the gateway is", id="of it"
        ),
        pytest.param(
            "Service",
            "chat-fra1",
            with_spec("Service", type="ExternalName", externalName="evil.us"),
            Rule.WRONG_ADDRESS,
            "which leads to evil.us",
            id="engines' Service",
        ),
        pytest.param(
            "Service",
            "isochrone-gateway",
            with_spec("Service", selector={"app": "evil"}),
            Rule.WRONG_ADDRESS,
            "which selects app=evil",
            id="its Service",
        ),
        pytest.param(
            "NetworkPolicy",
            "isochrone-gateway",
            with_spec("NetworkPolicy", podSelector={"matchLabels": {"app": "none"}}, policyTypes=["Egress"]),
            Rule.GIVEN_TWICE,
            "isochrone-gateway-fra1 isn't what it is in",
            id="its policy",
        ),
    ],
)
def test_what_is_in_another_folder_that_may_be_of_the_same_cluster(
    kind: str, name: str, made: Callable[[Json], Json], rule: Rule, says: str
) -> None:
    """Both sites are some of a cluster's nodes, and each has a folder of its own."""
    sites = [
        {**each, "spec": {**each["spec"], "nodeSelector": {"site": each["metadata"]["name"]}}} for each in OBJECTS[:2]
    ]
    world = rendered([*sites, *OBJECTS[2:]])
    assert world.verify().findings == ()
    clusters = world.clusters()
    (own,) = [
        each.item
        for each in clusters["remote/fra1"]
        if each.item["kind"] == kind and each.item["metadata"]["name"].startswith(name)
    ]
    clusters["remote/cdg1"].append(Found(made(dict(own)), "mine"))
    found = errors(verify.verify(world.declared, clusters))
    assert any(rule is each and says in text for each, text in found), found
