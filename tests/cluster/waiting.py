"""Waits for what a cluster comes to, and says what is still missing if it doesn't."""

import contextlib
import difflib
import json
import time
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from tests.cluster.lifecycle import differs

_T = TypeVar("_T")

LIMIT = 300.0
_POLL = 0.05


def until(
    observe: Callable[[], _T],
    expected: object = None,
    *,
    holds: Callable[[_T], bool] | None = None,
    limit: float = LIMIT,
    why: Callable[[], str] = lambda: "",
) -> _T:
    """What was observed once it has all that is in `expected`, or once it `holds`; with neither, once it is true.

    An OSError means "not yet": servers come and go in these tests. `why` is asked on failure: for a log, say.
    """
    if holds is None and expected is None:
        holds = bool
    deadline = time.monotonic() + limit
    last: object = "nothing: it could not be observed once"
    while True:
        began = time.monotonic()
        with contextlib.suppress(OSError):
            last = found = observe()
            if holds(found) if holds is not None else not differs(expected, found):
                return found
        if time.monotonic() > deadline:
            pytest.fail(f"not so within {limit:g} s; {_difference(expected, last)}\n{why()}")
        # What is waited for runs on the same machine: it gets at least as long as looking takes.
        time.sleep(max(_POLL, time.monotonic() - began))


def throughout(observe: Callable[[], object], expected: object, *, seconds: float) -> None:
    """It is so now, and stays so for a while. This can't prove that it stays so for ever."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = observe()
        assert not differs(expected, found), _difference(expected, found)
        time.sleep(_POLL)


def _difference(expected: object, found: object) -> str:
    if expected is None:
        return f"at last it was\n{_text(found)}"
    lines = difflib.unified_diff(
        _text(expected).splitlines(),
        _text(_as_far(expected, found)).splitlines(),
        "expected",
        "found",
        lineterm="",
        n=5,
    )
    return "\n".join(["the difference is", *lines])


def _as_far(expected: Any, found: Any) -> Any:
    """Of what was found only what was asked for: the rest would hide the difference."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return {key: _as_far(expected[key], found[key]) for key in expected if key in found}
    return found


def _text(value: object) -> str:
    return json.dumps(value, indent=1, sort_keys=True, default=repr)
