"""What outlives a config: the health of an engine or a spent limit doesn't change because a route was added.

Each thing is found by all that it was made of. Preparing a config looks up what is there and makes what isn't, on a
thread beside the running one; only `settle`, on the loop, decides what stays.
"""

from collections.abc import Callable, Hashable
from typing import Any, Protocol, TypeVar, cast, runtime_checkable

_T = TypeVar("_T")


@runtime_checkable
class Startable(Protocol):
    """Something that works by itself while it is in use."""

    def start(self) -> None: ...
    async def close(self) -> None: ...


class Roll:
    """The things that one config uses."""

    def __init__(self, known: dict[Hashable, Any]) -> None:
        self._known = known
        self.used: dict[Hashable, Any] = {}

    def get(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """Give what there is under this key, or make it."""
        if key not in self.used:
            self.used[key] = self._known[key] if key in self._known else make()
        return cast("_T", self.used[key])


class Live:
    """All things in use."""

    def __init__(self) -> None:
        self._things: dict[Hashable, Any] = {}

    def roll(self) -> Roll:
        return Roll(self._things)

    def settle(self, roll: Roll) -> list[Startable]:
        """Only what is on this roll is in use from now on. Gives what works by itself and is to be closed."""
        before, self._things = self._things, roll.used
        for key, thing in roll.used.items():
            if isinstance(thing, Startable) and before.get(key) is not thing:
                thing.start()
        return [
            thing for key, thing in before.items() if isinstance(thing, Startable) and roll.used.get(key) is not thing
        ]

    def of(self, kind: type[_T]) -> list[_T]:
        return [thing for thing in self._things.values() if isinstance(thing, kind)]
