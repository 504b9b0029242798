"""The policies of `examples/residency`: each says where it is from, and does what its line in the README says."""

import json
import pathlib
import re
from typing import Any, Final

import pytest
import yaml
from click.testing import CliRunner

from isochrone.cli import main

EXAMPLE: Final = pathlib.Path(__file__).parents[3] / "examples" / "residency"
POLICIES: Final = sorted(path for path in EXAMPLE.glob("*.yaml") if "kind: DataResidencyPolicy" in path.read_text())


def drilled(*options: str) -> dict[str, Any]:
    result = CliRunner().invoke(main, ["drill", "-f", str(EXAMPLE), "--json", *options])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_there_are_as_many_as_the_readme_says() -> None:
    assert "Fourteen policies" in (EXAMPLE / "README.md").read_text()
    assert len(POLICIES) == 14


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_each_says_where_it_is_from_and_when(path: pathlib.Path) -> None:
    comments = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert comments[0].endswith("Not legal advice.")
    assert re.search(r"read on 20\d\d-\d\d-\d\d\.", comments[0])
    is_contract = path.stem == "eu-sovereign"
    assert is_contract or any("https://" in line for line in comments)
    assert yaml.safe_load(path.read_text())["spec"]["wayOut"]


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_each_is_in_the_table_with_a_tenant(path: pathlib.Path) -> None:
    (row,) = [line for line in (EXAMPLE / "README.md").read_text().splitlines() if f"]({path.name})" in line]
    tenant = re.findall(r"`([^`]+)`", row)[-1]
    names = {each["metadata"]["name"] for each in yaml.safe_load_all((EXAMPLE / "tenants.yaml").read_text())}
    assert tenant in names


@pytest.mark.parametrize(
    ("area", "tenant", "answering"),
    [
        pytest.param("EU", "eu-shop", {"site zrh1", "site lhr1"}, id="GDPR: adequate countries are left"),
        pytest.param("EU", "eu-ministry", set(), id="sovereign: they don't count"),
        pytest.param("CH", "ch-insurer", {"site fra1", "site cdg1"}, id="FADP: the EEA is left"),
        pytest.param("IN", "in-portal", {"site ruh1"}, id="DPDP: the nearest anywhere"),
        pytest.param("IN", "in-payments", set(), id="RBI: nobody"),
        pytest.param("CN", "cn-operator", set(), id="PIPL: nobody"),
        pytest.param("RU", "ru-store", set(), id="242-FZ: nobody"),
        pytest.param("SA", "sa-clinic", set(), id="PDPL: nobody"),
        pytest.param("AU", "au-records", set(), id="My Health Records: nobody"),
        pytest.param("CA", "qc-credit-union", set(), id="Québec: nobody, though the US is near"),
        pytest.param("US", "us-hospital", set(), id="health data: nobody outside"),
    ],
)
def test_who_answers_when_all_sites_at_home_are_lost(area: str, tenant: str, answering: set[str]) -> None:
    last = drilled("--all-of", area, "--tenant", tenant)["steps"][-1]["traffic"]
    answered = {row["by"] for row in last if "by" in row}
    assert (answered <= answering and bool(answered)) if answering else not answered
    assert {row["code"] for row in last if "by" not in row} <= {"residency_denied"}
