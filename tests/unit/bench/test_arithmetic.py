"""Medians, ratios and verdicts: what nobody would notice if it were wrong."""

import pytest
from tests.bench import budgets, tables
from tests.bench.budgets import Bound, Verdict
from tests.bench.memory import Memory
from tests.bench.samples import Sample
from tests.bench.spread import Spread, differences, ratios, spread
from tests.bench.subjects import envoy, nginx
from tests.bench.subjects.subject import Load
from tests.unit.bench.samples import p99, results, sample


def of(median: float, low: float, high: float, count: int) -> Spread:
    return Spread(median=median, low=low, high=high, count=count)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([3.0, 1.0, 2.0], of(2, 1, 3, 3), id="odd"),
        pytest.param([4.0, 1.0], of(2.5, 1, 4, 2), id="even"),
        pytest.param([None, 5.0, None], of(5, 5, 5, 1), id="what is missing doesn't count"),
        pytest.param([None], None, id="nothing"),
    ],
)
def test_spread(values: list[float | None], expected: Spread | None) -> None:
    assert spread(values) == expected


def test_ratios_are_those_of_one_round() -> None:
    ours, theirs = [10.0, 30.0, 20.0], [5.0, 10.0, 20.0]

    assert ratios(ours, theirs) == of(2, 1, 3, 3)
    assert ratios(ours, theirs[:1]) == of(2, 2, 2, 1)
    assert ratios(ours, [None, 0.0, 10.0]) == of(2, 2, 2, 1)
    assert ratios(ours, []) is None


def test_differences_keep_their_rounds() -> None:
    assert differences([5.0, None, 7.0], [1.0, 1.0, None]) == [4.0, None, None]


def test_what_follows_from_a_sample() -> None:
    found = sample(requests=8_000, gateway_cpu=2.0, chunks=1_000, **p99("gap", 20_500.0))

    assert found.rate == 2_000
    assert found.rate_per_cpu == 4_000
    assert found.cpu_per_chunk == 2_000
    assert found.micros("gap", "p99") == 20_500
    assert found.micros("ttft", "p99") is None


def test_no_gateway_uses_no_cpu() -> None:
    found = sample(gateway_cpu=0.0, chunks=10)

    assert (found.rate_per_cpu, found.cpu_per_chunk) == (None, None)


@pytest.mark.parametrize(
    ("medians", "verdict"),
    [
        pytest.param([1.4, 1.5], Verdict.HELD, id="both, one just so"),
        pytest.param([1.3, 1.39], Verdict.NOT_HELD, id="neither"),
        pytest.param([1.3, 1.5], Verdict.UNDECIDED, id="they disagree"),
        pytest.param([1.5, None], Verdict.NOT_MEASURED, id="one is missing"),
    ],
)
def test_verdict(medians: list[float | None], verdict: Verdict) -> None:
    measured = {f"way_{number}": spread([median]) for number, median in enumerate(medians)}

    assert Bound(budget="b", least=1.4).judge(**measured).verdict is verdict


def test_a_bound_from_above() -> None:
    bound = Bound(budget="b", most=2.0)

    assert bound.judge(ratio=spread([2.0])).verdict is Verdict.HELD
    assert bound.judge(ratio=spread([2.01])).verdict is Verdict.NOT_HELD


def verdict(found: list[budgets.Finding], words: str) -> Verdict:
    (finding,) = [each for each in found if words in each.budget]
    return finding.verdict


def test_requests_are_compared_by_the_clock_and_by_cpu() -> None:
    found = results(
        Load.UNARY,
        isochrone=[sample(requests=60_000)],
        envoy_json=[sample(requests=40_000)],
        nginx=[sample(requests=100_000, gateway_cpu=1.0)],  # its core was idle most of the time
    )

    judged = budgets.judge(found, None)

    assert verdict(judged, "Envoy") is Verdict.HELD
    assert verdict(judged, "0.3 x nginx") is Verdict.UNDECIDED
    assert verdict(judged, "gap") is Verdict.NOT_MEASURED


def test_added_latency_is_without_that_of_no_gateway() -> None:
    def at(micros: float) -> list[Sample]:
        return [sample(requests=40_000, **p99("latency", micros))]

    held = results(Load.OPEN, direct=at(1_000), nginx=at(1_100), isochrone=at(1_200))
    not_held = results(Load.OPEN, direct=at(1_000), nginx=at(1_100), isochrone=at(1_201))
    nothing = results(Load.OPEN, direct=at(1_000), nginx=at(900), isochrone=at(1_200))

    assert verdict(budgets.judge(held, None), "added") is Verdict.HELD
    assert verdict(budgets.judge(not_held, None), "added") is Verdict.NOT_HELD
    assert verdict(budgets.judge(nothing, None), "added") is Verdict.NOT_MEASURED


def test_who_falls_behind_adds_too_much() -> None:
    fine, behind = sample(requests=40_000, **p99("latency", 100)), sample(requests=30_000, **p99("latency", 1))
    ours = results(Load.OPEN, direct=[fine], nginx=[fine], isochrone=[behind])
    both = results(Load.OPEN, direct=[fine], nginx=[behind], isochrone=[behind])

    assert verdict(budgets.judge(ours, None), "added") is Verdict.NOT_HELD
    assert verdict(budgets.judge(both, None), "added") is Verdict.UNDECIDED
    assert verdict(budgets.judge(results(Load.OPEN, nginx=[behind]), None), "added") is Verdict.NOT_MEASURED


@pytest.mark.parametrize(("without", "expected"), [(3.7, Verdict.HELD), (3.5, Verdict.NOT_HELD)])
def test_what_evidence_takes(without: float, expected: Verdict) -> None:
    found = results(
        Load.UNARY,
        isochrone=[sample(requests=40_000, gateway_cpu=4.0)],
        isochrone_unsigned=[sample(requests=40_000, gateway_cpu=without)],
    )

    assert verdict(budgets.judge(found, None), "evidence") is expected


@pytest.mark.parametrize(("last", "expected"), [(110, Verdict.HELD), (111, Verdict.NOT_HELD)])
def test_memory(last: int, expected: Verdict) -> None:
    found = Memory(points=((1, 100), (5, 500), (10, last)), outcomes={}, seconds=1)

    assert verdict(budgets.judge(results(Load.UNARY), found), "memory") is expected


def test_a_table_says_what_its_figures_are_worth() -> None:
    found = results(
        Load.UNARY,
        nginx=[sample(other_core=0.9), sample(requests=48_000)],
        isochrone=[sample(gateway_cpu=4.0)],
    )
    found.fail(Load.UNARY, envoy.JSON, "not installed: no network")

    text = tables.table(found, Load.UNARY).text()

    assert "11,000 (10,000 to 12,000)" in text
    assert "nginx (>)" in text
    assert "envoy-json (!)" in text
    assert "envoy-json: not installed: no network" in text
    assert "~" not in text


def test_a_failure_takes_the_figures_with_it() -> None:
    found = results(Load.UNARY, nginx=[sample()])
    found.fail(Load.UNARY, nginx.SUBJECT, "it ended with status 1")

    assert found.spread(Load.UNARY, "nginx", lambda each: each.rate) is None
    assert [subject.name for subject in found.measured(Load.UNARY)] == ["nginx"]
