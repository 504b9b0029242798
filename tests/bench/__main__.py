"""`make bench`: our gateway beside its peers, each alone on one core, before the same upstream.

    python -m tests.bench [--only NAME,...] [--seconds T] [--repeat N] [--quick] [--out FOLDER]

It installs the peers once, into the user's cache, and ends with status 1 if any of them could not be measured.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench import plan, runs
from tests.bench.cores import CoresError
from tests.bench.driver import DriverError
from tests.bench.programs import ProgramError
from tests.bench.subjects import registry
from tests.bench.subjects.registry import UnknownSubjectError
from tests.cluster.toolchain import BuildError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 0 if every subject could be measured."""
    options = _parser().parse_args(arguments)
    try:
        subjects = registry.chosen([name for name in options.only.split(",") if name])
        scope = plan.QUICK if options.quick else plan.scope(seconds=options.seconds, repeat=options.repeat)
        report = runs.run(subjects, scope)
    except (UnknownSubjectError, CoresError, BuildError, DriverError, ProgramError) as error:
        runs.say(str(error))
        return 2
    report.write(options.out)
    sys.stdout.write(f"{report.text()}\nWritten: {options.out}/bench.md, bench.json, bench.png\n")
    return runs.status(report.results)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--only", default="", metavar="NAME,...", help="measure these subjects only")
    add("--seconds", type=float, default=4.0, metavar="T", help="of each measurement (default: 4)")
    add("--repeat", type=int, default=5, metavar="N", help="rounds (default: 5)")
    add("--quick", action="store_true", help="less of everything: a look, not a result")
    add("--out", type=Path, default=Path("build/bench"), metavar="FOLDER", help="where to write (default: build/bench)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
