"""What people read in several places: counts, lists of names, and the reasons of a plan.

One entry per reason, so that a search for the code finds its words.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from isochrone.api import ModelRoute
from isochrone.model.plan import Because, WhyNot

BECAUSE: Final[Mapping[Because, str]] = {
    Because.KEPT: "it runs here already",
    Because.MIN_SITES: "the route wants {min_sites} at least",
    Because.OBJECTIVE: "brings more callers within {objective}; {percentile} % of them are wanted there",
    Because.BETTER: "it is clearly better placed here",
    Because.LAW_CHANGED: "the law allows it there no longer",
    Because.SITE_LOST: "the site can't be reached",
    Because.SITE_DRAINING: "the site is draining",
    Because.SITE_DISABLED: "the site is disabled",
    Because.SITE_GONE: "the EdgeNode is gone",
    Because.POOL_GONE: "the GPUPool is gone",
    Because.NO_LONGER_FITS: "it does not fit there any more",
    Because.OUTBID: "a route of higher priority needs the GPUs",
    Because.FAILING: "it has not become ready there for long",
    Because.ROUTE_GONE: "the route has no engines of its own any more",
    Because.TOO_MANY_SITES: "other sites suffice for what the route wants",
    Because.RESIZED: "the number of replicas changed",
}

WHY_NOT: Final[Mapping[WhyNot, str]] = {
    WhyNot.SITE_LOST: "the site can't be reached",
    WhyNot.SITE_DRAINING: "the site is draining",
    WhyNot.SITE_DISABLED: "the site is disabled",
    WhyNot.UNKNOWN_PLACE: "it is not known where the site is",
    WhyNot.SITE_NOT_SELECTED: "placement.edgeNodeSelector does not match the site",
    WhyNot.UNLAWFUL_INFERENCE: "no caller's data may be processed there",
    WhyNot.UNLAWFUL_WEIGHTS: "the weights may not be there",
    WhyNot.NO_POOL: "the site has no GPUPool",
    WhyNot.POOL_NOT_SELECTED: "placement.poolSelector does not match",
    WhyNot.NAMESPACE_NOT_ALLOWED: "the pool does not allow the route's namespace",
    WhyNot.CAPACITY_TYPE: "the pool's capacityType is not among placement.capacityTypes",
    WhyNot.PRIORITY_TOO_HIGH: "the route's priority is above the pool's maxPriority",
    WhyNot.DEVICE_PRODUCT: "the GPUs are not of a product that the route takes",
    WhyNot.DEVICE_MEMORY: "the GPUs have too little memory",
    WhyNot.DEVICES_PER_NODE: "a replica needs more GPUs than one node has",
    WhyNot.NO_CAPACITY: "the GPUs are taken",
    WhyNot.FAILED_LATELY: "its engines failed there lately",
    WhyNot.NOT_NEEDED: "other sites serve the route better",
}


def because(reason: Because, route: ModelRoute | None) -> str:
    """A reason in words, with the route's own figures where there are some."""
    if route is None:
        return BECAUSE[reason]
    placement = route.spec.placement
    objective = placement.latency_objective
    return BECAUSE[reason].format(
        min_sites="1 site" if placement.min_sites == 1 else f"{placement.min_sites} sites",
        objective=objective.rtt if objective else "",
        percentile=objective.percentile if objective else "",
    )


def count(number: int, noun: str) -> str:
    """`no sites`, `1 site`, `2 sites`; the noun takes an s."""
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def listed(names: Iterable[Any], *, most: int = 5) -> str:
    """Names for people: the first few, and how many more."""
    words = [str(name) for name in names]
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return f"{', '.join(words[:most])}{more}"
