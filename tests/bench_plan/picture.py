"""How planning and rendering grow, as a picture: medians as lines, the least and the greatest as whiskers."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes

mpl.use("Agg")

from matplotlib import pyplot as plt

_COLOUR = "#0b6e4f"
_VALUES = {
    "plan": ("planned, seconds", 1.0),
    "plan_peak": ("memory of the process, MB", 1e6),
    "bundles": ("all bundles rendered and hashed, seconds", 1.0),
}
Size = tuple[int, int]
Rounds = Mapping[Size, Sequence[Mapping[str, Any]]]


def draw(rounds: Rounds, path: Path, *, by_sites: Sequence[int], by_routes: Sequence[int], at: Size) -> None:
    """Write the picture: a row for each value, by sites on the left, by routes on the right."""
    figure, grid = plt.subplots(len(_VALUES), 2, figsize=(11, 10), layout="constrained")
    for row, (name, (title, scale)) in zip(grid, _VALUES.items(), strict=True):
        _line(row[0], rounds, [(sites, at[1]) for sites in by_sites], name, scale)
        row[0].set_title(f"{title}, with {at[1]} routes", loc="left", fontsize=10)
        row[0].set_xlabel("sites")
        _line(row[1], rounds, [(at[0], routes) for routes in by_routes], name, scale, by=1)
        row[1].set_title(f"{title}, with {at[0]} sites", loc="left", fontsize=10)
        row[1].set_xlabel("routes")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _line(ax: Axes, rounds: Rounds, sizes: Sequence[Size], name: str, scale: float, by: int = 0) -> None:
    values = [[each[name] / scale for each in rounds[size]] for size in sizes]
    medians = [statistics.median(found) for found in values]
    below = [median - min(found) for median, found in zip(medians, values, strict=True)]
    above = [max(found) - median for median, found in zip(medians, values, strict=True)]
    ax.errorbar([size[by] for size in sizes], medians, yerr=[below, above], marker="o", color=_COLOUR, capsize=3)
    ax.set_ylim(bottom=0)
    ax.spines[["top", "right"]].set_visible(False)
