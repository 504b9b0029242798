"""Runs pytest in processes that are forked from this one, where what is common to all of them is imported already."""

import enum
import os
import pathlib
import resource
import signal
import sys
from collections.abc import Callable
from typing import Final

FLAGS: Final = ("-q", "-x", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
"""Nothing is kept between runs, the first failure ends one, and plugins may have been imported before."""
MEMORY: Final = 6 << 30
LONGEST: Final = 1800
"""Seconds by the clock after which a process has surely hung; processor time is limited more closely."""


class Outcome(enum.Enum):
    """How a process ended."""

    PASSED = "passed"
    FAILED = "failed"
    TIMED_OUT = "timed out"


def limit_processor_time(seconds: float) -> None:
    """End this process if it takes more, from now on. Time that others take on a busy machine doesn't count."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def forked(work: Callable[[], int], output: pathlib.Path) -> Outcome:
    """Do the work in a process of its own, that writes to this file. The status that it returns says how it went."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        _in_child(work, output)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in {signal.SIGPROF, signal.SIGALRM}:
        return Outcome.TIMED_OUT
    return Outcome.PASSED if status == 0 else Outcome.FAILED


def _in_child(work: Callable[[], int], output: pathlib.Path) -> None:
    status = 70
    try:
        with output.open("wb") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        signal.alarm(LONGEST)
        status = work()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)
