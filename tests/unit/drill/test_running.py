"""What a drill finds wrong, shown with gateways that do wrong; and that ours don't."""

import pathlib
from collections.abc import Iterable, Mapping, Sequence

import pytest
from tests.unit.drill.networks import EUROPE, GERMANY, change, copy, scene_of

from isochrone.drill import Report, rehearsing, running
from isochrone.drill.rehearsing import Answer, Ask, Named

FRA1 = Named(kind="peer", site="fra1")
IAD1 = Named(kind="peer", site="iad1")
OPENAI_US = Named(kind="provider", provider="openai", endpoint="us")
OPENAI_EU = Named(kind="provider", provider="openai", endpoint="eu")


def answered(asked: Iterable[Named], may: Iterable[Named] = ()) -> Answer:
    return Answer(asked=tuple(asked), may=tuple(may), status=200, code="", policy=None)


REFUSED = Answer(asked=(), may=(), status=403, code="residency_denied", policy="eu-data-stays")


class Scripted:
    """Gateways that all do the same."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[tuple[Ask, tuple[str, ...]]] = []

    def load(self, folders: Mapping[str, pathlib.Path]) -> None:
        assert all((folder / "index.json").is_file() for folder in folders.values())

    def ask(self, asks: Sequence[Ask], down: Sequence[str]) -> Sequence[Answer]:
        self.asked += [(each, tuple(down)) for each in asks]
        return [self.answer] * len(asks)


def drilled(answer: Answer, *drill: str) -> Report:
    return running.run(scene_of(), [drill], Scripted(answer))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param(answered([IAD1]), "Ingress at site iad1", id="a site outside answers"),
        pytest.param(answered([FRA1], may=[FRA1, IAD1]), "Inference at site iad1", id="it would, if the first failed"),
        pytest.param(
            answered([FRA1], may=[IAD1._replace(takes=False)]), "Ingress at site iad1", id="a peer sees it, and refuses"
        ),
        pytest.param(answered([OPENAI_US]), "Inference at provider openai/us", id="a provider outside answers"),
        pytest.param(answered([OPENAI_EU], may=[OPENAI_US]), "provider openai/us", id="a provider is a later fallback"),
    ],
)
def test_what_goes_outside_the_law_is_found(answer: Answer, said: str) -> None:
    report = drilled(answer, "ber1")
    assert not report.passed
    assert all(any(said in each for each in row.outside) for _, row in report.rows())
    assert all(any("eu-data-stays" in each for each in row.outside) for _, row in report.rows())


def test_a_gateway_outside_that_lets_it_in_is_found() -> None:
    """When all of the EU is down, the nearest gateway is in the US: it has to refuse, whoever would answer."""
    report = drilled(answered([OPENAI_EU]), "ber1", "cdg1", "fra1")
    last = report.steps[-1]
    assert {row.entered for row in last.rows} == {"iad1"}
    assert all(any("Ingress at site iad1" in each for each in row.outside) for row in last.rows)
    assert not any(row.outside for row in report.steps[0].rows)


def test_what_is_refused_though_somebody_could_answer_is_lost() -> None:
    report = drilled(REFUSED, "ber1")
    assert not report.passed
    assert {row.lost for row in report.steps[0].rows} == {"site cdg1", "site fra1"}, "qwen is at both, bge at one"


def test_what_nobody_lawful_is_left_for_is_not_lost() -> None:
    report = drilled(REFUSED, "ber1", "cdg1", "fra1")
    assert not any(row.lost for row in report.steps[-1].rows)


def test_a_site_that_is_down_takes_nothing_in() -> None:
    gateways = Scripted(answered([FRA1]))
    running.run(scene_of(), [("fra1",), ("cdg1", "fra1")], gateways)
    assert {ask.site for ask, down in gateways.asked if not down} == {"fra1", "cdg1"}
    assert not [ask for ask, down in gateways.asked if ask.site in down]


def test_the_real_gateways_pass() -> None:
    with rehearsing.gateways() as gateways:
        report = running.run(scene_of(), [("fra1",), ("ber1", "cdg1", "fra1")], gateways)
    assert report.passed
    assert {row.by for row in report.steps[0].rows} <= {"site fra1", "site cdg1"}
    last = report.steps[-1].rows
    assert {(row.entered, row.status, row.code, row.policy) for row in last} == {
        ("iad1", 403, "residency_denied", "eu-data-stays")
    }


def test_the_last_lawful_site_is_asked_by_a_lawful_entry(tmp_path: pathlib.Path) -> None:
    """Only data for which Germany alone is lawful: without its sites nothing answers, though France is up."""
    network = copy(tmp_path)
    change(network, "residency.yaml", EUROPE, GERMANY)
    with rehearsing.gateways() as gateways:
        report = running.run(scene_of(network), [("ber1", "fra1")], gateways)
    assert report.passed
    assert {row.entered for row in report.steps[0].rows} <= {"fra1", "ber1"}
    assert {row.code for row in report.steps[-1].rows} == {"residency_denied"}


def test_what_is_said_twice_is_said_alike() -> None:
    with rehearsing.gateways() as gateways:
        reports = [running.run(scene_of(), [("fra1",)], gateways) for _ in range(2)]
    assert reports[0] == reports[1]
