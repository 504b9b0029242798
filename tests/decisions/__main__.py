"""Makes the decisions of one world again: `python -m tests.decisions SEED [NUMBER]`, with ISOCHRONE_SOAK or without."""

import argparse
import pathlib
import sys
import tempfile

from tests.decisions.judging import Verdicts, dice_of
from tests.decisions.world import world

_MOST = 2_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.decisions", description=(__doc__ or "").split(":", 1)[0])
    parser.add_argument("seed", type=int)
    parser.add_argument("number", type=int, nargs="?", help="of the decision; all of the world, if left out")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as secrets:
        verdicts = Verdicts(world(chosen.seed, pathlib.Path(secrets)))
        numbers = range(_MOST) if chosen.number is None else [chosen.number]
        for number in numbers:
            verdicts.decide(dice_of(chosen.seed, number))
    for what, count in sorted(verdicts.counted.items()):
        sys.stdout.write(f"{count:8} {what}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
