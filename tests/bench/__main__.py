"""`make bench`: our gateway beside its peers, each alone on one core, before the same upstream.

python -m tests.bench [--only NAME,...] [--seconds T] [--repeat N] [--quick] [--out FOLDER]
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench import cores, measuring, plan, tables
from tests.bench.cores import CoresError
from tests.bench.driver import DriverError
from tests.bench.installing import InstallError
from tests.bench.measuring import Bench, MeasureError
from tests.bench.plan import Turn
from tests.bench.programs import ProgramError
from tests.bench.results import Results
from tests.bench.subjects import registry
from tests.bench.subjects.registry import UnknownSubjectError
from tests.bench.subjects.subject import Load
from tests.unit.upstream.certificates import Authority


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 0 if every subject could be measured."""
    options = _parser().parse_args(arguments)
    try:
        subjects = registry.chosen([name for name in options.only.split(",") if name])
        layout = cores.layout(os.sched_getaffinity(0))
    except (UnknownSubjectError, CoresError) as error:
        sys.stderr.write(f"bench: {error}\n")
        return 2
    results = Results(subjects)
    with tempfile.TemporaryDirectory() as folder:
        files = Authority(Path(folder)).issue("bench", names=("127.0.0.1",))
        with measuring.ready(layout, files.certificate, files.key) as bench:
            todo = list(plan.turns(subjects, seconds=options.seconds, repeat=options.repeat))
            _measure(bench, todo, results)
    for load in Load:
        if results.measured(load):
            sys.stdout.write(tables.table(results, load).text() + "\n")
    return 1 if results.failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__, allow_abbrev=False)
    parser.add_argument("--only", default="", metavar="NAME,...", help="measure these subjects only")
    parser.add_argument("--seconds", type=float, default=4.0, metavar="T", help="seconds of each measurement")
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="rounds in which each has its turn")
    return parser


def _measure(bench: Bench, todo: Sequence[Turn], results: Results) -> None:
    began = time.monotonic()
    for number, turn in enumerate(todo, start=1):
        load, subject = turn.load, turn.subject
        if (load, subject.name) in results.failures:
            continue
        sys.stderr.write(f"bench: {time.monotonic() - began:4.0f} s  {number}/{len(todo)} {load}: {subject.name}\n")
        try:
            results.add(load, subject, measuring.take(bench, subject, load, turn.amount))
        except (InstallError, ProgramError, DriverError, MeasureError) as error:
            results.fail(load, subject, str(error))
            sys.stderr.write(f"bench: {subject.name} can't be measured: {error}\n")


if __name__ == "__main__":
    sys.exit(main())
