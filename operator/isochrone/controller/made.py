"""What was rendered for a site, and what it becomes when nothing but the law changes.

To plan and to render takes seconds in a large network. The law is one section of a config, the same at all sites and
over places that stay what they are: so a change of it goes out in what each site has already, before anything is
planned. Gateways obey it at once, whoever they were told to ask; who runs what follows with the next plan.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Final

from isochrone.api import DataResidencyPolicy
from isochrone.certificates import IndexKey
from isochrone.model import Plan, Running, Snapshot
from isochrone.render.bundle import Bundle, with_law
from isochrone.render.config import Installation
from isochrone.rollout.releases import Content
from isochrone.status import Asked
from isochrone_gateway.config import Kind

_FIELDS: Final = tuple(field.name for field in dataclasses.fields(Snapshot))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class World:
    """What sites were rendered from."""

    snapshot: Snapshot
    plan: Plan

    def is_like(self, other: "World") -> bool:
        """Whether nothing is different that a bundle is made of: not what has made the plan, and no more."""
        mine, theirs = _rendered_of(self.snapshot), _rendered_of(other.snapshot)
        return self.plan == other.plan and all(getattr(mine, name) == getattr(theirs, name) for name in _FIELDS)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Made:
    """What was rendered for a site. To sum a bundle up takes as long as to render it, so that is done once."""

    bundle: Bundle
    content: Content
    world: World

    @classmethod
    def of(cls, bundle: Bundle, placements: Iterable[Running], world: World) -> "Made":
        content = Content(digest=bundle.digest, law=_law(bundle), placements=tuple(placements))
        return cls(bundle=bundle, content=content, world=world)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rendered:
    """All sites, and all that they were rendered from."""

    made: Mapping[str, Made]
    world: World
    lost: frozenset[str]
    """Sites that had been away for too long."""
    key: IndexKey
    """That signs their indexes."""
    asked: Asked
    """Whom their gateways ask."""

    def is_of(self, world: World, lost: frozenset[str], key: IndexKey) -> bool:
        """Whether they would be the same if they were rendered of this."""
        return self.lost == lost and self.key == key and self.world.is_like(world)


def under(policies: tuple[DataResidencyPolicy, ...], made: Mapping[str, Made]) -> dict[str, Made]:
    """The same under these policies; only those that are something else then.

    Each stays over the places, routes and tenants that it was rendered with: those of another moment could be others.
    """
    found: dict[str, Made] = {}
    for world in {id(each.world): each.world for each in made.values()}.values():
        if _texts(world.snapshot.policies) != _texts(policies):
            here = {site: each for site, each in made.items() if each.world is world}
            found |= _under(policies, world, here)
    return found


def _under(policies: tuple[DataResidencyPolicy, ...], world: World, made: Mapping[str, Made]) -> dict[str, Made]:
    changed = World(snapshot=dataclasses.replace(world.snapshot, policies=policies), plan=world.plan)
    installation = Installation(changed.snapshot, changed.plan)
    bundles = {site: with_law(each.bundle, installation.law_pack, installation.name) for site, each in made.items()}
    return {
        site: Made.of(bundle, made[site].content.placements, changed)
        for site, bundle in bundles.items()
        if bundle.config is not None
    }


def _rendered_of(snapshot: Snapshot) -> Snapshot:
    """Without what others hold, where requests come from, and which engines gateways know: that is in the plan."""
    sites = {
        name: dataclasses.replace(each, taken={}, untold="") if each.taken or each.untold else each
        for name, each in snapshot.observed.sites.items()
    }
    observed = dataclasses.replace(snapshot.observed, sites=sites, demand={}, unknown=frozenset())
    return dataclasses.replace(snapshot, observed=observed)


def _texts(policies: Iterable[DataResidencyPolicy]) -> list[object]:
    """What of policies makes law: not what is said of them, which changes more often."""
    known = sorted(policies, key=lambda each: (each.metadata.name, each.metadata.uid))
    return [
        (each.metadata.name, each.metadata.uid, each.metadata.generation, each.metadata.deletion_timestamp, each.spec)
        for each in known
    ]


def _law(bundle: Bundle) -> str:
    """What says whose data may be where, and who may call: a change of it waits for nobody."""
    kinds = {Kind.LAW, Kind.PLACES, Kind.TENANTS}
    entries = bundle.config.entries if bundle.config is not None else ()
    named = sorted(entry.document_sha256 for entry in entries if entry.kind in kinds)
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()
