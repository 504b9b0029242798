"""Circles among things that lead to each other."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

K = TypeVar("K")


def back_to(start: K, graph: Mapping[K, Iterable[K]]) -> list[K] | None:
    """The shortest way from something to itself, without the return; None if there is none."""
    ways, seen = [[start]], set[K]()
    while ways:
        way = ways.pop(0)
        for after in graph.get(way[-1], ()):
            if after == start:
                return way
            if after not in seen:
                seen.add(after)
                ways.append([*way, after])
    return None
