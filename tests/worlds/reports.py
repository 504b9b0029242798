"""What sites report: of a network where all is well, and of one where anything may be wrong."""

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.worlds.dice import Dice

from isochrone import status
from isochrone.api import Resource
from isochrone.api.conditions import Reason, Status
from isochrone.api.edge_node import State
from isochrone.model import (
    Delivery,
    Fault,
    GatewayPod,
    Held,
    ObjectKey,
    Repair,
    Revision,
    SiteObservation,
    SiteReport,
    Snapshot,
)

LATEST: Final = Revision(epoch=1, sequence=7, digest=hashlib.sha256(b"7").hexdigest())
EARLIER: Final = Revision(epoch=1, sequence=6, digest=hashlib.sha256(b"6").hexdigest())
NEWER: Final = Revision(epoch=2, sequence=1, digest="sha256:" + hashlib.sha256(b"8").hexdigest())

_FAULTS: Final = (
    Fault(reason=Reason.FORBIDDEN, subject="Deployment shop/route-0-engine", message="may not be applied: grant it"),
    Fault(reason=Reason.CONFLICT, subject="Service shop/route-0", message="belongs to somebody else: rename the route"),
    Fault(reason=Reason.DELIVERY_FAILED, subject="Namespace shop", message="x" * 3000),
    Fault(reason=Reason.CREDENTIALS_INVALID, subject="https://10.0.0.1", message="the token has expired: renew it"),
    Fault(reason=Reason.UNREACHABLE, subject="https://10.0.0.1", message="connection refused"),
)
_HELD: Final = (Reason.PROGRESSING, Reason.PAUSED, Reason.CONFIG_REJECTED, Reason.ERRORS_ROSE, Reason.CONFLICT)


def well(*sites: str, now: int, **fields: Any) -> Delivery:
    """Everything was delivered to these sites, and both pods of their gateways run it."""
    reports = {site: report(site, now=now, **fields) for site in sites}
    return Delivery(reports=reports, wanted=dict.fromkeys(sites, LATEST))


def report(site: str, *, now: int, **fields: Any) -> SiteReport:
    """A site that is as it should be, but for these fields."""
    pods = tuple(GatewayPod(pod=f"gateway-{name}", at=now, running=LATEST) for name in "ab")
    whole: dict[str, Any] = {
        "at": now,
        "delivered": LATEST,
        "children": 12,
        "gateway_replicas": 2,
        "gateway_ready": 2,
        "gateway_pods": pods,
        "version": "v1.36.2",
    }
    return SiteReport(site=site, **{**whole, **fields})


def delivery(dice: Dice, snapshot: Snapshot, *, now: int) -> Delivery:
    """Whatever may be heard. Nothing of it is about to be too old at `now`."""
    names = sorted({each.metadata.name for each in snapshot.edge_nodes})
    told = [name for name in names if dice.chance(85)]
    return Delivery(
        reports={name: _report(dice, snapshot, name, now) for name in told},
        wanted={name: dice.choice([LATEST, LATEST, NEWER]) for name in names if dice.chance(90)},
        held={name: Held(reason=dice.choice(_HELD), message="it waits") for name in names if dice.chance(15)},
    )


def written(snapshot: Snapshot, statuses: Mapping[ObjectKey, Status]) -> Snapshot:
    """The same with statuses as they come back from an API server."""

    def one(resource: Resource) -> Any:
        found = statuses.get(status.key_of(resource))
        if found is None:
            return resource
        plain = resource.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"status"})
        return type(resource).model_validate({**plain, "status": status.document(found)})

    return _each(snapshot, one)


def disturbed(dice: Dice, snapshot: Snapshot, *, now: int) -> Snapshot:
    """Some objects are being deleted, others are paused; every one has a generation. No site is about to be lost."""

    def one(resource: Resource) -> Any:
        changes: dict[str, Any] = {"generation": dice.randint(1, 5)}
        if dice.chance(6):
            changes["deletion_timestamp"] = "2026-11-20T12:00:00Z"
        if dice.chance(6):
            changes["annotations"] = {"isochrone.dev/paused": dice.choice(["", "true", "false"])}
        return resource.model_copy(update={"metadata": resource.metadata.model_copy(update=changes)})

    sites = {
        name: dataclasses.replace(each, unreachable_since=now - 60) if _is_nearly_lost(snapshot, each, now) else each
        for name, each in snapshot.observed.sites.items()
    }
    return dataclasses.replace(_each(snapshot, one), observed=dataclasses.replace(snapshot.observed, sites=sites))


def _each(snapshot: Snapshot, one: Callable[[Resource], Any]) -> Snapshot:
    """The same with each object changed."""
    return dataclasses.replace(
        snapshot,
        edge_nodes=tuple(map(one, snapshot.edge_nodes)),
        pools=tuple(map(one, snapshot.pools)),
        routes=tuple(map(one, snapshot.routes)),
        policies=tuple(map(one, snapshot.policies)),
        providers=tuple(map(one, snapshot.providers)),
        tenants=tuple(map(one, snapshot.tenants)),
    )


def _is_nearly_lost(snapshot: Snapshot, seen: SiteObservation, now: int) -> bool:
    return seen.unreachable_since is not None and 60 < now - seen.unreachable_since < snapshot.settings.lost_after


def _report(dice: Dice, snapshot: Snapshot, name: str, now: int) -> SiteReport:
    seen = snapshot.observed.sites.get(name, SiteObservation())
    edge = next(each for each in snapshot.edge_nodes if each.metadata.name == name)
    replicas = 0 if edge.spec.state is State.DISABLED else dice.choice([0, 1, 2, 3])
    return SiteReport(
        site=name,
        at=now - dice.randint(0, 60),
        delivered=dice.choice([None, EARLIER, LATEST, LATEST, NEWER]),
        faults=tuple(dice.some(_FAULTS, 0, 2)) if dice.chance(25) else (),
        repairs=(Repair(subject="Service shop/x", difference="it was deleted"),) if dice.chance(10) else (),
        children=dice.randint(0, 40),
        gateway_replicas=replicas,
        gateway_ready=dice.randint(0, replicas),
        gateway_pods=tuple(_pod(dice, f"gateway-{number}", now) for number in range(replicas)),
        version=dice.choice(["", "v1.36.2", "v" + "1" * 90]),
        observation=seen,
    )


def _pod(dice: Dice, name: str, now: int) -> GatewayPod:
    refused = dice.choice([None, None, None, EARLIER, LATEST, NEWER])
    because = dice.choice(["", "route shop/route-0: no such engine", "y" * 3000]) if refused else ""
    return GatewayPod(
        pod=name,
        at=now - dice.choice([0, 10, 60, 500]),
        running=dice.choice([None, EARLIER, LATEST, LATEST, NEWER]),
        refused=refused,
        refused_because=because,
    )
