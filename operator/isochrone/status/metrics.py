"""Statuses as figures for Prometheus. Who exposes them makes gauges of them; nothing is counted here over time."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Final

from isochrone.api.conditions import Status
from isochrone.api.edge_node_status import EdgeNodeStatus
from isochrone.api.model_route import Counts, ModelRouteStatus
from isochrone.model import ObjectKey

_TRUTHS: Final = ("True", "False", "Unknown")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A gauge: what it says, and its samples by the values of its labels."""

    name: str
    help: str
    labels: tuple[str, ...]
    samples: Mapping[tuple[str, ...], int]


def families(statuses: Mapping[ObjectKey, Status]) -> Iterator[Family]:
    """All figures. Objects that are gone are gone from them."""
    yield Family(
        name="isochrone_condition",
        help="Conditions of custom resources: 1 for the status that holds, 0 for the others.",
        labels=("kind", "namespace", "name", "type", "status"),
        samples=dict(_conditions(statuses)),
    )
    yield from _of_sites({key.name: each for key, each in statuses.items() if isinstance(each, EdgeNodeStatus)})
    yield from _of_routes(
        {(key.namespace, key.name): each for key, each in statuses.items() if isinstance(each, ModelRouteStatus)}
    )


def _conditions(statuses: Mapping[ObjectKey, Status]) -> Iterator[tuple[tuple[str, ...], int]]:
    for key, status in statuses.items():
        for each in status.conditions or ():
            for truth in _TRUTHS:
                yield (*key, each.type, truth), int(each.status == truth)


def _of_sites(sites: Mapping[str, EdgeNodeStatus]) -> Iterator[Family]:
    reached = sum(
        any((each.type, each.status) == ("Reachable", "True") for each in status.conditions or ())
        for status in sites.values()
    )
    yield _gauge("isochrone_sites", "EdgeNodes.", (), {(): len(sites)})
    yield _gauge("isochrone_sites_reachable", "EdgeNodes whose cluster answers.", (), {(): reached})
    yield _gauge(
        "isochrone_site_devices",
        "GPUs that pools declare at a site.",
        ("site",),
        {(name,): each.devices or 0 for name, each in sites.items()},
    )
    yield _gauge(
        "isochrone_site_devices_used",
        "GPUs that placements hold at a site.",
        ("site",),
        {(name,): each.devices_used or 0 for name, each in sites.items()},
    )
    yield _gauge(
        "isochrone_site_devices_of_others",
        "GPUs of a site's pools that pods of others hold, where that is known.",
        ("site",),
        {(name,): each.devices_of_others for name, each in sites.items() if each.devices_of_others is not None},
    )


def _of_routes(routes: Mapping[tuple[str, ...], ModelRouteStatus]) -> Iterator[Family]:
    sites = {key: each.sites or Counts() for key, each in routes.items()}
    replicas = {key: each.replicas or Counts() for key, each in routes.items()}
    labels = ("namespace", "route")
    for name, text, samples in (
        ("isochrone_placements", "Sites at which a route is to be served.", {k: v.desired for k, v in sites.items()}),
        ("isochrone_placements_ready", "Sites at which a route is served.", {k: v.ready for k, v in sites.items()}),
        (
            "isochrone_replicas_wanted",
            "Replicas of a route's engine, as planned.",
            {k: v.desired for k, v in replicas.items()},
        ),
        (
            "isochrone_replicas_ready",
            "Replicas of a route's engine that can answer.",
            {k: v.ready for k, v in replicas.items()},
        ),
    ):
        yield _gauge(name, text, labels, samples)


def _gauge(name: str, text: str, labels: tuple[str, ...], samples: Mapping[tuple[str, ...], int]) -> Family:
    return Family(name=name, help=text, labels=labels, samples=samples)
