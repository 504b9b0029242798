"""`make bench-operator`: the operator against one real API server, beside what it has to keep.

330 sites that pull, 200 routes, and a site that the hub delivers to itself. The operator has one core, the API server
and etcd another. All sites, which have machines of their own in earnest, are one process that takes what is left of
both, which makes the figures upper bounds. Tables, a picture and all samples are in
build/bench-operator/.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any, Final

from tests.bench import cores, machine
from tests.bench.cores import Layout, pinned
from tests.bench_operator import findings, latency, picture, steady, tightening, world
from tests.bench_operator.findings import Measured
from tests.bench_operator.hub import Operator
from tests.bench_operator.sites import Sites
from tests.bench_operator.tightening import Network
from tests.cluster.client import Client
from tests.cluster.controlplane import ControlPlane, Options
from tests.cluster.fleet import MASTERS

SITES, ROUTES = 330, 200
"""The size that the budgets are for."""
RTT: Final = 0.05
_SETTLE: Final = 600.0
_OUT: Final = pathlib.Path(__file__).parents[2] / "build" / "bench-operator"


def main() -> int:
    given = _arguments()
    layout = cores.layout(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {layout.upstream})
    others, began = machine.use_by_others(), time.monotonic()
    measured = _measure(given, layout)
    facts = _facts(layout, given) | {"used by others before": others, "took": f"{time.monotonic() - began:.0f} s"}
    tables = findings.tables(measured)
    sys.stdout.write("\n".join(table.text() for table in tables))
    _OUT.mkdir(parents=True, exist_ok=True)
    text = "\n".join(f"* {name}: {value}" for name, value in facts.items())
    document = "\n".join([f"# The operator\n\n{text}\n", *(table.markdown() for table in tables)])
    (_OUT / "operator.md").write_text(document, encoding="utf-8")
    raw = {"facts": facts, "measured": dataclasses.asdict(measured)}
    (_OUT / "operator.json").write_text(json.dumps(raw, indent=1), encoding="utf-8")
    picture.draw(measured, _OUT / "operator.png")
    sys.stdout.write(f"\nwritten to {os.path.relpath(_OUT)}\n")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-operator", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, and a shorter look at the steady state")
    parser.add_argument("--rounds", type=int, help="changes of the law (default: 10)")
    parser.add_argument("--network-only", action="store_true", help="without applies/s beside a bare client")
    parser.add_argument("--sites", type=int, default=SITES)
    parser.add_argument("--routes", type=int, default=ROUTES)
    given = parser.parse_args()
    given.rounds = given.rounds or (4 if given.quick else 10)
    given.changes, given.repeat, given.look = (5, 3, 45.0) if given.quick else (20, 7, 120.0)
    return given


def _measure(given: argparse.Namespace, layout: Layout) -> Measured:
    with contextlib.ExitStack() as stack:
        with pinned(layout.upstream):
            plane = stack.enter_context(ControlPlane(Options(audit=True)))
        api = stack.enter_context(Client(plane.kubeconfig))
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        world.install(api)
        rates = findings.Rates(objects=0, ours=[], bare=[])
        if not given.network_only:
            _say("applying, beside a bare client")
            rates = _rates(plane, layout, given.repeat)
        world.apply(api, world.near())
        operator = stack.enter_context(Operator(plane, folder, core=layout.gateway))
        with _explained(operator):
            _say("a small network: from a route to its Deployment")
            steady.settled(plane, limit=_SETTLE)
            small = asyncio.run(latency.measure(plane.kubeconfig, count=given.changes, pause=1.0))
            return _at_full_size(given, layout, plane, operator, rates=rates, small=small)


def _at_full_size(
    given: argparse.Namespace,
    layout: Layout,
    plane: ControlPlane,
    operator: Operator,
    *,
    rates: Any,
    small: list[float],
) -> Measured:
    objects = list(world.pulling(sites=given.sites, routes=given.routes))
    names = world.names(objects)
    users = plane.issue_kubeconfig("sites", groups=MASTERS)
    both = (layout.gateway, layout.upstream)
    with Client(plane.kubeconfig) as api, Sites(users, names, rtt=RTT, cores=both) as sites:
        _say(f"declaring {given.sites} sites and {given.routes} routes")
        began = time.monotonic()
        world.apply(api, objects)
        sites.all_have(lambda seen: bool(seen.generations), since=0, limit=_SETTLE)
        first = time.monotonic() - began
        latency.make_ready(api)
        steady.settled(plane, limit=_SETTLE)
        _say(f"steady state, for {given.look:g} s")
        quiet = steady.measure(plane, operator, seconds=given.look)
        _say(f"{given.rounds} changes of the law")
        rounds = list(tightening.rounds(given.rounds, Network(api=api, plane=plane, operator=operator, sites=sites)))
        _say("from a route to its Deployment")
        full = asyncio.run(latency.measure(plane.kubeconfig, count=given.changes, pause=5.0, first=100))
        return Measured(
            sites=given.sites,
            routes=given.routes,
            rounds=rounds,
            steady=quiet,
            rates=rates,
            small=small,
            full=full,
            first=first,
        )


def _rates(plane: ControlPlane, layout: Layout, repeat: int) -> findings.Rates:
    user = plane.issue_kubeconfig("applying", groups=MASTERS)
    command = [sys.executable, "-m", "tests.bench_operator.applying", "--kubeconfig", str(user)]
    command += ["--core", str(layout.gateway), "--repeat", str(repeat)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=_SETTLE)
    return findings.Rates(**json.loads(done.stdout))


@contextlib.contextmanager
def _explained(operator: Operator) -> Iterator[None]:
    """What goes wrong is said with the operator's last words."""
    try:
        yield
    except BaseException:
        sys.stderr.write(operator.tail())
        raise


def _say(what: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {what}\n")


def _facts(layout: Layout, given: argparse.Namespace) -> dict[str, str]:
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "revision": machine.revision(),
        "CPU": f"{machine.cpu_model()}; the operator on core {layout.gateway}, the API server on {layout.upstream}",
        "Python": platform.python_version(),
        "network": f"{given.sites} sites that pull, each {RTT * 1000:g} ms away, {given.routes} routes",
    }


if __name__ == "__main__":
    sys.exit(main())
