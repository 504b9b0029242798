"""The objects of a site's gateway: the rules by which they are rendered, and how bundles are put together."""

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from tests.unit.validate.sample import edge, endpoint, obj, pool, provider, route, tenant, tiers, to_provider
from tests.worlds.build import snapshot
from tests.worlds.examples import example

from isochrone import manifests
from isochrone.api import EdgeNode
from isochrone.model import Capability, Observed, Plan, SiteObservation
from isochrone.plan import plan, routing
from isochrone.render import clusters, gitops
from isochrone.render.bundle import Bundle, identity, index_object, render
from isochrone.render.gateway_settings import GatewaySettings, ParentGateway, PeerIssuer
from isochrone.render.settings import RenderSettings
from isochrone_gateway.config import Release, assemble, read_index

Json = dict[str, Any]
RELEASE = Release(installation="isochrone", epoch=1, sequence=3, issued_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
REMOTE: Json = {"cluster": {"type": "Remote"}, "delivery": "Pull"}
NAME = "isochrone-gateway"


def bundled(
    *objects: Json,
    seen: SiteObservation | None = None,
    gateway: GatewaySettings | None = None,
    settings: RenderSettings | None = None,
) -> list[Bundle]:
    """The bundles of all sites, in the order of their names."""
    names = [each["metadata"]["name"] for each in objects if each["kind"] == "EdgeNode"]
    world = snapshot(objects, Observed(sites=dict.fromkeys(names, seen) if seen else {}))
    planned = plan(world, now=0)
    return list(render(world, planned, routing(world, planned, now=0).at, gateway=gateway, settings=settings))


def site(*objects: Json, **spec: Any) -> Bundle:
    """The bundle of site `fra`, in a cluster of its own."""
    options = {name: spec.pop(name) for name in ("seen", "gateway_settings") if name in spec}
    found = bundled(
        edge(**{**REMOTE, **spec}), *objects, seen=options.get("seen"), gateway=options.get("gateway_settings")
    )
    return next(bundle for bundle in found if bundle.site == "fra")


def of_kind(bundle: Bundle, kind: str, name: str = NAME) -> Json:
    (found,) = (each for each in bundle.objects if (each["kind"], each["metadata"]["name"]) == (kind, name))
    return found


def container(bundle: Bundle) -> Json:
    (found,) = of_kind(bundle, "Deployment")["spec"]["template"]["spec"]["containers"]
    return dict(found)


# The Deployment


def test_the_pod_has_as_long_as_the_gateway_takes_to_end() -> None:
    for service_type, seconds in (("ClusterIP", 320), ("LoadBalancer", 335)):
        made = of_kind(site(gateway={"serviceType": service_type}), "Deployment")
        assert made["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == seconds


def test_the_number_of_pods_is_an_autoscalers_where_there_is_one() -> None:
    plain, scaled = site(gateway={"replicas": 3}), site(gateway={"replicas": 3, "autoscaling": {"maxReplicas": 9}})
    assert of_kind(plain, "Deployment")["spec"]["replicas"] == 3
    assert "replicas" not in of_kind(scaled, "Deployment")["spec"]
    spec = of_kind(scaled, "HorizontalPodAutoscaler")["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"], spec["scaleTargetRef"]["name"]) == (3, 9, NAME)
    assert [each["kind"] for each in plain.objects].count("HorizontalPodAutoscaler") == 0


def test_images_come_from_the_sites_mirror() -> None:
    made = site(images={"registryPrefix": "mirror.example.com/x", "pullSecrets": ["pull"]})
    assert container(made)["image"].startswith("mirror.example.com/x/ghcr.io/")
    assert of_kind(made, "Deployment")["spec"]["template"]["spec"]["imagePullSecrets"] == [{"name": "pull"}]


def test_memory_follows_the_workers() -> None:
    made = container(site(gateway_settings=GatewaySettings(workers=4)))
    assert made["resources"] == {"requests": {"cpu": "1", "memory": "2304Mi"}, "limits": {"memory": "2304Mi"}}
    assert "--workers=4" in made["args"]


def test_pods_stay_on_the_sites_nodes() -> None:
    made = bundled(edge(nodeSelector={"zone": "a"}))[0]
    assert made.gateway == "isochrone-gateway-fra"
    pod = of_kind(made, "Deployment", made.gateway)["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"zone": "a"}


# Secrets


def test_secrets_are_mounted_by_reference_and_listed_for_delivery() -> None:
    keys = [{"name": n, "secretRef": {"name": "acme", "key": k}} for n, k in (("a", "one"), ("b", "two"), ("c", "one"))]
    calling = (provider(keys=keys), route(tiers=tiers(to_provider())))
    other = edge("ber", "BER", **REMOTE)
    made = site(other, *calling, gateway={"advertise": {"host": "x.example.com"}, "tls": {"secretName": "front"}})
    (volume,) = (
        v for v in of_kind(made, "Deployment")["spec"]["template"]["spec"]["volumes"] if v["name"] == "secrets"
    )
    sources = {each["secret"]["name"]: each["secret"] for each in volume["projected"]["sources"]}
    assert {name: [item["path"] for item in each["items"]] for name, each in sources.items()} == {
        "isochrone-gateway-peer": ["peer/ca.crt", "peer/tls.crt", "peer/tls.key"],
        "acme": ["providers/acme/one", "providers/acme/two"],
        "isochrone-gateway-status": ["status/token"],
        "front": ["tls/tls.crt", "tls/tls.key"],
    }
    assert {name for name, each in sources.items() if each.get("optional")} == {"acme", "isochrone-gateway-status"}
    assert [each.name for each in made.secrets] == list(sources)


def test_a_provider_that_no_route_leads_to_leaves_its_keys_at_home() -> None:
    keys = [{"name": "a", "secretRef": {"name": "acme", "key": "k"}}]
    assert [each.name for each in site(provider(keys=keys), route(), pool()).secrets] == ["isochrone-gateway-status"]


def test_without_being_reached_a_gateway_starts_without_a_certificate() -> None:
    other = edge("ber", "BER", gateway={"advertise": {"host": "x.example.com"}}, **REMOTE)
    (secret,) = (each for each in site(other).secrets if each.folder == "peer")
    assert secret.is_optional


# Services


@pytest.mark.parametrize(
    ("gateway", "expected"),
    [
        pytest.param({}, {NAME: ["http 80 data"]}, id="plain"),
        pytest.param({"tls": {"secretName": "x"}}, {NAME: ["https 443 data"]}, id="TLS"),
        pytest.param(
            {"advertise": {"host": "x.example.com"}}, {NAME: ["http 80 data", "peer 8443 peer"]}, id="with peers"
        ),
        pytest.param(
            {"advertise": {"host": "x.example.com", "port": 80}},
            {NAME: ["http 80 data"], f"{NAME}-peer": ["peer 80 peer"]},
            id="peers at the port of clients",
        ),
    ],
)
def test_ports_of_services(gateway: Json, expected: dict[str, list[str]]) -> None:
    made = site(edge("ber", "BER", **REMOTE), gateway=gateway)
    found = {
        each["metadata"]["name"]: [f"{p['name']} {p['port']} {p['targetPort']}" for p in each["spec"]["ports"]]
        for each in made.objects
        if each["kind"] == "Service"
    }
    assert found == expected


@pytest.mark.parametrize(("version", "expected"), [((1, 33), "PreferClose"), ((1, 34), "PreferSameZone")])
def test_the_nearest_pod_is_preferred_by_the_name_that_the_server_knows(
    version: tuple[int, int], expected: str
) -> None:
    made = of_kind(site(seen=SiteObservation(kubernetes=version)), "Service")
    assert made["spec"]["trafficDistribution"] == expected


def test_a_load_balancer_keeps_the_clients_address() -> None:
    made = of_kind(site(gateway={"serviceType": "LoadBalancer", "serviceAnnotations": {"a": "b"}}), "Service")
    assert (made["spec"]["externalTrafficPolicy"], made["metadata"]["annotations"]) == ("Local", {"a": "b"})


# Services of routes


def names_of_routes(bundle: Bundle) -> dict[str, str]:
    external = (each for each in bundle.objects if each.get("spec", {}).get("type") == "ExternalName")
    return {
        f"{each['metadata']['namespace']}/{each['metadata']['name']}": each["spec"]["externalName"] for each in external
    }


def test_each_cluster_has_a_service_for_each_route() -> None:
    found = bundled(
        edge(**REMOTE), edge("ber", "BER", **REMOTE), pool(), route(), route("b", tiers=tiers(to_provider()))
    )
    host = f"{NAME}.isochrone-system.svc.cluster.local"
    assert [names_of_routes(each) for each in found] == [{"shop/b": host, "shop/chat": host}] * 2


def test_in_a_shared_cluster_they_lead_to_the_oldest_site() -> None:
    old, young = edge("zzz", "BER"), edge()
    old["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    young["metadata"]["creationTimestamp"] = "2026-01-02T00:00:00Z"
    first, second = bundled(old, young, route())
    assert (names_of_routes(first), names_of_routes(second)) == (
        {},
        {"shop/chat": f"{NAME}-zzz.isochrone-system.svc.cluster.local"},
    )


def test_a_site_that_is_disabled_speaks_for_nobody_and_runs_nothing() -> None:
    off, on = bundled(edge("a", "BER", state="Disabled"), edge("b"), route())
    assert (off.objects, off.config, off.secrets) == ((), None, ())
    assert names_of_routes(on)
    with pytest.raises(ValueError, match="runs no gateway"):
        index_object(off, RELEASE)


def test_engines_and_gateways_keep_their_names_from_routes_that_want_them() -> None:
    made = site(pool(), route(), route("chat-engine"), route(NAME, ns="isochrone-system"))
    found = {identity(each)[2:]: each for each in made.objects if each["kind"] == "Service"}
    assert found["shop", "chat-engine"]["spec"]["clusterIP"] == "None"
    assert "externalName" not in found["isochrone-system", NAME]["spec"]


@pytest.mark.parametrize(
    ("cluster", "expected"),
    [
        ({"type": "Local"}, "local"),
        ({"type": "Kubeconfig", "kubeconfigSecretRef": {"name": "a", "key": "b"}}, "kubeconfig/a/b"),
        ({"type": "ClusterProfile", "clusterProfileRef": {"namespace": "a", "name": "b"}}, "profile/a/b"),
        ({"type": "Remote"}, "remote/fra"),
    ],
    ids=["local", "kubeconfig", "profile", "remote"],
)
def test_clusters(cluster: Json, expected: str) -> None:
    assert clusters.cluster_of(EdgeNode.model_validate(edge(cluster=cluster))) == expected


# Trust


def signed(*sites: str, keys: dict[str, str]) -> list[Bundle]:
    return bundled(*(edge(each) for each in sites), settings=RenderSettings(trusted_keys=keys))


def test_gateways_trust_the_keys_that_they_are_told() -> None:
    made, other = signed("fra", "iad", keys={"hub-2": "PEM 2", "hub-1": "PEM 1"})
    trust = of_kind(made, "ConfigMap", "isochrone-trust")
    assert trust == of_kind(other, "ConfigMap", "isochrone-trust"), "there is one in a cluster"
    assert trust["data"] == {"hub-1.pem": "PEM 1", "hub-2.pem": "PEM 2"}
    assert trust["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "isochrone",
        "isochrone.dev/installation": "isochrone",
        "app.kubernetes.io/component": "gateway-trust",
    }
    pod = of_kind(made, "Deployment", made.gateway)["spec"]["template"]["spec"]
    (volume,) = (each for each in pod["volumes"] if each["name"] == "trust")
    assert volume["configMap"] == {"name": "isochrone-trust", "defaultMode": 0o440, "optional": True}
    (mount,) = (each for each in pod["containers"][0]["volumeMounts"] if each["name"] == "trust")
    assert f"--trusted-keys={mount['mountPath']}" in pod["containers"][0]["args"]
    assert mount["readOnly"] is True


def test_another_key_restarts_no_pod() -> None:
    one, two = (signed("fra", keys=keys)[0] for keys in ({"a": "PEM"}, {"a": "PEM", "b": "PEM"}))
    assert one.digest != two.digest
    assert of_kind(one, "Deployment", one.gateway) == of_kind(two, "Deployment", two.gateway)


def test_without_keys_nothing_speaks_of_them() -> None:
    (made,) = signed("fra", keys={})
    assert "trust" not in str([each for each in made.objects if each["kind"] == "Deployment"])
    assert "isochrone-trust" not in [each["metadata"]["name"] for each in made.objects]


@pytest.mark.parametrize("name", ["", "a/b", "hub:1", ".hub", "a b", "a" * 129])
def test_a_key_needs_a_name_that_a_file_may_have(name: str) -> None:
    with pytest.raises(ValueError, match="is no id of a key"):
        signed("fra", keys={name: "PEM"})


# Rights


def test_rights_are_for_its_config_and_the_engines_that_it_has() -> None:
    made = site(pool(), route(), route("a", ns="other", tiers=tiers(to_provider())))
    roles = {each["metadata"]["namespace"]: each["rules"] for each in made.objects if each["kind"] == "Role"}
    maps = {"apiGroups": [""], "resources": ["configmaps"]}
    assert roles == {
        "isochrone-system": [
            {**maps, "resourceNames": [f"{NAME}-config"], "verbs": ["list", "watch"]},
            {**maps, "verbs": ["get"]},
            {
                "apiGroups": ["coordination.k8s.io"],
                "resources": ["leases"],
                "resourceNames": [f"{NAME}-config"],
                "verbs": ["patch"],
            },
        ],
        "shop": [{"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]}],
    }


def test_pods_say_what_they_run_on_a_lease_of_their_site() -> None:
    made = site()
    lease = of_kind(made, "Lease", f"{NAME}-config")
    assert lease["metadata"]["labels"] == made.labels
    assert lease.keys() == {"apiVersion", "kind", "metadata"}, "the rest is theirs"
    (variable,) = container(made)["env"]
    assert (variable["name"], variable["valueFrom"]["fieldRef"]["fieldPath"]) == ("POD_NAME", "metadata.name")


# Networks


def policies(bundle: Bundle, kind: str = "NetworkPolicy") -> Json:
    return dict(of_kind(bundle, kind)["spec"])


def egress_to(bundle: Bundle, cidr: str) -> list[list[Any]]:
    rules = (r for r in policies(bundle)["egress"] if {"ipBlock": {"cidr": cidr}} in r["to"])
    return [[port["port"] for port in rule["ports"]] for rule in rules]


def test_the_admin_port_is_for_the_operator_and_for_prometheus() -> None:
    rules = {rule["ports"][0]["port"]: rule.get("from") for rule in policies(site())["ingress"]}
    assert rules.keys() == {"data", "admin"}
    assert rules["data"] is None
    who = [each["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for each in rules["admin"] or ()]
    assert who == ["isochrone-operator", "prometheus"]


@pytest.mark.parametrize(
    ("known", "to", "ports"),
    [
        pytest.param((), "0.0.0.0/0", [[443, 6443]], id="not known"),
        pytest.param(("192.0.2.1:6443",), "192.0.2.1/32", [[6443]], id="known"),
        pytest.param(("[2001:db8::1]:443",), "2001:db8::1/128", [[443]], id="known, by the sixth version"),
    ],
)
def test_the_api_server(known: tuple[str, ...], to: str, ports: list[list[int]]) -> None:
    assert egress_to(site(seen=SiteObservation(api_servers=known)), to) == ports


@pytest.mark.parametrize(
    ("host", "to"),
    [
        pytest.param("192.0.2.7", "192.0.2.7/32", id="an address"),
        pytest.param("2001:db8::7", "2001:db8::7/128", id="one of the sixth version"),
        pytest.param("ber.example.com", "0.0.0.0/0", id="a name: anywhere, at its port"),
    ],
)
def test_peers_are_reached_by_address(host: str, to: str) -> None:
    known = SiteObservation(api_servers=("192.0.2.1:6443",))
    other = edge("ber", "BER", gateway={"advertise": {"host": host, "port": 9443}}, **REMOTE)
    assert egress_to(site(other, seen=known), to) == [[9443]]


def test_a_peer_beside_it_is_reached_by_its_labels() -> None:
    host = "isochrone-gateway-ber.isochrone-system.svc"
    found = bundled(edge(), edge("ber", "BER", gateway={"advertise": {"host": host}}))[1]
    spec = of_kind(found, "NetworkPolicy", found.gateway)["spec"]
    assert [rule["ports"][0]["port"] for rule in spec["egress"] if "ipBlock" not in rule["to"][0]] == [53, "peer"]


PROVIDERS = [
    pytest.param("https://api.example.com/v1", {}, "internet 443", "api.example.com", id="on the internet"),
    pytest.param("https://api.example.com:8443", {}, "internet 8443", "api.example.com", id="at another port"),
    pytest.param("http://llm.corp/v1", {"plaintext": "Allow"}, "anywhere 80", "llm.corp", id="inside, by name"),
    pytest.param("http://10.1.2.3:9000", {"plaintext": "Allow"}, "10.1.2.3/32 9000", None, id="inside, by address"),
    pytest.param("http://llm.apps.svc:9000", {"plaintext": "Allow"}, "namespace apps", None, id="a Service"),
]


@pytest.mark.parametrize(("url", "more", "by_port", "by_name"), PROVIDERS)
def test_providers(url: str, more: Json, by_port: str, by_name: str | None) -> None:
    known = ("192.0.2.1:6443",)
    calling = (provider("acme", {**endpoint("eu", "EU"), "url": url, **more}), route(tiers=tiers(to_provider())))
    plain = site(*calling, seen=SiteObservation(api_servers=known))
    assert by_port in [_summary(rule) for rule in policies(plain)["egress"]]
    cilium = site(*calling, seen=SiteObservation(capabilities=frozenset({Capability.CILIUM_NETWORK_POLICY})))
    names = [
        each["matchName"]
        for rule in policies(cilium, "CiliumNetworkPolicy")["egress"]
        for each in rule.get("toFQDNs", ())
    ]
    assert names == ([by_name] if by_name else [])
    gke = site(
        *calling, seen=SiteObservation(capabilities=frozenset({Capability.FQDN_NETWORK_POLICY}), api_servers=known)
    )
    made = [each for each in gke.objects if each["kind"] == "FQDNNetworkPolicy"]
    assert [rule["matches"] for each in made for rule in each["spec"]["egress"]] == (
        [[{"name": by_name}]] if by_name else []
    )
    assert by_port in [_summary(rule) for rule in policies(gke)["egress"]] or by_name is not None


def _summary(rule: Json) -> str:
    first = rule["to"][0]
    if "namespaceSelector" in first and "podSelector" not in first:
        return f"namespace {first['namespaceSelector']['matchLabels']['kubernetes.io/metadata.name']}"
    if "ipBlock" not in first:
        return "pods"
    block = first["ipBlock"]
    where = "internet" if "except" in block else "anywhere" if block["cidr"] == "0.0.0.0/0" else block["cidr"]
    return f"{where} {rule['ports'][0]['port']}"


def test_cilium_knows_the_api_server_and_sees_every_answer_of_dns() -> None:
    made = site(seen=SiteObservation(capabilities=frozenset({Capability.CILIUM_NETWORK_POLICY})))
    assert "egress" not in policies(made)
    spec = policies(made, "CiliumNetworkPolicy")
    assert {"toEntities": ["kube-apiserver"]} in spec["egress"]
    assert spec["egress"][0]["toPorts"][0]["rules"] == {"dns": [{"matchPattern": "*"}]}


# What only some clusters have


@pytest.mark.parametrize(
    ("capability", "kind", "settings"),
    [
        (Capability.SERVICE_MONITOR, "PodMonitor", {}),
        (Capability.SERVICE_EXPORT, "ServiceExport", {}),
        (Capability.HTTP_ROUTE, "HTTPRoute", {"parents": (ParentGateway(namespace="edge", name="front"),)}),
    ],
)
def test_kinds_of_others_are_rendered_where_they_are(capability: Capability, kind: str, settings: Json) -> None:
    gateway = GatewaySettings(**settings)
    having = site(seen=SiteObservation(capabilities=frozenset({capability})), gateway_settings=gateway)
    assert of_kind(having, kind)["metadata"]["namespace"] == "isochrone-system"
    assert kind not in [each["kind"] for each in site(gateway_settings=gateway).objects]


def test_cert_manager_issues_the_certificate_where_it_is_wished_and_there() -> None:
    settings = GatewaySettings(peer_issuer=PeerIssuer(name="peers"))
    seen = SiteObservation(capabilities=frozenset({Capability.CERTIFICATE}))
    other = edge("ber", "BER", gateway={"advertise": {"host": "x.example.com"}}, **REMOTE)
    made = site(other, seen=seen, gateway_settings=settings)
    (secret,) = (each.name for each in made.secrets if each.folder == "peer")
    spec = of_kind(made, "Certificate", secret)["spec"]
    assert spec["secretName"] == secret
    assert spec["uris"] == ["spiffe://isochrone/site/fra"]
    assert spec["usages"] == ["digital signature", "server auth", "client auth"]
    assert spec["issuerRef"] == {"name": "peers", "kind": "ClusterIssuer", "group": "cert-manager.io"}
    assert (spec["duration"], spec["renewBefore"]) == ("720h", "480h")
    without = (
        site(other, seen=seen),
        site(other, gateway_settings=settings),
        site(seen=seen, gateway_settings=settings),
    )
    for each in without:
        assert "Certificate" not in [item["kind"] for item in each.objects]


def test_no_proxy_times_a_stream() -> None:
    gateway = GatewaySettings(parents=(ParentGateway(namespace="edge", name="front", section="https"),))
    seen = SiteObservation(capabilities=frozenset({Capability.HTTP_ROUTE}))
    spec = of_kind(site(gateway={"hostname": "fra.example.com"}, seen=seen, gateway_settings=gateway), "HTTPRoute")[
        "spec"
    ]
    assert spec["rules"][0]["timeouts"] == {"request": "0s", "backendRequest": "0s"}
    assert spec["parentRefs"] == [{"namespace": "edge", "name": "front", "sectionName": "https"}]
    assert (spec["hostnames"], spec["rules"][0]["backendRefs"]) == (["fra.example.com"], [{"name": NAME, "port": 80}])


# Bundles


def test_what_others_need_comes_first() -> None:
    made = site(pool(), route())
    kinds = list(dict.fromkeys(each["kind"] for each in made.objects))
    assert kinds == [
        "Namespace",
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "NetworkPolicy",
        "Service",
        "ConfigMap",
        "Lease",
        "PodDisruptionBudget",
        "Deployment",
    ]


def test_an_index_makes_the_shards_a_config() -> None:
    made = site(pool(), route(), tenant())
    assert made.config is not None
    index = index_object(made, RELEASE)
    received = read_index(index["data"]["index.json"].encode())
    assert (index["metadata"]["name"], received.index.revision.sequence) == (f"{NAME}-config", 3)
    assert assemble(received, made.config.blobs).config.site.name == "fra"
    maps = {each["metadata"]["name"] for each in made.objects if each["kind"] == "ConfigMap"}
    assert maps == set(made.config.blobs)


def test_a_shard_is_no_single_sites() -> None:
    made = next(each for each in site().objects if each["kind"] == "ConfigMap")
    assert made["immutable"] is True
    assert "isochrone.dev/edge-node" not in made["metadata"]["labels"]


@pytest.mark.parametrize(
    ("change", "changes"),
    [
        pytest.param(site, False, id="nothing"),
        pytest.param(lambda: site(staleness={"maxAge": "2h"}), True, id="the config"),
        pytest.param(lambda: site(gateway={"replicas": 5}), True, id="an object"),
    ],
)
def test_the_digest_is_of_everything(change: Callable[[], Bundle], changes: bool) -> None:
    assert (change().digest != site().digest) is changes


def test_the_installations_name_is_on_everything() -> None:
    world = snapshot([edge(), pool(), route()], installation="acme")
    planned = plan(world, now=0)
    (made,) = render(world, planned, routing(world, planned, now=0).at, settings=RenderSettings(installation="other"))
    assert {each["metadata"]["labels"]["isochrone.dev/installation"] for each in made.objects} == {"acme"}


# GitOps


def files(bundles: Iterable[Bundle]) -> dict[str, str]:
    found = list(bundles)
    return gitops.files_of(found, {each.site: index_object(each, RELEASE) for each in found if each.config})


def test_files_hold_the_objects_and_what_sites_share_is_there_once() -> None:
    world = example("quickstart")
    planned = plan(world, now=0)
    made = list(render(world, planned, routing(world, planned, now=0).at))
    found = files(made)
    texts = {path: text for path, text in found.items() if path not in {"README.md", "kustomization.yaml"}}
    read = manifests.parse("---\n".join(texts.values()).encode(), "all.yaml")
    assert read.faults == ()
    wanted = {identity(each): each for bundle in made for each in (*bundle.objects, index_object(bundle, RELEASE))}
    assert {identity(each.obj): each.obj for each in read.manifests} == wanted
    assert len(texts) == len(wanted)
    assert {path.partition("/")[0] for path in texts} == {"_shared", "ber1", "cdg1", "fra1", "iad1"}
    listed = manifests.parse(found["kustomization.yaml"].encode(), "k.yaml").manifests[0].obj["resources"]
    assert listed == list(texts)


def test_the_readme_says_which_secrets_must_be_there() -> None:
    other = edge("ber", "BER", **REMOTE)
    text = files([site(other, gateway={"advertise": {"host": "x.example.com"}})])["README.md"]
    row = "| fra | `isochrone-gateway-peer` | `ca.crt`, `tls.crt`, `tls.key` | yes | mutual TLS"
    assert any(line.startswith(row) for line in text.splitlines())


@pytest.mark.parametrize(
    "text",
    ["1e3", "12345678e90", "0x1f", "on", "y", "Null", "~", "1:30", "2026-01-01", ".inf", "-1", "", "a: b", "#", "é"],
)
def test_a_text_is_read_as_a_text(text: str) -> None:
    written = gitops.written(obj("EdgeNode", "a", {"value": text, text or "x": "key"}))
    (read,) = manifests.parse(written.encode(), "a.yaml").manifests
    assert read.obj["spec"] == {"value": text, text or "x": "key"}


def test_rendering_needs_no_plan() -> None:
    world = snapshot([edge()])
    (made,) = render(world, Plan(), routing(world, Plan(), now=0).at)
    assert dataclasses.replace(made).site == "fra"
