"""The four sites of `tests.unit.plan.small` with what is delivered there, and what their statuses say."""

import dataclasses
from typing import Any

from tests.unit.plan.small import CHAT, NOW, chat, europe, planned, running
from tests.worlds.build import seen
from tests.worlds.reports import LATEST, report

from isochrone import status
from isochrone.api.conditions import Condition, Status
from isochrone.model import Delivery, ObjectKey, Plan, SiteReport, Snapshot
from isochrone.plan import routing

Json = dict[str, Any]
SITES = ("ams", "cdg", "fra", "iad")
ROUTE = ObjectKey("ModelRoute", CHAT.namespace, CHAT.name)


def edge(name: str = "fra") -> ObjectKey:
    return ObjectKey("EdgeNode", "", name)


def changed(obj: Json, *, spec: Json | None = None, **metadata: Any) -> Json:
    """An object with other fields."""
    return {**obj, "metadata": {**obj["metadata"], **metadata}, "spec": {**obj["spec"], **(spec or {})}}


def calm(*objects: Json, **observed: Any) -> Snapshot:
    """A route at one site, which runs, and further objects."""
    given = objects or (chat(),)
    return seen(europe(*given), **{"running": (running("fra"),), **observed})


def delivered(**reports: SiteReport) -> Delivery:
    """All is well at every site but for these."""
    every = {name: report(name, now=NOW) for name in SITES} | reports
    return Delivery(reports=every, wanted=dict.fromkeys(every, LATEST))


def told(
    snapshot: Snapshot,
    delivery: Delivery | None = None,
    *,
    plan: Plan | None = None,
    now: int = NOW,
    is_routed: bool = True,
) -> dict[ObjectKey, Status]:
    """The statuses, with the tables of all sites."""
    decided = planned(snapshot) if plan is None else plan
    tables = routing(snapshot, decided, now=NOW)
    names = [each.metadata.name for each in snapshot.edge_nodes if each.metadata.deletion_timestamp is None]
    asked = status.Asked.of(map(tables.at, names)) if is_routed else None
    found = status.of(snapshot, decided, delivered() if delivery is None else delivery, now=now, asked=asked)
    return dict(found)


def conditions(found: Status) -> dict[str, Condition]:
    return {each.type: each for each in found.conditions or ()}


def said(found: Status, kind: str = "Ready") -> str:
    """`False NoCapacity: at 1 site the GPUs are taken`."""
    each = conditions(found)[kind]
    return f"{each.status} {each.reason}: {each.message}"


def without(delivery: Delivery, site: str) -> Delivery:
    """The same, but nothing was heard from a site."""
    reports = {name: each for name, each in delivery.reports.items() if name != site}
    return dataclasses.replace(delivery, reports=reports)
