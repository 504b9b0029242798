"""The writer's thread, its files, and what it finds after a crash."""

import errno
import json
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable

import pytest
from tests.unit.ledger.evidence.checking import read_chain

from isochrone_gateway.ledger.evidence.lines import Config, End, Outcome
from isochrone_gateway.ledger.evidence.segments import Disk, Segments, repair, segments_of
from isochrone_gateway.ledger.evidence.writer import Whose, Writer, boot_name

WHOSE = Whose(site="fra1", instance="gw-0", writer="w0", place="DE-HE")
LIMIT = 60.0


class FakeDisk(Disk):
    """Fails as told; half of what it should have written is there by then."""

    def __init__(self) -> None:
        self.fault = 0
        self.sync_fault = 0
        self.gate = threading.Event()
        self.gate.set()

    def append(self, descriptor: int, data: bytes) -> None:
        self.gate.wait(LIMIT)
        if self.fault:
            os.write(descriptor, data[: len(data) // 2])
            raise OSError(self.fault, os.strerror(self.fault))
        super().append(descriptor, data)

    def sync(self, descriptor: int) -> None:
        if self.sync_fault:
            raise OSError(self.sync_fault, os.strerror(self.sync_fault))
        super().sync(descriptor)


def outcome(number: int) -> Outcome:
    return Outcome(at=1.0, id=f"req_{number}", attempt=1, outcome="Answered", status=200)


def writer(folder: pathlib.Path, boot: str = "a", *, disk: Disk | None = None, room: int = 100) -> Writer:
    return Writer(folder / "chains", WHOSE, boot, wall=time.time, disk=disk, room=room)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)


def test_a_life_is_named_by_its_start() -> None:
    assert boot_name(1795734060.0, bytes.fromhex("1a2b3c4d")) == "20261126T230100Z-1a2b3c4d"


def test_a_chain_goes_from_its_boot_to_its_end(tmp_path: pathlib.Path) -> None:
    first = writer(tmp_path)
    first.start()
    for number in range(10):
        assert first.pen.put(outcome(number))
    assert first.stop("Drained", patience=LIMIT)
    lines = read_chain(tmp_path / "chains" / "w0-a")
    assert [each["kind"] for each in lines] == ["Boot", *["Outcome"] * 10, "End"]
    assert first.synced.lines == 12
    second = writer(tmp_path, "b")
    second.start()
    second.stop("Drained", patience=LIMIT)
    (boot, _) = read_chain(tmp_path / "chains" / "w0-b")
    assert (boot["after"], boot["afterCount"], boot["afterHash"]) == ("w0-a", 12, lines[-1]["hash"])
    assert boot["clean"]


def test_half_a_line_is_cut_off_and_told(tmp_path: pathlib.Path) -> None:
    first = writer(tmp_path)
    first.start()
    first.stop("Drained", patience=LIMIT)
    (path,) = segments_of(tmp_path / "chains" / "w0-a")
    with path.open("ab") as file:
        file.write(b'{"n":2,"kind":"Int')
    second = writer(tmp_path, "b")
    second.start()
    second.stop("Drained", patience=LIMIT)
    boot = read_chain(tmp_path / "chains" / "w0-b")[0]
    assert (boot["torn"], boot["afterCount"]) == (18, 2)
    assert "clean" not in boot
    assert len(read_chain(tmp_path / "chains" / "w0-a")) == 2


@pytest.mark.parametrize(("left", "torn"), [(b"", 0), (b"x", 1), (b"y" * 400_000, 400_000)], ids=["none", "1", "many"])
def test_repair_keeps_whole_lines(tmp_path: pathlib.Path, left: bytes, torn: int) -> None:
    (tmp_path / "000000.jsonl").write_bytes(b"one\ntwo\n")
    (tmp_path / "000001.jsonl").write_bytes(left)
    found = repair(tmp_path)
    assert (found.line, found.torn) == (b"two\n", torn)
    assert (tmp_path / "000001.jsonl").read_bytes() == b""


@pytest.mark.parametrize(
    ("number", "why"),
    [(errno.ENOSPC, "DiskFull"), (errno.EDQUOT, "DiskFull"), (errno.EIO, "WriteFailed")],
    ids=["full", "quota", "broken"],
)
def test_what_a_full_disk_has_no_room_for_is_counted(tmp_path: pathlib.Path, number: int, why: str) -> None:
    disk = FakeDisk()
    full = writer(tmp_path, disk=disk, room=5)
    full.start()
    disk.fault = number
    full.pen.put(outcome(0))
    wait_for(lambda: full.pen.why == why)
    assert not full.pen.is_writable
    taken = [full.pen.put(outcome(number)) for number in range(1, 10)]
    assert taken == [True] * 4 + [False] * 5
    disk.fault = 0
    wait_for(lambda: full.pen.is_writable)
    assert full.stop("Drained", patience=LIMIT)
    lines = read_chain(tmp_path / "chains" / "w0-a")
    assert [each["kind"] for each in lines] == ["Boot", *["Outcome"] * 5, "Lost", "End"]
    assert (lines[6]["count"], lines[6]["why"]) == (5, why)
    assert (full.pen.lost, full.failures > 0) == (5, True)


def test_a_disk_that_is_full_at_the_start_is_tried_again(tmp_path: pathlib.Path) -> None:
    disk = FakeDisk()
    disk.fault = errno.ENOSPC
    late = writer(tmp_path, disk=disk)
    late.start()
    assert late.pen.why == "DiskFull"
    late.pen.put(outcome(1))
    disk.fault = 0
    wait_for(lambda: late.pen.is_writable)
    assert late.stop("Drained", patience=LIMIT)
    kinds = [each["kind"] for each in read_chain(tmp_path / "chains" / "w0-a")]
    assert kinds == ["Boot", "Outcome", "End"]


def test_who_puts_never_waits_for_a_slow_disk(tmp_path: pathlib.Path) -> None:
    disk = FakeDisk()
    slow = writer(tmp_path, disk=disk, room=10)
    slow.start()
    disk.gate.clear()
    taken = [slow.pen.put(outcome(number)) for number in range(30)]
    assert taken == [True] * 10 + [False] * 20
    assert slow.pen.why == "QueueFull"
    disk.gate.set()
    assert slow.stop("Drained", patience=LIMIT)
    lines = read_chain(tmp_path / "chains" / "w0-a")
    assert sum(each.get("count", 0) for each in lines if each["kind"] == "Lost") == 20


def test_after_a_failed_sync_a_chain_gets_no_more(tmp_path: pathlib.Path) -> None:
    disk = FakeDisk()
    broken = writer(tmp_path, disk=disk)
    broken.start()
    synced = broken.synced
    disk.sync_fault = errno.EIO
    broken.pen.put(outcome(1))
    wait_for(lambda: broken.pen.why == "WriteFailed")
    disk.sync_fault = 0
    assert not broken.pen.put(outcome(2))
    assert not broken.stop("Drained", patience=LIMIT)
    assert broken.synced == synced


def test_a_chain_goes_on_in_the_next_file_at_midnight_and_when_one_is_full(tmp_path: pathlib.Path) -> None:
    segments = Segments(tmp_path, Disk(), largest=10)
    for data, now in (
        (b"123456\n", 10.0),
        (b"7\n", 20.0),
        (b"89\n", 30.0),
        (b"a\n", 86_400.0),
        (b"long enough\n", 86_401.0),
    ):
        segments.append(data, now)
    segments.close()
    assert [each.read_bytes() for each in segments_of(tmp_path)] == [b"123456\n7\n", b"89\n", b"a\n", b"long enough\n"]


def test_a_sync_that_fails_between_two_files_is_not_forgotten(tmp_path: pathlib.Path) -> None:
    disk = FakeDisk()
    segments = Segments(tmp_path, disk, largest=10)
    segments.append(b"123456\n", 10.0)
    disk.sync_fault = errno.EIO
    with pytest.raises(OSError, match="Input/output error"):
        segments.append(b"7890123\n", 20.0)
    disk.sync_fault = 0
    with pytest.raises(OSError, match="an earlier sync failed"):
        segments.append(b"7890123\n", 30.0)
    with pytest.raises(OSError, match="an earlier sync failed"):
        segments.sync()
    segments.close()


@pytest.mark.parametrize("data", [b"changed\n", b'{"n":' + b"[" * 20_000 + b"\n"], ids=["no JSON", "too deep"])
def test_a_chain_that_was_changed_stops_nobody_from_going_on(tmp_path: pathlib.Path, data: bytes) -> None:
    first = writer(tmp_path)
    first.start()
    first.stop("Drained", patience=LIMIT)
    (path,) = segments_of(tmp_path / "chains" / "w0-a")
    path.write_bytes(data)
    second = writer(tmp_path, "b")
    second.start()
    assert second.stop("Drained", patience=LIMIT)
    boot = read_chain(tmp_path / "chains" / "w0-b")[0]
    assert (boot["after"], boot.keys() & {"afterCount", "afterHash", "clean"}) == ("w0-a", set())


def test_a_queue_that_is_never_empty_is_synced_all_the_same(tmp_path: pathlib.Path) -> None:
    class Endless(Disk):
        """With each write there is more to write."""

        def append(self, descriptor: int, data: bytes) -> None:
            super().append(descriptor, data)
            if len(busy.pen._waiting) < 10 and not busy._stop.is_set():
                busy.pen.put(outcome(1))

    busy = writer(tmp_path, disk=Endless())
    busy.start()
    wait_for(lambda: busy.synced.lines > 10)
    assert busy.stop("Drained", patience=LIMIT)


def test_a_record_that_is_too_long_is_lost_and_told(tmp_path: pathlib.Path) -> None:
    one = writer(tmp_path)
    one.start()
    one.pen.put(End(at=1.0, reason="x" * 70_000))
    assert one.stop("Drained", patience=LIMIT)
    lines = read_chain(tmp_path / "chains" / "w0-a")
    assert [(each["kind"], each.get("count")) for each in lines] == [("Boot", None), ("Lost", 1), ("End", None)]


def test_a_successor_waits_for_who_still_writes(tmp_path: pathlib.Path) -> None:
    first, second = writer(tmp_path), writer(tmp_path, "b")
    first.start()
    second.start()
    assert second.pen.why == "WriteFailed"
    first.stop("Drained", patience=LIMIT)
    wait_for(lambda: second.pen.is_writable)
    second.stop("Drained", patience=LIMIT)
    assert read_chain(tmp_path / "chains" / "w0-b")[0]["clean"]


def test_a_writer_that_is_killed_loses_no_more_than_a_batch(tmp_path: pathlib.Path) -> None:
    program = textwrap.dedent(f"""
        import pathlib, sys, time
        from isochrone_gateway.ledger.evidence.lines import Outcome
        from isochrone_gateway.ledger.evidence.writer import Whose, Writer
        whose = Whose(site="fra1", instance="gw-0", writer="w0")
        writer = Writer(pathlib.Path({str(tmp_path / "chains")!r}), whose, "a", wall=time.time)
        writer.start()
        number = 0
        while True:
            writer.pen.put(Outcome(at=time.time(), id=f"req_{{number}}", attempt=1, outcome="Answered"))
            print(number, time.time(), flush=True)
            number += 1
            time.sleep(0.0005)
    """)

    def written() -> int:
        return sum(each.read_bytes().count(b"\n") for each in segments_of(tmp_path / "chains" / "w0-a")) - 1

    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        put = [process.stdout.readline() for _ in range(500)]
        wait_for(lambda: written() > 100)
        before = written()
        process.send_signal(signal.SIGKILL)
        put += process.stdout.readlines()
    whole = [each.split() for each in put if each.endswith("\n")]
    second = writer(tmp_path, "b")
    second.start()
    second.stop("Drained", patience=LIMIT)
    kept = read_chain(tmp_path / "chains" / "w0-a")[1:]
    assert [each["id"] for each in kept] == [f"req_{number}" for number in range(len(kept))]
    assert len(kept) >= before, "what was written outlives the process"
    # A hundred times the documented window: the machine, or its disk, may have kept the thread waiting.
    end = float(whole[-1][1])
    assert kept[-1]["at"] > end - 5
    boot = read_chain(tmp_path / "chains" / "w0-b")[0]
    assert (boot["afterCount"], "clean" in boot) == (len(kept) + 1, False)


def turned(place: str) -> Config:
    return Config(at=1.0, revision="1/1", digest="", copied_to=place)


def files_of(made: Writer, folder: pathlib.Path) -> list[list[str]]:
    """What is in each of a chain's files."""
    files = segments_of(folder / "chains" / made.name)
    return [[json.loads(line)["kind"] for line in path.read_bytes().splitlines()] for path in files]


def test_what_may_be_copied_elsewhere_begins_a_file(tmp_path: pathlib.Path) -> None:
    made = writer(tmp_path)
    made.pen.turn([turned("")])
    made.pen.put(outcome(1))
    made.pen.turn([turned("DE"), turned("DE")])
    made.pen.put(outcome(2))
    made.pen.turn([turned("DE")])
    made.pen.turn([turned("FR")])
    made.stop("Drained")
    assert files_of(made, tmp_path) == [
        ["Boot", "Config", "Outcome"],
        ["Config", "Config", "Outcome", "Config"],
        ["Config", "End"],
    ]
    assert len(read_chain(tmp_path / "chains" / made.name)) == 9
    assert made.closed == 3


def test_that_another_config_is_in_force_is_written_also_when_the_queue_is_full(tmp_path: pathlib.Path) -> None:
    made = writer(tmp_path, room=1)
    assert made.pen.put(outcome(1))
    assert not made.pen.put(outcome(2))
    made.pen.turn([turned("DE")])
    made.stop("Drained")
    assert files_of(made, tmp_path) == [["Boot", "Outcome", "Lost"], ["Config", "End"]]


def test_a_disk_that_is_full_moves_the_beginning_of_a_file_and_loses_none(tmp_path: pathlib.Path) -> None:
    disk = FakeDisk()
    made = writer(tmp_path, disk=disk)
    made._drain()
    disk.fault = errno.ENOSPC
    made.pen.turn([turned("DE")])
    made.pen.put(outcome(1))
    made._drain()
    made._drain()
    disk.fault = 0
    made.stop("Drained")
    assert [each for each in files_of(made, tmp_path) if each] == [["Boot"], ["Config", "Outcome", "End"]]


def test_a_file_that_is_to_be_copied_is_closed_when_it_is_old_enough(tmp_path: pathlib.Path) -> None:
    now = [1_000.0]
    made = Writer(tmp_path / "chains", WHOSE, "a", wall=lambda: now[0])
    made.closes_after = 300.0
    made._drain()
    for seconds, closed in ((299.0, 0), (1.0, 1), (400.0, 1)):
        now[0] += seconds
        made._sync_if_due()
        assert made.closed == closed
    made.pen.put(outcome(1))
    made._drain()
    assert made.closed == 1
    made.stop("Drained")
    assert files_of(made, tmp_path) == [["Boot"], ["Outcome", "End"]]
