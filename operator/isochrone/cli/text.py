"""Text for terminals: columns, and nothing that a name in a file could steer the terminal with."""

import os
from collections.abc import Iterable, Mapping, Sequence

import click


def colour(is_terminal: bool, environment: Mapping[str, str] = os.environ) -> bool:  # noqa: FBT001 - its one question
    """Whether to print colours: on terminals, unless NO_COLOR says something (https://no-color.org)."""
    return is_terminal and not environment.get("NO_COLOR")


def columns(rows: Iterable[Sequence[str]], *, indent: str = "", gap: str = "  ") -> list[str]:
    """Lines of aligned cells, as kubectl prints them. Colours count for nothing in the widths."""
    cells = list(rows)
    widths = [max(len(click.unstyle(cell)) for cell in column) for column in zip(*cells, strict=True)]
    return [indent + gap.join(map(_padded, row, widths)).rstrip() for row in cells]


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - len(click.unstyle(cell)))


def printable(text: str) -> str:
    """What a file says must not steer the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
