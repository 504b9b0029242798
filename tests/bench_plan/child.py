"""One measurement, in a process of its own: nothing is warm, and the peak of memory is this network's alone."""

import argparse
import dataclasses
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.bench_plan.network import network

from isochrone import plan as planning
from isochrone.model import Snapshot
from isochrone.render import bundle as bundles

_NOW = 1_800_000_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measured:
    """Seconds of wall time on one core, and the process's peak of memory."""

    sites: int
    routes: int
    placements: int
    plan: float
    plan_peak: int
    """Bytes, once it is planned, all imports and the snapshot included."""
    again: float
    """After one route has changed, with what the plan before remembers."""
    bundles: float | None
    """All sites' bundles rendered and hashed, who answers where included."""
    objects: int | None
    peak: int


def measure(*, sites: int, routes: int, renders: bool) -> Measured:
    snapshot = network(sites=sites, routes=routes)
    took, planned = _timed(lambda: planning.replan(None, snapshot, now=_NOW))
    plan_peak = _peak()
    changed = _with_a_change(snapshot)
    again, second = _timed(lambda: planning.replan(planned, changed, now=_NOW))
    if second.plan != planning.plan(changed, now=_NOW):
        raise AssertionError("planned again is not planned anew")
    rendered, objects = _timed(lambda: _render(snapshot, planned)) if renders else (None, None)
    return Measured(
        sites=sites,
        routes=routes,
        placements=len(planned.plan.placements),
        plan=took,
        plan_peak=plan_peak,
        again=again,
        bundles=rendered,
        objects=objects,
        peak=_peak(),
    )


def _render(snapshot: Snapshot, planned: planning.Planned) -> int:
    routings = planning.routing(snapshot, planned.plan, now=_NOW, prepared=planned.prepared)
    objects = 0
    for each in bundles.render(snapshot, planned.plan, routings.at):
        if not each.digest:
            raise AssertionError("a bundle has a digest")
        objects += len(each.objects)
    return objects


def _with_a_change(snapshot: Snapshot) -> Snapshot:
    """The first route wants one more replica at each site."""
    first, *others = snapshot.routes
    serving = first.spec.serving
    if serving is None:
        raise AssertionError("routes of the network have engines")
    more = serving.model_copy(update={"replicas_per_site": serving.replicas_per_site + 1})
    spec = first.spec.model_copy(update={"serving": more})
    return dataclasses.replace(snapshot, routes=(first.model_copy(update={"spec": spec}), *others))


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sites", type=int, required=True)
    parser.add_argument("--routes", type=int, required=True)
    parser.add_argument("--core", type=int, required=True)
    parser.add_argument("--bundles", action="store_true")
    given = parser.parse_args()
    os.sched_setaffinity(0, {given.core})
    found = measure(sites=given.sites, routes=given.routes, renders=given.bundles)
    sys.stdout.write(json.dumps(dataclasses.asdict(found)))


if __name__ == "__main__":
    main()
