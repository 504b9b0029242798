"""`isochrone audit show` and `export` on a small network's evidence: what people and programs read.

After a wanted change, record anew with ISOCHRONE_GOLDEN=record and read the difference.
"""

import os
import pathlib
from typing import Final

import pytest
from click.testing import CliRunner
from tests.unit.audit import network

from isochrone.cli import main

_HERE: Final = pathlib.Path(__file__).parent


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("table.txt", ["show", "evidence"], id="table"),
        pytest.param("table.jsonl", ["show", "evidence", "--json"], id="table as JSON"),
        pytest.param("outside.txt", ["show", "evidence", "--outside", "EU", "--limit", "2"], id="outside, cut"),
        pytest.param("hop.txt", ["show", "r-hop", "evidence"], id="a hop"),
        pytest.param("hop.jsonl", ["show", "r-hop", "evidence", "--json"], id="a hop as JSON"),
        pytest.param("denied.txt", ["show", "r-denied", "evidence"], id="refused"),
        pytest.param("denied.jsonl", ["show", "r-denied", "evidence", "--json"], id="refused, as JSON"),
        pytest.param("away.txt", ["show", "r-away", "evidence"], id="withheld at the peer"),
        pytest.param("open.txt", ["show", "r-open", "evidence"], id="no outcome"),
        pytest.param("late.txt", ["show", "r-late", "evidence"], id="no intent"),
        pytest.param("export.csv", ["export", "evidence"], id="CSV"),
        pytest.param("export.jsonl", ["export", "evidence", "--format", "jsonl"], id="JSON lines"),
    ],
)
def test_output(name: str, words: list[str], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    network.write(pathlib.Path("evidence"))
    found = CliRunner().invoke(main, ["audit", *words])
    assert found.exit_code == 0, found.output
    expected = _HERE / "expected" / name
    if os.environ.get("ISOCHRONE_GOLDEN") == "record":
        expected.write_text(found.stdout, encoding="utf-8")
    assert found.stdout == expected.read_text(encoding="utf-8")
