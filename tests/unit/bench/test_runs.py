"""How a run is put together, and that nothing that fails is lost."""

import dataclasses
from pathlib import Path

import pytest
from tests.bench import installing, plan, runs
from tests.bench.installing import InstallError
from tests.bench.memory import Memory
from tests.bench.report import Report
from tests.bench.results import Results
from tests.bench.subjects import nginx, registry
from tests.bench.subjects.registry import UnknownSubjectError
from tests.bench.subjects.subject import Load
from tests.unit.bench.samples import SUBJECTS, results, sample


def test_each_round_has_every_subject_in_turn() -> None:
    scope = plan.scope(seconds=1, repeat=2)

    turns = list(plan.turns(SUBJECTS, scope))

    unary = [turn.subject.name for turn in turns if turn.load is Load.UNARY]
    assert unary == ["direct", "nginx", "envoy-json", "isochrone", "isochrone-unsigned"] * 2
    assert {turn.load for turn in turns} == set(Load)
    assert all(turn.load in turn.subject.loads for turn in turns)


def test_slow_subjects_have_fewer_turns_and_a_longer_warm_up() -> None:
    slow = [subject for subject in registry.SUBJECTS if subject.is_slow]

    turns = [turn for turn in plan.turns(slow, plan.scope(seconds=1, repeat=5)) if turn.load is Load.UNARY]

    assert len(turns) == 3 * len(slow)
    assert all(turn.amount.warm_up > 1 for turn in turns)


def test_subjects_by_name() -> None:
    assert [subject.name for subject in registry.chosen(["isochrone", "nginx"])] == ["nginx", "isochrone"]
    assert registry.chosen([]) == registry.SUBJECTS
    with pytest.raises(UnknownSubjectError, match="no apache; there are direct, nginx"):
        registry.chosen(["apache"])


def test_who_cant_be_installed_is_in_the_report_and_fails_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    def never() -> Path:
        raise InstallError("there is no network")

    lost = dataclasses.replace(nginx.SUBJECT, install=never)
    found = Results((lost,))

    assert not runs.install(lost, found)

    report = Report(facts={}, results=found, memory=None)
    for text in (report.text(), report.markdown()):
        assert text.count("nginx: not installed: there is no network") == len(nginx.SUBJECT.loads)
    assert runs.status(found) == 1
    assert "there is no network" in capsys.readouterr().err


def test_a_run_without_failures_ends_well() -> None:
    assert runs.status(results(Load.UNARY, nginx=[sample()])) == 0


def test_the_report_holds_every_sample() -> None:
    memory = Memory(points=((10, 1_000_000), (100, 1_050_000)), outcomes={"answer 200": 100}, seconds=3.0)
    report = Report(facts={"kernel": "5"}, results=results(Load.UNARY, nginx=[sample(), sample()]), memory=memory)

    data = report.data()

    assert [len(each["samples"]) for each in data["samples"]] == [2]
    assert data["facts"] == {"kernel": "5"}
    assert data["memory"]["points"] == memory.points
    assert "* kernel: 5" in report.markdown()
    assert "100 answer 200" in report.text()


def test_an_installation_that_broke_off_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISOCHRONE_CACHE", str(tmp_path))
    calls = []

    def install(folder: Path) -> None:
        calls.append(list(folder.iterdir()))
        (folder / "half").touch()
        if len(calls) == 1:
            raise InstallError("the disk is full")

    with pytest.raises(InstallError):
        installing.installed("peer", "1", install)
    folder = installing.installed("peer", "1", install)
    again = installing.installed("peer", "1", install)

    assert calls == [[], []]
    assert folder == again == tmp_path / "bench" / "peer-1"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        pytest.param(["sh", "-c", "echo no space; exit 3"], "no space", id="it fails"),
        pytest.param(["/nowhere/pip"], "can't be run", id="it isn't there"),
    ],
)
def test_a_step_that_fails_says_why(tmp_path: Path, command: list[str | Path], words: str) -> None:
    with pytest.raises(InstallError, match=words):
        installing.run(command, where=tmp_path)


def test_a_step_gives_what_it_wrote(tmp_path: Path) -> None:
    installing.run(["echo", "before"], where=tmp_path)

    assert installing.run(["echo", "now"], where=tmp_path) == "now"
