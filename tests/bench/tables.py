"""Tables of results, as text for a terminal and as Markdown. A cell says a median, and what it lies between."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.bench.plan import RATE
from tests.bench.results import Results
from tests.bench.samples import FULL_CORE, Sample
from tests.bench.spread import Spread
from tests.bench.subjects.subject import Load


@dataclass(frozen=True, kw_only=True)
class Table:
    """A heading, columns and rows; `notes` go below."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    def text(self) -> str:
        widths = [max(map(len, column)) for column in zip(self.columns, *self.rows, strict=True)]
        lines = [_line(row, widths) for row in (self.columns, ["-" * width for width in widths], *self.rows)]
        return "\n".join([self.title, *lines, *self.notes]) + "\n"

    def markdown(self) -> str:
        rule = ["---", *("---:" for _ in self.columns[1:])]
        lines = ["| " + " | ".join(row) + " |" for row in (self.columns, rule, *self.rows)]
        notes = [f"\n{note}" for note in self.notes]
        return "\n".join([f"## {self.title}", "", *lines, *notes]) + "\n"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        cell.ljust(width) if at == 0 else cell.rjust(width)
        for at, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join([first, *others]).rstrip()


def shown(found: Spread | None, form: str = ",.0f") -> str:
    """A median with its least and greatest: `48,900 (47,100 to 50,200)`."""
    if found is None:
        return "-"
    if found.count == 1:
        return format(found.median, form)
    return f"{found.median:{form}} ({found.low:{form}} to {found.high:{form}})"


@dataclass(frozen=True, kw_only=True)
class Column:
    """A value of each sample, and how to write it."""

    name: str
    value: Callable[[Sample], float | None]
    form: str = ",.0f"


def _milliseconds(what: str, percentile: str) -> Callable[[Sample], float | None]:
    def value(sample: Sample) -> float | None:
        micros = sample.micros(what, percentile)
        return None if micros is None else micros / 1000

    return value


_USE = (
    Column(name="gateway's core", value=lambda sample: sample.gateway_core_busy, form=".0%"),
    Column(name="other core", value=lambda sample: sample.other_core_busy, form=".0%"),
)
_CLOSED = (
    Column(name="requests/s", value=lambda sample: sample.rate),
    Column(name="requests per CPU second", value=lambda sample: sample.rate_per_cpu),
    Column(name="p50 ms", value=_milliseconds("latency", "p50"), form=".2f"),
    Column(name="p99 ms", value=_milliseconds("latency", "p99"), form=".2f"),
    *_USE,
)
COLUMNS = {
    Load.UNARY: _CLOSED,
    Load.TLS: _CLOSED,
    Load.OPEN: (
        Column(name="requests/s", value=lambda sample: sample.rate),
        Column(name="p50 ms", value=_milliseconds("latency", "p50"), form=".2f"),
        Column(name="p90 ms", value=_milliseconds("latency", "p90"), form=".2f"),
        Column(name="p99 ms", value=_milliseconds("latency", "p99"), form=".2f"),
        Column(name="p99.9 ms", value=_milliseconds("latency", "p99_9"), form=".2f"),
        *_USE,
    ),
    Load.STREAMS: (
        Column(name="chunks/s", value=lambda sample: sample.chunks / sample.seconds),
        Column(name="CPU us per chunk", value=lambda sample: sample.cpu_per_chunk, form=".1f"),
        Column(name="TTFT p50 ms", value=_milliseconds("ttft", "p50"), form=".2f"),
        Column(name="TTFT p99 ms", value=_milliseconds("ttft", "p99"), form=".2f"),
        Column(name="gap p99 ms", value=_milliseconds("gap", "p99"), form=".2f"),
        Column(name="added per chunk p99 ms", value=_milliseconds("added", "p99"), form=".2f"),
        *_USE,
    ),
}
TITLES = {
    Load.UNARY: "Chat completions, as many as 32 connections can ask for",
    Load.TLS: "The same over TLS",
    Load.OPEN: "Chat completions at 10,000 a second, latency from when each was due",
    Load.STREAMS: "500 streams, a chunk every 20 ms",
}


def table(results: Results, load: Load) -> Table:
    """One row for each subject."""
    columns = COLUMNS[load]
    rows = [
        [
            subject.name + _marks(results, load, subject.name),
            *(shown(results.spread(load, subject.name, column.value), column.form) for column in columns),
        ]
        for subject in results.measured(load)
    ]
    return Table(
        title=TITLES[load],
        columns=["subject", *(column.name for column in columns)],
        rows=rows,
        notes=[*_legend(results, load), *_problems(results, load)],
    )


_MEANINGS = {
    ">": f"the other core was over {FULL_CORE:.0%} busy, so requests/s are a lower bound",
    "~": "other programs used the gateway's core; requests per CPU second suffer less from that",
    "x": f"not {RATE:,} requests/s: the latency is that of a queue that grows",
    "!": "could not be measured",
}


def _marks(results: Results, load: Load, name: str) -> str:
    samples = results.of(load, name)
    found = {
        ">": any(sample.is_lower_bound for sample in samples),
        "~": any(sample.is_disturbed for sample in samples),
        "x": load is Load.OPEN and not results.is_sustained(name),
        "!": (load, name) in results.failures,
    }
    marks = "".join(mark for mark, applies in found.items() if applies)
    return f" ({marks})" if marks else ""


def _legend(results: Results, load: Load) -> list[str]:
    used = "".join(_marks(results, load, subject.name) for subject in results.measured(load))
    return [f"({mark}) {meaning}" for mark, meaning in _MEANINGS.items() if mark in used]


def _problems(results: Results, load: Load) -> list[str]:
    """In the words of whoever had them."""
    notes = []
    for subject in results.measured(load):
        notes += [f"{subject.name}: {each.problems}" for each in results.of(load, subject.name) if each.problems]
        if why := results.failures.get((load, subject.name)):
            notes.append(f"{subject.name}: {why}")
    return notes
