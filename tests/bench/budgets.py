"""What the gateway has to keep, and whether it did in this run. Nothing is known here but the bounds."""

import enum
from collections.abc import Callable
from dataclasses import dataclass

from tests.bench.memory import BOUND, Memory
from tests.bench.results import Results, Value
from tests.bench.samples import Sample
from tests.bench.spread import Spread, differences, ratios, spread
from tests.bench.subjects.subject import Load

OURS = "isochrone"
_UNSIGNED = "isochrone-unsigned"
_NGINX = "nginx"
_ENVOY = "envoy-json"
_DIRECT = "direct"


class Verdict(enum.StrEnum):
    """Of one budget, as measured."""

    HELD = "held"
    NOT_HELD = "NOT held"
    UNDECIDED = "undecided"
    """Two ways of measuring it disagree, or nginx was held back too."""
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One budget, what was found, and what that says."""

    budget: str
    found: str
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class Bound:
    """A ratio of ours to a peer's, and which side of it is good. Several ratios measure the same in other ways."""

    budget: str
    least: float | None = None
    most: float | None = None

    def judge(self, **measured: Spread | None) -> Finding:
        known = {name: found for name, found in measured.items() if found is not None}
        if len(known) < len(measured):
            return Finding(budget=self.budget, found="-", verdict=Verdict.NOT_MEASURED)
        kept = [self._is_kept(found.median) for found in known.values()]
        verdict = Verdict.HELD if all(kept) else Verdict.UNDECIDED if any(kept) else Verdict.NOT_HELD
        words = ", ".join(f"{name.replace('_', ' ')} {_shown(found)}" for name, found in known.items())
        return Finding(budget=self.budget, found=words, verdict=verdict)

    def _is_kept(self, ratio: float) -> bool:
        if self.least is not None and ratio < self.least:
            return False
        return self.most is None or ratio <= self.most


def _shown(found: Spread) -> str:
    return f"{found.median:.2f} ({found.low:.2f} to {found.high:.2f})"


def judge(results: Results, memory: Memory | None) -> list[Finding]:
    """All budgets of the data plane."""
    return [
        _rate(results, _ENVOY, Bound(budget="requests/s per core >= 1.4 x Envoy's (json_to_metadata)", least=1.4)),
        _rate(results, _NGINX, Bound(budget="requests/s per core >= 0.3 x nginx's", least=0.3)),
        _added(results, Bound(budget="10,000 requests/s: added p99 <= 2 x nginx's", most=2.0)),
        _streams(results, Bound(budget="500 streams: CPU per chunk <= 1.6 x nginx's", most=1.6), _cpu_per_chunk),
        _streams(results, Bound(budget="500 streams: gap p99 <= 2 x nginx's", most=2.0), _p99("gap")),
        _streams(results, Bound(budget="500 streams: TTFT p99 <= 2 x nginx's", most=2.0), _p99("ttft")),
        _evidence(results, Bound(budget="evidence: CPU per request <= 10 us", most=10.0)),
        _memory(memory),
    ]


def _rate(results: Results, peer: str, bound: Bound) -> Finding:
    """By the clock, and by the CPU that was used, which a slow driver or a busy machine distorts less."""
    return bound.judge(
        by_the_clock=results.ratio(Load.UNARY, lambda sample: sample.rate, OURS, peer),
        by_CPU=results.ratio(Load.UNARY, lambda sample: sample.rate_per_cpu, OURS, peer),
    )


def _added(results: Results, bound: Bound) -> Finding:
    """What each adds to no gateway, in the same round. Where nginx adds nothing, there is nothing to compare with."""
    behind = [name for name in (OURS, _NGINX) if not results.is_sustained(name)]
    if behind and all(results.of(Load.OPEN, name) for name in (OURS, _NGINX)):
        verdict = Verdict.NOT_HELD if behind == [OURS] else Verdict.UNDECIDED
        return Finding(budget=bound.budget, found=f"{' and '.join(behind)} answered fewer", verdict=verdict)
    latency = _p99("latency")
    direct = results.values(Load.OPEN, _DIRECT, latency)
    ours, theirs = (differences(results.values(Load.OPEN, name, latency), direct) for name in (OURS, _NGINX))
    return bound.judge(ratio=ratios(ours, [each if each is not None and each > 0 else None for each in theirs]))


def _evidence(results: Results, bound: Bound) -> Finding:
    """What it adds, in microseconds: before the request is sent, after its answer, and while it is written."""
    own, other = (results.values(Load.UNARY, name, lambda sample: sample.cpu_per_request) for name in (OURS, _UNSIGNED))
    return bound.judge(added=spread(differences(own, other)))


def _streams(results: Results, bound: Bound, value: Value) -> Finding:
    return bound.judge(ratio=results.ratio(Load.STREAMS, value, OURS, _NGINX))


def _cpu_per_chunk(sample: Sample) -> float | None:
    return sample.cpu_per_chunk


def _p99(what: str) -> Callable[[Sample], float | None]:
    return lambda sample: sample.micros(what, "p99")


def _memory(memory: Memory | None) -> Finding:
    if memory is None:
        return Bound(budget="memory after mixed requests", most=BOUND).judge(ratio=None)
    first, last = memory.points[0][0], memory.points[-1][0]
    budget = f"memory after {last:,} mixed requests <= {BOUND:.2f} x that after {first:,}"
    return Bound(budget=budget, most=BOUND).judge(ratio=spread([memory.ratio]))
