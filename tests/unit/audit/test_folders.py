"""In which folders and files evidence is, in which order they are read, and how long a line may be."""

import pathlib

import pytest
from tests.unit.audit import files, telling, writing
from tests.unit.audit.files import FIRST, NEXT, ONE, SIGNED
from tests.unit.audit.telling import NOT_YET
from tests.unit.audit.writing import Instance

from isochrone import audit
from isochrone.audit import Rule


@pytest.mark.parametrize(("site", "name"), [("fra1", "gateway-1"), ("ber1", "gateway-0")])
def test_evidence_under_another_name(tmp_path: pathlib.Path, site: str, name: str) -> None:
    """What its checkpoints and its Boots say of themselves is another gateway, so nothing of it counts as signed."""
    made = Instance(tmp_path, site=site, name=name)
    made.boot("w0", FIRST.removeprefix("w0-"))
    made.checkpoint()
    (tmp_path / "fra1").mkdir(exist_ok=True)
    made.folder.rename(tmp_path / "fra1" / "gateway-0")
    assert telling.told(tmp_path) == [
        (Rule.MISPLACED, SIGNED, 1, f"it is of {site}/{name}, not of this folder"),
        (Rule.MISPLACED, f"chains/{FIRST}", 0, f"its Boot is of {site}/{name}/{FIRST}"),
        (Rule.NOT_SIGNED, f"chains/{FIRST}", 0, NOT_YET.format(1)),
    ]


def test_what_is_no_part_of_evidence_is_said_to_be_there(tmp_path: pathlib.Path) -> None:
    made, _ = writing.small(tmp_path)
    for own in ("lock", "w0.lock", "copied.json"):
        (made.folder / own).touch()
    assert telling.told(tmp_path) == []
    strange = ("chains/notes.txt", f"chains/{NEXT}/12345.jsonl", f"chains/{NEXT}/notes.txt", "checkpoints/notes.txt")
    for name in (*strange, "notes.txt"):
        (made.folder / name).touch()
    a_folder = f"checkpoints/{7:08}.jsonl"
    (made.folder / a_folder).mkdir()
    assert telling.told(tmp_path) == [
        (Rule.STRANGE, name, 0, "it is no part of evidence, and was not read")
        for name in (*strange[:3], a_folder, strange[3], "notes.txt")
    ]
    assert audit.check(tmp_path).chains == 2


def test_where_a_finding_is(tmp_path: pathlib.Path) -> None:
    made, _ = writing.small(tmp_path)
    lines = files.lines(made, ONE)
    files.changed(ONE, 3, b"Answered", b"answered")(made)
    (found,) = audit.check(tmp_path).findings
    assert (found.path, found.line, found.offset) == (made.folder / ONE, 3, len(lines[0]) + len(lines[1]))


def test_files_are_read_in_the_order_of_their_numbers(tmp_path: pathlib.Path) -> None:
    made = Instance(tmp_path)
    chain = made.boot("w0", FIRST.removeprefix("w0-"))
    for number in (9, 10, 999_999, 1_000_000):
        made.line(chain, "Config", segment=number)
    made.checkpoint()
    assert telling.told(tmp_path) == []
    assert audit.check(tmp_path).lines == 5


@pytest.mark.parametrize(("more", "is_whole"), [(0, True), (1, False)])
def test_a_line_has_64_kib_with_its_end_at_most(tmp_path: pathlib.Path, more: int, *, is_whole: bool) -> None:
    made = Instance(tmp_path)
    chain = made.boot("w0", FIRST.removeprefix("w0-"))
    made.line(chain, "Config", revision="")
    empty = len(files.lines(made, ONE)[1])
    made.line(chain, "Config", revision="x" * (65_536 - empty + more))
    assert len(files.lines(made, ONE)[2]) == 65_536 + more
    made.checkpoint()
    assert audit.check(tmp_path).holds is is_whole


def test_in_whichever_order_a_disk_lists_files_they_are_read_and_told_in_theirs(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = [f"20261126T230{number}00Z-00000000" for number in range(3)]
    for site in ("ber1", "fra1", "iad1"):
        made = Instance(tmp_path, site=site)
        for end in ends:
            chain = made.boot("w0", end)
            for number in range(1, 4):
                made.line(chain, "Config", segment=number)
        for name in "abc":
            (made.folder / name).touch()
    glob, iterdir = pathlib.Path.glob, pathlib.Path.iterdir
    monkeypatch.setattr(pathlib.Path, "glob", lambda path, pattern: sorted(glob(path, pattern), reverse=True))
    monkeypatch.setattr(pathlib.Path, "iterdir", lambda path: sorted(iterdir(path), reverse=True))
    found = audit.check(tmp_path)
    assert found.holds
    assert [str(each.path.relative_to(tmp_path)) for each in found.findings] == [
        f"{site}/gateway-0/{name}"
        for site in ("ber1", "fra1", "iad1")
        for name in (*(f"chains/w0-{end}" for end in ends), "a", "b", "c")
    ]


def test_chains_that_are_gone_are_told_in_the_order_of_their_names(tmp_path: pathlib.Path) -> None:
    """Those that were signed, and those of which only their workers' next chains speak."""
    made = Instance(tmp_path)
    for after, name in (("w0-c", "a"), ("w0-b", "c"), ("w0-a", "b")):
        made.boot("w1", name, after=after, afterCount=1)
    for name in ("w0-f", "w0-d", "w0-e"):
        made.heads[name] = {"count": 1, "hash": "00" * 32}
    made.checkpoint()
    gone = [each.path.name for each in audit.check(tmp_path).findings if each.is_tampering]
    assert gone == ["w0-d", "w0-e", "w0-f", "w0-a", "w0-b", "w0-c"]


def test_a_folder_is_evidence_if_it_has_chains_or_checkpoints(tmp_path: pathlib.Path) -> None:
    Instance(tmp_path)
    with pytest.raises(audit.NotEvidence, match="one folder for each site"):
        audit.check(tmp_path)
    for site, part in (("ber1", "chains"), ("iad1", "checkpoints")):
        (Instance(tmp_path, site=site).folder / part).mkdir()
    report = audit.check(tmp_path)
    assert (report.instances, report.findings) == (2, ())
