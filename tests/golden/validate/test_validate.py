"""`isochrone validate` on whole folders: what people and programs read.

After a wanted change, record anew with ISOCHRONE_GOLDEN=record and read the difference.
"""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from isochrone.cli import main

_CASES = sorted(path for path in (Path(__file__).parent / "cases").iterdir() if path.is_dir())


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in _CASES])
@pytest.mark.parametrize("form", ["text", "json"])
def test_output(case: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case)
    arguments = ["-f", "after", "--against", "before"] if Path("before").is_dir() else ["-f", "."]
    result = CliRunner().invoke(main, ["validate", *arguments, *(["--json"] if form == "json" else [])])
    assert isinstance(result.exception, SystemExit | None), result.exception
    expected = case / ("expected.json.txt" if form == "json" else "expected.txt")  # *.json would be read itself
    if os.environ.get("ISOCHRONE_GOLDEN") == "record":
        expected.write_text(result.output, encoding="utf-8")
    assert result.output == expected.read_text(encoding="utf-8")
    assert result.exit_code == (0 if case.name == "sound" else 1)
