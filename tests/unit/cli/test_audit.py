"""`isochrone audit verify` as people run it."""

import datetime as dt
import json
import pathlib
import shutil

import pytest
from click.testing import CliRunner
from tests.unit.audit import writing

from isochrone.cli import main


def _run(*arguments: str | int | pathlib.Path) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["audit", "verify", *map(str, arguments)])
    return result.exit_code, result.output


ANEW = "not proved: that nobody wrote all of it anew, for 1 gateway, whose keys lie beside it; give --trusted-keys"
LOOSE = "not proved: who wrote 2 lines, which no checkpoint signs"
CUT = "not proved: that nothing was cut off at the end, or is gone as a whole, for 1 gateway without --anchors"
BUT = "PROVED, but for that: nothing was edited, removed or reordered"


@pytest.mark.parametrize(
    ("options", "more", "said"),
    [
        pytest.param((), False, [ANEW, CUT, BUT], id="by itself"),
        pytest.param((), True, [ANEW, LOOSE, CUT, BUT], id="by itself, and not all is signed"),
        pytest.param(("--trusted-keys",), False, [CUT, BUT], id="keys"),
        pytest.param(("--anchors",), False, [ANEW, BUT], id="anchors"),
        pytest.param(("--trusted-keys", "--anchors"), True, [LOOSE, BUT], id="both, and not all is signed"),
        pytest.param(
            ("--trusted-keys", "--anchors"),
            False,
            ["PROVED: nothing was edited, removed, reordered or cut off"],
            id="both",
        ),
    ],
)
def test_of_untouched_evidence_is_said_what_is_not_proved(
    tmp_path: pathlib.Path, options: tuple[str, ...], *, more: bool, said: list[str]
) -> None:
    made, anchor = writing.small(tmp_path / "evidence")
    if more:
        made.request("w0-20261126T230200Z-00000000", "d")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "a.pem").write_bytes((made.folder / "public-key.pem").read_bytes())
    (tmp_path / "anchors").write_text(json.dumps(anchor))
    given = {"--trusted-keys": tmp_path / "keys", "--anchors": tmp_path / "anchors"}
    code, found = _run(tmp_path / "evidence", *(word for each in options for word in (each, given[each])))
    assert code == 0
    lines = found.splitlines()
    assert [each for each in lines if "proved" in each.lower()] == said
    believed = f"believed: the key of fra1/gateway-0 {made.key_id}, which lies beside the evidence"
    assert (believed in lines) == ("--trusted-keys" not in options)


def test_tampering_is_told_with_line_and_byte(tmp_path: pathlib.Path) -> None:
    made, anchor = writing.small(tmp_path / "evidence")
    keys, anchors = tmp_path / "keys", tmp_path / "anchors.jsonl"
    keys.mkdir()
    (keys / "gateway.pem").write_bytes((made.folder / "public-key.pem").read_bytes())
    anchors.write_text(json.dumps(anchor) + "\n")
    path = made.folder / "chains/w0-20261126T230100Z-1a2b3c4d/000000.jsonl"
    data = path.read_bytes()
    path.write_bytes(data.replace(b"DE", b"US"))
    code, said = _run(tmp_path / "evidence", "--json", "--trusted-keys", keys, "--anchors", anchors)
    found = json.loads(said)
    assert (code, found["holds"], found["believedKeys"]) == (1, False, [])
    offset = data.index(b"\n") + 1
    assert [(each["rule"], each["line"], each["offset"]) for each in found["findings"]] == [("Edited", 2, offset)]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        pytest.param({"site": 1}, "Expected `str`, got `int` - at `$.site`", id="no text"),
        pytest.param({"n": -1}, "Expected `int` >= 0 - at `$.n`", id="a number below 0"),
        pytest.param({"digest": "x"}, "Expected `str` matching regex", id="no digest"),
        pytest.param({"digest": "AB" * 32}, "Expected `str` matching regex", id="upper case"),
        pytest.param({"digest": "ab" * 33}, "Expected `str` matching regex", id="too long"),
    ],
)
def test_what_is_no_anchor_is_told_with_its_line(tmp_path: pathlib.Path, wrong: dict[str, object], said: str) -> None:
    """It would count as one, and hold evidence to nothing."""
    anchors, evidence = tmp_path / "anchors.jsonl", tmp_path / "evidence"
    _, anchor = writing.small(evidence)
    anchors.write_text(json.dumps(anchor) + "\n\n" + json.dumps({**anchor, **wrong}) + "\n")
    code, found = _run(evidence, "--anchors", anchors)
    assert code == 2
    assert f"{anchors}, line 3, is no anchor: {said}" in found


def test_what_cannot_be_read_is_status_2(tmp_path: pathlib.Path) -> None:
    none = tmp_path / "none.jsonl"
    none.write_text("\n")
    writing.small(tmp_path / "evidence")
    assert _run(tmp_path)[0] == 2
    assert _run(tmp_path / "evidence", "--anchors", none)[0] == 2
    assert _run(tmp_path / "evidence")[0] == 0
    assert _run(tmp_path, "--trusted-keys", tmp_path)[0] == 2


def test_what_had_to_be_kept_longer_is_found(tmp_path: pathlib.Path) -> None:
    made, _ = writing.small(tmp_path)
    chain = "w0-20261126T230100Z-1a2b3c4d"
    a_day_later = dt.datetime(2026, 11, 27, 23, 1, tzinfo=dt.UTC).timestamp()
    made.checkpoint(at=a_day_later, dropped={chain: made.heads[chain]})
    shutil.rmtree(made.folder / "chains" / chain)
    assert _run(tmp_path)[0] == 0
    assert _run(tmp_path, "--retention-days", 1)[0] == 0
    code, said = _run(tmp_path, "--retention-days", 400)
    assert code == 1
    assert "RemovedEarly" in said
    assert _run(tmp_path, "--retention-days", 0)[0] == 2
