"""Isochrone as a user has it: installed by its chart into real clusters, with real pods, names and network policies.

The module shares one installation: the hub, with a site of its own in Frankfurt, and Paris, which the hub pushes to. It
starts as the version before, and becomes today's while requests are under way.
"""

import functools
import io
import json
import socket
import ssl
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from click.testing import CliRunner
from images import build
from tests.cluster.machines.cluster import RealCluster
from tests.cluster.machines.installation import BEFORE, KEY, NAMESPACE, SYSTEM, Installation, clusters, manifests
from tests.cluster.machines.load import Load
from tests.cluster.waiting import until

from isochrone.cli import main

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
_ARCHIVE = """
import glob, os, sys, tarfile
os.chdir("/var/lib/isochrone-evidence/sites")
archive = tarfile.open(fileobj=sys.stdout.buffer, mode="w|")
for path in sorted(glob.glob("*/*/*"), reverse=True):  # checkpoints before chains
    archive.add(path, f"evidence/{path}")
archive.close()
"""

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
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3).close()
    print("open")
except TimeoutError:
    print("dropped")
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
    assert net.ask(net.hub, _CONNECT, front, str(PORT)) == "open\n"
    assert net.ask(net.hub, _CONNECT, address, str(PORT)) == "dropped\n"
    assert net.ask(net.hub, _CONNECT, front, "9090") == "dropped\n"
    inside = ("exec", "--namespace", NAMESPACE, "--stdin", engine["metadata"]["name"], "--", "python3", "-")
    assert net.kubectl(net.hub, *inside, front, str(PORT), stdin=_CONNECT).stdout == "dropped\n"
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


def test_evidence_outlives_its_pods_and_proves_what_they_did(net: Installation, tmp_path: Path) -> None:
    names = {f"isochrone-gateway-fra1-{number}" for number in (0, 1)}
    _provide(net, names)
    _change_site(net, "fra1", {"gateway": {"evidence": {"storage": {"storageClassName": "kept", "size": "1Gi"}}}})
    until(lambda: _ready(net.hub, SYSTEM, GATEWAY), names, limit=LIMIT, why=net.why)
    _until_ready(net)
    _asked(net, net.hub, _CHAT, "smollm2", QUESTION)
    (before,) = until(lambda: _uids(net, "isochrone-gateway-fra1-0"), limit=LIMIT, why=net.why)
    found = net.kubectl(net.hub, "delete", "pod", "isochrone-gateway-fra1-0", "--namespace", SYSTEM, "--wait=false")
    assert found.returncode == 0, found.stderr
    until(
        lambda: _uids(net, "isochrone-gateway-fra1-0"),
        holds=lambda uids: bool(uids - {before}),
        limit=LIMIT,
        why=net.why,
    )
    for _ in range(4):
        _asked(net, net.hub, _CHAT, "smollm2", QUESTION)
    until(lambda: _anchors(net), holds=lambda data: _anchored(data) == names, limit=LIMIT, why=net.why)

    evidence = tmp_path / "evidence"
    for name in sorted(names):
        _copied(net, name, tmp_path)
    lives = {each.name for each in (evidence / "fra1" / "isochrone-gateway-fra1-0" / "chains").glob("w0-*")}
    assert len(lives) == 2
    assert '"kind":"Intent"' in "".join(each.read_text() for each in evidence.rglob("chains/*/*.jsonl"))
    assert _verdict(net, tmp_path) == (0, 2, [])

    checkpoints = evidence / "fra1" / "isochrone-gateway-fra1-0" / "checkpoints"
    min(checkpoints.iterdir()).unlink()
    status, _, tampered = _verdict(net, tmp_path)
    assert (status, bool(tampered)) == (1, True)


def _provide(net: Installation, names: set[str]) -> None:
    """A volume for each of these, on the node: what storage is elsewhere."""
    node = net.hub.nodes[0].name
    chosen = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    for name in sorted(names):
        folder = net.folder / "volumes" / name
        folder.mkdir(parents=True)
        spec = {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "kept",
            "local": {"path": str(folder)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [chosen]}]}},
        }
        volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}
        answer = net.hub.api.apply(volume)
        assert answer.ok, answer.message


def _uids(net: Installation, name: str) -> set[str]:
    """Of the pod of this name, if it is ready."""
    pods = _pods(net.hub, SYSTEM, GATEWAY)
    return {each["metadata"]["uid"] for each in pods if each["metadata"]["name"] == name and _is_ready(each)}


def _anchors(net: Installation) -> Json:
    """What the hub keeps of evidence."""
    path = f"/api/v1/namespaces/{SYSTEM}/configmaps/isochrone-anchors"
    found: Json = net.hub.api.request("GET", path).body.get("data", {})
    return found


def _anchored(data: Json) -> set[str]:
    return {json.loads(each)["instance"] for each in data.get("fra1.jsonl", "").splitlines()}


def _copied(net: Installation, pod: str, folder: Path) -> None:
    """As the reference says."""
    found = net.kubectl(net.hub, "exec", "--namespace", SYSTEM, pod, "--", "python3", "-c", _ARCHIVE)
    assert found.returncode == 0, found.stderr
    with tarfile.open(fileobj=io.BytesIO(found.stdout.encode())) as archive:
        archive.extractall(folder, filter="data")


def _verdict(net: Installation, folder: Path) -> tuple[int, int, list[str]]:
    """The auditor's exit status, how many gateways are anchored, and what was tampered with."""
    hub, kubeconfig = folder / "hub", str(net.hub.plane.kubeconfig)
    fetched = CliRunner().invoke(main, ["audit", "anchors", "--kubeconfig", kubeconfig, "-o", str(hub)])
    assert fetched.exit_code == 0, fetched.output
    words = ["--trusted-keys", str(hub / "keys"), "--anchors", str(hub / "anchors.jsonl"), "--json"]
    found = CliRunner().invoke(main, ["audit", "verify", str(folder / "evidence"), *words])
    said = json.loads(found.stdout)
    tampered = [f"{each['rule']} {each['file']}: {each['message']}" for each in said["findings"] if each["tampering"]]
    return found.exit_code, said["anchoredInstances"], tampered


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
