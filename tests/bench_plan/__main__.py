"""`make bench-plan`: how long planning and rendering take, how much memory, and how both grow with the network.

Each figure is of a fresh process on one core: the median of some rounds, with the least and the greatest. The table
and the picture are in build/bench-plan/.
"""

import argparse
import itertools
import json
import os
import pathlib
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

from tests.bench import machine
from tests.bench.spread import Spread, spread
from tests.bench.tables import Table
from tests.bench_plan import picture

SITES, ROUTES = 330, 200
"""The size that the budgets are for."""
PLAN_S, PLAN_BYTES, BUNDLES_S = 1.0, 500 * 10**6, 10.0
_BY_SITES: Final = (33, 82, 165, 330, 660)
_BY_ROUTES: Final = (25, 50, 100, 200, 400)
_LIMIT: Final = 600
_OUT: Final = pathlib.Path(__file__).parents[2] / "build" / "bench-plan"
Size = tuple[int, int]


def main() -> int:
    given = _arguments()
    sizes = list(dict.fromkeys([(SITES, ROUTES), *_growth()])) if not given.quick else [(SITES, ROUTES)]
    rounds: dict[Size, list[dict[str, Any]]] = {size: [] for size in sizes}
    for number, size in itertools.product(range(given.repeat), sizes):
        sys.stderr.write(f"round {number + 1} of {given.repeat}: {size[0]} sites, {size[1]} routes\n")
        rounds[size].append(_child(size, given.core))
    tables = [_budgets(rounds[SITES, ROUTES]), _table(rounds)]
    sys.stdout.write("\n".join(table.text() for table in tables))
    _OUT.mkdir(parents=True, exist_ok=True)
    facts = _facts()
    text = "\n".join(f"* {name}: {value}" for name, value in facts.items())
    document = "\n".join([f"# Planning and rendering\n\n{text}\n", *(table.markdown() for table in tables)])
    (_OUT / "plan.md").write_text(document, encoding="utf-8")
    raw = [{"sites": size[0], "routes": size[1], "rounds": found} for size, found in rounds.items()]
    (_OUT / "plan.json").write_text(json.dumps({"facts": facts, "sizes": raw}, indent=2), encoding="utf-8")
    if not given.quick:
        picture.draw(rounds, _OUT / "plan.png", by_sites=_BY_SITES, by_routes=_BY_ROUTES, at=(SITES, ROUTES))
    sys.stdout.write(f"\nwritten to {os.path.relpath(_OUT)}\n")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-plan", description=__doc__)
    parser.add_argument("--repeat", type=int, default=5, help="rounds (default: 5)")
    parser.add_argument("--quick", action="store_true", help="only the size that the budgets are for")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="where it runs (default: last)")
    return parser.parse_args()


def _growth() -> Iterator[Size]:
    yield from ((sites, ROUTES) for sites in _BY_SITES)
    yield from ((SITES, routes) for routes in _BY_ROUTES)


def _child(size: Size, core: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench_plan.child", "--bundles", "--core", str(core)]
    command += ["--sites", str(size[0]), "--routes", str(size[1])]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=_LIMIT)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _of(rounds: Sequence[dict[str, Any]], name: str) -> Spread:
    found = spread(each[name] for each in rounds)
    if found is None:
        raise AssertionError(f"{name} was measured in no round")
    return found


def _shown(found: Spread, *, scale: float = 1.0, form: str = ".2f") -> str:
    return f"{found.median / scale:{form}} ({found.low / scale:{form}} to {found.high / scale:{form}})"


def _budgets(rounds: Sequence[dict[str, Any]]) -> Table:
    plan, peak, bundles = _of(rounds, "plan"), _of(rounds, "plan_peak"), _of(rounds, "bundles")
    rows = [
        ["planned, seconds", _shown(plan), f"< {PLAN_S:g}", _verdict(plan, PLAN_S)],
        [
            "... memory of the process, MB",
            _shown(peak, scale=1e6, form=".0f"),
            f"< {PLAN_BYTES / 1e6:g}",
            _verdict(peak, PLAN_BYTES),
        ],
        ["all bundles rendered and hashed, seconds", _shown(bundles), f"< {BUNDLES_S:g}", _verdict(bundles, BUNDLES_S)],
    ]
    return Table(
        title=f"Budgets at {SITES} sites and {ROUTES} routes, as measured in this run",
        columns=["", "measured", "budget", "verdict"],
        rows=rows,
    )


def _verdict(found: Spread, budget: float) -> str:
    """By the median; a machine that others use has slow rounds."""
    return "held" if found.median < budget else "not held"


def _table(rounds: dict[Size, list[dict[str, Any]]]) -> Table:
    rows = [
        [
            f"{size[0]} x {size[1]}",
            str(found[0]["placements"]),
            _shown(_of(found, "plan")),
            _shown(_of(found, "again"), form=".3f"),
            _shown(_of(found, "plan_peak"), scale=1e6, form=".0f"),
            _shown(_of(found, "bundles")),
            str(found[0]["objects"]),
            _shown(_of(found, "peak"), scale=1e6, form=".0f"),
        ]
        for size, found in sorted(rounds.items())
    ]
    return Table(
        title="How it grows",
        columns=[
            "sites x routes",
            "placements",
            "plan, s",
            "again after a change, s",
            "memory, MB",
            "all bundles, s",
            "objects",
            "memory after, MB",
        ],
        rows=rows,
    )


def _facts() -> dict[str, str]:
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "revision": machine.revision(),
        "CPU": f"{machine.cpu_model()}, one core",
        "Python": platform.python_version(),
    }


if __name__ == "__main__":
    sys.exit(main())
