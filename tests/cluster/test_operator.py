"""The operator on three real API servers: each test disturbs the network, and it converges to what is planned."""

import base64
import datetime as dt
import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner
from cryptography import x509
from tests.cluster.clients import asking
from tests.cluster.controlplane import now
from tests.cluster.engines import BREAKS
from tests.cluster.fleet import SYSTEM, Site
from tests.cluster.kubectl import kubectl
from tests.cluster.network import EXAMPLE, LIMIT, OF_SITE, Network, network
from tests.cluster.operators import OperatorProcess
from tests.cluster.waiting import until
from tests.unit.upstream.certificates import Authority

from isochrone.cli import main
from isochrone.kube import contact, mailbox
from isochrone.render import labels, rights
from isochrone.rollout.releases import KEY as KEPT

Json = dict[str, Any]

KEY: Final = "ik_quickstart_2gjq5cqt7apxyx6r2kdcswxqea7s2cue"
"""Of the example's tenant."""
GROUP: Final = "isochrone.dev/v1alpha1"
LEASES: Final = "coordination.k8s.io/v1"
PATIENCE: Final = 600.0
"""Gateways say only now and then what became of requests, so this takes a minute even where nothing else goes on."""
OVERDUE: Final = 2.0
"""Seconds; the Lease is renewed three times in each of them."""


@pytest.fixture(scope="module")
def net(kube: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    assert kube.exists()
    with network(tmp_path_factory.mktemp("operators")) as made:
        made.settled()
        yield made


def resource(kind: str, name: str, namespace: str | None = None, group: str = GROUP) -> Json:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": group, "kind": kind, "metadata": metadata}


def deployments(net: Network, cluster: str) -> dict[str, Json]:
    listed = net.fleet[cluster].api.request("GET", "/apis/apps/v1/deployments").body["items"]
    return {f"{each['metadata']['namespace']}/{each['metadata']['name']}": each for each in listed}


def test_the_quickstart_is_delivered_everywhere(net: Network) -> None:
    assert set(deployments(net, "hub")) > {"isochrone-system/isochrone-gateway-fra1"}
    assert "isochrone-system/isochrone-gateway" in deployments(net, "cdg1")
    assert "isochrone-system/isochrone-gateway" in deployments(net, "iad1")


def test_every_gateway_has_a_certificate_that_the_others_trust(net: Network) -> None:
    found = {name: peer_secret(net, name) for name in OF_SITE}
    authorities = {each["ca.crt"] for each in found.values()}
    assert len(authorities) == 1
    for site, each in found.items():
        leaf = x509.load_pem_x509_certificate(base64.b64decode(each["tls.crt"]))
        leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(base64.b64decode(each["ca.crt"])))
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert list(names) == [x509.UniformResourceIdentifier(f"spiffe://isochrone/site/{site}")]
    kept = net.hub.api.request("GET", "/api/v1/namespaces/isochrone-site-iad1/configmaps").raw
    assert b"PRIVATE KEY" not in kept


def peer_secret(net: Network, site: str) -> Json:
    name = f"isochrone-gateway-{site}-peer" if OF_SITE[site] == "hub" else "isochrone-gateway-peer"
    item = resource("Secret", name, SYSTEM, "v1")
    # A site that pulls asks the hub for it, which answers with its next look.
    answer = until(lambda: net.fleet[OF_SITE[site]].api.get(item), holds=lambda found: found.ok, why=net.tails)
    data: Json = answer.body["data"]
    return data


def conditions(net: Network, kind: str, name: str, namespace: str | None = None) -> dict[str, str]:
    status = net.hub.api.get(resource(kind, name, namespace)).body.get("status", {})
    return {each["type"]: each["status"] for each in status.get("conditions", ())}


def test_statuses_say_what_was_found(net: Network) -> None:
    for site in OF_SITE:
        expected = {"Accepted": "True", "Reachable": "True", "Delivered": "True"}
        until(functools.partial(conditions, net, "EdgeNode", site), expected, why=net.tails)
    until(functools.partial(conditions, net, "ModelRoute", "bge", "demo"), {"Placed": "True"}, why=net.tails)
    until(functools.partial(conditions, net, "DataResidencyPolicy", _policy(net)), {"Ready": "True"}, why=net.tails)
    paris = net.hub.api.get(resource("EdgeNode", "cdg1")).body
    assert paris["status"]["observedGeneration"] == paris["metadata"]["generation"]
    assert paris["status"]["jurisdiction"] == "FR-IDF"


def _policy(net: Network) -> str:
    found: str = net.hub.api.request("GET", f"/apis/{GROUP}/dataresidencypolicies").body["items"][0]["metadata"]["name"]
    return found


def test_when_nothing_changes_nothing_is_written_but_leases(net: Network) -> None:
    """Once all is settled: somebody who writes at each look would never be."""
    until(functools.partial(_written_in_two_passes, net), holds=lambda written: written <= {"leases"}, limit=LIMIT)


def _written_in_two_passes(net: Network) -> set[str]:
    users = ("hub-a", "hub-b", "push", "site-operator", "pull-iad1")
    before = {name: len(net.fleet[name].plane.audit_events()) for name in ("hub", "cdg1", "iad1")}
    _pass_twice(net)
    return {
        event["objectRef"]["resource"]
        for name, seen in before.items()
        for event in net.fleet[name].plane.audit_events()[seen:]
        if event["user"]["username"] in users and event["verb"] not in {"get", "list", "watch"}
    }


def _pass_twice(net: Network) -> None:
    count = functools.partial(_passes, net)
    start = until(count, holds=lambda passes: passes > 0)
    until(count, holds=lambda passes: passes >= start + 2, limit=LIMIT)


def _passes(net: Network) -> float:
    return sum(each.metric("isochrone_operator_pass_seconds_count") for each in net.hub_operators)


def test_kubectl_finds_nothing_that_would_change(net: Network) -> None:
    """Neither a user who applies all again, nor one who applies as the operator what the operator did."""
    found = kubectl(net.hub.plane.kubeconfig, "diff", "-f", str(EXAMPLE))
    assert found.returncode == 0, (found.stdout, found.stderr)
    for site in net.fleet.sites:
        # kubectl reads each object twice, and gateways renew their Leases in between.
        until(functools.partial(_difference, net, site), (0, "", ""), why=net.tails)


def _difference(net: Network, site: Site) -> tuple[int, str, str]:
    children = "\n---\n".join(json.dumps(each) for each in net.wanted(site.name))
    arguments = ("diff", "--server-side", "--field-manager=isochrone", "-f", "-")
    found = kubectl(site.plane.kubeconfig, *arguments, stdin=children)
    return found.returncode, found.stdout, found.stderr


def test_a_typo_that_a_gateway_refuses_stops_after_the_first_site(net: Network) -> None:
    """A certificate that is nowhere: the first gateway goes on with what it has, and no other is tried."""
    ran = {site: revision_of(net, site) for site in OF_SITE}
    for site in OF_SITE:
        net.change("EdgeNode", site, {"gateway": {"tls": {"secretName": "edge-tsl"}}})
    # That is the one whose change is seen first: the operator may look between two of them.
    (first,) = until(functools.partial(refusing_sites, net), limit=LIMIT, why=net.tails)
    for site in sorted(OF_SITE.keys() - {first}):
        until(
            functools.partial(reasons, net, site),
            holds=lambda found: found["Delivered"] == "ConfigRejected",
            limit=LIMIT,
            why=net.tails,
        )
    assert {site: revision_of(net, site) for site in OF_SITE if site != first} == {
        site: revision for site, revision in ran.items() if site != first
    }
    for site in OF_SITE:
        net.change("EdgeNode", site, {"gateway": {"tls": None}})
    net.settled()


def test_a_change_by_which_requests_fail_stops_after_the_first_site(net: Network) -> None:
    """Every gateway takes it, and then engines answer with errors: where clients ask, that shows."""
    first, *others = sorted(OF_SITE)
    net.change("ModelRoute", "qwen", {"placement": {"minSites": 3}}, "demo")
    net.converged()
    with net.watching(), asking(net.fleet[OF_SITE[first]], first, key=KEY, model="chat") as clients:
        until(
            lambda: clients.ends[200],
            holds=lambda answered: answered >= 20,
            limit=PATIENCE,
            why=lambda: str(clients.ends),
        )
        ran = {site: revision_of(net, site) for site in others}
        net.change("ModelRoute", "qwen", {"parameters": {"defaults": {"maxTokens": BREAKS}}}, "demo")
        until(
            functools.partial(reasons, net, first),
            holds=lambda found: found["Programmed"] == "ErrorsRose",
            limit=PATIENCE,
            why=net.tails,
        )
        # Another site may have had it before: nobody asks there, so it goes on to the next.
        waiting = until(functools.partial(held_sites, net), holds=bool, limit=PATIENCE, why=net.tails)
        before = {site: ran[site] for site in waiting}
        assert {site: revision_of(net, site) for site in waiting} == before
        table = CliRunner().invoke(main, ["status", "--kubeconfig", str(net.hub.plane.kubeconfig)]).output
        assert f"EdgeNode {first}: ErrorsRose: more requests fail at {first} since it got revision" in table
        assert "requests to demo/qwen fail" in table
        shown = kubectl(net.hub.plane.kubeconfig, "get", "edgenode", first, "-o", "wide").stdout
        assert "ErrorsRose" in shown, shown
        until(functools.partial(told, net, "default"), holds=lambda reasons: "ErrorsRose" in reasons, why=net.tails)
        until(functools.partial(failing_sites, net), holds=lambda count: count == 1, why=net.tails)

        net.change("ModelRoute", "qwen", {"parameters": {"defaults": {"maxTokens": BREAKS + 1}}}, "demo")
        until(
            lambda: {site: revision_of(net, site) for site in waiting},
            holds=lambda found: found != before,
            limit=PATIENCE,
            why=net.tails,
        )
    net.change("ModelRoute", "qwen", {"parameters": None, "placement": {"minSites": 2}}, "demo")
    net.settled()


def test_a_site_that_pulls_tells_of_its_requests_with_its_signs_of_life(net: Network) -> None:
    lease = resource("Lease", contact.LEASE, mailbox.namespace_of("iad1"), "coordination.k8s.io/v1")

    def counted() -> list[Json]:
        annotations = net.hub.api.get(lease).body["metadata"].get("annotations", {})
        pods: list[Json] = json.loads(annotations.get(contact.SERVED, "[]"))
        return [pod["served"] for pod in pods if pod["running"]]

    until(counted, holds=lambda found: any(each["seconds"] > 0 for each in found), limit=LIMIT, why=net.tails)


def test_a_route_goes_where_its_requests_come_from_and_stays_there(net: Network) -> None:
    """Its callers may be in Germany or France. More people live in Germany; those who ask are in France."""
    qwen = net.hub.api.get(resource("ModelRoute", "qwen", "demo")).body["spec"]
    serving = {**qwen["serving"], "replicasPerSite": 1}
    placement = {"strategy": "Nearest", "minSites": 1, "maxSites": 1}
    spec = {"modelName": "near", "serving": serving, "placement": placement}
    net.apply({**resource("ModelRoute", "near", "demo"), "spec": spec})
    net.settled()
    before = sites_of(net, "near")
    assert before in ({"fra1"}, {"ber1"}), before
    sooner = {"demand": {"requests": 20, "seconds": 1, "between": 0}}
    with net.operating(sooner), asking(net.fleet["hub"], "fra1", key=KEY, model="near", origin="FR") as clients:
        until(
            functools.partial(sites_of, net, "near"),
            holds=lambda found: found == {"cdg1"},
            limit=PATIENCE,
            why=lambda: f"{clients.ends} {demand_of(net)} {net.tails()}",
        )

    # Operators that begin anew, by their usual settings, would take nothing of that over yet; and they have it still.
    net.settled()
    until(functools.partial(has_passed, net), holds=bool, limit=PATIENCE, why=net.tails)
    assert sites_of(net, "near") == {"cdg1"}
    assert demand_of(net)["demo/near"]["percent"] == {"FR": 100}
    shown = CliRunner().invoke(main, ["explain", "demo/near", "--kubeconfig", str(net.hub.plane.kubeconfig)]).output
    assert "Its requests come from FR (100 %)." in shown, shown
    lease = net.hub.api.get(resource("Lease", contact.LEASE, mailbox.namespace_of("iad1"), LEASES)).body
    assert json.loads(lease["metadata"]["annotations"][contact.DEMAND]) is not None, "who pulls tells it, too"

    assert net.hub.api.delete(resource("ModelRoute", "near", "demo")).ok
    net.settled()
    until(functools.partial(demand_of, net), holds=lambda found: "demo/near" not in found, why=net.tails)


def sites_of(net: Network, route: str) -> set[str]:
    """Where engines of a route are."""
    found = (each for name in ("hub", "cdg1", "iad1") for each in deployments(net, name).values())
    labelled = (each["metadata"]["labels"] for each in found)
    return {each[labels.EDGE_NODE] for each in labelled if each.get(labels.MODEL_ROUTE) == route}


def demand_of(net: Network) -> Json:
    """What routes are placed by, as the operator keeps it."""
    kept = net.hub.api.get(resource("ConfigMap", rights.RELEASES, SYSTEM, "v1")).body["data"]
    found: Json = json.loads(kept[KEPT])["demand"]
    return found


def has_passed(net: Network) -> bool:
    """Whether who leads has made some passes since it began."""
    leader = net.leader()
    return leader is not None and leader.metric('isochrone_operator_passes_total{result="made"}') >= 3


def refusing_sites(net: Network) -> list[str]:
    """Those whose gateways refuse what they were given."""
    return [site for site in sorted(OF_SITE) if reasons(net, site)["Programmed"] == "ConfigRejected"]


def failing_sites(net: Network) -> float | None:
    """How many there are, by who leads."""
    leader = net.leader()
    return None if leader is None else leader.metric("isochrone_operator_sites_failing")


def held_sites(net: Network) -> list[str]:
    """Those that wait because errors rose elsewhere."""
    return [site for site in sorted(OF_SITE) if reasons(net, site)["Delivered"] == "ErrorsRose"]


def reasons(net: Network, site: str) -> dict[str, str]:
    status = net.hub.api.get(resource("EdgeNode", site)).body["status"]
    return {each["type"]: each["reason"] for each in status["conditions"]}


def revision_of(net: Network, site: str) -> str:
    """The sequence of the index that its gateway reads."""
    name = f"isochrone-gateway-{site}-config" if OF_SITE[site] == "hub" else "isochrone-gateway-config"
    answer = net.fleet[OF_SITE[site]].api.get(resource("ConfigMap", name, SYSTEM, "v1"))
    assert answer.ok, answer.message
    metadata: Json = answer.body["metadata"]
    return str(metadata["resourceVersion"])


def test_a_route_is_upgraded_and_its_engines_follow_one_by_one(net: Network) -> None:
    before = {key: each for name in ("hub", "cdg1", "iad1") for key, each in deployments(net, name).items()}
    net.change("ModelRoute", "qwen", {"serving": {"engine": {"contextLength": 16384}}}, "demo")
    net.settled()
    after = {key: each for name in ("hub", "cdg1", "iad1") for key, each in deployments(net, name).items()}
    engines = {key for key in after if key.startswith("demo/qwen")}
    assert engines
    changed = {key for key in after if template(before[key]) != template(after[key])}
    assert changed == engines
    assert {key: each["metadata"]["uid"] for key, each in after.items()} == {
        key: each["metadata"]["uid"] for key, each in before.items()
    }


def template(deployment: Json) -> Json:
    found: Json = deployment["spec"]["template"]
    return found


def test_a_provider_says_that_its_key_is_missing_until_it_is_there_again(net: Network) -> None:
    found = functools.partial(conditions, net, "ModelProvider", "openai")
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "openai", "namespace": SYSTEM}}
    key = net.hub.api.get(secret).body["data"]
    until(found, {"Ready": "True", "ResolvedRefs": "True"}, why=net.tails)
    assert net.hub.api.delete(secret).ok
    until(found, {"Ready": "False", "ResolvedRefs": "False"}, why=net.tails)
    net.apply({**secret, "data": key})
    until(found, {"Ready": "True", "ResolvedRefs": "True"}, why=net.tails)


def test_children_that_somebody_deletes_or_changes_come_back(net: Network) -> None:
    for cluster in ("hub", "cdg1", "iad1"):
        api = net.fleet[cluster].api
        name, gateway = next((key, each) for key, each in deployments(net, cluster).items() if "gateway" in key)
        item = resource("Deployment", gateway["metadata"]["name"], SYSTEM, "apps/v1")
        assert api.patch(item, {"spec": {"replicas": 7}}).ok, name
        policy = resource("NetworkPolicy", gateway["metadata"]["name"], SYSTEM, "networking.k8s.io/v1")
        assert api.delete(policy).ok
    net.converged()


def test_a_route_that_is_deleted_goes_and_comes_back(net: Network) -> None:
    route = resource("ModelRoute", "bge", "demo")
    before = net.hub.api.get(route).body
    assert net.hub.api.delete(route).ok
    net.converged()
    assert not [key for name in ("hub", "cdg1", "iad1") for key in deployments(net, name) if key.startswith("demo/bge")]
    net.apply({key: before[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": route["metadata"]})
    net.converged()
    assert [key for name in ("hub", "cdg1", "iad1") for key in deployments(net, name) if key.startswith("demo/bge")]


def test_a_site_drains_and_comes_back(net: Network) -> None:
    net.change("EdgeNode", "fra1", {"state": "Draining"})
    net.converged()
    until(functools.partial(told, net, "demo"), holds=lambda reasons: "Moving" in reasons, why=net.tails)
    net.change("EdgeNode", "fra1", {"state": "Active"})
    net.converged()


def told(net: Network, namespace: str) -> set[str]:
    """Reasons of events of ours."""
    listed = net.hub.api.request("GET", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events").body["items"]
    return {each["reason"] for each in listed if each.get("reportingController") == "isochrone.dev/operator"}


def test_a_member_that_is_away_for_a_while(net: Network) -> None:
    plane = net.fleet["cdg1"].plane
    plane.stop_api_server()
    try:
        until(lambda: _unreachable(net), holds=lambda found: found >= 1)
        net.converged(without=frozenset({"cdg1"}))
    finally:
        plane.start_api_server()
    net.converged()


def _unreachable(net: Network) -> float:
    return max(each.metric('isochrone_operator_sites{state="unreachable"}') for each in net.hub_operators)


def test_another_replica_takes_over_when_the_leader_is_killed(net: Network) -> None:
    leader = until(net.leader)
    assert leader is not None
    net.change("ModelRoute", "bge", {"placement": {"maxSites": 3}}, "demo")
    leader.kill()
    until(lambda: net.leader() not in {None, leader})
    net.converged()
    leader.start()
    net.change("ModelRoute", "bge", {"placement": {"maxSites": 2}}, "demo")
    net.converged()


def test_a_leader_that_was_asleep_writes_nothing_when_it_wakes(net: Network) -> None:
    asleep = until(net.leader)
    assert asleep is not None
    asleep.pause()
    until(lambda: net.leader() not in {None, asleep})
    net.change("ModelRoute", "bge", {"placement": {"maxSites": 1}}, "demo")
    net.converged()
    before = len(net.hub.requests_of(asleep.name))
    asleep.go_on()
    until(lambda: len(net.hub.requests_of(asleep.name)) > before + 3)
    late = net.hub.requests_of(asleep.name)[before:]
    written = [
        each for each in late if each["verb"] not in {"get", "list", "watch"} and each["responseStatus"]["code"] < 300
    ]
    assert written == [] or has_taken_over(net, asleep, written[0])
    net.change("ModelRoute", "bge", {"placement": {"maxSites": 2}}, "demo")
    net.converged()


def has_taken_over(net: Network, who: OperatorProcess, first: Json) -> bool:
    """Whether what it wrote first is the Lease, which the other had not renewed for long, as on a busy machine."""
    others = [each for each in net.hub_operators if each is not who]
    asked = [
        each for other in others for each in net.hub.requests_of(other.name) if each["responseStatus"]["code"] < 300
    ]
    renewed = [received(each) for each in asked if each["verb"] == "update" and is_of_the_lease(each)]
    before = max(each for each in renewed if each < received(first))
    return is_of_the_lease(first) and (received(first) - before).total_seconds() > OVERDUE


def received(event: Json) -> dt.datetime:
    return dt.datetime.fromisoformat(event["requestReceivedTimestamp"])


def is_of_the_lease(event: Json) -> bool:
    """That by which one of the hub's operators leads."""
    return (event["objectRef"]["resource"], event["objectRef"].get("name")) == ("leases", "isochrone-operator")


def test_a_site_that_is_deleted_is_left_clean(net: Network) -> None:
    site = resource("EdgeNode", "ber1")
    before = net.hub.api.get(site).body
    assert "isochrone.dev/cleanup" in before["metadata"]["finalizers"]
    assert net.hub.api.delete(site).ok
    until(lambda: net.hub.api.get(site).status, holds=lambda status: status == 404, limit=LIMIT, why=net.tails)
    assert not [each for each in deployments(net, "hub") if "ber1" in each]
    net.converged()
    net.apply(
        {key: before[key] for key in ("apiVersion", "kind", "spec")}
        | {"metadata": {"name": "ber1", "labels": before["metadata"]["labels"]}}
    )
    net.converged()


def test_a_site_that_a_gitops_tool_applies_is_none_of_ours(net: Network, tmp_path: Path) -> None:
    """From `isochrone render` to running pods, with the operator's hands off: no field of any object is its own."""
    site = resource("EdgeNode", "cdg1")
    before = net.hub.api.get(site).body
    assert net.hub.api.delete(site).ok
    until(lambda: net.hub.api.get(site).status, holds=lambda status: status == 404, limit=LIMIT, why=net.tails)
    again = {key: before[key] for key in ("apiVersion", "kind", "spec")} | {
        "metadata": {"name": "cdg1", "labels": before["metadata"]["labels"]}
    }
    net.apply({**again, "spec": {**before["spec"], "delivery": "GitOps"}})
    net.converged(without=frozenset({"cdg1"}))
    _pass_twice(net)  # who had delivered there has left it
    paris, began = net.fleet["cdg1"], now()
    bring_secrets(net, tmp_path)
    folder = rendered(net, tmp_path / "out")
    arguments = ("--server-side", "--field-manager=argocd-controller", "-k", str(folder))
    done = kubectl(paris.plane.kubeconfig, "apply", *arguments)
    assert done.returncode == 0, done.stderr
    until(
        lambda: [each for each in deployments(net, "cdg1").values() if not is_available(each)],
        holds=lambda waiting: not waiting,
        limit=LIMIT,
        why=paris.gateways.logs,
    )
    assert objects_with_fields_of(net, "cdg1", "isochrone") == []
    differences = kubectl(paris.plane.kubeconfig, "diff", *arguments)
    assert differences.returncode == 0, (differences.stdout, differences.stderr)
    users = {event["user"]["username"] for event in paris.plane.audit_events(since=began) if event["verb"] != "get"}
    assert "push" not in users
    net.apply(again)
    net.settled()


def bring_secrets(net: Network, folder: Path) -> None:
    """Those that the README of the folder asks for."""
    authority = Authority(folder)
    own = authority.issue("cdg1", uri="spiffe://isochrone/site/cdg1")
    files = {"ca.crt": authority.bundle, "tls.crt": own.certificate, "tls.key": own.key}
    peer = {key: base64.b64encode(path.read_bytes()).decode() for key, path in files.items()}
    secrets = {
        "isochrone-gateway-peer": peer,
        "isochrone-gateway-status": {"token": base64.b64encode(b"of-nobody").decode()},
    }
    for name, data in secrets.items():
        item = {**resource("Secret", name, SYSTEM, "v1"), "data": data}
        assert net.fleet["cdg1"].api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM}}).ok
        assert net.fleet["cdg1"].api.apply(item).ok


def rendered(net: Network, out: Path) -> Path:
    """The folder of cdg1, as `isochrone render` writes it."""
    answer = CliRunner().invoke(main, ["render", "--kubeconfig", str(net.hub.plane.kubeconfig), "-o", str(out)])
    assert answer.exit_code == 0, answer.output
    return out / "kubeconfig-cdg1-kubeconfig"


def is_available(deployment: Json) -> bool:
    found = deployment.get("status", {}).get("conditions", ())
    return any(each["type"] == "Available" and each["status"] == "True" for each in found)


def objects_with_fields_of(net: Network, cluster: str, manager: str) -> list[str]:
    """All objects with our label of which that manager holds a field."""
    kinds = "deployments,services,configmaps,networkpolicies,serviceaccounts,roles,rolebindings,poddisruptionbudgets"
    selector = "--selector=app.kubernetes.io/managed-by=isochrone"
    arguments = ("get", kinds, "-A", selector, "--show-managed-fields", "-o", "json")
    listed = json.loads(kubectl(net.fleet[cluster].plane.kubeconfig, *arguments).stdout)["items"]
    assert listed
    return [
        f"{item['kind']} {item['metadata']['name']}"
        for item in listed
        if manager in {entry["manager"] for entry in item["metadata"]["managedFields"]}
    ]
