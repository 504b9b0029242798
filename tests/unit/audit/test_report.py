"""What a report counts, the names of its rules, and in which order instances are told."""

import pathlib

from tests.unit.audit import writing
from tests.unit.audit.files import FIRST, NEXT
from tests.unit.audit.telling import NOT_YET
from tests.unit.audit.writing import Instance

from isochrone import audit
from isochrone.audit import Rule
from isochrone.audit.finding import Extent


def test_findings_have_the_names_of_the_reference() -> None:
    """Those that prove that something was tampered with, and those that don't."""
    tampering = [
        "Edited",
        "OutOfOrder",
        "Missing",
        "NotAsSigned",
        "NotAsAnchored",
        "OtherKey",
        "Misplaced",
        "RemovedEarly",
    ]
    notes = [
        "UncleanBoot",
        "HalfALine",
        "Lost",
        "Withheld",
        "NoOutcome",
        "Retention",
        "NotSigned",
        "NotAnchored",
        "NotRead",
    ]
    assert [each.value for each in Rule] == [*tampering, *notes]
    found = [audit.Finding(rule=each, path=pathlib.Path(), message="") for each in Rule]
    assert [each.rule for each in found if each.is_tampering] == tampering
    assert {(each.line, each.offset) for each in found} == {(0, 0)}, "of a whole file"


def test_what_a_report_counts(tmp_path: pathlib.Path) -> None:
    one, said = writing.small(tmp_path)
    two = Instance(tmp_path, site="ber1")
    chain = two.boot("w0", NEXT.removeprefix("w0-"))
    two.checkpoint()
    two.request(chain, "a")
    new = two.boot("w1", "20261126T230200Z-00000000")
    anchor = audit.Anchor("fra1", "gateway-0", said["n"], said["digest"])
    report = audit.check(tmp_path, anchors=[anchor])
    assert (report.instances, report.chains, report.lines, report.checkpoints, report.anchored) == (2, 4, 13, 3, 1)
    assert report.believed == (f"ber1/gateway-0 {two.key_id}", f"fra1/gateway-0 {one.key_id}")
    assert (report.loose, report.bare) == (3, 1)
    assert report.extents == {
        two.folder / "chains" / NEXT: Extent(3, 1),
        two.folder / "chains" / new: Extent(1, 0),
        one.folder / "chains" / FIRST: Extent(6, 6),
        one.folder / "chains" / NEXT: Extent(3, 3),
    }
    alone = "none of the anchors is of it: a cut would not be seen"
    assert [(each.path, each.message) for each in report.findings] == [
        (two.folder, alone),
        (two.folder / "chains" / NEXT, NOT_YET.format(2)),
        (two.folder / "chains" / new, NOT_YET.format(1)),
    ]
    assert report.holds


def test_instances_that_are_gone_are_told_first_and_in_order(tmp_path: pathlib.Path) -> None:
    _, said = writing.small(tmp_path)
    names = "hgfedcba"  # As many as don't come in order by chance.
    gone = [audit.Anchor("iad1", each, 0, "00" * 32) for each in names] + [audit.Anchor("ber1", "c", 0, "00" * 32)]
    mine = audit.Anchor("fra1", "gateway-0", said["n"], said["digest"])
    report = audit.check(tmp_path, anchors=[*gone, mine])
    assert [(each.rule, str(each.path.relative_to(tmp_path)), each.message) for each in report.findings] == [
        (Rule.MISSING, path, "it was anchored, and all its evidence is gone")
        for path in ("ber1/c", *(f"iad1/{each}" for each in sorted(names)))
    ]
