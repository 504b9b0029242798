"""Waits that end well, and those that don't and say why."""

import itertools
from typing import Any

import pytest
from tests.cluster.waiting import throughout, until


def test_a_wait_ends_when_all_that_was_expected_is_there() -> None:
    seen = iter([{}, {"phase": "Pending"}, {"phase": "Running", "host": "a"}])
    assert until(lambda: next(seen), {"phase": "Running"}) == {"phase": "Running", "host": "a"}


def test_a_wait_ends_when_something_holds_or_is_true() -> None:
    count = itertools.count()
    assert until(lambda: next(count), holds=lambda found: found > 2) == 3
    assert until(lambda: next(count) > 5)


def test_a_server_that_is_away_is_waited_for() -> None:
    answers: list[Any] = [ConnectionRefusedError(), ConnectionResetError(), "here"]

    def observe() -> str:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return str(answer)

    assert until(observe) == "here"


def test_a_wait_that_fails_says_what_differs_and_nothing_else() -> None:
    found = {"phase": "Pending", "ready": False, "noise": 1}
    with pytest.raises(pytest.fail.Exception) as failure:
        until(lambda: found, {"phase": "Running", "ready": False}, limit=0.1, why=lambda: "the log")
    message = str(failure.value)
    assert '- "phase": "Running",'.replace("- ", "-") in message.replace("- ", "-")
    assert "Pending" in message
    assert "the log" in message
    assert "noise" not in message


def test_what_must_stay_is_told_when_it_changes() -> None:
    seen = iter([{"a": 1}, {"a": 1}, {"a": 2}])
    with pytest.raises(AssertionError, match='"a": 2'):
        throughout(lambda: next(seen), {"a": 1}, seconds=30)
    throughout(lambda: {"a": 1}, {"a": 1}, seconds=0.1)
