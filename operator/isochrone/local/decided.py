"""Everything that is to be on this machine, out of what is declared and how sites stand. Pure, as in a cluster."""

import dataclasses
from collections.abc import Mapping

from isochrone import plan as planning
from isochrone.local import engines, steering
from isochrone.local.engines import EngineId, EngineSpec, Player
from isochrone.local.standing import UP, Stand, gateways_of
from isochrone.local.wiring import Wires, rewired
from isochrone.model import Placement, Snapshot
from isochrone.model.declared import key_of, present
from isochrone.plan import Planned
from isochrone.render.config import Installation
from isochrone.render.gateway_settings import Ports
from isochrone_gateway.config import Pack


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What is known of this machine."""

    ports: Mapping[str, Ports]
    """Site -> where its gateway listens."""
    wires: Wires
    player: Player
    client: str | None
    """The code of the client's place."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decided:
    """What is to run, and what it is to know."""

    found: Snapshot
    planned: Planned
    configs: Mapping[str, Pack]
    """Site -> its gateway's config, of those that are to run."""
    engines: Mapping[EngineId, EngineSpec]
    lawful: Mapping[str, bool]
    """Site -> whether data from the client's place may come in there."""

    @property
    def placements(self) -> Mapping[EngineId, Placement]:
        """What the plan says of each engine."""
        return {EngineId(each.route, each.site): each for each in self.planned.plan.placements}


def decide(
    before: Decided | None, found: Snapshot, stands: Mapping[str, Stand], machine: Machine, *, now: int
) -> Decided:
    """Plans, and makes what follows from the plan."""
    planned = planning.replan(before.planned if before is not None else None, found, now=now)
    routes = {key_of(route): route for route in present(found.routes).values()}
    wanted = engines.to_run(planned.plan, found.observed.running, stands)
    return Decided(
        found=found,
        planned=planned,
        configs=_configs(found, planned, stands, machine, now=now),
        engines={each: engines.spec_of(routes[each.route], each.site, each.route) for each in sorted(wanted)},
        lawful=steering.lawful_entries(planned.prepared, machine.client),
    )


def _configs(
    found: Snapshot, planned: Planned, stands: Mapping[str, Stand], machine: Machine, *, now: int
) -> Mapping[str, Pack]:
    installation = Installation(found, planned.plan)
    routings = planning.routing(found, planned.plan, now=now, prepared=planned.prepared)
    made = {}
    for site in gateways_of(found):
        if stands.get(site, UP).is_up and site in machine.ports:
            config = installation.config(routings.at(site), ports=machine.ports[site])
            made[site] = installation.pack(rewired(config, machine.wires, machine.player))
    return made
