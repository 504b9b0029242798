"""A worker's process that does nothing but admit and settle requests of one meter, and writes down when it did.

Its clock runs fast, so that a minute of the limit passes in two seconds of the test. Lines are written at once, so that
nothing of them is lost when it is killed:

    admitted NUMBER FROM UNTIL RESERVED     the limit was asked from then until then
    settled NUMBER AT USED                  it was running until then
"""

import collections
import os
import random
import sys
import time
from typing import Final

from isochrone_gateway.config.rates import Rates
from isochrone_gateway.route.limits import Admission, admit
from isochrone_gateway.server.supervisor.counts import Counts, Meters
from isochrone_gateway.server.supervisor.slots import key

NAME: Final = "tenant shop/web"
RATES: Final = Rates(requests_per_minute=300, tokens_per_minute=4_000, concurrent_requests=7)
WORKERS: Final = 4
SLOTS: Final = {key(NAME, RATES): 5}
_SPEED: Final = 30.0


def clock() -> float:
    return time.monotonic() * _SPEED


class Hammer:
    """One worker's requests."""

    def __init__(self, descriptor: int, number: int) -> None:
        meters = Meters(Counts(WORKERS, descriptor), number)
        meters.expect(SLOTS)
        self._meters = (meters.make(NAME, RATES),)
        self._running: collections.deque[tuple[int, int, Admission]] = collections.deque()
        self._count = 0
        self._random = random.Random(number)

    def ask(self) -> bool:
        tokens, now = self._random.randint(0, 30), clock()
        admission = admit(self._meters, now, tokens)
        until = clock()
        if not isinstance(admission, Admission):
            return False
        self._count += 1
        self._running.append((self._count, tokens, admission))
        _write(f"admitted {self._count} {now!r} {until!r} {tokens}")
        return True

    def settle(self) -> None:
        if self._running:
            number, tokens, admission = self._running.popleft()
            used, now = self._random.randint(0, tokens), clock()
            _write(f"settled {number} {now!r} {used}")
            admission.settle(now, used)

    def run(self, until: float) -> None:
        while clock() < until:
            if not self.ask() or self._random.random() < 0.6:
                self.settle()


def _write(line: str) -> None:
    os.write(1, line.encode() + b"\n")


if __name__ == "__main__":
    Hammer(int(sys.argv[1]), int(sys.argv[2])).run(clock() + float(sys.argv[3]))
