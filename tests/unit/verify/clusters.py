"""Clusters of two sites by hand: their configs in shards, and what runs beside them."""

import copy
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from tests.unit.verify.by_hand import Json, config, read
from tests.unit.verify.installation import tenant
from tests.worlds.verified import RELEASE

from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render.gateway import config_maps
from isochrone.verify import Report, Rule, verify
from isochrone.verify.declared import Declared
from isochrone.verify.gathered import Found
from isochrone_gateway.config import Config, Signer, issue, pack

COMPONENT: Final = "app.kubernetes.io/component"
EDGE_NODE: Final = "isochrone.dev/edge-node"
Cluster = list[Json]


def labelled(kind: str, name: str, namespace: str, labels: Json, **fields: Any) -> Json:
    return {"kind": kind, "metadata": {"name": name, "namespace": namespace, "labels": labels}, **fields}


def workload(name: str, namespace: str, labels: Json, *args: str) -> Json:
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "it", "args": list(args)}]}}
    return labelled("Deployment", name, namespace, labels, spec={"template": pod})


def closing(name: str, namespace: str, labels: Json) -> Json:
    """A policy that lets these pods talk to nobody, and nobody to them."""
    selector = {"podSelector": {"matchLabels": labels}, "policyTypes": ["Ingress", "Egress"]}
    return labelled("NetworkPolicy", name, namespace, labels, spec=selector)


def beside(site: str) -> Cluster:
    """What runs beside a site's config."""
    ours = {EDGE_NODE: site, COMPONENT: "gateway"}
    engines = {
        EDGE_NODE: site,
        COMPONENT: "engine",
        "isochrone.dev/model-route": "chat",
        "isochrone.dev/route-namespace": "shop",
    }
    return [
        workload("gateway", SYSTEM_NAMESPACE, ours, f"--config=kubernetes:{site}-config"),
        closing("gateway", SYSTEM_NAMESPACE, ours),
        workload("chat-engine", "shop", engines),
        closing("chat-engine", "shop", engines),
        labelled("Service", "chat-engine", "shop", {EDGE_NODE: site}, spec={"selector": engines}),
    ]


def stored(made: Json, *signers: Signer, labels: Json | None = None) -> Cluster:
    """A config in shards, and its index."""
    packed, site = pack(msgspec.convert(made, Config)), made["site"]["name"]
    index = issue(packed, site=site, release=RELEASE, signers=signers)
    given = {EDGE_NODE: site} if labels is None else labels
    return [*config_maps.shards(packed, "isochrone"), config_maps.index_map(index, f"{site}-config", given)]


def cluster(made: Json, *signers: Signer) -> Cluster:
    return copy.deepcopy([*stored(made, *signers), *beside(made["site"]["name"])])


def of(clusters: dict[str, Cluster]) -> dict[str, list[Found]]:
    return {
        name: [Found(each, f"{name}/{each['kind']}/{each['metadata']['name']}") for each in objects]
        for name, objects in clusters.items()
    }


BUCKET: Final = {"endpoint": "https://s3.example.com", "bucket": "acme", "place": 0, "accessKey": "a", "secretKey": "s"}
FAR: Final = tenant("far", "shop", 2, origins=["JP"])
"""So that engines may stand at both sites."""
KNOWN: Final = read([FAR])


def prove(known: Declared = KNOWN, /, *, trusted: Any = None, **clusters: Cluster) -> Report:
    return verify(known, of(clusters), trusted=trusted)


def both(**sections: Any) -> dict[str, Cluster]:
    return {"eu": cluster(config("fra1", **sections)), "us": cluster(config("iad1", **sections))}


def told(report: Report) -> list[tuple[Rule, str, str]]:
    return [(each.rule, each.site, each.message) for each in report.findings]


def shard(kind: str, **sections: Any) -> str:
    """The name of the shard of a kind."""
    names = [each["metadata"]["name"] for each in stored(config(**sections)) if "binaryData" in each]
    (found,) = [each for each in names if each.startswith(kind)]
    return str(found)


def asking(name: str, site: str | None, labelled: str | None = None, kind: str = "NetworkPolicy") -> Json:
    """A policy for pods of this site, or of all, that carries another site's label, or none."""
    field = "endpointSelector" if kind == "CiliumNetworkPolicy" else "podSelector"
    labels = {} if labelled is None else {"labels": {EDGE_NODE: labelled}}
    chosen = {} if site is None else {"matchLabels": {EDGE_NODE: site}}
    return {"kind": kind, "metadata": {"name": name, **labels}, "spec": {field: chosen}}


def names(found: Iterable[Found]) -> list[str]:
    return [each.item["metadata"]["name"] for each in found]
