"""What reasons of other packages are in a condition: a reason for programs, and words for people."""

from collections.abc import Mapping
from typing import Final

from isochrone.api.conditions import Reason
from isochrone.law.references import Lack
from isochrone.model import WhyNot

LACKS: Final[Mapping[Lack, tuple[Reason, str]]] = {
    Lack.NOT_FOUND: (Reason.REF_NOT_FOUND, "there is no {target}; create it, or name another"),
    Lack.NO_SUCH_MODEL: (Reason.REF_NOT_FOUND, "{target} has no model {model}; add it there, or name another"),
    Lack.NOT_PERMITTED: (
        Reason.REF_NOT_PERMITTED,
        "{target} does not let namespace {namespace} in; ask its owner to add it to spec.allowedNamespaces",
    ),
}

PLACING: Final[Mapping[WhyNot, Reason]] = {
    WhyNot.SITE_LOST: Reason.NO_CAPACITY,
    WhyNot.SITE_DRAINING: Reason.NO_CAPACITY,
    WhyNot.SITE_DISABLED: Reason.NO_CAPACITY,
    WhyNot.UNKNOWN_PLACE: Reason.UNKNOWN_PLACE,
    WhyNot.SITE_NOT_SELECTED: Reason.UNSATISFIABLE,
    WhyNot.UNLAWFUL_INFERENCE: Reason.NO_LAWFUL_PLACE,
    WhyNot.UNLAWFUL_WEIGHTS: Reason.NO_LAWFUL_PLACE,
    WhyNot.NO_POOL: Reason.NO_FITTING_DEVICE,
    WhyNot.POOL_NOT_SELECTED: Reason.NO_FITTING_DEVICE,
    WhyNot.NAMESPACE_NOT_ALLOWED: Reason.NO_FITTING_DEVICE,
    WhyNot.CAPACITY_TYPE: Reason.NO_FITTING_DEVICE,
    WhyNot.PRIORITY_TOO_HIGH: Reason.NO_FITTING_DEVICE,
    WhyNot.DEVICE_PRODUCT: Reason.NO_FITTING_DEVICE,
    WhyNot.DEVICE_MEMORY: Reason.NO_FITTING_DEVICE,
    WhyNot.DEVICES_PER_NODE: Reason.NO_FITTING_DEVICE,
    WhyNot.NO_CAPACITY: Reason.NO_CAPACITY,
    WhyNot.FAILED_LATELY: Reason.FAILING,
    WhyNot.NOT_NEEDED: Reason.UNSATISFIABLE,
}
"""Why a route does not get all that it wants."""

WAY_OUT: Final[Mapping[Reason, str]] = {
    Reason.NO_CAPACITY: "add GPUs or sites, ask for less, or raise spec.serving.priority",
    Reason.UNKNOWN_PLACE: "correct spec.place of the EdgeNode",
    Reason.NO_LAWFUL_PLACE: "add a site where the law allows it, or bind it by another policy",
    Reason.NO_FITTING_DEVICE: "change spec.serving.resources or spec.placement, or add a GPUPool that suits",
    Reason.FAILING: "see why its engines fail, by their logs",
    Reason.UNSATISFIABLE: "ask for less in spec.placement, or add a site that suits",
}
