"""Every object of the table of cases, as it is. `ISOCHRONE_GOLDEN=record` writes them anew."""

import os
import pathlib

import pytest
import yaml
from tests.unit.render.sample import CASES

GOLDEN = pathlib.Path(__file__).parents[2] / "golden" / "render" / "engines"


@pytest.mark.parametrize("name", CASES)
def test_objects(name: str) -> None:
    text = yaml.safe_dump_all(CASES[name].objects(), sort_keys=False, width=120, explicit_start=True)
    file = GOLDEN / f"{name}.yaml"
    if os.environ.get("ISOCHRONE_GOLDEN") == "record":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def test_every_golden_file_has_a_case() -> None:
    assert {file.stem for file in GOLDEN.iterdir()} == set(CASES)
