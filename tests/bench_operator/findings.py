"""What was measured, beside what is to be kept. A verdict is made from the figures of the run, each time anew."""

import dataclasses
import statistics
from collections.abc import Callable, Sequence
from typing import Final

from tests.bench.spread import Spread, ratios, spread
from tests.bench.tables import Table, shown
from tests.bench_operator.percentiles import percentile
from tests.bench_operator.steady import LEASES, Steady
from tests.bench_operator.tightening import Round

TIGHTENED_WITHIN: Final = 2.0
"""Seconds, the 99th percentile of all sites' acks."""
LEAST_RATE: Final = 0.6
"""Of what a bare client applies."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rates:
    """Objects applied per second, of each round."""

    objects: int
    ours: list[float]
    bare: list[float]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measured:
    """All of one run. Seconds."""

    sites: int
    routes: int
    rounds: list[Round]
    steady: Steady
    rates: Rates
    small: list[float]
    """From a route to its Deployment, with little else declared."""
    full: list[float]
    first: float
    """From the first object that was declared to the last site's first config."""


def tables(measured: Measured) -> list[Table]:
    """First what is to be kept, then how it came about."""
    return [budgets(measured), _tightening(measured), _steps(measured), _steady(measured.steady), _latency(measured)]


def budgets(measured: Measured) -> Table:
    """Each with its verdict."""
    tight = [each for each in measured.rounds if each.is_tight]
    acked = _over(tight, lambda each: percentile(each.acked, 99))
    rate = ratios(measured.rates.ours, measured.rates.bare)
    others = measured.steady.others
    rows = [
        [
            "a tightening reaches every site, p99 of acks, s",
            shown(acked, ".2f"),
            f"< {TIGHTENED_WITHIN:g}",
            verdict(acked, most=TIGHTENED_WITHIN),
        ],
        ["writes in steady state, but to Leases", str(others), "0", "kept" if others == 0 else "NOT kept"],
        [
            "applies/s, of what a bare client gets",
            shown(rate, ".0%"),
            f">= {LEAST_RATE:.0%}",
            verdict(rate, least=LEAST_RATE),
        ],
    ]
    return Table(
        title=f"Budgets at {measured.sites} sites and {measured.routes} routes, as measured in this run",
        columns=["", "measured", "budget", "verdict"],
        rows=rows,
        notes=["Medians of the rounds, and what they lie between."],
    )


def verdict(found: Spread | None, *, least: float | None = None, most: float | None = None) -> str:
    """By the median of the rounds."""
    if found is None:
        return "not measured"
    is_kept = (least is None or found.median >= least) and (most is None or found.median < most)
    return "kept" if is_kept else "NOT kept"


def _over(rounds: Sequence[Round], value: Callable[[Round], float]) -> Spread | None:
    return spread(value(each) for each in rounds)


def _tightening(measured: Measured) -> Table:
    rows = []
    for name, is_tight, is_met in (
        ("tightened", True, False),
        ("tightened in the middle of a pass", True, True),
        ("loosened", False, False),
        ("loosened in the middle of a pass", False, True),
    ):
        rounds = [each for each in measured.rounds if (each.is_tight, each.is_met) == (is_tight, is_met)]
        values: list[Callable[[Round], float]] = [
            lambda each: each.had[0],
            lambda each: percentile(each.had, 50),
            lambda each: percentile(each.had, 99),
            lambda each: percentile(each.acked, 50),
            lambda each: percentile(each.acked, 99),
            lambda each: each.acked[-1],
            lambda each: each.cpu,
            lambda each: each.server,
            lambda each: each.settled,
        ]
        rows.append([f"{name} ({len(rounds)} rounds)", *(shown(_over(rounds, value), ".2f") for value in values)])
    columns = [
        "first site has it",
        "has it, p50",
        "p99",
        "acked, p50",
        "p99",
        "all",
        "operator's CPU",
        "API server's CPU",
        "all settled",
    ]
    return Table(title="A change of the law, seconds since it was accepted", columns=["", *columns], rows=rows)


def _steps(measured: Measured) -> Table:
    steps = list(dict.fromkeys(step for each in measured.rounds for step in each.steps))
    rows = [[step, shown(spread(each.steps.get(step) for each in measured.rounds), ".3f")] for step in steps]
    return Table(title="Where a pass spends that", columns=["step", "seconds"], rows=rows)


def _steady(found: Steady) -> Table:
    minutes = found.seconds / 60
    rows = [
        ["writes to Leases per minute", f"{found.writes.get(LEASES, 0) / minutes:.1f}"],
        *([f"writes to {name}", str(count)] for name, count in found.writes.items() if name != LEASES),
        ["requests per minute", f"{sum(found.requests.values()) / minutes:,.0f}"],
        *([f"... {name}", f"{count / minutes:,.1f}"] for name, count in list(found.requests.items())[:8]),
        ["CPU of the operator, of one core", f"{found.cpu / found.seconds:.1%}"],
        ["memory of the operator, MiB", f"{found.resident / 2**20:,.0f}"],
    ]
    return Table(title=f"Steady state, over {found.seconds:.0f} s", columns=["", "measured"], rows=rows)


def _latency(measured: Measured) -> Table:
    rows = [
        [name, str(len(found)), *(f"{value:.2f}" for value in (percentile(found, 50), percentile(found, 99)))]
        for name, found in (("one site", measured.small), (f"{measured.sites} more sites", measured.full))
    ]
    ours, bare = shown(spread(measured.rates.ours)), shown(spread(measured.rates.bare))
    notes = [
        f"applies/s: ours {ours}, bare {bare}; {measured.rates.objects} objects, {len(measured.rates.ours)} rounds",
        f"everything declared anew: {measured.first:.1f} s until the last site had its first config",
    ]
    columns = ["from a ModelRoute to its Deployment, s", "changes", "p50", "p99"]
    return Table(title="Reconcile latency", columns=columns, rows=rows, notes=notes)


def medians(rounds: Sequence[Round], steps: Sequence[str]) -> list[float]:
    """Of each step, over the rounds in which it was made."""
    return [
        statistics.median(found) if (found := [e.steps[step] for e in rounds if step in e.steps]) else 0.0
        for step in steps
    ]
