"""Lines become the requests that they tell of."""

import json
import pathlib
from typing import Any

import pytest
from tests.unit.audit.writing import Instance

from isochrone import audit
from isochrone.audit.entries import Intent
from isochrone.audit.visits import visits

Lines = list[dict[str, Any]]


def _intent(name: str, number: int, **fields: Any) -> dict[str, Any]:
    return {"kind": "Intent", "id": name, "try": number, **fields}


def _outcome(name: str, number: int, outcome: str, **fields: Any) -> dict[str, Any]:
    return {"kind": "Outcome", "id": name, **({"try": number} if number else {}), "outcome": outcome, **fields}


def _source(root: pathlib.Path, lines: Lines) -> audit.Source:
    made = Instance(root)
    chain = made.boot("w0", "20261126T230100Z-1a2b3c4d", place="DE")
    for each in lines:
        made.line(chain, each["kind"], **{name: value for name, value in each.items() if name != "kind"})
    made.checkpoint()
    return audit.sources([root], audit.prove([root]))[0]


def _told(root: pathlib.Path, lines: Lines) -> list[tuple[str, list[int], str]]:
    return [
        (each.id, [tried.number for tried in each.tries], each.outcome)
        for each in visits(_source(root, lines), audit.Reading())
    ]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        pytest.param([_intent("a", 1), _outcome("a", 1, "Answered")], [("a", [1], "Answered")], id="answered"),
        pytest.param([_outcome("a", 0, "Refused")], [("a", [], "Refused")], id="refused before any try"),
        pytest.param([_intent("a", 1)], [("a", [1], "Unknown")], id="no outcome"),
        pytest.param([_outcome("a", 2, "Answered")], [("a", [2], "Answered")], id="no intent"),
        pytest.param([_outcome("a", 1, "TryFailed")], [("a", [1], "Unknown")], id="a failed try alone"),
        pytest.param(
            [
                _intent("a", 1),
                _outcome("a", 1, "TryFailed"),
                _intent("a", 2),
                _outcome("a", 2, "TryFailed"),
                _outcome("a", 2, "Failed"),
            ],
            [("a", [1, 2], "Failed")],
            id="two outcomes of the last try",
        ),
        pytest.param([_outcome("a", 0, "TryFailed")], [("a", [], "TryFailed")], id="a failed try that is none"),
        pytest.param(
            [_intent("a", 1), _outcome("a", 1, "TryFailed"), _outcome("a", 2, "Answered")],
            [("a", [1, 2], "Answered")],
            id="no intent of the second",
        ),
        pytest.param(
            [_intent("a", 1), _outcome("a", 1, "TryFailed"), _intent("a", 2), _intent("a", 2)],
            [("a", [1, 2], "Unknown"), ("a", [2], "Unknown")],
            id="a peer comes again, before an end",
        ),
        pytest.param(
            [_intent("a", 1), _intent("b", 1), _outcome("b", 1, "Partial"), _outcome("a", 1, "Answered")],
            [("b", [1], "Partial"), ("a", [1], "Answered")],
            id="two at once",
        ),
        pytest.param(
            [_intent("a", 1, hosted=True), _intent("a", 1, hosted=True), _outcome("a", 1, "Answered")],
            [("a", [1], "Unknown"), ("a", [1], "Answered")],
            id="a peer comes again",
        ),
        pytest.param(
            [_intent("a", 1), _outcome("a", 1, "Answered"), _intent("a", 1), _outcome("a", 1, "Failed")],
            [("a", [1], "Answered"), ("a", [1], "Failed")],
            id="one id twice",
        ),
    ],
)
def test_lines_become_requests(tmp_path: pathlib.Path, lines: Lines, told: list[tuple[str, list[int], str]]) -> None:
    assert _told(tmp_path, lines) == told


def test_each_try_has_the_policies_that_were_in_force_when_it_began(tmp_path: pathlib.Path) -> None:
    def config(revision: str, **policies: int) -> dict[str, Any]:
        said = {name: {"generation": generation} for name, generation in policies.items()}
        return {"kind": "Config", "revision": revision, "digest": "00", "policies": said}

    lines = [
        config("1/1", eu=1),
        config("1/1", logs=5),
        _intent("a", 1, revision="1/1", policies=["eu", "logs"]),
        config("1/2", eu=2),
        _outcome("a", 1, "TryFailed"),
        _intent("a", 2, revision="1/1", policies=["eu"]),
        _intent("b", 1, revision="1/2", policies=["eu"]),
        _intent("c", 1, revision="0/9", policies=["eu"]),
        _outcome("d", 0, "Refused", policies=["eu"]),
    ]
    found = {each.id: each for each in visits(_source(tmp_path, lines), audit.Reading())}
    generations = {
        name: [{policy: said.generation for policy, said in (tried.versions or {}).items()} for tried in each.tries]
        for name, each in found.items()
    }
    assert generations == {"a": [{"eu": 1, "logs": 5}] * 2, "b": [{"eu": 2}], "c": [{}], "d": []}
    assert found["c"].tries[0].versions is None
    assert found["d"].versions is not None
    assert found["d"].versions["eu"].generation == 2


def test_what_is_told_later_of_a_config_changes_no_request_before(tmp_path: pathlib.Path) -> None:
    """It may be after the last checkpoint, where anybody could have written it."""
    lines = [
        {"kind": "Config", "revision": "1/1", "policies": {"eu": {"generation": 1}}},
        _intent("a", 1, revision="1/1", policies=["eu"]),
        _outcome("b", 0, "Refused", policies=["eu"]),
        {"kind": "Config", "revision": "1/1", "policies": {"eu": {"generation": 2}}},
    ]
    found = {each.id: each for each in visits(_source(tmp_path, lines), audit.Reading())}
    for versions in (found["a"].tries[0].versions, found["b"].versions):
        assert versions is not None
        assert versions["eu"].generation == 1


def test_the_last_four_configs_are_known(tmp_path: pathlib.Path) -> None:
    configs = [{"kind": "Config", "revision": f"1/{n}", "policies": {"eu": {"generation": n}}} for n in range(5)]
    lines = [*configs, *(_intent(f"r{n}", 1, revision=f"1/{n}") for n in range(5))]
    found = {each.id: each.tries[0].versions for each in visits(_source(tmp_path, lines), audit.Reading())}
    assert [found[f"r{n}"] is not None for n in range(5)] == [False, True, True, True, True]


def test_each_try_has_its_own_failure_and_the_first_that_is_told_says_whose_it_was(tmp_path: pathlib.Path) -> None:
    lines = [
        _outcome("a", 1, "TryFailed", status=500),
        _intent("a", 2, tenant="acme", jurisdiction="DE"),
        _outcome("a", 2, "TryFailed", status=502),
        _intent("a", 3, tenant="acme", jurisdiction="FR"),
        _outcome("a", 3, "Answered"),
    ]
    (visit,) = visits(_source(tmp_path, lines), audit.Reading())
    assert [each.failed.status if each.failed else None for each in visit.tries] == [500, 502, None]
    assert visit.places == ("DE", "", "DE", "FR")
    assert isinstance(visit.said, Intent)
    assert visit.said.tenant == "acme"


def test_what_is_not_written_or_cannot_be_read_is_counted(tmp_path: pathlib.Path) -> None:
    lost = [
        {"kind": "Lost", "count": n, "since": n, "why": why, "at": 9.0 + n}
        for n, why in ((1, "QueueFull"), (2, "QueueFull"))
    ]
    source = _source(tmp_path, [*lost, {"kind": "Lost", "count": 4, "why": "Withheld"}, _intent("a", 1)])
    path = source.folder / "000000.jsonl"
    deep = b'{"n":6,"kind":"Boot","at":1.0,"x":' + b"[" * 20_000 + b"]" * 20_000 + b"}\n"
    path.write_bytes(path.read_bytes() + b'{"n":5,"kind":"Marvel","at":1.0}\n' + deep + b'{"n":7,"ki')
    reading = audit.Reading()
    unchecked = audit.sources([tmp_path], None)
    assert [each.id for each in audit.every(unchecked, reading)] == ["a"]
    assert [(each.why, each.count, each.since, each.at) for _, each in reading.lost] == [
        ("QueueFull", 3, 1.0, 11.0),
        ("Withheld", 4, 0.0, 1.5),
    ]
    assert (reading.unreadable, reading.requests, reading.first, reading.last) == (3, 1, 1.5, 1.5)


def test_what_was_written_after_the_proof_is_not_read(tmp_path: pathlib.Path) -> None:
    source = _source(tmp_path, [_outcome("a", 0, "Refused")])
    with (source.folder / "000000.jsonl").open("a") as file:
        for n in (2, 3):
            file.write(json.dumps({"n": n, "at": 9.0, **_outcome("b", 0, "Refused")}) + "\n")
    reading = audit.Reading()
    assert [each.id for each in audit.every([source], reading)] == ["a"]
    assert (reading.later, reading.lines) == (1, 2)


@pytest.mark.parametrize(("limit", "ids"), [(1, ["e"]), (2, ["d", "e"]), (3, ["c", "d", "e"]), (9, list("abcde"))])
def test_the_newest_are_shown_in_order_of_time(tmp_path: pathlib.Path, limit: int, ids: list[str]) -> None:
    lines = [_outcome(name, 0, "Refused", at=at) for name, at in (("b", 2), ("d", 4), ("a", 1), ("e", 4), ("c", 3))]
    found, total = audit.newest(visits(_source(tmp_path, lines), audit.Reading()), limit)
    assert ([each.id for each in found], total) == (ids, 5)
    assert audit.newest([], limit) == ([], 0)
