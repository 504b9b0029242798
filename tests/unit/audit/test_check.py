"""Whatever is done to evidence is found, and untouched evidence is proved."""

import pathlib
import shutil
from collections.abc import Callable, Iterator

import pytest
from tests.unit.audit import writing

from isochrone import audit
from isochrone.audit import Rule, keys


@pytest.fixture
def made(tmp_path: pathlib.Path) -> tuple[pathlib.Path, audit.Anchor, audit.KeyRing]:
    instance, anchor = writing.small(tmp_path / "evidence")
    key = keys.read(instance.folder / "public-key.pem")
    del anchor["at"]
    return tmp_path / "evidence", audit.Anchor(**anchor), {key.id: key}


Made = tuple[pathlib.Path, audit.Anchor, audit.KeyRing]


def _files(root: pathlib.Path) -> list[pathlib.Path]:
    return sorted(each for each in root.rglob("*") if each.is_file())


def _holds(made: Made) -> bool:
    return audit.check(made[0], trusted=made[2], anchors=[made[1]]).holds


def test_untouched_evidence_is_proved_and_nothing_noted(made: Made) -> None:
    report = audit.check(made[0], trusted=made[2], anchors=[made[1]])
    assert (report.findings, report.lines, report.checkpoints, report.anchored) == ((), 9, 2, 1)
    assert audit.check(made[0]).believed == (f"fra1/gateway-0 {next(iter(made[2]))}",)


def test_an_instance_without_an_anchor_is_noted_where_others_have_one(made: Made) -> None:
    writing.small(made[0], name="gateway-1")
    report = audit.check(made[0], anchors=[made[1]])
    assert [(each.rule, each.path.name, each.is_tampering) for each in report.findings] == [
        (Rule.NOT_ANCHORED, "gateway-1", False)
    ]
    assert audit.check(made[0]).findings == ()


def test_each_flipped_byte_is_found(made: Made) -> None:
    for path in _files(made[0]):
        data = path.read_bytes()
        for at in range(len(data)):
            path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            assert not _holds(made), (path, at)
        path.write_bytes(data)
    assert _holds(made)


def _changes(lines: list[bytes]) -> Iterator[tuple[str, list[bytes]]]:
    for n in range(len(lines)):
        yield f"without {n}", lines[:n] + lines[n + 1 :]
        yield f"cut at {n}", lines[:n]
        yield f"{n} twice", lines[: n + 1] + lines[n:]
        if n:
            yield f"{n} swapped", [*lines[: n - 1], lines[n], lines[n - 1], *lines[n + 1 :]]


def test_each_line_removed_doubled_swapped_or_cut_off_is_found(made: Made) -> None:
    for path in (each for each in _files(made[0]) if each.suffix == ".jsonl"):
        data = path.read_bytes()
        for what, lines in _changes(data.splitlines(keepends=True)):
            path.write_bytes(b"".join(lines))
            assert not _holds(made), (path, what)
        path.write_bytes(data)


def test_each_file_removed_is_found(made: Made) -> None:
    for path in _files(made[0]):
        data = path.read_bytes()
        path.unlink()
        assert not _holds(made), path
        path.write_bytes(data)


def test_a_removed_instance_is_found_by_its_anchor(made: Made) -> None:
    shutil.rmtree(made[0] / "fra1")
    report = audit.check(made[0], trusted=made[2], anchors=[made[1]])
    assert [each.rule for each in report.findings] == [Rule.MISSING]


def test_evidence_written_anew_with_another_key_is_found(made: Made) -> None:
    shutil.rmtree(made[0])
    writing.small(made[0], seed=2)
    assert Rule.OTHER_KEY in {each.rule for each in audit.check(made[0], trusted=made[2]).findings}
    assert Rule.NOT_AS_ANCHORED in {each.rule for each in audit.check(made[0], anchors=[made[1]]).findings}


def _unclean(made: writing.Instance) -> None:
    made.boot("w0", "20261126T230300Z-00000001", after="w0-20261126T230200Z-00000000", **_head(made))


def _head(made: writing.Instance) -> dict[str, object]:
    last = made.heads["w0-20261126T230200Z-00000000"]
    return {"afterCount": last["count"], "afterHash": last["hash"]}


def _lost(why: str) -> Callable[[writing.Instance], None]:
    return lambda made: made.line("w0-20261126T230200Z-00000000", "Lost", count=3, why=why)


def _dropped(made: writing.Instance) -> None:
    first = made.folder / "chains" / "w0-20261126T230100Z-1a2b3c4d"
    made.checkpoint(dropped={first.name: made.heads[first.name]})
    shutil.rmtree(first)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        pytest.param(_unclean, Rule.UNCLEAN, id="killed"),
        pytest.param(_lost("QueueFull"), Rule.LOST, id="lost"),
        pytest.param(_lost("Withheld"), Rule.WITHHELD, id="withheld"),
        pytest.param(
            lambda made: made.line("w0-20261126T230200Z-00000000", "Intent", id="d", **{"try": 1}),
            Rule.NO_OUTCOME,
            id="no outcome",
        ),
        pytest.param(
            lambda made: made.request("w0-20261126T230200Z-00000000", "e"), Rule.NOT_SIGNED, id="not signed yet"
        ),
    ],
)
def test_what_is_no_tampering_is_told_apart(
    tmp_path: pathlib.Path, change: Callable[[writing.Instance], None], rule: Rule
) -> None:
    made, _ = writing.small(tmp_path)
    change(made)
    report = audit.check(tmp_path)
    assert report.holds
    assert rule in {each.rule for each in report.findings}


def test_what_retention_removed_is_no_tampering(tmp_path: pathlib.Path) -> None:
    made, _ = writing.small(tmp_path)
    _dropped(made)
    report = audit.check(tmp_path)
    assert report.holds
    assert [each.rule for each in report.findings] == [Rule.RETENTION]


def test_a_folder_without_evidence_is_an_error(tmp_path: pathlib.Path) -> None:
    with pytest.raises(audit.NotEvidence):
        audit.check(tmp_path)


def test_a_chain_of_which_retention_removed_the_first_segment_still_verifies(tmp_path: pathlib.Path) -> None:
    made = writing.Instance(tmp_path)
    chain = made.boot("w0", "20261126T230100Z-1a2b3c4d")
    made.request(chain, "a")
    removed = made.heads[chain]
    made.request(chain, "b", segment=1)
    made.checkpoint(dropped={chain: removed})
    assert audit.check(tmp_path).holds, "what is about to be removed may still be there"
    (made.folder / "chains" / chain / "000000.jsonl").unlink()
    report = audit.check(tmp_path)
    assert [each.rule for each in report.findings] == [Rule.RETENTION]
    rest = made.folder / "chains" / chain / "000001.jsonl"
    rest.write_bytes(rest.read_bytes().replace(b"DE", b"US"))
    assert not audit.check(tmp_path).holds
