"""`python -m tests.bench.memory`: does the gateway's memory grow with what it has answered?

A million requests of 1,000 tenants in all sizes: a fifth of them for streams, a twentieth from clients that leave, a
twentieth that fail upstream. Memory is looked at each time when a tenth of them is over and nothing is in flight.
"""

import argparse
import contextlib
import dataclasses
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.bench import cores, driver, measuring, proc
from tests.bench.cores import CoresError
from tests.bench.driver import DriverError
from tests.bench.measuring import Bench, MeasureError
from tests.bench.programs import ProgramError
from tests.bench.subjects import isochrone
from tests.bench.subjects.subject import Launch, Load
from tests.unit.upstream.certificates import Authority

BOUND = 1.10
"""The budget: memory after all requests, in terms of that after a tenth."""
_PARTS = 10
_CONNECTIONS = 64
_SETTLE = 3.0
"""Seconds in which connections that were left behind end. The last requests to come to an end are those that fail, so
the gateway may have taken the upstream for broken; by then it tries again."""
_LIMIT = 3600.0
SEED = 20_261_123

_SUBJECT = dataclasses.replace(
    isochrone.FULL,
    launch=lambda setup: isochrone.launch(setup, isochrone.MANY_TENANTS),
    name="isochrone",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Memory:
    """What was in memory after how many requests, and how these ended."""

    points: tuple[tuple[int, int], ...]
    """Requests, bytes."""
    outcomes: dict[str, int]
    seconds: float

    @property
    def ratio(self) -> float:
        """The last to the first."""
        return self.points[-1][1] / self.points[0][1]

    @property
    def is_within_bound(self) -> bool:
        return self.ratio <= BOUND

    def __str__(self) -> str:
        (first, before), (last, after) = self.points[0], self.points[-1]
        return (
            f"{before / 2**20:.1f} MiB after {first:,} requests, {after / 2**20:.1f} MiB after {last:,}: "
            f"{self.ratio:.3f} times as much, at most {BOUND:.2f} is in the budget"
        )


def measure(
    bench: Bench, *, requests: int, seed: int, said: Callable[[str], object], settle: float = _SETTLE
) -> Memory:
    """Send them all."""
    if requests < _PARTS:
        raise MeasureError(f"at least {_PARTS} requests are needed")
    with (
        measuring.started(bench, _SUBJECT, Load.UNARY, output=Path(os.devnull)) as (launch, roots),
        _key_file() as keys,
        driver.started(
            _arguments(launch, keys, requests=requests, seed=seed), core=bench.layout.driver, limit=_LIMIT
        ) as running,
    ):
        points, result = _follow(running, roots, said, settle)
    return Memory(points=tuple(points), outcomes=result["outcomes"], seconds=result["seconds"])


@contextlib.contextmanager
def _key_file() -> Iterator[str]:
    with tempfile.NamedTemporaryFile("w", suffix=".keys") as file:
        file.write("\n".join(map(isochrone.api_key, range(isochrone.MANY_TENANTS.tenants))))
        file.flush()
        yield file.name


def _arguments(launch: Launch, keys: str, *, requests: int, seed: int) -> list[str]:
    options = {
        "--target": f"127.0.0.1:{launch.port}",
        "--keys": keys,
        "--connections": str(_CONNECTIONS),
        "--requests": str(requests // _PARTS * _PARTS),
        "--checkpoint": str(requests // _PARTS),
        "--seed": str(seed),
    }
    return ["mixed", *(word for option in options.items() for word in option)]


def _follow(
    running: driver.Driver, roots: Sequence[int], said: Callable[[str], object], settle: float
) -> tuple[list[tuple[int, int]], dict[str, Any]]:
    points: list[tuple[int, int]] = []
    result: dict[str, Any] = {}
    for event in running.events():
        if event["event"] == "checkpoint":
            time.sleep(settle)
            points.append((event["done"], sum(map(proc.resident, roots))))
            said(f"{event['done']:,} requests, {points[-1][1] / 2**20:.1f} MiB")
            running.go_on()
        elif event["event"] == "result":
            result = event["result"]
    return points, result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 0 if memory stayed within the budget."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.memory", description=__doc__, allow_abbrev=False)
    parser.add_argument("--requests", type=int, default=1_000_000, metavar="N", help="in all (default: a million)")
    parser.add_argument("--seed", type=int, default=SEED, metavar="N", help="which requests")
    options = parser.parse_args(arguments)
    try:
        found = _measured(options.requests, options.seed)
    except (CoresError, DriverError, MeasureError, ProgramError) as error:
        sys.stderr.write(f"memory: {error}\n")
        return 2
    for outcome, count in sorted(found.outcomes.items()):
        sys.stdout.write(f"{count:9,}  {outcome}\n")
    sys.stdout.write(f"{found} ({found.seconds:.0f} s)\n")
    return 0 if found.is_within_bound else 1


def _measured(requests: int, seed: int) -> Memory:
    layout = cores.layout(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        files = Authority(Path(folder)).issue("bench", names=("127.0.0.1",))
        with measuring.ready(layout, files.certificate, files.key) as bench:
            return measure(bench, requests=requests, seed=seed, said=_say)


def _say(words: str) -> None:
    sys.stderr.write(f"memory: {words}\n")


if __name__ == "__main__":
    sys.exit(main())
