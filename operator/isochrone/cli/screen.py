"""A terminal with lines that scroll and, at its end, a table that stays. Without a terminal: lines alone."""

import shutil
import sys
from collections.abc import Sequence
from typing import TextIO

import click

from isochrone.cli.text import colour


class Screen:
    """What is written where."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._is_terminal = out.isatty()
        self._table: Sequence[str] = ()

    def tell(self, text: str) -> None:
        """Lines that stay."""
        self._write(self._cleared() + text + "\n" + self._drawn())

    def show(self, table: Sequence[str]) -> None:
        """The table as it is now; one that was told already is not told again."""
        if self._is_terminal and list(table) != list(self._table):
            cleared = self._cleared()
            self._table = table
            self._write(cleared + self._drawn())

    def _cleared(self) -> str:
        """From the first line of the table on."""
        return f"\x1b[{len(self._table)}A\x1b[J" if self._table else ""

    def _drawn(self) -> str:
        """No line may need two: they are counted."""
        width = shutil.get_terminal_size().columns
        return "".join(f"{_cut(line, width)}\n" for line in self._table)

    def _write(self, text: str) -> None:
        click.echo(text, file=self._out, nl=False, color=colour(self._is_terminal) or None)
        self._out.flush()


def _cut(line: str, width: int) -> str:
    return line if len(click.unstyle(line)) <= width else click.unstyle(line)[: width - 1] + "…"
