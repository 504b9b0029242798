"""The picture of a run: bars for medians, whiskers from the least to the greatest."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter
from tests.bench.budgets import OURS
from tests.bench.memory import Memory
from tests.bench.results import Results, Value
from tests.bench.samples import Sample
from tests.bench.spread import Spread
from tests.bench.subjects.subject import Load

mpl.use("Agg")

from matplotlib import pyplot as plt

_OURS, _PEERS, _MARK = "#0b6e4f", "#9aa5b1", "#1f2933"


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One diagram: a value of each subject under one load."""

    title: str
    load: Load
    value: Value
    is_logarithmic: bool = False


def _p99(what: str) -> Value:
    def value(sample: Sample) -> float | None:
        micros = sample.micros(what, "p99")
        return None if micros is None else micros / 1000

    return value


PANELS = (
    Panel(title="chat completions: requests/s", load=Load.UNARY, value=lambda sample: sample.rate),
    Panel(title="... per second of the gateway's CPU", load=Load.UNARY, value=lambda sample: sample.rate_per_cpu),
    Panel(title="10,000/s: p99 in ms, from when due", load=Load.OPEN, value=_p99("latency"), is_logarithmic=True),
    Panel(title="500 streams: CPU per chunk in us", load=Load.STREAMS, value=lambda sample: sample.cpu_per_chunk),
    Panel(title="500 streams: gap p99 in ms", load=Load.STREAMS, value=_p99("gap"), is_logarithmic=True),
    Panel(title="500 streams: TTFT p99 in ms", load=Load.STREAMS, value=_p99("ttft"), is_logarithmic=True),
    Panel(title="over TLS: requests/s", load=Load.TLS, value=lambda sample: sample.rate),
)


def draw(results: Results, memory: Memory | None, path: Path, *, title: str) -> None:
    """Write the picture."""
    figure, grid = plt.subplots(4, 2, figsize=(13, 16), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    axes: Sequence[Axes] = grid.flatten()
    for panel, ax in zip(PANELS, axes, strict=False):
        _bars(ax, panel, results)
    _line(axes[len(PANELS)], memory)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _bars(ax: Axes, panel: Panel, results: Results) -> None:
    found = {
        subject.name: values
        for subject in reversed(results.measured(panel.load))
        if (values := results.spread(panel.load, subject.name, panel.value)) is not None
    }
    ax.set_title(panel.title, loc="left")
    ax.spines[["top", "right"]].set_visible(False)
    if not found:
        ax.text(0.5, 0.5, "not measured", ha="center", va="center", transform=ax.transAxes)
        return
    medians = [values.median for values in found.values()]
    colours = [_OURS if name.startswith(OURS) else _PEERS for name in found]
    ax.barh(list(found), medians, color=colours, xerr=_whiskers(found.values()), ecolor=_MARK, capsize=3)
    if panel.is_logarithmic:
        ax.set_xscale("log")
        ax.xaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_formatter("{x:,g}")
    for at, values in enumerate(found.values()):
        ax.annotate(_number(values.median), (values.high, at), xytext=(4, 0), textcoords="offset points", va="center")
    ax.margins(x=0.2)


def _whiskers(found: Collection[Spread]) -> list[list[float]]:
    return [[each.median - each.low for each in found], [each.high - each.median for each in found]]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _line(ax: Axes, memory: Memory | None) -> None:
    ax.set_title("memory of ours in MiB, after mixed requests", loc="left")
    ax.spines[["top", "right"]].set_visible(False)
    if memory is None:
        ax.text(0.5, 0.5, "not measured", ha="center", va="center", transform=ax.transAxes)
        return
    requests, sizes = zip(*memory.points, strict=True)
    ax.plot(requests, [size / 2**20 for size in sizes], marker="o", color=_OURS)
    ax.set_ylim(0, max(sizes) / 2**20 * 1.2)
    ax.xaxis.set_major_formatter("{x:,g}")
