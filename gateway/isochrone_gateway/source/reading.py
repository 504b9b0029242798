"""What a source says, and the interface that sources have."""

import dataclasses
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from typing import Protocol

Fetch = Callable[[Collection[str]], Awaitable[Mapping[str, bytes]]]
"""Names of shards -> those that were found. Raises SourceError where the source can't be asked."""


class SourceError(Exception):
    """The source can't be read now; the message says what was tried and what happened."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Seen:
    """The source was read: this is its index now, whether or not it changed."""

    index: bytes
    fetch: Fetch


@dataclasses.dataclass(frozen=True)
class Away:
    """The source could not be read."""

    problem: str


class Source(Protocol):
    """A place that a config is read from."""

    @property
    def name(self) -> str:
        """What it is, for people."""

    def observe(self) -> AsyncGenerator[Seen | Away, None]:
        """Say what there is, again and again, until cancelled; each wait inside is bounded."""

    def nudge(self) -> None:
        """Look now, don't wait for the next time."""
