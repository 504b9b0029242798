"""`make bench-verify`: how long a proof takes at 330 sites and 200 routes, on one core, for every code of ISO 3166.

Each figure is of a fresh process: the median of some rounds. With `--files` what was rendered is written and read back
as the command does; else the objects are handed over as they are. Nothing of planning or rendering is counted.
"""

import argparse
import json
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any, Final

from tests.bench import machine
from tests.bench_plan.network import network
from tests.worlds.verified import RELEASE, World, declared_of, of_snapshot

from isochrone import verify
from isochrone.cli import output
from isochrone.cli.verify import written
from isochrone.geo import codes
from isochrone.render import gitops
from isochrone.render.bundle import index_object

SITES: Final = 330
ROUTES: Final = 200
BUDGET_S: Final = 60.0


def main() -> int:
    given = _arguments()
    if given.child:
        sys.stdout.write(json.dumps(_measure(given)))
        return 0
    rounds = [_child(given) for _ in range(given.repeat)]
    first = rounds[0]
    took = [each["cpu"] for each in rounds]
    verdict = "held" if statistics.median(took) < BUDGET_S else "not held"
    sys.stdout.write(
        f"{machine.cpu_model()}, one core, Python {platform.python_version()}\n"
        f"{given.sites} sites x {given.routes} routes x {first['origins']} origins ({first['countries']} countries):"
        f" {first['combinations']:,} combinations, {first['candidates']:,} candidates\n"
        f"proved in {statistics.median(took):.1f} s of CPU ({min(took):.1f} to {max(took):.1f}),"
        f" {statistics.median(each['wall'] for each in rounds):.1f} s on the clock;"
        f" budget {BUDGET_S:g} s: {verdict}\n"
        f"memory of the process with all objects: {first['peak'] / 1e6:.0f} MB\n"
    )
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-verify", description=__doc__)
    parser.add_argument("--sites", type=int, default=SITES)
    parser.add_argument("--routes", type=int, default=ROUTES)
    parser.add_argument("--repeat", type=int, default=3, help="rounds (default: 3)")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="where it runs (default: last)")
    parser.add_argument("--files", action="store_true", help="read the objects from files, and count that too")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _child(given: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench_verify", "--child", f"--core={given.core}"]
    command += [f"--sites={given.sites}", f"--routes={given.routes}", *(["--files"] if given.files else [])]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=1800)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _measure(given: argparse.Namespace) -> dict[str, Any]:
    os.sched_setaffinity(0, {given.core})
    world = of_snapshot(network(sites=given.sites, routes=given.routes))
    with tempfile.TemporaryDirectory() as folder:
        if given.files:
            _write(world, pathlib.Path(folder))
        at_hand = {} if given.files else world.clusters()
        wall, cpu = time.perf_counter(), time.process_time()
        clusters = written(pathlib.Path(folder)) if given.files else at_hand
        report = verify.verify(declared_of(world.snapshot), clusters)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if not report.holds:
        raise AssertionError(report.findings[0])
    return {
        "wall": wall,
        "cpu": cpu,
        "origins": report.origins,
        "countries": len(codes.countries()),
        "combinations": report.combinations,
        "candidates": sum(each.candidates for each in report.sites),
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def _write(world: World, folder: pathlib.Path) -> None:
    for bundle in world.bundles:
        indexes = {bundle.site: index_object(bundle, RELEASE)}
        output.write(folder / gitops.folder_of(bundle.cluster), gitops.files_of([bundle], indexes))


if __name__ == "__main__":
    sys.exit(main())
