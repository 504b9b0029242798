"""Isochrone as a user has it: installed by its chart into real clusters, with real pods, names and network policies.

The module shares one installation: the hub, with a site of its own in Frankfurt, and Paris, which the hub pushes to. It
starts as the version before, and becomes today's while requests are under way.
"""

import functools
import json
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai
import pytest
from images import build
from tests.cluster.machines import bucket, evidence
from tests.cluster.machines.cluster import RealCluster
from tests.cluster.machines.installation import BEFORE, KEY, NAMESPACE, SYSTEM, Installation, clusters, manifests
from tests.cluster.machines.load import Load
from tests.cluster.waiting import until

Json = dict[str, Any]

pytestmark = pytest.mark.pods

LIMIT = 600.0
QUESTION = "What is the capital of France?"
PLACES = {"hub": ("fra1", "DE-HE"), "paris": ("cdg1", "FR-IDF")}
"""Cluster -> its site, and where that is."""
_MESSAGES: Any = [{"role": "user", "content": QUESTION}]
PORT = 8080
"""Where engines listen, and the gateways' pods."""
GATEWAY = "app.kubernetes.io/component=gateway"
NAMES = {f"isochrone-gateway-fra1-{number}" for number in (0, 1)}
"""Frankfurt's gateways, once they keep evidence."""

_CHAT = """
import json, sys, openai
client = openai.OpenAI(base_url=sys.argv[1], api_key=sys.argv[2], max_retries=0, timeout=60)
asked = [{"role": "user", "content": sys.argv[3]}]
raw = client.chat.completions.with_raw_response.create(model="smollm2", messages=asked, max_tokens=8, temperature=0)
print(json.dumps({"said": raw.parse().choices[0].message.content, **raw.headers}))
"""
_EMBED = """
import json, sys, openai
client = openai.OpenAI(base_url=sys.argv[1], api_key=sys.argv[2], max_retries=0, timeout=60)
raw = client.embeddings.with_raw_response.create(model="smollm2-embed", input="hello", encoding_format="float")
print(json.dumps({"size": len(raw.parse().data[0].embedding), **raw.headers}))
"""
_CONNECT = """
import concurrent.futures, socket, sys
def tried(host, port):
    try:
        socket.create_connection((host, int(port)), timeout=3).close()
    except TimeoutError:
        return "dropped"
    return "open"
with concurrent.futures.ThreadPoolExecutor() as beside:
    print(*beside.map(tried, sys.argv[1::2], sys.argv[2::2]))
"""


@pytest.fixture(scope="module")
def net(machines: Path) -> Iterator[Installation]:
    """All is installed, declared and ready."""
    assert machines.exists()
    with clusters() as made:
        made.install(BEFORE)
        made.join()
        made.declare(*manifests("00-namespace"), *made.sites(), *_declared())
        made.expose()
        for cluster in made.clusters:
            made.start_client(cluster)
        _until_ready(made)
        yield made


def _declared() -> Iterator[Json]:
    """The quickstart, but for its sites. What makes embeddings is at one alone, so that the other has to ask it."""
    for name in ("provider", "residency", "tenant", "models"):
        for each in manifests(name):
            if each["metadata"]["name"] == "smollm2-embed":
                each["spec"]["placement"] = {"strategy": "Cheapest", "minSites": 1, "maxSites": 1}
            yield each


def _until_ready(net: Installation) -> None:
    until(functools.partial(_unready, net), holds=lambda found: not found, limit=LIMIT, why=net.why)


def _unready(net: Installation) -> list[str]:
    """Sites, routes and clients that aren't ready as they are declared now."""
    paths = [(net.hub, f"/apis/isochrone.dev/v1alpha1/{kind}") for kind in ("edgenodes", "modelroutes")]
    paths += [(each, f"/api/v1/namespaces/{NAMESPACE}/pods") for each in net.clusters]
    items = [item for cluster, path in paths for item in cluster.api.request("GET", path).body["items"]]
    return [
        each["metadata"]["name"] for each in items if not (_is_ready(each) or "deletionTimestamp" in each["metadata"])
    ]


def _is_ready(item: Json) -> bool:
    generation = item["metadata"].get("generation", 0)
    return any(
        (each["type"], each["status"]) == ("Ready", "True") and each.get("observedGeneration", generation) == generation
        for each in item.get("status", {}).get("conditions", ())
    )


def _asked(net: Installation, cluster: RealCluster, program: str, route: str, *words: str) -> Json:
    """The answer that a pod of the cluster gets, by the route's name."""
    found: Json = json.loads(net.ask(cluster, program, f"http://{route}.{NAMESPACE}.svc/v1", KEY, *words))
    return found


def test_a_pod_asks_by_the_name_of_the_route_and_a_lawful_site_answers(net: Installation) -> None:
    """The nearest, which is the cluster's own."""
    for cluster in net.clusters:
        answer = _asked(net, cluster, _CHAT, "smollm2", QUESTION)
        assert answer["said"]
        assert (answer["x-isochrone-site"], answer["x-isochrone-jurisdiction"]) == PLACES[cluster.name]


def test_from_outside_it_streams(net: Installation) -> None:
    for cluster in net.clusters:
        with _client(net, cluster) as client:
            raw = client.chat.completions.with_raw_response.create(
                model="smollm2", messages=_MESSAGES, max_tokens=8, temperature=0, stream=True
            )
            pieces = [each.choices[0].delta.content or "" for each in raw.parse() if each.choices]
        assert (raw.headers["x-isochrone-site"], raw.headers["x-isochrone-jurisdiction"]) == PLACES[cluster.name]
        assert "".join(pieces)
        assert len(pieces) > 3


def test_a_request_crosses_clusters_where_only_the_other_has_the_model(net: Installation) -> None:
    found = {cluster.name: _asked(net, cluster, _EMBED, "smollm2-embed") for cluster in net.clusters}
    (serving,) = {answer["x-isochrone-jurisdiction"] for answer in found.values()}
    assert serving in {"DE-HE", "FR-IDF"}
    assert {answer["size"] for answer in found.values()} == {576}
    for cluster in net.clusters:
        assert _wants_a_certificate(cluster.nodes[0].address, net.peer_ports[cluster.name])


def test_engines_are_reached_by_gateways_alone_and_reach_nobody(net: Installation) -> None:
    (engine,) = _pods(net.hub, NAMESPACE, "isochrone.dev/model-route=smollm2")
    gateway = _pods(net.hub, SYSTEM, "app.kubernetes.io/component=gateway")[0]
    address, front = engine["status"]["podIP"], gateway["status"]["podIP"]
    tried = net.ask(net.hub, _CONNECT, front, str(PORT), address, str(PORT), front, "9090")
    assert tried == "open dropped dropped\n"
    assert _reached(net, net.hub, engine, (front, PORT)) == "dropped"
    # Not by chance: without the policy it is open.
    policy = engine["metadata"]["labels"]["isochrone.dev/model-route"]
    assert any(policy in name for name in _dropping(net.hub)), net.hub.nodes[0].inside("nft", "list", "ruleset")


def test_pods_may_go_and_a_site_be_drained_and_no_client_notices(net: Installation) -> None:
    with Load([net.outside(each) for each in net.clusters], KEY) as load:
        load.go_on(for_answers=4)
        _replace(net.hub, SYSTEM, "app.kubernetes.io/component=gateway", net)
        _replace(net.paris, NAMESPACE, "isochrone.dev/model-route=smollm2", net)
        home = _home(net)
        site = {"DE-HE": "fra1", "FR-IDF": "cdg1"}[home]
        _set_state(net, site, "Draining")
        try:
            until(lambda: _home(net), holds=lambda found: found != home, limit=LIMIT, why=net.why)
            load.go_on(for_answers=4)
        except openai.OpenAIError as error:
            raise AssertionError(f"{error} {load.failures}\n{net.gateways()}\n{net.why()}") from error
        finally:
            _set_state(net, site, "Active")
    assert load.failures == [], net.gateways()


def test_an_upgrade_under_load_fails_no_request(net: Installation) -> None:
    with Load([net.outside(each) for each in net.clusters], KEY) as load:
        load.go_on(for_answers=4)
        net.install(build.version())
        for cluster in net.clusters:
            until(functools.partial(_versions, cluster), {build.version()}, limit=LIMIT, why=net.why)
        _until_ready(net)
        load.go_on(for_answers=4)
    assert load.failures == [], net.gateways()


@pytest.fixture(scope="module")
def objects(net: Installation) -> Iterator[bucket.Bucket]:
    """What Frankfurt's evidence is copied to, which it keeps from here on. One way out is opened for it."""
    before = _ways_out(net)
    evidence.provide(net, NAMES)
    with bucket.running(net.home, namespace=SYSTEM, folder=net.folder) as made:
        storage = {"storageClassName": evidence.CLASS, "size": "1Gi"}
        _change_site(net, "fra1", {"gateway": {"evidence": {"storage": storage, "objectStorage": made.storage()}}})
        until(lambda: _ready(net.hub, SYSTEM, GATEWAY), NAMES, limit=LIMIT, why=net.why)
        _until_ready(net)
        net.declare(*made.secrets(SYSTEM))  # Nobody waited for the key.
        opened = [each for each in _ways_out(net) if each not in before]
        assert [each["ports"] for each in opened] == [[{"protocol": "TCP", "port": made.port}]]
        assert len(_ways_out(net)) == len(before) + 1
        yield made


def test_a_bucket_is_reached_by_those_gateways_alone_which_reach_nothing_else_there(
    net: Installation, objects: bucket.Bucket
) -> None:
    store, mirror = (net.home, objects.port), (net.home, net.mirror_port)
    (engine,) = _pods(net.hub, NAMESPACE, "isochrone.dev/model-route=smollm2")
    gateway, other = (_pods(each, SYSTEM, GATEWAY)[0] for each in net.clusters)
    with ThreadPoolExecutor() as beside:
        asked = [(net.hub, gateway, store, mirror), (net.paris, other, store, mirror), (net.hub, engine, store)]
        found = list(beside.map(lambda each: _reached(net, *each), asked))
    assert found == ["open dropped", "dropped dropped", "dropped"]


def test_evidence_outlives_its_pods_and_proves_what_they_did(
    net: Installation, objects: bucket.Bucket, tmp_path: Path
) -> None:
    _asked(net, net.hub, _CHAT, "smollm2", QUESTION)
    (before,) = until(lambda: _uids(net, "isochrone-gateway-fra1-0"), limit=LIMIT, why=net.why)
    left = {each for each in evidence.kept(net) if "fra1-0/" in each}
    _delete(net, "isochrone-gateway-fra1-0")
    until(
        lambda: _uids(net, "isochrone-gateway-fra1-0"),
        holds=lambda uids: bool(uids - {before}),
        limit=LIMIT,
        why=net.why,
    )
    until(objects.names, holds=lambda names: left <= names, limit=LIMIT, why=net.gateways)
    for _ in range(4):
        _asked(net, net.hub, _CHAT, "smollm2", QUESTION)
    until(lambda: evidence.anchored(net, "fra1"), holds=lambda found: found == NAMES, limit=LIMIT, why=net.why)

    for name in sorted(NAMES):
        evidence.copied(net, name, tmp_path)
    pod = tmp_path / "evidence" / "fra1" / "isochrone-gateway-fra1-0"
    assert len({each.name for each in (pod / "chains").glob("w0-*")}) == 2
    written = (tmp_path / "evidence").rglob("chains/*/*.jsonl")
    assert '"kind":"Intent"' in "".join(each.read_text() for each in written)
    assert _verdict(net, tmp_path)[:3] == (0, 2, [])

    min((pod / "checkpoints").iterdir()).unlink()
    found = _verdict(net, tmp_path)
    assert (found.status, bool(found.tampered)) == (1, True)


def test_a_bucket_has_what_pods_left_and_proves_it_too(
    net: Installation, objects: bucket.Bucket, tmp_path: Path
) -> None:
    asked = {_asked(net, net.hub, _CHAT, "smollm2", QUESTION)["x-request-id"] for _ in range(3)}
    until(lambda: _condition(net, "fra1", "EvidenceCopied"), ("True", "Copied"), limit=LIMIT, why=net.why)
    until(lambda: evidence.anchored(net, "fra1"), holds=lambda found: found == NAMES, limit=LIMIT, why=net.why)
    evidence.fetch_anchors(net, tmp_path / "hub")
    left = evidence.kept(net)
    # Killed before they can copy anything: who comes after does.
    _delete(net, *sorted(NAMES), "--grace-period=1")
    until(objects.names, holds=lambda names: left.keys() <= names, limit=LIMIT, why=net.gateways)

    downloaded = tmp_path / "evidence"
    objects.download(downloaded)
    assert all((downloaded / name).read_bytes() == path.read_bytes() for name, path in left.items())
    assert evidence.verdict(downloaded, tmp_path / "hub")[:3] == (0, 2, [])
    rows = evidence.rows(downloaded, tmp_path / "hub")
    assert asked <= {each["id"] for each in rows if each["requestStatus"] == 200}


def _uids(net: Installation, name: str) -> set[str]:
    """Of the pod of this name, if it is ready."""
    pods = _pods(net.hub, SYSTEM, GATEWAY)
    return {each["metadata"]["uid"] for each in pods if each["metadata"]["name"] == name and _is_ready(each)}


def _ways_out(net: Installation) -> list[Json]:
    """What Frankfurt's gateways may reach."""
    path = f"/apis/networking.k8s.io/v1/namespaces/{SYSTEM}/networkpolicies/isochrone-gateway-fra1"
    found: list[Json] = net.hub.api.request("GET", path).body["spec"]["egress"]
    return found


def _condition(net: Installation, site: str, kind: str) -> tuple[str, str] | None:
    """Its status and reason."""
    items = net.hub.api.request("GET", f"/apis/isochrone.dev/v1alpha1/edgenodes/{site}").body["status"]["conditions"]
    return next(((each["status"], each["reason"]) for each in items if each["type"] == kind), None)


def _reached(net: Installation, cluster: RealCluster, pod: Json, *targets: tuple[str, int]) -> str:
    """Of each target, whether the pod finds it `open`, or `dropped`."""
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    inside = ("exec", "--namespace", namespace, "--stdin", name, "--", "python3", "-")
    words = (str(part) for target in targets for part in target)
    found = net.kubectl(cluster, *inside, *words, stdin=_CONNECT)
    assert found.returncode == 0, found.stderr
    return found.stdout.strip()


def _delete(net: Installation, *words: str) -> None:
    found = net.kubectl(net.hub, "delete", "pod", *words, "--namespace", SYSTEM, "--wait=false")
    assert found.returncode == 0, found.stderr


def _verdict(net: Installation, folder: Path) -> evidence.Verdict:
    evidence.fetch_anchors(net, folder / "hub")
    return evidence.verdict(folder / "evidence", folder / "hub")


def _wants_a_certificate(address: str, port: int) -> bool:
    """Whether the peers' port shows nothing to somebody without one."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((address, port), timeout=60) as plain:
        try:
            with context.wrap_socket(plain) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                return connection.recv(1) == b""
        except ssl.SSLError as error:
            return "CERTIFICATE_REQUIRED" in str(error)


def _pods(cluster: RealCluster, namespace: str, labels: str) -> list[Json]:
    answer = cluster.api.request("GET", f"/api/v1/namespaces/{namespace}/pods", params={"labelSelector": labels})
    found: list[Json] = answer.body["items"]
    return [each for each in found if "deletionTimestamp" not in each["metadata"]]


def _replace(cluster: RealCluster, namespace: str, labels: str, net: Installation) -> None:
    """Delete one of these pods, and wait for another to be ready in its place."""
    before = _pods(cluster, namespace, labels)
    name = before[0]["metadata"]["name"]
    found = net.kubectl(cluster, "delete", "pod", name, "--namespace", namespace, "--wait=false")
    assert found.returncode == 0, found.stderr
    until(lambda: _ready(cluster, namespace, labels) - {name}, holds=lambda ready: len(ready) == len(before),
          limit=LIMIT, why=net.why)  # fmt: skip


def _ready(cluster: RealCluster, namespace: str, labels: str) -> set[str]:
    return {each["metadata"]["name"] for each in _pods(cluster, namespace, labels) if _is_ready(each)}


def _versions(cluster: RealCluster) -> set[str]:
    """Of the gateways that are there, ending ones too."""
    path = f"/api/v1/namespaces/{SYSTEM}/pods"
    items = cluster.api.request("GET", path, params={"labelSelector": "app.kubernetes.io/component=gateway"}).body[
        "items"
    ]
    return {each["spec"]["containers"][0]["image"].rpartition(":")[2] for each in items}


def _set_state(net: Installation, site: str, state: str) -> None:
    _change_site(net, site, {"state": state})


def _change_site(net: Installation, site: str, spec: Json) -> None:
    patch = json.dumps({"spec": spec})
    found = net.kubectl(net.hub, "patch", "edgenode", site, "--type=merge", "--patch", patch)
    assert found.returncode == 0, found.stderr


def _client(net: Installation, cluster: RealCluster) -> openai.OpenAI:
    """Outside, and without second tries."""
    return openai.OpenAI(base_url=net.outside(cluster), api_key=KEY, max_retries=0, timeout=60)


def _home(net: Installation) -> str:
    """Where embeddings are made, which is at one site alone."""
    with _client(net, net.hub) as client:
        raw = client.embeddings.with_raw_response.create(model="smollm2-embed", input="hello", encoding_format="float")
    return str(raw.headers["x-isochrone-jurisdiction"])


def _dropping(cluster: RealCluster) -> list[str]:
    """The pods whose policies have dropped something, by name."""
    table = cluster.nodes[0].inside("nft", "--json", "list", "table", "ip", "policies")
    chains = {
        each["rule"]["chain"]
        for each in json.loads(table)["nftables"]
        if "rule" in each
        and any(part.get("counter", {}).get("packets") for part in each["rule"]["expr"] if isinstance(part, dict))
    }
    pods = cluster.api.request("GET", "/api/v1/pods").body["items"]
    return [
        each["metadata"]["name"]
        for each in pods
        if f"ingress_{each['status'].get('podIP', '').replace('.', '_')}" in chains
    ]
