"""Routes of the Gateway API and addresses of Services, by hand and as they are rendered."""

import copy
from typing import Any, Final

import pytest
from tests.unit.verify.by_hand import Json, config
from tests.unit.verify.clusters import COMPONENT, EDGE_NODE, Cluster, labelled, of, stored
from tests.unit.verify.installation import OBJECTS
from tests.worlds.build import snapshot
from tests.worlds.verified import of_snapshot

from isochrone.model import Capability, Observed, SiteObservation
from isochrone.render.gateway_settings import GatewaySettings, ParentGateway, PeerIssuer
from isochrone.verify import Finding, Rule, Severity, ways_in
from isochrone.verify.gathered import gather

HOST: Final = "fra1.example.com"
WHOSE: Final = {COMPONENT: "gateway", EDGE_NODE: "fra1"}
NAMED: Final = "the HTTPRoute isochrone-system/x"


def service(name: str = "gateway", namespace: str = "isochrone-system", **spec: Any) -> Json:
    return labelled("Service", name, namespace, {}, spec={"selector": WHOSE, **spec})


def route(*rules: Json, **spec: Any) -> Json:
    fields = {"parentRefs": [{"name": "front"}], "hostnames": [HOST], "rules": list(rules), **spec}
    return labelled("HTTPRoute", "x", "isochrone-system", {}, spec=fields)


def to(*backends: Json, **rule: Any) -> Json:
    return {"backendRefs": [{"name": "gateway", "port": 80}, *backends], **rule}


def told(*items: Json, hostname: str | None = HOST, is_live: bool = False) -> list[Finding]:
    """Of what is beside the config of a site with this name."""
    made = config("fra1")
    made["site"]["hostname"] = hostname
    cluster: Cluster = [*stored(made), *copy.deepcopy(list(items))]
    given = {name: [each._replace(is_live=is_live) for each in found] for name, found in of({"eu": cluster}).items()}
    return list(ways_in.findings(gather(given, installation="isochrone")))


@pytest.mark.parametrize(
    "items",
    [
        pytest.param(
            [service(), route(to(matches=[{}], timeouts={"request": "0s"}, name="a"))], id="as it is rendered"
        ),
        pytest.param([service(), route(to({"name": "gateway", "port": 443, "weight": 2}))], id="two ports"),
        pytest.param(
            [
                service(),
                route(to({"name": "gateway", "kind": "Service", "group": "", "namespace": "isochrone-system"})),
            ],
            id="all said",
        ),
        pytest.param(
            [service(), route(to({"name": "gateway", "kind": None, "filters": None}, filters=None))], id="null"
        ),
        pytest.param([service("a", "b"), route({"backendRefs": [{"name": "a", "namespace": "b"}]})], id="elsewhere"),
        pytest.param(
            [service(), route(to(), parentRefs=[{"name": "a", "kind": "Gateway"}, {"kind": None, "name": "b"}])],
            id="parents",
        ),
        pytest.param([route()], id="nowhere"),
        pytest.param(
            [service(), route({"matches": [{}]}, {"backendRefs": None}, to())], id="a rule that leads nowhere"
        ),
        pytest.param([route(rules=None, hostnames=None, parentRefs=None)], id="nothing"),
        pytest.param(
            [service(externalIPs=[]), service(externalIPs=None), {"kind": "Service", "metadata": {"name": "x"}}],
            id="Services",
        ),
    ],
)
def test_what_leads_to_gateways_alone_is_taken(items: Cluster) -> None:
    assert told(*items) == []


def test_a_site_without_a_name_is_led_to_by_any() -> None:
    assert told(service(), route(to(), hostnames=None), hostname=None) == []


MIRROR: Final = [{"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "evil", "port": 80}}}]


@pytest.mark.parametrize(
    ("items", "says"),
    [
        pytest.param(
            [service(), route(to(), to(filters=MIRROR))],
            f"{NAMED} has filters, which may copy requests or send them elsewhere",
            id="a copy",
        ),
        pytest.param(
            [service(), route(to(retry={}))],
            f"{NAMED} has retry, which may copy requests or send them elsewhere",
            id="something else",
        ),
        pytest.param(
            [service(), route(to({"name": "gateway", "filters": MIRROR}))],
            f"{NAMED} leads to isochrone-system/gateway with filters, which is no Service of a gateway",
            id="a copy of a backend",
        ),
        pytest.param(
            [service(), route(to({"name": "gateway", "retry": {}, "filters": MIRROR}))],
            f"{NAMED} leads to isochrone-system/gateway with filters, retry, which is no Service of a gateway",
            id="more of a backend",
        ),
        pytest.param(
            [service(), route(to({"name": "gateway", "kind": "ConfigMap"}))],
            f"{NAMED} leads to isochrone-system/gateway (ConfigMap), which is no Service of a gateway",
            id="another kind of Kubernetes' own",
        ),
        pytest.param(
            [service(), route(to(), to({"name": "evil", "port": 80}))],
            f"{NAMED} leads to isochrone-system/evil, which is no Service of a gateway",
            id="another Service",
        ),
        pytest.param(
            [service(), route(to({"name": "gateway", "namespace": "evil"}))],
            f"{NAMED} leads to evil/gateway, which is no Service of a gateway",
            id="another namespace",
        ),
        pytest.param(
            [service(), route(to({"name": "gateway", "kind": "Backend", "group": "example.com"}))],
            f"{NAMED} leads to isochrone-system/gateway (Backend), which is no Service of a gateway",
            id="another kind",
        ),
        pytest.param(
            [service(), route(to({"name": "gateway", "group": "example.com"}))],
            f"{NAMED} leads to isochrone-system/gateway (None), which is no Service of a gateway",
            id="another group",
        ),
        pytest.param(
            [service(), route(to(), parentRefs=[{"name": "chat-engine", "kind": "Service"}])],
            f"{NAMED} is for others than Gateways",
            id="a mesh's",
        ),
        *(
            pytest.param(
                [made, route(to())],
                f"{NAMED} leads to isochrone-system/gateway, which is no Service of a gateway",
                id=name,
            )
            for name, made in {
                "pods of others": service(selector={"app": "evil"}),
                "engines": service(selector={**WHOSE, COMPONENT: "engine"}),
                "gateways of any site": service(selector={COMPONENT: "gateway"}),
                "no pods": service(selector=None),
                "a name": service(type="ExternalName", externalName="evil.example.com"),
                "no spec": {"kind": "Service", "metadata": {"name": "gateway", "namespace": "isochrone-system"}},
                "no Service": labelled("EndpointSlice", "gateway", "isochrone-system", {}, spec={"selector": WHOSE}),
            }.items()
        ),
        pytest.param(
            [service(), route(to(), hostnames=["iad1.example.com", "a.example.com"])],
            f"{NAMED} leads a.example.com, iad1.example.com to the gateway of fra1,"
            f" which is known to clients as {HOST}",
            id="others' names",
        ),
        pytest.param(
            [service(), route(to(), hostnames=None)],
            f"{NAMED} leads any host name to the gateway of fra1, which is known to clients as {HOST}",
            id="any name",
        ),
        pytest.param(
            [service(selector={**WHOSE, EDGE_NODE: "iad1"}), route(to())],
            f"{NAMED} leads {HOST} to the gateway of iad1, which is known to clients as nothing",
            id="another site",
        ),
        pytest.param(
            [service(externalIPs=["203.0.113.9", "2001:db8::1"])],
            "the Service isochrone-system/gateway takes what pods send to 203.0.113.9, 2001:db8::1 (externalIPs)",
            id="addresses of others",
        ),
    ],
)
def test_what_leads_requests_elsewhere_is_told(items: Cluster, says: str) -> None:
    (each,) = told(*items)
    assert (each.rule, each.site, each.severity, each.message) == (Rule.WRONG_ADDRESS, "", Severity.ERROR, says)
    assert each.where in {"eu/HTTPRoute/x", "eu/Service/gateway"}


def test_all_that_others_get_is_told_in_order() -> None:
    others = [{"name": name} for name in "hgfedcba"]
    rules = [to(*others, z={}, a={})]
    assert [each.message.removeprefix(f"{NAMED} ").partition(",")[0] for each in told(service(), route(*rules))] == [
        "has a",
        "has z",
        *(f"leads to isochrone-system/{name}" for name in "abcdefgh"),
    ]


def test_addresses_of_services_in_a_cluster_may_be_theirs() -> None:
    (each,) = told(service(externalIPs=["203.0.113.9"]), is_live=True)
    assert each.severity is Severity.WARNING


@pytest.mark.parametrize("lacking", [(), (Capability.CILIUM_NETWORK_POLICY,)], ids=["Cilium", "GKE"])
def test_all_that_may_be_rendered_is_taken(lacking: tuple[Capability, ...]) -> None:
    named = copy.deepcopy(OBJECTS)
    named[0]["spec"]["gateway"] |= {"hostname": HOST, "serviceAnnotations": {"service.beta.kubernetes.io/x": "y"}}
    seen = SiteObservation(capabilities=frozenset(Capability) - set(lacking))
    sites = [each["metadata"]["name"] for each in named if each["kind"] == "EdgeNode"]
    gateway = GatewaySettings(
        parents=(ParentGateway(namespace="edge", name="front"),), peer_issuer=PeerIssuer(name="peers")
    )
    world = of_snapshot(snapshot(named, Observed(sites=dict.fromkeys(sites, seen))), gateway)
    report = world.verify()
    assert report.findings == ()
    kinds = {each.item["kind"] for found in world.clusters().values() for each in found}
    assert kinds >= {"HTTPRoute", "ServiceExport", "Certificate", "PodMonitor"}
    assert len(kinds & {"CiliumNetworkPolicy", "FQDNNetworkPolicy"}) == 1
