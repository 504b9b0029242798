"""Answers of the last plan that still hold.

A plan is made of questions, each with all that its answer depends on. If that is equal to what it was last time, the
answer is taken over as the same object, so that the questions built on it see at a glance that nothing has changed.
What no question asks for any more is forgotten. So a plan with a memory can't differ from one without.
"""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Memo:
    """What was asked, with what it depended on."""

    __slots__ = ("_before", "_now")

    def __init__(self, before: "Memo | None" = None) -> None:
        self._before: dict[Hashable, tuple[tuple[Any, ...], Any]] = before._now if before is not None else {}  # noqa: SLF001 - the one before
        self._now: dict[Hashable, tuple[tuple[Any, ...], Any]] = {}

    def answer(self, question: Hashable, given: tuple[Any, ...], compute: Callable[[], T]) -> T:
        """The answer to a question, given all that it depends on."""
        asked = self._now.get(question) or self._before.get(question)
        if asked is None or asked[0] != given:
            asked = (given, compute())
        self._now[question] = asked
        found: T = asked[1]
        return found

    def same(self, question: Hashable, value: T) -> T:
        """A value, as the object that stood for it last time if it is equal."""
        return self.answer(question, (value,), lambda: value)

    def finished(self) -> "Memo":
        """For the next plan: without what has not been asked for again."""
        self._before = {}
        return self
