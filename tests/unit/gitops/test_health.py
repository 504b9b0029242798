"""Argo CD shows of every kind what the operator says of it. `ISOCHRONE_GOLDEN=record` writes the test data anew."""

import os
import shutil
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hack import argo_health
from tests.unit.gitops.argo import health
from tests.unit.gitops.statuses import Case, cases
from tests.unit.status.network import Json

from isochrone.api import GROUP, KINDS

ROOT: Final = Path(__file__).parents[3]
CASES: Final = cases()
KIND_NAMES: Final = [kind.__name__ for kind in KINDS]
SCRIPT: Final = (ROOT / argo_health.SCRIPT).read_text(encoding="utf-8")


def folder(kind: str) -> Path:
    return ROOT / argo_health.folder_of(kind)


def text(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, width=120, allow_unicode=True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind} {case.name}")
def test_what_argo_cd_shows(case: Case) -> None:
    assert health(SCRIPT, case.obj)["status"] == case.health


def test_each_answer_of_ready_is_among_the_cases() -> None:
    for kind in KIND_NAMES:
        said = {case.ready.partition(" ")[0] for case in CASES if case.kind == kind}
        shown = {case.health for case in CASES if case.kind == kind}
        assert said >= {"True", "Unknown", ""}, kind
        assert shown == {"Healthy", "Suspended", "Progressing", "Degraded"}, kind


def test_a_fault_says_its_reason() -> None:
    case = next(each for each in CASES if each.name == "forbidden")
    assert health(SCRIPT, case.obj)["message"] == "Forbidden: Role shop/x: may not be created: grant it"


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({}, id="no-conditions"),
        pytest.param({"observedGeneration": 1, "conditions": []}, id="none-of-them"),
        pytest.param({"observedGeneration": 1, "conditions": [{"type": "Accepted", "status": "True"}]}, id="no-ready"),
        pytest.param(
            {"observedGeneration": 2, "conditions": [{"type": "Ready", "status": "True", "observedGeneration": 1}]},
            id="condition-of-an-older-generation",
        ),
        pytest.param(
            {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True", "observedGeneration": 2}]},
            id="status-of-an-older-generation",
        ),
    ],
)
def test_a_status_that_says_too_little_is_progressing(status: Json) -> None:
    obj = {"metadata": {"generation": 2}, "status": status}
    assert health(SCRIPT, obj)["status"] == "Progressing"


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_the_test_data_is_what_the_operator_says(kind: str) -> None:
    own = [case for case in CASES if case.kind == kind]
    files = {f"testdata/{case.name}.yaml": text(case.obj) for case in own}
    tests = [{"healthStatus": health(SCRIPT, case.obj), "inputPath": f"testdata/{case.name}.yaml"} for case in own]
    files["health_test.yaml"] = text({"tests": tests})
    if os.environ.get("ISOCHRONE_GOLDEN") == "record":
        shutil.rmtree(folder(kind) / "testdata", ignore_errors=True)
        (folder(kind) / "testdata").mkdir(parents=True)
        for name, content in files.items():
            (folder(kind) / name).write_text(content, encoding="utf-8")
    there = {
        str(path.relative_to(folder(kind))): path.read_text(encoding="utf-8") for path in folder(kind).rglob("*.yaml")
    }
    assert there == files


@pytest.mark.parametrize(
    "path", sorted((ROOT / argo_health.FOLDER).rglob("health_test.yaml")), ids=lambda p: p.parent.name
)
def test_as_argo_cd_tests_it(path: Path) -> None:
    """TestLuaHealthScript of argo-cd: each input through the script beside it."""
    script = (path.parent / "health.lua").read_text(encoding="utf-8")
    tests = yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]
    assert len(tests) > 5
    for each in tests:
        obj = yaml.safe_load((path.parent / each["inputPath"]).read_text(encoding="utf-8"))
        assert (obj["kind"], obj["apiVersion"].partition("/")[0]) == (path.parent.name, path.parent.parent.name)
        assert health(script, obj) == each["healthStatus"]


def test_every_kind_has_a_check() -> None:
    parent = ROOT / argo_health.FOLDER / "resource_customizations" / GROUP
    assert sorted(each.name for each in parent.iterdir()) == sorted(KIND_NAMES)


def test_committed_files_are_what_the_generator_writes(tmp_path: Path) -> None:
    (tmp_path / argo_health.FOLDER).mkdir(parents=True)
    (tmp_path / argo_health.SCRIPT).write_text(SCRIPT, encoding="utf-8")
    argo_health.generate(tmp_path)
    for path in sorted(each for each in tmp_path.rglob("*") if each.is_file()):
        name = path.relative_to(tmp_path)
        assert (ROOT / name).read_text(encoding="utf-8") == path.read_text(encoding="utf-8"), f"{name}: make generate"


def test_what_argocd_cm_holds_is_the_check() -> None:
    item = yaml.safe_load((ROOT / argo_health.CONFIG_MAP).read_text(encoding="utf-8"))
    assert item["data"] == {f"resource.customizations.health.{GROUP}_{kind}": SCRIPT for kind in KIND_NAMES}
