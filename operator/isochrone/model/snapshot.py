"""All that a plan depends on, at one moment."""

import dataclasses
from collections.abc import Mapping
from typing import Literal

from isochrone.api import (
    DataResidencyPolicy,
    EdgeNode,
    GPUPool,
    InferenceTenant,
    ModelProvider,
    ModelRoute,
)
from isochrone.model.observed import Observed


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What holds for the whole installation."""

    installation: str = "isochrone"
    """Its name: the label of all that it owns, in every cluster."""
    unbound: Literal["Allow", "Deny"] = "Allow"
    """What the law says where no policy binds."""
    max_moves_per_hour: int = 20
    """Moves of healthy placements; what the law or a lost site forces is not counted."""
    move_gain_percent: int = 25
    """How much better the score of another site must be before a healthy placement moves there."""
    lost_after: int = 120
    """Seconds without contact after which a site counts as lost, and its placements are made elsewhere as well."""
    candidates: int = 8
    """Sites and endpoints that a gateway knows per route and origin class, beyond which the list is trimmed."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Snapshot:
    """What users declare, and what was observed. Each object is valid by itself; references may lead nowhere.

    The order within a kind means nothing.
    """

    edge_nodes: tuple[EdgeNode, ...] = ()
    pools: tuple[GPUPool, ...] = ()
    routes: tuple[ModelRoute, ...] = ()
    policies: tuple[DataResidencyPolicy, ...] = ()
    providers: tuple[ModelProvider, ...] = ()
    tenants: tuple[InferenceTenant, ...] = ()
    namespaces: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)
    """Labels of the hub's namespaces, by name."""
    observed: Observed = dataclasses.field(default_factory=Observed)
    settings: Settings = dataclasses.field(default_factory=Settings)


def lost_sites(snapshot: Snapshot, *, now: int) -> frozenset[str]:
    """The sites that can't be reached for so long that they count as lost."""
    after = snapshot.settings.lost_after
    seen = ((name, each.unreachable_since) for name, each in snapshot.observed.sites.items())
    return frozenset(name for name, since in seen if since is not None and now - since >= after)
