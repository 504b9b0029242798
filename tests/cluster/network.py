"""A network of real clusters with the operator's real processes, and what should be in each cluster by now."""

import asyncio
import base64
import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.cluster import accounts
from tests.cluster.fleet import SYSTEM, Fleet, Member, Site
from tests.cluster.kubectl import kubectl
from tests.cluster.nodes import GPU_TAINT, Nodes
from tests.cluster.operators import PACE, OperatorProcess
from tests.cluster.waiting import until

from isochrone.certificates import IndexKey
from isochrone.kube import found, gather, kubeconfig
from isochrone.kube.errors import Unreachable
from isochrone.kube.hub import Hub, secret_value
from isochrone.model import Observed, Settings, SiteObservation
from isochrone.plan import plan, routing
from isochrone.render import labels
from isochrone.render.bundle import Bundle, identity, render
from isochrone.render.settings import RenderSettings
from isochrone.rollout import difference

Json = Mapping[str, Any]

EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "quickstart-multicluster"
CLUSTERS: Final = {"local": "hub", "kubeconfig/cdg1/kubeconfig": "cdg1", "remote/iad1": "iad1"}
OF_SITE: Final = {"fra1": "hub", "ber1": "hub", "cdg1": "cdg1", "iad1": "iad1"}
LIMIT: Final = 600.0
WayIn = Callable[[Site, str], bytes]
"""A kubeconfig for a cluster and a user."""
GROUP: Final = "isochrone.dev/v1alpha1"
PLURALS: Final = ("modelroutes", "inferencetenants", "dataresidencypolicies", "modelproviders", "gpupools", "edgenodes")


def _nodes(zone: str, product: str = "NVIDIA-L4", gpus: int = 4) -> tuple[Nodes, ...]:
    gpu = Nodes(prefix=f"gpu-{zone}", zone=zone, count=2, gpus=gpus, product=product, taints=(GPU_TAINT,))
    return (Nodes(prefix=f"cpu-{zone}", zone=zone, gpus=0, cpu="16", memory="64Gi"), gpu)


def weights() -> tuple[Json, ...]:
    """The volume that the example's models are in, which its users bring."""
    claim = {"metadata": {"name": "models", "namespace": "demo"}}
    about = {"accessModes": ["ReadOnlyMany"], "storageClassName": ""}
    volume = {
        **about,
        "capacity": {"storage": "1Ti"},
        "nfs": {"server": "weights.example", "path": "/models"},
        "claimRef": claim["metadata"],
    }
    wanted = {**about, "volumeName": "models", "resources": {"requests": {"storage": "1Ti"}}}
    return (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo"}},
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "models"}, "spec": volume},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **claim, "spec": wanted},
    )


_INDEX_KEY = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "isochrone-index-key", "namespace": SYSTEM}}


class Network:
    """The quickstart of several clusters: two sites in the hub, one that it pushes to, one that pulls."""

    def __init__(
        self,
        fleet: Fleet,
        folder: Path,
        way_in: WayIn = accounts.way_in,
        *,
        manifests: Path = EXAMPLE,
        replicas: Sequence[str] = accounts.HUB,
    ) -> None:
        """`replicas` are those of the hub's operator, by their users' names."""
        accounts.let_in(fleet)
        self._manifests = manifests
        self.fleet = fleet
        self._way_in = way_in
        self.hub: Site = fleet.hub
        self._folder = folder
        self.hub_operators = [self._hub_operator(name) for name in replicas]
        self.site_operator = OperatorProcess(
            way_in(fleet["iad1"], "site-operator"),
            folder,
            "site-iad1",
            more=["--site", "iad1", "--hub-kubeconfig", str(self._hub_kubeconfig())],
        )

    def _hub_operator(self, name: str) -> OperatorProcess:
        return OperatorProcess(self._way_in(self.hub, name), self._folder, name)

    def _hub_kubeconfig(self) -> Path:
        path = self._folder / "hub-of-iad1.kubeconfig"
        path.write_bytes(self._way_in(self.hub, "pull-iad1"))
        return path

    def declare(self) -> None:
        """As a user does: the kubeconfig of the member, the key of a provider, manifests."""
        self.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "cdg1", "namespace": SYSTEM},
                "data": {"kubeconfig": base64.b64encode(self._way_in(self.fleet["cdg1"], "push")).decode()},
            },
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "openai", "namespace": SYSTEM},
                "stringData": {"key": "sk-of-nobody"},
            },
        )
        for site in self.fleet.sites:
            for each in weights():
                assert site.api.apply(each).ok
        done = kubectl(self.hub.plane.kubeconfig, "apply", "-f", str(self._manifests))
        assert done.returncode == 0, done.stderr

    def apply(self, *items: Json) -> None:
        for each in items:
            answer = self.hub.api.apply(each)
            assert answer.ok, answer.message

    def change(self, kind: str, name: str, spec: Json, namespace: str | None = None) -> None:
        metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
        item = {"apiVersion": "isochrone.dev/v1alpha1", "kind": kind, "metadata": metadata}
        answer = self.hub.api.patch(item, {"spec": spec})
        assert answer.ok, answer.message

    def leader(self) -> OperatorProcess | None:
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
        answer = self.hub.api.get({**lease, "metadata": {"name": "isochrone-operator", "namespace": SYSTEM}})
        holder = answer.body.get("spec", {}).get("holderIdentity") if answer.ok else None
        return next((each for each in self.hub_operators if each.name == holder), None)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Sites that got something new are watched for some seconds, as they would be for a minute."""
        with self.operating({"waves": {"seconds": 5}}):
            yield

    @contextlib.contextmanager
    def operating(self, settings: Json) -> Iterator[None]:
        """With other settings of the operator for a while."""
        for each in self.hub_operators:
            each.restart({**PACE, **settings})
        try:
            yield
        finally:
            for each in self.hub_operators:
                each.restart(PACE)

    def converged(self, *, limit: float = LIMIT, without: frozenset[str] = frozenset()) -> None:
        """Wait until every cluster (but those left out) has exactly what is planned."""
        until(lambda: self.problems(without), holds=lambda found: not found, limit=limit, why=self.tails)

    def unready(self) -> list[str]:
        """What the operator does not call ready, of all that is declared, and Deployments that aren't available."""
        declared = [item for plural in PLURALS for item in self._listed(self.hub, f"{GROUP}/{plural}")]
        says = [f"{_name(each)}: {_summary(each, 'Ready')}" for each in declared]
        runs = [
            f"{site.name}: {_name(each)}: {_summary(each, 'Available')}"
            for site in self.fleet.sites
            for each in self._listed(site, "apps/v1/deployments")
        ]
        return [each for each in (*says, *runs) if not each.endswith(": True")]

    def _listed(self, site: Site, path: str) -> list[Json]:
        answer = site.api.request("GET", f"/apis/{path}")
        assert answer.ok, answer.message
        found: list[Json] = answer.body["items"]
        return found

    def settled(self, *, limit: float = LIMIT) -> None:
        """Wait until all is as planned, and ready: it has been tried by pods that run."""
        self.converged(limit=limit)
        until(self.unready, holds=lambda found: not found, limit=limit, why=self.tails)

    def tails(self) -> str:
        return "\n".join(f"--- {each.name}\n{each.tail()}" for each in (*self.hub_operators, self.site_operator))

    def problems(self, without: frozenset[str] = frozenset()) -> list[str]:
        """What is not as planned, object by object; the first dozen."""
        if not self.hub.api.get(_INDEX_KEY).ok:
            return ["the operator has made no key yet"]
        seen = self.seen(without)
        return [
            problem
            for cluster, name in CLUSTERS.items()
            if name in seen.there
            for problem in _differences(
                name, [each for each in seen.bundles if each.cluster == cluster], seen.there[name].children
            )
        ][:12]

    def wanted(self, name: str) -> list[Json]:
        """All that is applied to a cluster, but for the indexes, which are made with their revision.

        No namespaces: they are made where they are missing, and those that are there are left as they are.
        """
        chosen = [each for each in self.seen().bundles if CLUSTERS[each.cluster] == name]
        items = {identity(item): item for bundle in chosen for item in bundle.objects}
        return [item for item in items.values() if item["kind"] != "Namespace"]

    def seen(self, without: frozenset[str] = frozenset()) -> "Seen":
        """What is planned now, and what is there. Raises OSError if an API server doesn't answer in time."""
        try:
            return asyncio.run(self._seen(without))
        except Unreachable as error:
            raise ConnectionError(str(error)) from error

    async def _seen(self, without: frozenset[str]) -> "Seen":
        async with contextlib.AsyncExitStack() as stack:
            apis = {
                name: await stack.enter_async_context(kubeconfig.parse(self.fleet[name].kubeconfig).api())
                for name in ("hub", "cdg1", "iad1")
                if name not in without
            }
            there = {name: await found.objects(api, "isochrone", ()) for name, api in apis.items()}
            able = {name: await found.abilities(api) for name, api in apis.items()}
            declared = await Hub(apis["hub"]).declared()
        running = [
            each
            for name in there
            for item in there[name].children.values()
            if item["kind"] == "Deployment" and labels.MODEL_ROUTE in item["metadata"]["labels"]
            if (each := gather.running(item)) is not None
        ]
        sites = {
            site: SiteObservation(
                capabilities=able[name].capabilities,
                kubernetes=able[name].kubernetes,
                api_servers=able[name].api_servers,
            )
            for site, name in OF_SITE.items()
            if name in able
        }
        sites |= {site: SiteObservation(unreachable_since=1) for site, name in OF_SITE.items() if name in without}
        snapshot = gather.snapshot_of(
            declared.resources,
            declared.namespaces,
            observed=Observed(running=tuple(sorted(running)), sites=sites),
            settings=Settings(lost_after=5),
        )
        now = int(time.time())
        planned = plan(snapshot, now=now)
        key = IndexKey(private=(secret_value(declared.secrets["isochrone-index-key"], "private.pem") or b"").decode())
        settings = RenderSettings(trusted_keys={key.name: key.public})
        bundles = list(render(snapshot, planned, routing(snapshot, planned, now=now).at, settings=settings))
        return Seen(bundles=bundles, there=there)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Seen:
    """What is planned, and what was found in each cluster."""

    bundles: list[Bundle]
    there: Mapping[str, found.Objects]


def _name(item: Json) -> str:
    return f"{item.get('kind', '')} {item['metadata'].get('namespace', '')}/{item['metadata']['name']}"


def _summary(item: Json, kind: str) -> str:
    """What a condition says: `True`, or what it says else."""
    found = [each for each in item.get("status", {}).get("conditions", ()) if each["type"] == kind]
    if not found:
        return f"has no {kind}"
    is_new = found[0].get("observedGeneration", item["metadata"]["generation"]) == item["metadata"]["generation"]
    if not is_new:
        return f"{kind} is of an older generation"
    return "True" if found[0]["status"] == "True" else f"{found[0]['status']}: {found[0].get('message', '')}"


def _differences(name: str, bundles: list[Bundle], there: Mapping[Any, Json]) -> Iterator[str]:
    wanted = {identity(item): item for bundle in bundles for item in bundle.objects}
    for key, item in wanted.items():
        if item["kind"] == "Namespace":
            continue  # made where it is missing, and else left as it is
        if key not in there:
            yield f"{name}: {key} is missing"
        elif changed := difference.first(item, there[key]) or difference.leftover(item, there[key], "isochrone"):
            yield f"{name}: {key}: {changed}"
    for key, found_item in there.items():
        if key not in wanted and found_item["kind"] not in {"Namespace", "Secret"} and not _is_config(found_item):
            yield f"{name}: {key} is there and not planned"


def _is_config(item: Json) -> bool:
    """Indexes, which are made with their revision; shards, which go later; parcels and reports."""
    return bool(item["kind"] == "ConfigMap")


@contextlib.contextmanager
def network(folder: Path) -> Iterator[Network]:
    """It runs, with the example declared."""
    with clusters() as fleet, running(Network(fleet, folder)) as made:
        yield made


def clusters() -> Fleet:
    """The hub, with two sites, and the members."""
    hub = Member("hub", nodes=(*_nodes("fra1"), *_nodes("ber1")), gateways=2)
    iad1 = Member("iad1", nodes=_nodes("iad1", "NVIDIA-H100-80GB-HBM3", 8), gateways=2)
    return Fleet(Member("cdg1", nodes=_nodes("cdg1"), gateways=3), iad1, hub=hub)


@contextlib.contextmanager
def running(made: Network) -> Iterator[Network]:
    """With the example declared, and all operators."""
    made.declare()
    operators = (*made.hub_operators, made.site_operator)
    try:
        for each in operators:
            each.start()
        yield made
    finally:
        for each in operators:
            each.stop()


__all__ = ["PACE", "Network", "clusters", "network", "running"]
