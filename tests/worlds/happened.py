"""What was observed in a random installation: engines that run, outages, devices that others hold, and demand."""

import dataclasses
from collections.abc import Iterable
from typing import Any

from tests.worlds.build import snapshot
from tests.worlds.declared import NAMESPACES, Size, objects
from tests.worlds.dice import Dice

from isochrone.api.edge_node import State
from isochrone.model import Observed, Placement, Plan, RouteKey, Running, SiteObservation, Snapshot
from isochrone.plan import counts, plan

NOW = 1_800_000_000


def world(seed: int, size: Size = Size()) -> Snapshot:  # noqa: B008 - frozen
    """A whole snapshot: what follows from a seed is always the same."""
    dice = Dice(seed)
    declared = objects(dice, size)
    settings: dict[str, Any] = {
        "unbound": "Deny" if dice.chance(10) else "Allow",
        "max_moves_per_hour": dice.choice([0, 1, 2, 20]),
        "move_gain_percent": dice.choice([0, 10, 25, 25]),
        "candidates": dice.choice([1, 2, 8]),
    }
    before = snapshot(declared, **settings)
    quiet = dataclasses.replace(before, observed=_observed(dice, before, ()))
    if dice.chance(25):
        return quiet
    earlier = _calm(edited(dice, quiet) if dice.chance(70) else quiet)
    running = [*_running(dice, plan(earlier, now=NOW)), *_strays(dice, before)]
    # A route has one Deployment at a site.
    single = {(each.route, each.site): each for each in running}
    return dataclasses.replace(before, observed=_observed(dice, before, single.values()))


def applied(before: Snapshot, planned: Plan, now: int = NOW) -> Snapshot:
    """The same once the plan has been carried out, and all of it is well that could be."""
    failing = {(each.route, each.site, each.pool) for each in before.observed.running if each.is_failing}
    running = tuple(
        _well(each, is_failing=(each.route, each.site, each.pool) in failing) for each in planned.placements
    )
    left = {(route, site) for route, site, _ in failing} - {(each.route, each.site) for each in planned.placements}
    failed = before.observed.failed | left
    moves = (*before.observed.moves, *(now for change in planned.changes if counts(change)))
    observed = dataclasses.replace(before.observed, running=running, moves=moves, failed=failed, unknown=frozenset())
    return dataclasses.replace(before, observed=observed)


def _well(placed: Placement, *, is_failing: bool) -> Running:
    """What was kept although it fails, because there is nothing better, still does."""
    return Running(
        route=placed.route,
        site=placed.site,
        pool=placed.pool,
        replicas=placed.replicas,
        ready=0 if is_failing else placed.replicas,
        is_failing=is_failing,
    )


def edited(dice: Dice, before: Snapshot) -> Snapshot:
    """The same after a change or two, as happen in a cluster from one minute to the next."""
    after = before
    for _ in range(dice.randint(1, 2)):
        after = dice.choice(_EDITS)(dice, after)
    return after


def _with_one_less(dice: Dice, before: Snapshot) -> Snapshot:
    kind = dice.choice(KINDS)
    there = list(getattr(before, kind))
    if there:
        there.pop(dice.randrange(len(there)))
    return _replace(before, kind, there)


def _with_another(dice: Dice, before: Snapshot) -> Snapshot:
    """An object is new, or has another spec: that which it has in another installation."""
    kind, other = dice.choice(KINDS), snapshot(objects(dice))
    there = {each.key: each for each in getattr(before, kind)}
    if getattr(other, kind):
        new = dice.choice(getattr(other, kind))
        there[new.key] = new
    return _replace(before, kind, there.values())


def _seen_otherwise(dice: Dice, before: Snapshot) -> Snapshot:
    """One thing that is observed is another now."""
    now = _observed(dice, before, before.observed.running)
    what = dice.choice(["sites", "rtts", "demand", "failed", "moves"])
    changed: dict[str, Any] = {what: getattr(now, what)}
    return dataclasses.replace(before, observed=dataclasses.replace(before.observed, **changed))


def _running_otherwise(dice: Dice, before: Snapshot) -> Snapshot:
    """Some engines are gone, failing, not ready, or fewer."""
    running = list(before.observed.running)
    if running:
        at = dice.randrange(len(running))
        each = running.pop(at)
        changes: list[dict[str, Any]] = [{"ready": 0}, {"ready": 0, "is_failing": True}, {"replicas": 1, "ready": 1}]
        running += [dataclasses.replace(each, **dice.choice(changes))] if dice.chance(70) else []
    return dataclasses.replace(before, observed=dataclasses.replace(before.observed, running=tuple(running)))


def _set_otherwise(dice: Dice, before: Snapshot) -> Snapshot:
    """A setting of the installation, or the labels of a namespace."""
    if dice.chance(50):
        name = dice.choice(NAMESPACES)
        labels = {"tier": "gold"} if "tier" not in before.namespaces.get(name, {}) else {}
        return dataclasses.replace(before, namespaces={**before.namespaces, name: labels})
    changes: list[dict[str, Any]] = [
        {"unbound": "Deny" if before.settings.unbound == "Allow" else "Allow"},
        {"max_moves_per_hour": dice.randint(0, 3)},
        {"move_gain_percent": dice.choice([0, 50])},
        {"lost_after": dice.choice([60, 6000])},
    ]
    return dataclasses.replace(before, settings=dataclasses.replace(before.settings, **dice.choice(changes)))


KINDS = ("edge_nodes", "pools", "routes", "policies", "providers", "tenants")
_EDITS = (
    _with_one_less,
    _with_another,
    _with_another,
    _seen_otherwise,
    _seen_otherwise,
    _running_otherwise,
    _set_otherwise,
)


def _replace(before: Snapshot, kind: str, there: Iterable[Any]) -> Snapshot:
    changed: dict[str, Any] = {kind: tuple(there)}
    return dataclasses.replace(before, **changed)


def shuffled(dice: Dice, before: Snapshot) -> Snapshot:
    """The same in another order."""
    other: dict[str, Any] = {
        kind: tuple(dice.sample(getattr(before, kind), len(getattr(before, kind)))) for kind in KINDS
    }
    seen = before.observed
    mixed = dataclasses.replace(
        seen,
        sites=dict(dice.sample(list(seen.sites.items()), len(seen.sites))),
        running=tuple(dice.sample(seen.running, len(seen.running))),
        rtts=dict(dice.sample(list(seen.rtts.items()), len(seen.rtts))),
        demand=dict(dice.sample(list(seen.demand.items()), len(seen.demand))),
        moves=tuple(dice.sample(seen.moves, len(seen.moves))),
    )
    return dataclasses.replace(before, **other, observed=mixed)


def _calm(before: Snapshot) -> Snapshot:
    """The same when all sites took part and were in reach."""
    active = (
        edge.model_copy(update={"spec": edge.spec.model_copy(update={"state": State.ACTIVE})})
        for edge in before.edge_nodes
    )
    sites = {name: dataclasses.replace(site, unreachable_since=None) for name, site in before.observed.sites.items()}
    observed = dataclasses.replace(before.observed, sites=sites)
    return dataclasses.replace(before, edge_nodes=tuple(active), observed=observed)


def _observed(dice: Dice, before: Snapshot, running: Iterable[Running]) -> Observed:
    names = sorted(edge.metadata.name for edge in before.edge_nodes)
    pools = sorted(pool.metadata.name for pool in before.pools)
    sites = {name: _site(dice, pools) for name in names if dice.chance(75)}
    pairs = [(here, there) for here in names for there in names if here != there]
    routes = [RouteKey(each.metadata.namespace or "default", each.metadata.name) for each in before.routes]
    there = tuple(running)
    stands = sorted({(each.route, each.site) for each in there if each.ready})
    codes = ("DE", "FR", "US", "US-CA", "GB", "JP", "BR", "AQ", "DE-BY")
    return Observed(
        sites=sites,
        running=there,
        rtts={pair: dice.randint(500, 200_000) for pair in dice.some(pairs, 0, 4)},
        demand={
            key: {code: dice.randint(0, 9999) for code in dice.some(codes, 1, 4)} for key in dice.some(routes, 0, 2)
        },
        failed=frozenset((key, name) for key in dice.some(routes, 0, 2) for name in dice.some(names, 0, 2)),
        unknown=frozenset(stands[len(names) % 3 :: 3]),
        moves=tuple(NOW - dice.randint(1, 7200) for _ in range(dice.choice([0, 0, 1, 3]))),
    )


def _site(dice: Dice, pools: list[str]) -> SiteObservation:
    since = NOW - dice.choice([10, 119, 120, 5000, 9000]) if dice.chance(50) else None
    taken = {pool: tuple(dice.randint(0, 8) for _ in range(dice.randint(1, 3))) for pool in dice.some(pools, 0, 3)}
    return SiteObservation(unreachable_since=since, taken=taken if dice.chance(50) else {})


def _running(dice: Dice, planned: Plan) -> list[Running]:
    """What an earlier plan wanted, as far as it went well."""
    found = []
    for each in planned.placements:
        if dice.chance(90):
            ready = each.replicas if dice.chance(85) else 0
            replicas = each.replicas if dice.chance(90) else dice.randint(1, 4)
            failing = not ready and dice.chance(60)
            found.append(
                Running(
                    route=each.route, site=each.site, pool=each.pool, replicas=replicas, ready=ready, is_failing=failing
                )
            )
    return found


def _strays(dice: Dice, before: Snapshot) -> list[Running]:
    """Engines that nobody remembers having placed."""
    routes = [RouteKey(each.metadata.namespace or "default", each.metadata.name) for each in before.routes]
    sites = [*(edge.metadata.name for edge in before.edge_nodes), "gone"]
    pools = [*(pool.metadata.name for pool in before.pools), None, "gone"]
    return [
        Running(
            route=dice.choice([*routes, RouteKey("shop", "gone")]),
            site=dice.choice(sites),
            pool=dice.choice(pools),
            replicas=dice.randint(0, 3),
            ready=dice.randint(0, 1),
        )
        for _ in range(dice.choice([0, 0, 1, 2, 4]))
    ]
