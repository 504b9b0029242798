"""Anchors that are kept of gateways' evidence."""

import hashlib
import json
import pathlib

from isochrone.local.anchors import Anchors, last_of

ONE = b'{"n":0,"at":1.5,"site":"fra1","instance":"gw","prev":"00","chains":{},"dropped":{},"key":"ab","signature":"cd"}'
TWO = ONE.replace(b'"n":0', b'"n":1')


def test_each_is_kept_once_and_nothing_older_after_it(tmp_path: pathlib.Path) -> None:
    anchors = Anchors(tmp_path / "state" / "anchors.jsonl")
    anchor = {"site": "fra1", "instance": "gw", "at": 1.5, "n": 3, "digest": "ab"}
    for n in (3, 3, 2, 4):
        anchors.add({**anchor, "n": n, "more": "is left out"})
    anchors.add({**anchor, "site": "iad1", "n": 0})
    lines = [json.loads(each) for each in (tmp_path / "state" / "anchors.jsonl").read_text().splitlines()]
    assert lines == [anchor, {**anchor, "n": 4}, {**anchor, "site": "iad1", "n": 0}]


def test_the_last_is_that_of_the_last_whole_checkpoint(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "gw" / "checkpoints"
    folder.mkdir(parents=True)
    assert last_of(folder) is None
    (folder / "000000.jsonl").write_bytes(ONE + b"\n" + TWO + b"\n")
    (folder / "000001.jsonl").write_bytes(b'{"n":2')
    Anchors(tmp_path / "anchors.jsonl").add_last(tmp_path)
    (line,) = (tmp_path / "anchors.jsonl").read_text().splitlines()
    assert json.loads(line) == {
        "site": "fra1", "instance": "gw", "at": 1.5, "n": 1, "digest": hashlib.sha256(TWO).hexdigest(),
    }  # fmt: skip
