"""Statuses as text for people and as JSON for programs. The JSON is a contract: docs/reference/status.md.

What is not True is told once, at the bottom: the tables stay short, and the words have room.
"""

import collections
import enum
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

import click

from isochrone.api import EdgeNode, ModelRoute, Resource
from isochrone.api.conditions import Condition
from isochrone.api.edge_node_status import EdgeNodeStatus, GatewayStatus
from isochrone.api.model_route import Counts, ModelRouteStatus
from isochrone.cli.plan_text import where
from isochrone.cli.text import columns, printable
from isochrone.model import ObjectKey, Snapshot
from isochrone.model.declared import model_name
from isochrone.model.words import count, listed
from isochrone.status import key_of

VERSION: Final = 1
"""Of the JSON; it rises when a program that reads it could break."""
_INFORMS: Final = frozenset({"EgressEnforced"})
"""Conditions on which `Ready` does not depend."""
_NOTHING: Final = "-"

R = TypeVar("R", bound=Resource)


class Standing(enum.Enum):
    """How an object is, in one word."""

    READY = "yes"
    WORKING = "not yet"
    WRONG = "no"


_TONES: Final = {Standing.READY: "green", Standing.WORKING: "yellow", Standing.WRONG: "red"}


def text(network: Snapshot) -> str:
    """Sites, routes, then whatever is not as it should be, then a sum."""
    every = _every(network)
    if not every:
        return "There is no object of isochrone.dev in this cluster."
    parts = [*_sites(network), *_routes(network), *_troubles(every)]
    return "\n".join([*parts, _sum(network, every)])


def document(network: Snapshot) -> dict[str, Any]:
    """The statuses as one JSON document."""
    return {
        "version": VERSION,
        "ready": exit_status(network) == 0,
        "sites": [_site_entry(each) for each in _by_key(network.edge_nodes)],
        "routes": [_route_entry(each) for each in _by_key(network.routes)],
        "objects": [_entry(each) for each in _every(network)],
    }


def exit_status(network: Snapshot) -> int:
    """0 if all is ready, 1 if something is wrong, 3 if something is being worked on."""
    found = {standing(each) for each in _every(network)}
    return 1 if Standing.WRONG in found else 3 if Standing.WORKING in found else 0


def standing(resource: Resource) -> Standing:
    """A status of an older spec says nothing of this one."""
    ready = _condition(resource, "Ready")
    if ready is None or _is_unseen(resource):
        return Standing.WORKING
    return {"True": Standing.READY, "False": Standing.WRONG}.get(ready.status, Standing.WORKING)


def _sites(network: Snapshot) -> Iterator[str]:
    sites = _by_key(network.edge_nodes)
    if sites:
        rows: list[Sequence[str]] = [
            ("SITE", "PLACE", "STATE", "REACHABLE", "GATEWAY", "REVISION", "GPUS", "READY"),
            *(_site(each) for each in sites),
        ]
        yield "\n".join(columns(rows)) + "\n"


def _site(edge: EdgeNode) -> Sequence[str]:
    status = edge.status or EdgeNodeStatus()
    gateway = status.gateway
    others = f"+{status.devices_of_others}" if status.devices_of_others else ""
    return (
        edge.metadata.name,
        where(edge),
        edge.spec.state.value,
        _word(_condition(edge, "Reachable")),
        f"{gateway.ready_replicas}/{gateway.replicas}" if gateway else _NOTHING,
        _revision(gateway),
        f"{status.devices_used or 0}{others}/{status.devices or 0}",
        _ready(edge),
    )


def _routes(network: Snapshot) -> Iterator[str]:
    routes = _by_key(network.routes)
    if routes:
        rows: list[Sequence[str]] = [
            ("ROUTE", "MODEL", "REPLICAS", "SITES", "URL", "READY"),
            *(_route(each) for each in routes),
        ]
        yield "\n".join(columns(rows)) + "\n"


def _route(route: ModelRoute) -> Sequence[str]:
    status = route.status or ModelRouteStatus()
    return (
        route.key,
        model_name(route),
        _counts(status.replicas),
        _counts(status.sites),
        status.url or _NOTHING,
        _ready(route),
    )


def _troubles(every: Iterable[Resource]) -> Iterator[str]:
    """What is wrong, then what is being worked on; each thing once, at the condition where it begins."""
    looked = [each for each in every if not _is_unseen(each)]
    for found, title in ((Standing.WRONG, "What is wrong"), (Standing.WORKING, "What is being worked on")):
        told = [line for each in looked if standing(each) is found for line in _told(each, _TONES[found])]
        if found is Standing.WORKING:
            told += _unseen([each for each in every if _is_unseen(each)])
        if told:
            yield "\n".join([click.style(title, bold=True), *told]) + "\n"


def _told(resource: Resource, tone: str) -> Iterator[str]:
    name = click.style(str(key_of(resource)), fg=tone)
    yield from (f"  {name}: {each.reason}: {printable(each.message)}" for each in _open(resource))
    if isinstance(resource, ModelRoute) and resource.status is not None:
        for each in resource.status.exceptions or ():
            yield f"    at {each.edge_node}: {each.reason}: {printable(each.message)}"


def _unseen(resources: Sequence[Resource]) -> Iterator[str]:
    """All in one line: where no operator runs, there are many."""
    if resources:
        names = click.style(listed(map(key_of, resources), most=3), fg="yellow")
        yield f"  {names}: no operator has looked since that was declared; is one running?"


def _open(resource: Resource) -> Iterator[Condition]:
    """`Ready`, and further conditions that have the same status for another reason."""
    found = [each for each in _conditions(resource) if each.type not in _INFORMS]
    ready = next(each for each in found if each.type == "Ready")
    seen = set()
    for each in found:
        said = (each.reason, each.message)
        if each.status == ready.status and said not in seen and (each is ready or ready.status == "False"):
            seen.add(said)
            yield each


def _sum(network: Snapshot, every: Sequence[Resource]) -> str:
    found = collections.Counter(standing(each) for each in every)
    sites, routes = len(network.edge_nodes), len(network.routes)
    parts = [
        click.style(f"{found[Standing.WRONG]} wrong", fg="red") if found[Standing.WRONG] else "",
        click.style(f"{found[Standing.WORKING]} being worked on", fg="yellow") if found[Standing.WORKING] else "",
    ]
    said = ", ".join(filter(None, parts)) or click.style("all ready", fg="green")
    return f"{count(sites, 'site')}, {count(routes, 'route')}, {count(len(every), 'object')} in all: {said}."


def _ready(resource: Resource) -> str:
    found = standing(resource)
    reason = _condition(resource, "Ready")
    says = f" ({reason.reason})" if reason is not None and _tells(found, reason) else ""
    return click.style(found.value, fg=_TONES[found]) + says


def _tells(found: Standing, ready: Condition) -> bool:
    """Whether the reason says more than the word before it."""
    return ready.reason not in {"Ready", "Progressing"} and (found is not Standing.READY or ready.status == "True")


def _word(condition: Condition | None) -> str:
    match condition:
        case None:
            return _NOTHING
        case Condition(status="True"):
            return "yes"
        case Condition(status="False"):
            return click.style("no", fg="red")
        case _:
            return click.style("?", fg="yellow")


def _revision(gateway: GatewayStatus | None) -> str:
    revision = gateway.revision if gateway else None
    return f"{revision.epoch}.{revision.sequence}" if revision else _NOTHING


def _counts(counts: Counts | None) -> str:
    return f"{counts.ready}/{counts.desired}" if counts else _NOTHING


def _conditions(resource: Resource) -> Sequence[Condition]:
    return (resource.status.conditions if resource.status else None) or ()


def _condition(resource: Resource, kind: str) -> Condition | None:
    return next((each for each in _conditions(resource) if each.type == kind), None)


def _is_unseen(resource: Resource) -> bool:
    """Whether what is declared is newer than what is said of it."""
    ready = _condition(resource, "Ready")
    return ready is None or (ready.observed_generation or 0) < resource.metadata.generation


def _every(network: Snapshot) -> list[Resource]:
    kinds = (
        network.edge_nodes,
        network.routes,
        network.pools,
        network.policies,
        network.providers,
        network.tenants,
    )
    return [each for kind in kinds for each in _by_key(kind)]


def _by_key(resources: Iterable[R]) -> list[R]:
    return sorted(resources, key=lambda each: each.key)


def _site_entry(edge: EdgeNode) -> dict[str, Any]:
    status = edge.status or EdgeNodeStatus()
    return {
        "name": edge.metadata.name,
        "jurisdiction": status.jurisdiction,
        "state": edge.spec.state.value,
        "reachable": getattr(_condition(edge, "Reachable"), "status", None),
        "gateway": status.gateway.model_dump(mode="json", by_alias=True) if status.gateway else None,
        "devices": status.devices,
        "devicesUsed": status.devices_used,
        "devicesOfOthers": status.devices_of_others,
        "ready": standing(edge) is Standing.READY,
    }


def _route_entry(route: ModelRoute) -> dict[str, Any]:
    status = route.status or ModelRouteStatus()
    return {
        "route": route.key,
        "model": model_name(route),
        "url": status.url,
        "replicas": status.replicas.model_dump() if status.replicas else None,
        "sites": status.sites.model_dump() if status.sites else None,
        "exceptions": [each.model_dump(mode="json", by_alias=True) for each in status.exceptions or ()],
        "ready": standing(route) is Standing.READY,
    }


def _entry(resource: Resource) -> dict[str, Any]:
    key: ObjectKey = key_of(resource)
    return {
        "kind": key.kind,
        "namespace": key.namespace or None,
        "name": key.name,
        "ready": standing(resource) is Standing.READY,
        "conditions": [each.model_dump(mode="json", by_alias=True) for each in _conditions(resource)],
    }
