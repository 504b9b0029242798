"""Randomness with the few moves that making worlds takes."""

import random
from collections.abc import Sequence
from typing import Any, TypeVar

T = TypeVar("T")


class Dice(random.Random):
    """All that a world is made of follows from the seed."""

    def chance(self, percent: int) -> bool:
        return self.randrange(100) < percent

    def some(self, items: Sequence[T], low: int, high: int) -> list[T]:
        """Different ones, in no order."""
        return self.sample(list(items), min(len(items), self.randint(low, high)))

    def field(self, percent: int, name: str, value: Any) -> dict[str, Any]:
        """An object with this field, or without it."""
        return {name: value} if self.chance(percent) else {}
