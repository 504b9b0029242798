"""One gateway's folder: lock, key, checkpoints, retention."""

import errno
import json
import os
import pathlib
import stat
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.unit.ledger.evidence.checking import check, read_checkpoints
from tests.unit.ledger.evidence.test_writer import FakeDisk

from isochrone_gateway.ledger.evidence.chain import MOST, Head
from isochrone_gateway.ledger.evidence.instance import EvidenceError, Instance, load_key
from isochrone_gateway.ledger.evidence.lines import Outcome
from isochrone_gateway.ledger.evidence.segments import Disk, Segments
from isochrone_gateway.ledger.evidence.writer import Whose, Writer

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
DAY = 86_400.0


def opened(root: pathlib.Path) -> Instance:
    return Instance(root, "fra1", "gw-0", KEY)


def test_checkpoints_go_on_over_restarts_and_say_only_what_is_new(tmp_path: pathlib.Path) -> None:
    first = opened(tmp_path)
    assert first.checkpoint(10.0) is None
    first.note("w0-a", Head(3, b"\x01" * 32))
    one = first.checkpoint(11.0)
    assert first.checkpoint(12.0) is None
    first.note("w0-a", Head(2, b"\x02" * 32))
    assert first.checkpoint(13.0) is None, "a chain never gets shorter"
    first.close()
    second = opened(tmp_path)
    assert second.anchor == one
    second.note("w1-b", Head(1, b"\x03" * 32))
    second.checkpoint(14.0)
    second.close()
    told = read_checkpoints(second.folder)
    assert [list(each["chains"]) for each in told] == [["w0-a"], ["w1-b"]]
    assert told[0]["chains"]["w0-a"] == {"count": 3, "hash": "01" * 32}


def test_a_checkpoint_has_these_bytes(tmp_path: pathlib.Path) -> None:
    instance = opened(tmp_path)
    instance.note("w0-a", Head(1, bytes(32)))
    instance.checkpoint(11.25)
    instance.close()
    (path,) = (instance.folder / "checkpoints").iterdir()
    assert path.read_text().partition(',"signature":"')[0] == (
        '{"n":0,"at":11.25,"site":"fra1","instance":"gw-0","prev":"' + "0" * 64 + '",'
        '"chains":{"w0-a":{"count":1,"hash":"' + "0" * 64 + '"}},"dropped":{},"key":"56475aa75463474c"'
    )


def test_after_a_failed_sync_nothing_is_signed_until_a_restart(tmp_path: pathlib.Path) -> None:
    disk = FakeDisk()
    first = Instance(tmp_path, "fra1", "gw-0", KEY, disk=disk)
    first.note("w0-a", Head(1, bytes(32)))
    disk.sync_fault = errno.EIO
    with pytest.raises(OSError, match="Input/output error"):
        first.checkpoint(11.0)
    disk.sync_fault = 0
    with pytest.raises(OSError, match="an earlier sync failed"):
        first.checkpoint(12.0)
    assert first.anchor is None
    first.close()
    second = opened(tmp_path)
    second.note("w0-a", Head(2, bytes(32)))
    second.checkpoint(13.0)
    second.close()
    assert [each["n"] for each in read_checkpoints(second.folder)] == [0, 1]


def test_a_full_disk_leaves_no_part_of_a_checkpoint(tmp_path: pathlib.Path) -> None:
    disk = FakeDisk()
    instance = Instance(tmp_path, "fra1", "gw-0", KEY, disk=disk)
    instance.note("w0-a", Head(1, bytes(32)))
    disk.fault = errno.ENOSPC
    with pytest.raises(OSError, match="No space"):
        instance.checkpoint(11.0)
    disk.fault = 0
    assert instance.checkpoint(12.0) == instance.anchor
    instance.close()
    assert [each["at"] for each in read_checkpoints(instance.folder)] == [12.0]


def test_half_a_checkpoint_is_cut_off(tmp_path: pathlib.Path) -> None:
    first = opened(tmp_path)
    first.note("w0-a", Head(1, bytes(32)))
    anchor = first.checkpoint(11.0)
    first.close()
    (path,) = (first.folder / "checkpoints").iterdir()
    with path.open("ab") as file:
        file.write(b'{"n":1,')
    second = opened(tmp_path)
    assert second.anchor == anchor
    second.close()


@pytest.mark.parametrize("data", [b"changed\n", b'{"n":' + b"[" * 20_000 + b"\n"], ids=["no JSON", "too deep"])
def test_checkpoints_that_were_changed_are_not_gone_on_from(tmp_path: pathlib.Path, data: bytes) -> None:
    first = opened(tmp_path)
    first.note("w0-a", Head(1, bytes(32)))
    first.checkpoint(11.0)
    first.close()
    (path,) = (first.folder / "checkpoints").iterdir()
    path.write_bytes(data)
    for _ in range(2):  # The lock is given back.
        with pytest.raises(EvidenceError, match="was changed"):
            opened(tmp_path)


def test_two_gateways_can_not_share_a_folder(tmp_path: pathlib.Path) -> None:
    first = opened(tmp_path)
    with pytest.raises(EvidenceError, match="another gateway writes"):
        opened(tmp_path)
    first.close()
    opened(tmp_path).close()


@pytest.mark.parametrize("name", ["", "..", "a/b", "ü"])
def test_a_name_must_be_that_of_a_folder(tmp_path: pathlib.Path, name: str) -> None:
    with pytest.raises(EvidenceError, match="name of a folder"):
        Instance(tmp_path, "fra1", name, KEY)


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "key.pem"
    made = load_key(path).private_bytes_raw()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_key(path).private_bytes_raw() == made
    path.write_text("no key")
    with pytest.raises(EvidenceError, match="no private key"):
        load_key(path)


def test_what_is_too_old_goes_and_the_rest_still_verifies(tmp_path: pathlib.Path) -> None:
    instance = opened(tmp_path)
    now = time.time()
    whose = Whose(site="fra1", instance="gw-0", writer="w0")
    for boot, age in (("a", 40 * DAY), ("b", 10 * DAY), ("c", 0.0)):
        writer = Writer(instance.chains, whose, boot, wall=lambda: now)
        writer.start()
        writer.pen.put(Outcome(at=now, id="req_1", attempt=1, outcome="Answered"))
        writer.stop("Drained", patience=60)
        instance.note(writer.name, writer.synced)
        for path in (instance.chains / writer.name).iterdir():
            os.utime(path, (now - age, now - age))
    instance.checkpoint(now)
    for name in ("w0-a", "w0-b"):
        instance.ended(name)
    instance.checkpoint(now, keep=30 * DAY)
    instance.close()
    assert sorted(each.name for each in instance.chains.iterdir()) == ["w0-b", "w0-c"]
    dropped = read_checkpoints(instance.folder)[-1]["dropped"]
    assert dropped["w0-a"]["count"] == 3


def test_a_running_chain_keeps_its_last_file(tmp_path: pathlib.Path) -> None:
    instance = opened(tmp_path)
    segments = Segments(instance.chains / "w0-a", Disk(), largest=100)
    for number in range(3):
        segments.append(json.dumps({"n": number, "kind": "End", "hash": "ab" * 32}).encode() + b"\n", 1.0)
    for path in (instance.chains / "w0-a").iterdir():
        os.utime(path, (1.0, 1.0))
    instance.note("w0-a", Head(3, b"\xab" * 32))
    instance.checkpoint(2.0, keep=0.5)
    instance.close()
    assert [each.name for each in (instance.chains / "w0-a").iterdir()] == ["000002.jsonl"]
    assert read_checkpoints(instance.folder)[-1]["dropped"] == {"w0-a": {"count": 2, "hash": "ab" * 32}}


def test_however_much_is_too_old_checkpoints_are_no_longer_than_other_lines(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody reads longer ones: an auditor would say that they were edited, the next gateway that it can't go on."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    instance = opened(tmp_path)
    for number in range(600):
        path = instance.chains / f"w12-20261126T230100Z-{number:08x}" / "000000.jsonl"
        path.parent.mkdir()
        path.write_text(json.dumps({"n": 1_000_000_000, "kind": "End", "hash": "ab" * 32}) + "\n")
        os.utime(path, (1.0, 1.0))
    for number in range(100):
        instance.note(f"w{number}-20271126T230100Z-1a2b3c4d", Head(1_000_000_000, b"\xab" * 32))
    left = []
    for now in (2.0, 3.0, 4.0):
        instance.checkpoint(now, keep=0.5)
        left.append(len(list(instance.chains.iterdir())))
    assert (left[-1], sorted(left, reverse=True)) == (0, left)
    instance.close()
    for path in (instance.folder / "checkpoints").iterdir():
        assert max(len(line) for line in path.read_bytes().splitlines(keepends=True)) <= MOST
    assert len({name for each in read_checkpoints(instance.folder) for name in each["dropped"]}) == 600
    again = opened(tmp_path)
    assert again.anchor == instance.anchor
    again.close()


def test_chains_are_what_checkpoints_say(tmp_path: pathlib.Path) -> None:
    instance = opened(tmp_path)
    writer = Writer(instance.chains, Whose(site="fra1", instance="gw-0", writer="w0"), "a", wall=time.time)
    writer.start()
    instance.note(writer.name, writer.synced)
    instance.checkpoint(1.0)
    writer.stop("Drained", patience=60)
    instance.note(writer.name, writer.synced)
    instance.checkpoint(2.0)
    instance.close()
    assert list(check(instance.folder)) == ["w0-a"]
