"""A run as a picture: how many sites have a change of the law after how long, and what the operator did meanwhile."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from tests.bench_operator.findings import TIGHTENED_WITHIN, Measured, medians

mpl.use("Agg")

from matplotlib import pyplot as plt

_TIGHT, _LOOSE, _MARK = "#0b6e4f", "#9aa5b1", "#1f2933"


def draw(measured: Measured, path: Path) -> None:
    """Write it."""
    figure, (above, below) = plt.subplots(2, 1, figsize=(9, 8), layout="constrained", height_ratios=(3, 2))
    _arrivals(above, measured)
    _steps(below, measured)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _arrivals(ax: Axes, measured: Measured) -> None:
    for each in measured.rounds:
        share = [100 * (number + 1) / len(each.acked) for number in range(len(each.acked))]
        ax.step(each.acked, share, where="post", color=_TIGHT if each.is_tight else _LOOSE, linewidth=1.2)
    ax.axvline(TIGHTENED_WITHIN, color=_MARK, linestyle=":")
    ax.set_title(
        "sites that have acknowledged a change of the law, percent (green: tightened)", loc="left", fontsize=10
    )
    ax.set_xlabel("seconds since the API server took the policy; dotted: the budget")
    ax.set_xlim(left=0)
    ax.set_ylim(0, 101)
    ax.spines[["top", "right"]].set_visible(False)


def _steps(ax: Axes, measured: Measured) -> None:
    steps = list(dict.fromkeys(step for each in measured.rounds for step in each.steps))
    ax.barh(range(len(steps)), medians(measured.rounds, steps), color=_TIGHT)
    ax.set_yticks(range(len(steps)), steps)
    ax.invert_yaxis()
    ax.set_title("steps of a pass, seconds (medians)", loc="left", fontsize=10)
    ax.spines[["top", "right"]].set_visible(False)
