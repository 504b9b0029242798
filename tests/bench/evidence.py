"""`python -m tests.bench.evidence`: what evidence costs a request, in one gateway's process.

An intent and an outcome of each request, as the compiled request path writes them, and the thread that has them on
disk: CPU of the whole process, user and system, but for what it costs to look whether all is written. Data that other
work has driven from the caches costs more; the difference of `isochrone` and `isochrone-unsigned` in `make bench` has
that, too, and the noise of two runs.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.bench import cores
from tests.bench.subjects import built

from isochrone_gateway.ledger.evidence.chain import rest_of
from isochrone_gateway.ledger.evidence.lines import Intent, Sent
from isochrone_gateway.ledger.evidence.pen import Pen, moment
from isochrone_gateway.ledger.evidence.writer import Whose, Writer
from isochrone_gateway.ledger.record import Operation, Outcome, Record, Times
from isochrone_gateway.server.pipeline.evidence import outcome
from isochrone_gateway.wire.schema import Usage

BUDGET_US: Final = 10.0
"""Microseconds for each request."""
_HERE: Final = "--here"
_BURST: Final = 500
_BURSTS: Final = 40
_ROUNDS: Final = 7
_LIMIT: Final = 120.0
_POLICIES: Final = ("namespace", "personal-data", "route")
_ABOUT: Final = rest_of(
    Intent(
        at=0.0, id="", attempt=0, tenant="bench/tenant-005000", key="main", route="bench/chat", model="bench",
        operation="chat", data_classes=("personal",), origin=("DE",), origin_from="Tenant", policies=_POLICIES,
        scope="Inference", candidate="engine:bench/chat", jurisdiction="DE", level="Declared", revision="1/1",
        age="Fresh",
    )
)  # fmt: skip


def record(number: int) -> Record:
    """How a request ended."""
    return Record(
        id=f"req_{number:032x}",
        at=time.time(),
        outcome=Outcome.ANSWERED,
        status=200,
        times=Times(0.001),
        operation=Operation.CHAT,
        tenant="bench/tenant-005000",
        route="bench/chat",
        upstream_model="served",
        attempts=1,
        origin=("DE",),
        policies=_POLICIES,
        usage=Usage(12, 34),
        bytes_out=600,
    )


def measured() -> list[float]:
    """Microseconds for each request, by round."""
    with tempfile.TemporaryDirectory() as folder:
        whose = Whose(site="bench", instance="gateway-0", writer="w0")
        writer = Writer(Path(folder) / "chains", whose, "a", wall=time.time)
        writer.start()
        found = [_round(writer.pen) for _ in range(_ROUNDS)]
        if not writer.stop("Drained") or writer.pen.lost:
            raise RuntimeError(f"{writer.pen.lost} lines were lost: {writer.pen.why}")
    return found


def _round(pen: Pen) -> float:
    spent = 0.0
    for burst in range(_BURSTS):
        records = [record(burst * _BURST + number) for number in range(_BURST)]
        began = time.process_time()
        for each in records:
            pen.put(Sent(at=moment(time.time()), id=each.id, attempt=1), _ABOUT)
            pen.put(outcome(time.time(), each, None))
        waited = _wait_for(pen)
        spent += time.process_time() - began - waited
    return spent / (_BURST * _BURSTS) * 1e6


def _wait_for(pen: Pen) -> float:
    """Gives the seconds of CPU that this took: no gateway looks."""
    began = time.thread_time()
    deadline = time.monotonic() + _LIMIT
    while not pen.is_empty:
        if time.monotonic() > deadline:
            raise RuntimeError(f"evidence was not written within {_LIMIT:.0f} s: {pen.why}")
        time.sleep(0.01)
    return time.thread_time() - began


def main() -> int:
    if _HERE not in sys.argv:
        return _on_what_is_released()
    os.sched_setaffinity(0, {cores.layout(os.sched_getaffinity(0)).gateway})
    found = measured()
    middle = statistics.median(found)
    sys.stdout.write(f"{middle:8.2f} us  ({min(found):.2f} to {max(found):.2f}) two lines of a request, on disk\n")
    held = "held" if middle < BUDGET_US else "NOT held"
    sys.stdout.write(f"The budget of {BUDGET_US:g} us for each request is {held}.\n")
    return 0


def _on_what_is_released() -> int:
    """Compiled, and by the interpreter that the gateway is measured on."""
    venv = built.install()
    path = os.pathsep.join([str(built.compiled(venv)), str(built.REPOSITORY)])
    command: list[str | Path] = [venv / "bin" / "python", "-m", "tests.bench.evidence", _HERE]
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, timeout=_LIMIT * 5, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
