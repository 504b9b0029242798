"""Reads the tables in `data/`. Imports late: most commands of the CLI touch none of them."""

from collections.abc import Iterator


def text(name: str) -> str:
    """A data file as text."""
    from importlib import resources

    return (resources.files("isochrone.geo") / "data" / name).read_text(encoding="utf-8")


def rows(name: str) -> Iterator[list[str]]:
    """The rows of a CSV file, without its header."""
    import csv

    reader = csv.reader(text(name).rstrip("\n").split("\n"))
    next(reader)
    return reader
