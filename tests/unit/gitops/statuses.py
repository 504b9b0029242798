"""Objects of every kind with the statuses that the operator gives them, and the health that Argo CD is to show.

Nothing in a status is written by hand: it is what `isochrone.status` says of a network. Only what is stale or new is
made of such an object by taking something away.
"""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tests.unit.plan.small import AMS, FRA, IAD, NOW, chat, network, planned, pool, running
from tests.unit.status.network import changed, delivered, told, without
from tests.unit.validate import sample
from tests.worlds.build import seen
from tests.worlds.reports import EARLIER, report

from isochrone import status
from isochrone.api import KINDS
from isochrone.api.conditions import Reason
from isochrone.model import Delivery, Fault, GatewayPod, Plan, SiteObservation, Snapshot

Json = dict[str, Any]

GENERATION: Final = 3
PAUSED: Final[Json] = {"annotations": {"isochrone.dev/paused": "true"}}
GONE: Final[Json] = {"deletionTimestamp": "2026-11-20T12:00:00Z", "finalizers": ["isochrone.dev/cleanup"]}
OBJECTS: Final[Mapping[str, Json]] = {
    "EdgeNode": FRA,
    "GPUPool": pool("fra"),
    "ModelRoute": chat(),
    "DataResidencyPolicy": sample.policy(),
    "ModelProvider": sample.provider(),
    "InferenceTenant": sample.tenant(),
}
FORBIDDEN: Final = Fault(reason=Reason.FORBIDDEN, subject="Role shop/x", message="may not be created: grant it")
BEHIND: Final = tuple(GatewayPod(pod=f"gateway-{name}", at=NOW, running=EARLIER) for name in "ab")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """An object as the API server has it, and what Argo CD is to make of it."""

    kind: str
    name: str
    health: str
    obj: Json
    ready: str
    """What its condition Ready says, if it has one: `False Forbidden`."""


@functools.cache
def cases() -> tuple[Case, ...]:
    common = (case for kind in KINDS for case in _common(kind.__name__))
    return (*common, *_sites(), *_others())


def _common(kind: str) -> Iterator[Case]:
    """What may become of an object of any kind."""
    well = OBJECTS[kind]
    healthy = _case(kind, "healthy", "Healthy", well)
    yield healthy
    yield _case(kind, "paused", "Suspended", changed(well, **PAUSED))
    yield _case(kind, "deleting", "Progressing", changed(well, **GONE))
    later = {**healthy.obj, "metadata": {**healthy.obj["metadata"], "generation": GENERATION + 1}}
    yield dataclasses.replace(healthy, name="stale", health="Progressing", obj=later)
    new = {key: value for key, value in healthy.obj.items() if key != "status"}
    yield Case(kind=kind, name="new", health="Progressing", obj=new, ready="")


def _sites() -> Iterator[Case]:
    edge = OBJECTS["EdgeNode"]
    behind = delivered(fra=report("fra", now=NOW, gateway_pods=BEHIND))
    away = delivered(fra=report("fra", now=NOW, observation=SiteObservation(unreachable_since=NOW - 600)))
    refused = delivered(fra=report("fra", now=NOW, faults=(FORBIDDEN,)))
    yield _case("EdgeNode", "progressing", "Progressing", edge, delivery=behind)
    yield _case("EdgeNode", "unreachable", "Degraded", edge, delivery=away)
    yield _case("EdgeNode", "forbidden", "Degraded", edge, delivery=refused)
    yield _case("EdgeNode", "paused-forbidden", "Degraded", changed(edge, **PAUSED), delivery=refused)
    yield _case("EdgeNode", "disabled", "Suspended", changed(edge, spec={"state": "Disabled"}))
    yield _case("EdgeNode", "draining", "Progressing", changed(edge, spec={"state": "Draining"}))
    of_gitops = changed(edge, spec={"delivery": "GitOps"})
    yield _case("EdgeNode", "gitops", "Healthy", of_gitops, delivery=without(delivered(), "fra"))


def _others() -> Iterator[Case]:
    route, tenant = OBJECTS["ModelRoute"], OBJECTS["InferenceTenant"]
    yield _case("GPUPool", "progressing", "Progressing", sample.pool("gpu", edgeNodeSelector=_labels(region="mars")))
    yield _case("GPUPool", "no-site", "Degraded", pool("mars"))
    yield _case("ModelRoute", "progressing", "Progressing", route, ready=0)
    yield _case("ModelRoute", "failing", "Degraded", route, ready=0, is_failing=True)
    lost = chat(tiers=[{"backends": [{"serving": {}}]}, *sample.tiers(sample.to_provider("nobody"))])
    yield _case("ModelRoute", "no-provider", "Degraded", lost)
    yield _case("DataResidencyPolicy", "auditing", "Healthy", sample.policy(mode="Audit"))
    nowhere = [{"scope": "Inference", "places": {"include": ["DE"], "exclude": ["EU"]}}]
    yield _case("DataResidencyPolicy", "nowhere", "Degraded", sample.policy(allow=nowhere))
    yield _case("ModelProvider", "unknown-place", "Degraded", sample.provider("acme", sample.endpoint("it", "XX")))
    keyed = sample.provider(keys=[{"name": "main", "secretRef": {"name": "acme", "key": "key"}}])
    yield _case("ModelProvider", "no-secret", "Degraded", keyed)
    yield _case("InferenceTenant", "suspended", "Suspended", changed(tenant, spec={"state": "Suspended"}))
    expired = [{"name": "old", "sha256": sample.SHA + "2", "expires": "1970-01-12T13:46:40Z"}]
    yield _case("InferenceTenant", "expired", "Degraded", sample.tenant(keys=expired))
    alone = network(changed(OBJECTS["DataResidencyPolicy"], generation=GENERATION))
    yield _told("DataResidencyPolicy", "progressing", "Progressing", alone, Plan())


def _case(kind: str, name: str, health: str, obj: Json, *, delivery: Delivery | None = None, **fields: Any) -> Case:
    """The object among others that are as they should be."""
    others = [each for of, each in OBJECTS.items() if of != kind]
    whole = network(changed(obj, generation=GENERATION), *others, AMS, IAD, pool("ams"), pool("iad"))
    before = planned(seen(whole, running=(running("fra"),)))
    return _told(kind, name, health, seen(whole, running=(running("fra", **fields),)), before, delivery)


def _told(kind: str, name: str, health: str, snapshot: Snapshot, plan: Plan, delivery: Delivery | None = None) -> Case:
    resource = next(
        each
        for each in (
            *snapshot.edge_nodes,
            *snapshot.pools,
            *snapshot.routes,
            *snapshot.policies,
            *snapshot.providers,
            *snapshot.tenants,
        )
        if type(each).__name__ == kind and each.metadata.generation == GENERATION
    )
    seen_here = dataclasses.replace(delivery or delivered(), secrets={})
    found = told(snapshot, seen_here, plan=plan)[status.key_of(resource)]
    ready = next(each for each in found.conditions or () if each.type == "Ready")
    plain = resource.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    obj = {**plain, "apiVersion": "isochrone.dev/v1alpha1", "kind": kind, "status": status.document(found)}
    ordered = {key: obj[key] for key in ("apiVersion", "kind", "metadata", "spec", "status")}
    return Case(kind=kind, name=name, health=health, obj=ordered, ready=f"{ready.status} {ready.reason}")


def _labels(**labels: str) -> Json:
    return {"matchLabels": labels}
