"""What a route wants, made of figures: round trips by site and centre, shares of demand, and what sites cost."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tests.unit.plan.small import CHAT, FRA, NOW, chat, network, pool

from isochrone.geo.population import population
from isochrone.model import RouteKey
from isochrone.plan.demand import Demand, centres
from isochrone.plan.planner import prepare
from isochrone.plan.view import View
from isochrone.plan.wants import Fresh, Option, Want

CENTRES = sorted((*centres()["DE"], *centres()["FR"]))
SOME = prepare(network(FRA, pool("fra"), chat()), now=NOW).wants[CHAT]


def view(rtts: Sequence[Sequence[int]], shares: Sequence[int]) -> View:
    """A row for each site, a column for each centre."""
    table = np.full((len(rtts), len(population())), 1, dtype=np.int64)
    for index, column in zip(CENTRES, zip(*rtts, strict=True), strict=False):
        table[:, index] = column
    everywhere = (1 << len(rtts)) - 1
    demand = Demand(tuple(zip(CENTRES, shares, strict=False)), (("DE", everywhere), ("FR", everywhere)))
    return View(demand, table)


def option(site: int, cost: int = 1, pool: str | None = "gpu") -> Option:
    return Option(site, f"s{site}", pool, cost)


def want(
    seen: View, options: Sequence[Option], *, name: str = "chat", closed: Sequence[int] = (), **fields: Any
) -> Want:
    """One device for one replica at one site, unless said. Sites that are closed take nothing new."""
    at: dict[int, tuple[Option, ...]] = {}
    for each in options:
        at[each.site] = (*at.get(each.site, ()), each)
    given: Mapping[str, Any] = {
        "key": RouteKey("shop", name),
        "devices": 1,
        "replicas": 1,
        "least_total": 1,
        "least_cost": 1,
        **fields,
    }
    fresh = Fresh(each for each in options if each.site not in closed)
    return dataclasses.replace(SOME, view=seen, options=at, fresh=fresh, **given)
