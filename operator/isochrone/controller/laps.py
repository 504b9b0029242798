"""How long each step of a pass takes."""

from collections.abc import Callable


class Laps:
    """A stopwatch: each lap ends where the next begins."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._at = clock()
        self.seconds: dict[str, float] = {}
        """Step -> seconds; one that is made twice has the sum."""

    def end(self, step: str) -> None:
        """What was done since the last lap was this step."""
        now = self._clock()
        self.seconds[step] = self.seconds.get(step, 0.0) + now - self._at
        self._at = now
