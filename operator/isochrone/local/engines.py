"""Which engines run on this machine, and how each is started. One process stands for all replicas of a placement."""

import dataclasses
import pathlib
from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

from isochrone.api import ModelRoute
from isochrone.local.standing import UP, Stand, Standing
from isochrone.model import Plan, RouteKey, Running
from isochrone.model.declared import model_name

_CONTEXT: Final = 2048
_MOST_CONTEXT: Final = 4096
"""Tokens. Models that are played could ask for millions, each of which takes memory."""
_EMBEDDINGS: Final = "Embeddings"


class EngineId(NamedTuple):
    """The engines of a route at a site."""

    route: RouteKey
    site: str

    def __str__(self) -> str:
        return f"{self.route.namespace}-{self.route.name}-{self.site}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The one model that plays all engines: a file in the GGUF format."""

    name: str
    path: pathlib.Path
    digest: str
    """`sha256:...`; empty where it was not looked at."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that speaks the OpenAI API, and plays all engines in place of processes of our own."""

    address: str
    """`host:port`"""
    model: str | None = None
    """By which name it knows its model; each route's own when left out."""


Player = Weights | Server
"""What plays the engines."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EngineSpec:
    """How one engine is started."""

    id: EngineId
    model: str
    """The name that it answers to."""
    context: int
    """Tokens."""
    embeds: bool
    """Whether it makes embeddings: the mean over a text's tokens."""


def spec_of(route: ModelRoute, site: str, key: RouteKey) -> EngineSpec:
    """How the engine of a route runs here."""
    engine = route.spec.serving.engine if route.spec.serving is not None else None
    context = (engine.context_length if engine is not None else None) or _CONTEXT
    return EngineSpec(
        id=EngineId(key, site),
        model=model_name(route),
        context=min(context, _MOST_CONTEXT),
        embeds=_EMBEDDINGS in route.spec.endpoints,
    )


def is_played(route: ModelRoute, player: Player) -> bool:
    """Whether something else stands in for the route's own weights."""
    serving = route.spec.serving
    if serving is None or serving.weights is None or not isinstance(player, Weights):
        return True
    return not player.digest or serving.weights.digest != player.digest


def to_run(plan: Plan, running: Iterable[Running], stands: Mapping[str, Stand]) -> frozenset[EngineId]:
    """The engines that are to run: those that are planned, and those that go on until others are ready for them.

    A site that drains keeps its engines as long as its gateway answers. One that is down has none.
    """
    planned = {EngineId(each.route, each.site) for each in plan.placements}
    leaving = {EngineId(each.route, each.site) for each in plan.staying}
    draining = _standing(stands, Standing.DRAINING)
    kept = {EngineId(each.route, each.site) for each in running if each.site in draining}
    return frozenset(each for each in planned | leaving | kept if stands.get(each.site, UP).is_up)


def is_replaced(plan: Plan, site: str, ready: Collection[EngineId]) -> bool:
    """Whether all that the plan has elsewhere is ready, so that a site that drains can end."""
    return all(EngineId(each.route, each.site) in ready for each in plan.placements if each.site != site)


def _standing(stands: Mapping[str, Stand], wanted: Standing) -> frozenset[str]:
    return frozenset(name for name, stand in stands.items() if stand.standing is wanted)
