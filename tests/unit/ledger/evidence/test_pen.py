"""What a pen links, in which order, and what it says of what it had no room for."""

import json
import threading
import time
from collections.abc import Callable

import pytest
from tests.unit.ledger.evidence.checking import check_lines

from isochrone_gateway.ledger.evidence.lines import Boot, Config, End, Outcome
from isochrone_gateway.ledger.evidence.pen import Pen, moment

BOOT = Boot(at=1.0, version=1, site="fra1", instance="gw-0", writer="w0", boot="a")
LIMIT = 60.0


def outcome(name: str) -> Outcome:
    return Outcome(at=1.0, id=name, attempt=1, outcome="Answered")


def config(place: str) -> Config:
    return Config(at=1.0, revision="1/1", digest="", copied_to=place)


def pen(*, room: int = 100, wall: Callable[[], float] = lambda: 7.0) -> Pen:
    return Pen(wall=wall, room=room)


def taken(made: Pen, most: int = 1_000) -> list[tuple[str | None, list[str]]]:
    """All of its batches: where they may be copied to, and their kinds."""
    found = []
    while (batch := made.take(most)) is not None:
        found.append((batch.place, [json.loads(line)["kind"] for line in batch.lines]))
        made.wrote()
    return found


def test_what_comes_before_the_beginning_waits_for_it() -> None:
    made = pen()
    made.put(outcome("1"), b',"more":1')
    made.turn([config("DE")])
    assert made.take(10) is None
    assert not made.is_empty
    made.begin(BOOT)
    assert taken(made) == [(None, ["Boot", "Outcome"]), ("DE", ["Config"])]
    assert made.is_empty


def test_further_members_are_part_of_the_line() -> None:
    made = pen()
    made.begin(BOOT)
    made.put(outcome("1"), b',"more":1')
    batch = made.take(10)
    assert batch is not None
    assert [each.get("more") for each in check_lines(batch.lines)] == [None, 1]


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        pytest.param(["", ""], [(None, ["Boot", "Config", "Config"])], id="nowhere"),
        pytest.param(["DE", "DE"], [(None, ["Boot"]), ("DE", ["Config", "Config"])], id="somewhere"),
        pytest.param(["DE", ""], [(None, ["Boot"]), ("DE", ["Config"]), ("", ["Config"])], id="no-longer"),
    ],
)
def test_another_place_begins_a_batch(places: list[str], expected: list[tuple[str | None, list[str]]]) -> None:
    made = pen()
    made.begin(BOOT)
    made.turn([config(place) for place in places])
    assert taken(made) == expected


def test_a_batch_has_no_more_lines_than_asked_for() -> None:
    made = pen()
    made.begin(BOOT)
    for name in "1234":
        made.put(outcome(name))
    assert [len(kinds) for _, kinds in taken(made, 2)] == [2, 2, 1]


def test_what_was_taken_needs_its_room_until_it_is_written() -> None:
    made = pen(room=2)
    made.begin(BOOT)
    assert made.put(outcome("1"))
    assert not made.is_writable
    assert made.take(10) is not None
    assert (made.is_writable, made.why) == (False, "QueueFull")
    assert not made.put(outcome("2"))
    made.wrote()
    assert (made.is_writable, made.why) == (True, "")
    assert made.put(outcome("3"))
    batch = made.take(10)
    assert batch is not None
    lost, kept = map(json.loads, batch.lines)
    assert (lost["kind"], lost["count"], lost["why"], lost["since"], lost["at"]) == ("Lost", 1, "QueueFull", 7.0, 7.0)
    assert kept["id"] == "3"
    assert made.lost == 1


def test_what_was_lost_is_told_although_nothing_comes_after_it() -> None:
    made = pen(room=1)
    made.begin(BOOT)
    made.trouble = "DiskFull"
    assert not made.put(outcome("1"))
    assert not made.is_empty
    made.trouble = ""
    assert taken(made) == [(None, ["Boot", "Lost"])]


def test_what_can_never_be_written_is_not_taken_in() -> None:
    made = pen()
    made.begin(BOOT)
    made.is_shut, made.trouble = True, "WriteFailed"
    made.turn([config("DE")])
    assert not made.put(outcome("1"))
    assert (made.lost, made.why) == (1, "WriteFailed")
    assert taken(made) == [(None, ["Boot", "Lost"])]


def test_a_text_that_is_none_is_lost_and_told() -> None:
    made = pen()
    made.begin(BOOT)
    made.put(outcome("\ud800"))
    made.put(outcome("1"))
    assert taken(made) == [(None, ["Boot", "Lost", "Outcome"])]


def test_what_is_lost_among_many_is_told_in_its_place() -> None:
    made = pen()
    made.begin(BOOT)
    names = [str(number) for number in range(50)]
    for name in [*names[:20], "\ud800", *names[20:]]:
        assert made.put(outcome(name))
    batch = made.take(1_000)
    assert batch is not None
    found = check_lines(batch.lines)[1:]
    assert [each.get("id", each["kind"]) for each in found] == [*names[:20], "Lost", *names[20:]]
    lost = found[20]
    assert (lost["count"], lost["why"], lost["since"], lost["at"]) == (1, "WriteFailed", 7.0, 7.0)
    assert made.lost == 1


@pytest.mark.parametrize(("seconds", "told"), [(59.9, 0), (60.0, 1)], ids=["not-yet", "after-a-minute"])
def test_what_was_withheld_is_told_once_a_minute(seconds: float, told: int) -> None:
    now = [100.0]
    made = pen(wall=lambda: now[0])
    made.begin(BOOT)
    made.withhold()
    made.withhold()
    now[0] += seconds
    made.tell_withheld()
    made.tell_withheld()
    batch = made.take(10)
    assert batch is not None
    counts = [json.loads(line) for line in batch.lines[1:]]
    assert [(each["why"], each["count"], each["since"]) for each in counts] == [("Withheld", 2, 100.0)] * told


def test_lines_of_many_threads_are_one_chain() -> None:
    made = pen(room=100_000)
    made.begin(BOOT)
    lines: list[bytes] = []
    start = threading.Barrier(5)

    def put(name: str) -> None:
        start.wait(LIMIT)
        for number in range(500):
            made.put(outcome(f"{name}{number}"))

    threads = [threading.Thread(target=put, args=(name,)) for name in "abcd"]
    for each in threads:
        each.start()
    start.wait(LIMIT)
    deadline = time.monotonic() + LIMIT
    while len(lines) < 2_001:
        assert time.monotonic() < deadline
        batch = made.take(7)
        if batch is not None:
            lines += batch.lines
            made.wrote()
    for each in threads:
        each.join(LIMIT)
    names = [each["id"] for each in check_lines(lines)[1:]]
    for name in "abcd":
        assert [each for each in names if each[0] == name] == [f"{name}{number}" for number in range(500)]


@pytest.mark.parametrize("wall", [0.0, 1.5, 1_764_175_000.123_456_7, 4_102_444_800.999_999])
def test_a_moment_has_whole_microseconds(wall: float) -> None:
    assert abs(moment(wall) - wall) < 2e-6
    assert len(repr(moment(wall)).partition(".")[2]) <= 6


def test_the_last_line_is_written_however_much_waits() -> None:
    made = pen(room=1)
    made.begin(BOOT)
    made.insist(End(at=1.0, reason="Drained"))
    assert taken(made) == [(None, ["Boot", "End"])]
