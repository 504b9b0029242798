"""Reasons in words. One entry per reason, so that a search for the code finds what people read."""

from collections.abc import Mapping
from typing import Final

from isochrone.api import ModelRoute
from isochrone.law import VerdictReason
from isochrone.model import Because, ChangeKind, WhyNot

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

VERDICT: Final[Mapping[VerdictReason, str]] = {
    VerdictReason.NO_POLICY_BINDS: "no policy binds it",
    VerdictReason.ALLOWED_BY_POLICIES: "every policy that binds it allows the place",
    VerdictReason.DEFAULT_DENY: "no policy binds it, and what none binds is refused here",
    VerdictReason.UNKNOWN_ORIGIN: "it is not known where the data comes from",
    VerdictReason.UNKNOWN_PLACE: "it is not known where the place is",
    VerdictReason.PLACE_TOO_COARSE: "part of the place may be allowed, but not surely all of it",
    VerdictReason.PLACE_NOT_ALLOWED: "the place is not among those allowed",
    VerdictReason.EVIDENCE_TOO_LOW: "the place is not known well enough",
    VerdictReason.CONFIG_STALE: "the configuration is too old to leave the site's country",
    VerdictReason.CONFIG_EXPIRED: "the configuration is too old for anything that a policy binds",
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


CHANGE: Final[Mapping[ChangeKind, tuple[str, str]]] = {
    ChangeKind.START: ("+", "start"),
    ChangeKind.STOP: ("-", "stop"),
    ChangeKind.MOVE: (">", "move"),
    ChangeKind.RESIZE: ("~", "resize"),
}
"""A mark and a verb."""
