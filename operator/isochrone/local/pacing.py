"""When to start a process again, and when what changed has settled. Time is passed in, in seconds."""

import dataclasses
from collections.abc import Hashable
from typing import Final

FIRST: Final = 0.5
MOST: Final = 20.0
STEADY: Final = 30.0
"""Whoever ran so long has made good for earlier failures."""


@dataclasses.dataclass(frozen=True, slots=True)
class Backoff:
    """How often something has failed in a row."""

    failures: int = 0

    def ended(self, ran_for: float) -> "Backoff":
        """After it ended by itself."""
        return Backoff(1 if ran_for >= STEADY else self.failures + 1)

    @property
    def delay(self) -> float:
        """How long to wait before the next start."""
        return min(FIRST * 2 ** (self.failures - 1), MOST) if self.failures else 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """Something that is looked at again and again, and acted on once it has been the same for a while."""

    acted_on: Hashable
    seen: Hashable
    since: float = 0.0

    @classmethod
    def at(cls, first: Hashable) -> "Settling":
        """Acted on already."""
        return cls(acted_on=first, seen=first)

    def look(self, found: Hashable, now: float) -> "Settling":
        """After a look."""
        return self if found == self.seen else dataclasses.replace(self, seen=found, since=now)

    def is_due(self, now: float, *, after: float) -> bool:
        """Whether to act on it now."""
        return self.seen != self.acted_on and now - self.since >= after

    def acted(self) -> "Settling":
        """After it was acted on, well or not: only another change is a reason to try again."""
        return dataclasses.replace(self, acted_on=self.seen)
