"""How a command ends whose reader is gone, as in `isochrone audit export DIR | head`."""

import os
import signal
import sys
from typing import Any, Final

import click

from isochrone.cli.inputs import Unusable

STATUS: Final = 128 + signal.SIGPIPE
"""What a shell says of a program that SIGPIPE killed. Of ours that says nothing of what was asked, as 1 would."""


class Group(click.Group):
    """Commands that end without a word where nobody reads on, as others in a pipe do."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            try:
                return super().invoke(ctx)
            finally:
                _flush()
        except BrokenPipeError:
            _discard(sys.stdout.fileno(), sys.stderr.fileno())
            sys.exit(STATUS)


def _flush() -> None:
    """Write what is left now: an error at the interpreter's end would be told as its own, with its own status."""
    try:
        if sys.stdout:  # None where it was closed before, as under some supervisors.
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _discard(sys.stdout.fileno())
        raise Unusable(f"standard output: {error.strerror}") from error


def _discard(*files: int) -> None:
    """What is left for these goes nowhere: https://docs.python.org/3/library/signal.html#note-on-sigpipe."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for each in files:
        os.dup2(nowhere, each)
