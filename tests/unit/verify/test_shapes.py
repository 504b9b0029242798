"""Objects that no API server would take are refused, by name and by the path to what is wrong."""

import datetime as dt
from typing import Any, Final

import pytest

from isochrone.verify import MalformedError
from isochrone.verify.shapes import check

Json = dict[str, Any]
CIDR: Final = {"cidr": "192.0.2.0/24"}


def policy(**spec: Any) -> Json:
    return {"kind": "NetworkPolicy", "metadata": {"name": "x"}, "spec": spec}


def cilium(**fields: Any) -> Json:
    return {"kind": "CiliumNetworkPolicy", "metadata": {"name": "x"}, **fields}


def gke(**spec: Any) -> Json:
    return {"kind": "FQDNNetworkPolicy", "metadata": {"name": "x"}, "spec": spec}


def outward(**rule: Any) -> Json:
    return cilium(spec={"endpointSelector": {}, "egress": [rule]})


def peer(**peer: Any) -> Json:
    return policy(egress=[{"to": [peer]}])


def workload(**template: Any) -> Json:
    return {"kind": "Deployment", "metadata": {"name": "x"}, "spec": {"template": template}}


def piece(*endpoints: object) -> Json:
    return {"kind": "EndpointSlice", "metadata": {"name": "x"}, "endpoints": list(endpoints)}


def pod(**spec: Any) -> Json:
    return {"kind": "Pod", "metadata": {"name": "x"}, "spec": spec}


PART: Final[Json] = {"name": "a", "mountPath": "/a", "subPath": "b", "subPathExpr": ""}
SECRET: Final[Json] = {"secret": {"name": "a", "items": [{"key": "a", "path": "b"}]}}


def mounted(**changes: Any) -> Json:
    """A Pod with a mount."""
    return pod(containers=[{"volumeMounts": [{**PART, **changes}]}])


def projected(*sources: object) -> Json:
    return {"name": "a", "projected": {"sources": list(sources)}}


def secret(**changes: Any) -> Json:
    """A Pod that mounts a Secret."""
    return pod(volumes=[projected({"secret": {**SECRET["secret"], **changes}})])


def metadata(**changes: Any) -> Json:
    return {"kind": "Role", "metadata": {"name": "x", **changes}}


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(metadata(namespace="a", labels={"a": "b", "c": ""}), id="of a kind that isn't read"),
        pytest.param(metadata(labels=None, namespace=None), id="nothing is said by null"),
        pytest.param(policy(), id="a policy that says nothing"),
        pytest.param(
            policy(
                podSelector={
                    "matchLabels": {"a": ""},
                    "matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}],
                },
                policyTypes=["Ingress", "Egress"],
                ingress=[{"from": [{"podSelector": {}}], "ports": [{"protocol": "TCP", "port": "http"}]}],
                egress=[{}, {"to": [{"ipBlock": {**CIDR, "except": ["192.0.2.7/32"]}}], "ports": [{"port": 53}]}],
            ),
            id="a policy that says all",
        ),
        pytest.param(policy(egress=[{"ports": [{"port": 1, "endPort": 65535}, {"port": "https-1"}]}]), id="ports"),
        pytest.param(policy(egress=[{"ports": [{"port": 80, "endPort": 80}, {"port": 65535}]}]), id="more ports"),
        pytest.param(peer(ipBlock={"cidr": "192.0.2.7/24"}), id="a network by one of its addresses"),
        pytest.param(
            {
                "kind": "Service",
                "metadata": {"name": "x"},
                "spec": {"type": "ClusterIP", "externalName": "", "externalIPs": [""]},
            },
            id="a Service",
        ),
        pytest.param(cilium(spec={"endpointSelector": {}}), id="one spec"),
        pytest.param(cilium(specs=[{"endpointSelector": {}, "egress": [{}]}]), id="several specs"),
        pytest.param(
            outward(
                toFQDNs=[{"matchName": "a.example"}, {"matchPattern": "*.example"}],
                toEndpoints=[{"matchLabels": {"k8s:a": "b"}}],
                toEntities=["world"],
                toPorts=[{"ports": [{"port": "53", "protocol": "ANY"}], "rules": {}}, {}],
                toCIDR=[7],
            ),
            id="whatever else Cilium has",
        ),
        pytest.param(
            gke(podSelector={}, egress=[{"matches": [{"name": "a"}, {"pattern": "*"}], "ports": [{"port": 443}]}]),
            id="of GKE",
        ),
        pytest.param(workload(), id="a workload that says nothing"),
        pytest.param(piece({"addresses": ["192.0.2.1"]}, {}), id="addresses of a Service"),
        pytest.param(
            workload(
                metadata={"labels": {"a": "b"}},
                spec={
                    "nodeSelector": {"a": "b"},
                    "hostNetwork": True,
                    "hostAliases": [{"ip": "192.0.2.1"}],
                    "dnsConfig": {"nameservers": ["192.0.2.1"]},
                    "dnsPolicy": "None",
                    "containers": [{"args": ["a", ""], "volumeMounts": [{"name": "a", "mountPath": "/a"}, PART]}],
                    "volumes": [{"name": "b", "emptyDir": {}}, projected(SECRET, {"secret": None}, {"configMap": 7})],
                },
            ),
            id="a workload",
        ),
    ],
)
def test_what_is_sound_is_taken(item: Json) -> None:
    check(item, "a.yaml")


@pytest.mark.parametrize(
    ("item", "says"),
    [
        pytest.param({"kind": 5, "metadata": {}}, "kind must be text, not a number", id="kind"),
        pytest.param({"kind": "", "metadata": {}}, "kind is empty", id="no kind"),
        pytest.param({}, "kind is missing", id="nothing"),
        pytest.param({"kind": "Role"}, "metadata is missing", id="no metadata"),
        pytest.param({**policy(), "spec": dt.date(2026, 11, 26)}, "spec must be a map, not date", id="a date of YAML"),
        pytest.param(
            policy(podSelector={"matchExpressions": [{}]}),
            "spec.podSelector.matchExpressions[0].key is missing",
            id="an empty expression",
        ),
        pytest.param(
            policy(podSelector={"matchExpressions": [{"key": 5, "operator": "Exists"}]}),
            "spec.podSelector.matchExpressions[0].key must be text, not a number",
            id="an expression's key",
        ),
        pytest.param(
            {"kind": "Service", "metadata": {"name": "x"}, "spec": {"type": ""}}, "spec.type is empty", id="no type"
        ),
        pytest.param({"kind": "Role", "metadata": []}, "metadata must be a map, not a list", id="metadata"),
        pytest.param({"kind": "Role", "metadata": {}}, "metadata.name is missing", id="no name"),
        pytest.param(metadata(name=5), "metadata.name must be text, not a number", id="name"),
        pytest.param(metadata(namespace=["a"]), "metadata.namespace must be text, not a list", id="namespace"),
        pytest.param(metadata(labels=["a"]), "metadata.labels must be a map, not a list", id="labels"),
        pytest.param(metadata(labels={"a": True}), "metadata.labels.a must be text, not true or false", id="a label"),
        pytest.param(metadata(labels={"a": None}), "metadata.labels.a must be text, not nothing", id="an empty label"),
        pytest.param(metadata(labels={7: "a"}), "a key of metadata.labels must be text, not a number", id="a key"),
        pytest.param({**metadata(), "apiVersion": 1}, "apiVersion must be text, not a number", id="version"),
        pytest.param({"kind": "NetworkPolicy", "metadata": {"name": "x"}}, "spec is missing", id="no spec"),
        pytest.param({**policy(), "spec": "all"}, "spec must be a map, not text", id="spec"),
        pytest.param(piece("x"), "endpoints[0] must be a map, not text", id="endpoints"),
        pytest.param(
            piece({"addresses": [7]}), "endpoints[0].addresses[0] must be text, not a number", id="an address"
        ),
        *(
            pytest.param(made, f"spec.{says}", id=says)
            for made, says in (
                (pod(volumes={}), "volumes must be a list, not a map"),
                (pod(volumes=[{}]), "volumes[0].name is missing"),
                (pod(volumes=[{"name": 7}]), "volumes[0].name must be text, not a number"),
                (pod(volumes=[{"name": "a", "projected": []}]), "volumes[0].projected must be a map, not a list"),
                (pod(volumes=[projected(7)]), "volumes[0].projected.sources[0] must be a map, not a number"),
                (secret(name=None), "volumes[0].projected.sources[0].secret.name is missing"),
                (secret(name=7), "volumes[0].projected.sources[0].secret.name must be text, not a number"),
                (secret(items={}), "volumes[0].projected.sources[0].secret.items must be a list, not a map"),
                (secret(items=[{}]), "volumes[0].projected.sources[0].secret.items[0].key is missing"),
                (secret(items=[{"path": "a"}]), "volumes[0].projected.sources[0].secret.items[0].key is missing"),
                (secret(items=[{"key": "a"}]), "volumes[0].projected.sources[0].secret.items[0].path is missing"),
                (
                    secret(items=[{"key": 7, "path": "a"}]),
                    "volumes[0].projected.sources[0].secret.items[0].key must be text, not a number",
                ),
                (
                    secret(items=[{"key": "a", "path": 7}]),
                    "volumes[0].projected.sources[0].secret.items[0].path must be text, not a number",
                ),
                (mounted(name=None), "containers[0].volumeMounts[0].name is missing"),
                (mounted(mountPath=None), "containers[0].volumeMounts[0].mountPath is missing"),
                (pod(containers=[{"volumeMounts": [{}]}]), "containers[0].volumeMounts[0].name is missing"),
                (mounted(mountPath=""), "containers[0].volumeMounts[0].mountPath is empty"),
                (mounted(name=7), "containers[0].volumeMounts[0].name must be text, not a number"),
                (mounted(mountPath=7), "containers[0].volumeMounts[0].mountPath must be text, not a number"),
                (mounted(subPath=7), "containers[0].volumeMounts[0].subPath must be text, not a number"),
                (mounted(subPathExpr=7), "containers[0].volumeMounts[0].subPathExpr must be text, not a number"),
            )
        ),
        pytest.param(policy(egress={}), "spec.egress must be a list, not a map", id="egress"),
        pytest.param(policy(egress=["x"]), "spec.egress[0] must be a map, not text", id="a rule"),
        pytest.param(policy(egress=[{}, None]), "spec.egress[1] must be a map, not nothing", id="an empty rule"),
        pytest.param(policy(ingress=[{"from": 1.5}]), "spec.ingress[0].from must be a list, not a number", id="from"),
        pytest.param(peer(ipBlock=None), "spec.egress[0].to[0].ipBlock is empty", id="an empty block"),
        pytest.param(peer(ipBlock={}), "spec.egress[0].to[0].ipBlock.cidr is missing", id="no cidr"),
        pytest.param(
            peer(ipBlock={"cidr": "hello"}),
            "spec.egress[0].to[0].ipBlock.cidr must be a network such as 192.0.2.0/24, not 'hello'",
            id="cidr",
        ),
        pytest.param(
            peer(ipBlock={"cidr": 5}), "spec.egress[0].to[0].ipBlock.cidr must be text, not a number", id="no text"
        ),
        pytest.param(
            peer(ipBlock={**CIDR, "except": ["x"]}),
            "spec.egress[0].to[0].ipBlock.except[0] must be a network such as 192.0.2.0/24, not 'x'",
            id="except",
        ),
        pytest.param(
            peer(namespaceSelector=[]), "spec.egress[0].to[0].namespaceSelector must be a map, not a list", id="by ns"
        ),
        pytest.param(
            policy(podSelector={"matchLabels": {"a": 1}}),
            "spec.podSelector.matchLabels.a must be text, not a number",
            id="matchLabels",
        ),
        pytest.param(
            policy(podSelector={"matchExpressions": [{"operator": "In"}]}),
            "spec.podSelector.matchExpressions[0].key is missing",
            id="no key of an expression",
        ),
        pytest.param(
            policy(podSelector={"matchExpressions": [{"key": "a", "operator": "Is"}]}),
            "spec.podSelector.matchExpressions[0].operator must be In or NotIn or Exists or DoesNotExist, not 'Is'",
            id="operator",
        ),
        pytest.param(
            policy(podSelector={"matchExpressions": [{"key": "a", "operator": "In", "values": "b"}]}),
            "spec.podSelector.matchExpressions[0].values must be a list, not text",
            id="values",
        ),
        pytest.param(
            policy(policyTypes=["egress"]), "spec.policyTypes[0] must be Ingress or Egress, not 'egress'", id="a type"
        ),
        pytest.param(policy(egress=[{"ports": 53}]), "spec.egress[0].ports must be a list, not a number", id="ports"),
        *(
            pytest.param(
                policy(egress=[{"ports": [{"port": port}]}]),
                f"spec.egress[0].ports[0].port must be the number or the name of a port, not {port!r}",
                id=f"port {port}",
            )
            for port in (-1, 0, 65536, 123456, "", "443", "²", "UPPER", "a b", "a--b", "-a")
        ),
        pytest.param(
            outward(toPorts=[{"ports": [{"port": "1", "protocol": "tcp"}]}]),
            "spec.egress[0].toPorts[0].ports[0].protocol must be TCP or UDP or SCTP or ANY or ICMP or ICMPv6 or VRRP"
            " or IGMP, not 'tcp'",
            id="a protocol of Cilium's",
        ),
        pytest.param(
            policy(egress=[{"ports": [{"port": []}]}]),
            "spec.egress[0].ports[0].port must be a number or a name, not a list",
            id="a list of ports",
        ),
        pytest.param(
            {"kind": "ConfigMap", "metadata": {"name": "x"}, "data": {7: "a"}},
            "a key of data must be text, not a number",
            id="a key of data",
        ),
        pytest.param(
            policy(egress=[{"ports": [{"port": True}]}]),
            "spec.egress[0].ports[0].port must be a number or a name, not true or false",
            id="no port",
        ),
        *(
            pytest.param(made, f"{at} must be {ought}", id=at)
            for made, at, ought in (
                (policy(podSelector=5), "spec.podSelector", "a map, not a number"),
                (
                    policy(podSelector={"matchExpressions": {}}),
                    "spec.podSelector.matchExpressions",
                    "a list, not a map",
                ),
                (policy(policyTypes="Egress"), "spec.policyTypes", "a list, not text"),
                (policy(ingress={}), "spec.ingress", "a list, not a map"),
                (peer(podSelector="x"), "spec.egress[0].to[0].podSelector", "a map, not text"),
                (peer(ipBlock="x"), "spec.egress[0].to[0].ipBlock", "a map, not text"),
                (policy(egress=[{"to": ["x"]}]), "spec.egress[0].to[0]", "a map, not text"),
                (policy(egress=[{"to": {}}]), "spec.egress[0].to", "a list, not a map"),
                (policy(egress=[{"ports": ["x"]}]), "spec.egress[0].ports[0]", "a map, not text"),
                (
                    policy(egress=[{"ports": [{"protocol": 5}]}]),
                    "spec.egress[0].ports[0].protocol",
                    "text, not a number",
                ),
                (
                    policy(egress=[{"ports": [{"endPort": []}]}]),
                    "spec.egress[0].ports[0].endPort",
                    "a number, not a list",
                ),
                (cilium(spec={"endpointSelector": "x"}), "spec.endpointSelector", "a map, not text"),
                (cilium(spec={"endpointSelector": {}, "egress": {}}), "spec.egress", "a list, not a map"),
                (cilium(spec={"endpointSelector": {}, "ingress": {}}), "spec.ingress", "a list, not a map"),
                (
                    cilium(spec={"endpointSelector": {}, "enableDefaultDeny": {"ingress": 1}}),
                    "spec.enableDefaultDeny.ingress",
                    "true or false, not a number",
                ),
                (outward(toFQDNs={}), "spec.egress[0].toFQDNs", "a list, not a map"),
                (outward(toFQDNs=["x"]), "spec.egress[0].toFQDNs[0]", "a map, not text"),
                (outward(toEndpoints={}), "spec.egress[0].toEndpoints", "a list, not a map"),
                (outward(toEntities=[5]), "spec.egress[0].toEntities[0]", "text, not a number"),
                (outward(toPorts={}), "spec.egress[0].toPorts", "a list, not a map"),
                (outward(toPorts=[{"ports": {}}]), "spec.egress[0].toPorts[0].ports", "a list, not a map"),
                (
                    outward(toPorts=[{"ports": [{"port": 443}]}]),
                    "spec.egress[0].toPorts[0].ports[0].port",
                    "text, not a number",
                ),
                (
                    outward(toPorts=[{"ports": [{"port": "1", "endPort": []}]}]),
                    "spec.egress[0].toPorts[0].ports[0].endPort",
                    "a number, not a list",
                ),
                (gke(podSelector=5), "spec.podSelector", "a map, not a number"),
                (gke(podSelector={}, egress={}), "spec.egress", "a list, not a map"),
                (gke(podSelector={}, egress=[{"matches": [], "ports": 5}]), "spec.egress[0].ports", "a list"),
                (workload(spec={"nodeName": 5}), "spec.template.spec.nodeName", "text, not a number"),
                (workload(spec={"hostNetwork": "yes"}), "spec.template.spec.hostNetwork", "true or false, not text"),
                (workload(spec={"hostAliases": {}}), "spec.template.spec.hostAliases", "a list, not a map"),
                (workload(spec={"hostAliases": ["a"]}), "spec.template.spec.hostAliases[0]", "a map, not text"),
                (workload(spec={"dnsConfig": []}), "spec.template.spec.dnsConfig", "a map, not a list"),
                (workload(spec={"dnsPolicy": 5}), "spec.template.spec.dnsPolicy", "text, not a number"),
                (
                    {"kind": "Service", "metadata": {"name": "x"}, "spec": {"externalIPs": [5]}},
                    "spec.externalIPs[0]",
                    "text, not a number",
                ),
                (workload(spec={"containers": {}}), "spec.template.spec.containers", "a list, not a map"),
                (workload(spec=[]), "spec.template.spec", "a map, not a list"),
                (workload(metadata=[]), "spec.template.metadata", "a map, not a list"),
                (
                    {"kind": "Service", "metadata": {"name": "x"}, "spec": {"type": 5}},
                    "spec.type",
                    "text, not a number",
                ),
                (
                    {"kind": "Service", "metadata": {"name": "x"}, "spec": {"externalName": 5}},
                    "spec.externalName",
                    "text, not a number",
                ),
            )
        ),
        pytest.param(metadata(name=""), "metadata.name is empty", id="an empty name"),
        pytest.param(
            policy(podSelector={"matchExpressions": [{"key": "a"}]}),
            "spec.podSelector.matchExpressions[0].operator is missing",
            id="no operator",
        ),
        pytest.param({**gke(), "spec": None}, "spec is missing", id="no spec of GKE's"),
        pytest.param(cilium(), "spec is missing", id="no spec of Cilium's"),
        pytest.param(cilium(spec={}, specs=[]), "spec.endpointSelector is missing", id="an empty one"),
        pytest.param(cilium(specs=[]), "spec is missing", id="no specs"),
        pytest.param(cilium(specs={}), "specs must be a list, not a map", id="specs"),
        pytest.param(
            cilium(specs=[{"endpointSelector": {}, "egress": ["x"]}]),
            "specs[0].egress[0] must be a map, not text",
            id="a rule of several specs",
        ),
        pytest.param(
            cilium(spec={"endpointSelector": {}, "enableDefaultDeny": {"egress": "no"}}),
            "spec.enableDefaultDeny.egress must be true or false, not text",
            id="default deny",
        ),
        pytest.param(
            cilium(spec={"endpointSelector": {}, "ingress": ["x"]}),
            "spec.ingress[0] must be a map, not text",
            id="ingress of Cilium's",
        ),
        *(
            pytest.param(
                outward(toFQDNs=[name]),
                "spec.egress[0].toFQDNs[0] must have either matchName or matchPattern, and nothing else",
                id=name_id,
            )
            for name_id, name in {
                "no name": {},
                "both": {"matchName": "a", "matchPattern": "*"},
                "another": {"name": "a"},
            }.items()
        ),
        pytest.param(
            outward(toFQDNs=[{"matchName": 5}]),
            "spec.egress[0].toFQDNs[0].matchName must be text, not a number",
            id="a name",
        ),
        pytest.param(outward(toEntities="all"), "spec.egress[0].toEntities must be a list, not text", id="entities"),
        pytest.param(outward(toEndpoints=["x"]), "spec.egress[0].toEndpoints[0] must be a map, not text", id="pods"),
        pytest.param(
            outward(toPorts=[{"ports": [{}]}]), "spec.egress[0].toPorts[0].ports[0].port is missing", id="no port of"
        ),
        pytest.param(gke(), "spec.podSelector is missing", id="no pods, of GKE"),
        pytest.param(gke(podSelector={}, egress=[{}]), "spec.egress[0].matches is missing", id="no names, of GKE"),
        pytest.param(
            gke(podSelector={}, egress=[{"matches": [{"matchName": "a"}]}]),
            "spec.egress[0].matches[0] must have either name or pattern, and nothing else",
            id="another name, of GKE",
        ),
        pytest.param(
            {"kind": "ConfigMap", "metadata": {"name": "x"}, "data": ["a"]}, "data must be a map, not a list", id="data"
        ),
        pytest.param(
            {"kind": "ConfigMap", "metadata": {"name": "x"}, "binaryData": {"shard": {}}},
            "binaryData.shard must be text, not a map",
            id="binary data",
        ),
        pytest.param(
            {"kind": "Service", "metadata": {"name": "x"}, "spec": {"selector": ["a"]}},
            "spec.selector must be a map, not a list",
            id="a Service's selector",
        ),
        *(
            pytest.param({**workload(), "kind": kind, "spec": "x"}, "spec must be a map, not text", id=kind)
            for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "Pod", "Service")
        ),
        pytest.param(
            workload(metadata={"labels": 5}), "spec.template.metadata.labels must be a map", id="pods' labels"
        ),
        pytest.param(workload(spec={"nodeSelector": "a"}), "spec.template.spec.nodeSelector must be a map", id="nodes"),
        pytest.param(
            workload(spec={"containers": [{"args": [5]}]}),
            "spec.template.spec.containers[0].args[0] must be text, not a number",
            id="an argument",
        ),
        pytest.param(
            workload(spec={"containers": [{"command": "sh"}]}),
            "spec.template.spec.containers[0].command must be a list, not text",
            id="a command",
        ),
    ],
)
def test_what_is_not_sound_is_named(item: Json, says: str) -> None:
    with pytest.raises(MalformedError) as refused:
        check(item, "a.yaml")
    assert str(refused.value).startswith(f"a.yaml: {says}")


def test_the_whole_must_be_an_object() -> None:
    with pytest.raises(MalformedError, match=r"^here: the object must be a map, not a list$"):
        check([], "here")  # type: ignore[arg-type]


def labelled(key: object, value: object = "a") -> Json:
    return metadata(labels={key: value})


def expression(operator: str, **more: Any) -> Json:
    return policy(podSelector={"matchExpressions": [{"key": "a", "operator": operator, **more}]})


def at_port(**port: Any) -> Json:
    return policy(egress=[{"ports": [port]}])


def at_ciliums_port(**port: Any) -> Json:
    return outward(toPorts=[{"ports": [port]}])


def led(**spec: Any) -> Json:
    return {"kind": "HTTPRoute", "metadata": {"name": "x"}, "spec": spec}


EXPRESSION: Final = "spec.podSelector.matchExpressions[0]"
PORT: Final = "spec.egress[0].ports[0]"
CILIUMS_PORT: Final = "spec.egress[0].toPorts[0].ports[0]"
KEY: Final = "must be one such as example.com/name, not"


@pytest.mark.parametrize(
    ("item", "says"),
    [
        *(
            pytest.param(item, says, id=says)
            for item, says in (
                (
                    {**policy(), "metadata": {"name": "Isochrone_Gateway!"}},
                    "metadata.name must be a name of a-z, 0-9, '-' and '.', not 'Isochrone_Gateway!'",
                ),
                (
                    {"kind": "Service", "metadata": {"name": "a.b"}},
                    "metadata.name must be at most 63 of a-z, 0-9 and '-', not 'a.b'",
                ),
                (metadata(namespace="a.b"), "metadata.namespace must be at most 63 of a-z, 0-9 and '-', not 'a.b'"),
                (labelled("a b"), f"a key of metadata.labels {KEY} 'a b'"),
                (labelled("a", "no such/value!"), "metadata.labels.a must be a label's value, not 'no such/value!'"),
                (metadata(annotations=[1]), "metadata.annotations must be a map, not a list"),
                (metadata(annotations={"a": 1}), "metadata.annotations.a must be text, not a number"),
                (metadata(annotations={"a b": ""}), f"a key of metadata.annotations {KEY} 'a b'"),
                (
                    policy(podSelector={"matchLabels": {"a b": ""}}),
                    f"a key of spec.podSelector.matchLabels {KEY} 'a b'",
                ),
                (
                    policy(podSelector={"matchLabels": {"k8s:a": ""}}),
                    f"a key of spec.podSelector.matchLabels {KEY} 'k8s:a'",
                ),
                (
                    policy(podSelector={"matchExpressions": [{"key": "a b", "operator": "Exists"}]}),
                    f"{EXPRESSION}.key must be the key of a label, not 'a b'",
                ),
                (expression("In"), f"{EXPRESSION}.values must be some for In"),
                (expression("NotIn", values=[]), f"{EXPRESSION}.values must be some for NotIn"),
                (expression("Exists", values=["b"]), f"{EXPRESSION}.values must be none for Exists"),
                (expression("DoesNotExist", values=["b"]), f"{EXPRESSION}.values must be none for DoesNotExist"),
                (expression("In", values=["a b"]), f"{EXPRESSION}.values[0] must be a label's value, not 'a b'"),
                (
                    cilium(spec={"endpointSelector": {"matchLabels": {"a::b": ""}}}),
                    f"a key of spec.endpointSelector.matchLabels {KEY} 'a::b'",
                ),
                (
                    outward(toEndpoints=[{"matchExpressions": [{"key": "a b", "operator": "Exists"}]}]),
                    "spec.egress[0].toEndpoints[0].matchExpressions[0].key must be the key of a label, not 'a b'",
                ),
                (pod(nodeSelector={"a": "b c"}), "spec.nodeSelector.a must be a label's value, not 'b c'"),
                (workload(metadata={"labels": {"a": "-"}}), "spec.template.metadata.labels.a must be a label's value"),
                (
                    {"kind": "Service", "metadata": {"name": "x"}, "spec": {"selector": {"a": "-"}}},
                    "spec.selector.a must be a label's value, not '-'",
                ),
                (
                    {"kind": "Service", "metadata": {"name": "x"}, "spec": {"externalIPs": [7]}},
                    "spec.externalIPs[0] must be text, not a number",
                ),
                (at_port(protocol="FOO"), f"{PORT}.protocol must be TCP or UDP or SCTP, not 'FOO'"),
                (at_port(protocol="ANY"), f"{PORT}.protocol must be TCP or UDP or SCTP, not 'ANY'"),
                (at_port(endPort=5), f"{PORT}.endPort must have the number of a port beside it"),
                (at_port(port="http", endPort=5), f"{PORT}.endPort must have the number of a port beside it"),
                (at_port(port=6, endPort=5), f"{PORT}.endPort must be 6 or more, not 5"),
                (at_port(port=6, endPort=65536), f"{PORT}.endPort must be the number of a port, not 65536"),
                (at_ciliums_port(port="0"), f"{CILIUMS_PORT}.port must be the number or the name of a port, not '0'"),
                (at_ciliums_port(port="1", endPort=0), f"{CILIUMS_PORT}.endPort must be the number of a port, not 0"),
                (
                    at_ciliums_port(port="1", protocol="tcp"),
                    f"{CILIUMS_PORT}.protocol must be TCP or UDP or SCTP or ANY",
                ),
                (
                    gke(podSelector={}, egress=[{"matches": [], "ports": [{"protocol": "x"}]}]),
                    f"{PORT}.protocol must be TCP or UDP or SCTP, not 'x'",
                ),
                (peer(), "spec.egress[0].to[0] must have ipBlock, podSelector or namespaceSelector"),
                (
                    peer(podSelector=None, namespaceSelector=None),
                    "spec.egress[0].to[0] must have ipBlock, podSelector or namespaceSelector",
                ),
                (
                    peer(ipBlock=CIDR, podSelector={}),
                    "spec.egress[0].to[0] must have either ipBlock or podSelector, not both",
                ),
                (
                    policy(ingress=[{"from": [{"ipBlock": CIDR, "namespaceSelector": {}}]}]),
                    "spec.ingress[0].from[0] must have either ipBlock or namespaceSelector, not both",
                ),
                *(
                    (
                        peer(ipBlock={**CIDR, "except": ["192.0.2.0/28", other]}),
                        f"spec.egress[0].to[0].ipBlock.except[1] must be some of 192.0.2.0/24, not '{other}'",
                    )
                    for other in ("192.0.2.0/24", "192.0.0.0/16", "::1/128")
                ),
                *(
                    (
                        peer(ipBlock={"cidr": cidr}),
                        f"spec.egress[0].to[0].ipBlock.cidr must be a network such as 192.0.2.0/24, not '{cidr}'",
                    )
                    for cidr in ("192.0.2.7", "192.0.2.0/255.255.255.0", "fe80::%1/64")
                ),
                ({**led(), "spec": None}, "spec is missing"),
                (led(parentRefs=[{}]), "spec.parentRefs[0].name is missing"),
                (led(parentRefs=[{"name": "x", "kind": 7}]), "spec.parentRefs[0].kind must be text, not a number"),
                (led(hostnames=[7]), "spec.hostnames[0] must be text, not a number"),
                (led(rules=["x"]), "spec.rules[0] must be a map, not text"),
                (led(rules=[{"backendRefs": [{}]}]), "spec.rules[0].backendRefs[0].name is missing"),
                (led(rules=[{"backendRefs": [{"name": 7}]}]), "spec.rules[0].backendRefs[0].name must be text"),
                (
                    led(rules=[{"backendRefs": [{"name": "x", "namespace": 7}]}]),
                    "spec.rules[0].backendRefs[0].namespace must be text",
                ),
                (
                    led(rules=[{"backendRefs": [{"name": "x", "kind": 7}]}]),
                    "spec.rules[0].backendRefs[0].kind must be text",
                ),
                (
                    led(rules=[{"backendRefs": [{"name": "x", "group": 7}]}]),
                    "spec.rules[0].backendRefs[0].group must be text",
                ),
            )
        ),
    ],
)
def test_what_no_api_server_would_store_is_named(item: Json, says: str) -> None:
    with pytest.raises(MalformedError) as refused:
        check(item, "a.yaml")
    assert str(refused.value).startswith(f"a.yaml: {says}")


@pytest.mark.parametrize(
    "item",
    [
        pytest.param({"kind": "Role", "metadata": {"name": "system:node"}}, id="a name of a kind that isn't read"),
        pytest.param({**policy(), "metadata": {"name": "a.b"}}, id="dots in a name"),
        pytest.param(metadata(namespace=""), id="an empty namespace"),
        pytest.param(metadata(annotations={"Example.com/A_b": "any thing"}), id="annotations"),
        pytest.param(cilium(spec={"endpointSelector": {"matchLabels": {"any:a.b/c": "d"}}}), id="Cilium's labels"),
        pytest.param(at_ciliums_port(port="65535", endPort=65535, protocol="ICMPv6"), id="Cilium's ports"),
        pytest.param(at_ciliums_port(port="dns"), id="a port's name"),
        pytest.param({**policy(egress="all"), "apiVersion": "projectcalico.org/v3"}, id="of another group"),
        pytest.param({**policy(), "apiVersion": "networking.k8s.io/v1"}, id="of its own"),
        pytest.param(
            led(
                parentRefs=[{"name": "x", "kind": "Gateway"}],
                hostnames=["x.example.com"],
                rules=[{"backendRefs": [{"name": "x", "namespace": "", "kind": "Service", "group": ""}]}],
            ),
            id="a route",
        ),
        pytest.param(peer(namespaceSelector={}, podSelector={}), id="pods of all namespaces"),
    ],
)
def test_what_api_servers_store_is_taken(item: Json) -> None:
    check(item, "a.yaml")


def test_what_is_read_is_looked_at_by_its_version() -> None:
    with pytest.raises(MalformedError):
        check({**policy(egress="all"), "apiVersion": "networking.k8s.io/v1"}, "a.yaml")
