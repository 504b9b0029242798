"""The command line of `isochrone validate`: arguments, output and exit status."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from isochrone.cli import main, report
from isochrone.validate import Finding, Key, Rule, Severity

SITE = "apiVersion: isochrone.dev/v1alpha1\nkind: EdgeNode\nmetadata: {name: fra}\nspec: {place: {iata: FRA}}\n"
POOL = """
apiVersion: isochrone.dev/v1alpha1
kind: GPUPool
metadata: {name: l4}
spec:
  edgeNodeRef: {name: fra}
  device: {product: L4, memory: 24Gi, resourceName: nvidia.com/gpu}
  nodes: 1
  devicesPerNode: 1
  pricePerDeviceHour: "0.8"
"""
WARNING = f"{SITE}---{POOL}"
ERROR = SITE.replace("FRA", "QQQ")


def run(*arguments: str, stdin: str | None = None) -> Result:
    result = CliRunner().invoke(main, ["validate", *arguments], input=stdin)
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result


@pytest.mark.parametrize(
    ("text", "flags", "status"),
    [
        pytest.param(SITE, [], 0, id="sound"),
        pytest.param(SITE, ["--strict"], 0, id="sound-strict"),
        pytest.param(WARNING, [], 0, id="warning"),
        pytest.param(WARNING, ["--strict"], 1, id="warning-strict"),
        pytest.param(ERROR, [], 1, id="error"),
        pytest.param(ERROR, ["--json"], 1, id="error-json"),
        pytest.param("a: [", [], 1, id="malformed"),
        pytest.param("", [], 0, id="empty"),
    ],
)
def test_exit_status(text: str, flags: list[str], status: int) -> None:
    assert run("-f", "-", *flags, stdin=text).exit_code == status


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param([], "Missing option '-f'", id="no-file"),
        pytest.param(["-f", "missing.yaml"], "missing.yaml: No such file or directory", id="missing-file"),
        pytest.param(["-f", "empty"], "empty: no *.yaml, *.yml or *.json in this folder", id="empty-folder"),
        pytest.param(["-f", "site.yaml", "--against", "missing"], "missing: No such file", id="missing-before"),
        pytest.param(["-f", "site.yaml", "--against", "bad.yaml"], "--against bad.yaml:2:", id="malformed-before"),
        pytest.param(["-f", "site.yaml", "--nonsense"], "No such option", id="unknown-option"),
    ],
)
def test_unusable(arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("site.yaml").write_text(SITE, encoding="utf-8")
    Path("bad.yaml").write_text("a: 1\nb: [\n", encoding="utf-8")
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_several_files_are_one_world(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE, encoding="utf-8")
    (tmp_path / "pool.yaml").write_text(POOL, encoding="utf-8")
    alone = run("-f", str(tmp_path / "pool.yaml"))
    together = run("-f", str(tmp_path / "pool.yaml"), "-f", str(tmp_path / "site.yaml"))
    assert (alone.exit_code, together.exit_code) == (1, 0)
    assert "there is no EdgeNode fra" in alone.output


def test_changes_are_compared(tmp_path: Path) -> None:
    (tmp_path / "before.yaml").write_text(SITE.replace("FRA", "MUC"), encoding="utf-8")
    assert "a site does not move" in run("-f", "-", "--against", str(tmp_path / "before.yaml"), stdin=SITE).output


def test_json_is_one_document() -> None:
    document = json.loads(run("-f", "-", "--json", stdin=ERROR).stdout)
    assert document["summary"] == {"errors": 1, "warnings": 0, "objects": 1, "passedOver": 0}
    assert [(each["file"], each["line"], each["rule"]) for each in document["findings"]] == [("-", 4, "UnknownPlace")]


@pytest.mark.parametrize(
    ("is_terminal", "environment", "expected"),
    [
        pytest.param(True, {}, True, id="terminal"),
        pytest.param(True, {"NO_COLOR": ""}, True, id="empty-means-unset"),
        pytest.param(True, {"NO_COLOR": "1"}, False, id="no-color"),
        pytest.param(False, {}, False, id="pipe"),
    ],
)
def test_colour(is_terminal: bool, environment: dict[str, str], expected: bool) -> None:
    assert report.colour(is_terminal, environment) is expected


def test_files_do_not_steer_the_terminal() -> None:
    found = Finding(
        severity=Severity.ERROR,
        rule=Rule.INVALID,
        file="a\x1b[2J.yaml",
        line=1,
        object=Key("EdgeNode", "", "x\ny"),
        field="spec.\u202e",
        message="\ud83d",
        way_out="",
    )
    text = report.as_text([found], report.Summary.of([found], objects=1, passed_over=0))
    plain = text.replace("\x1b[1m", "").replace("\x1b[0m", "").replace("\x1b[31m", "")
    assert plain.splitlines()[0] == (r"a\x1b[2J.yaml:1: error: [FieldValueInvalid] EdgeNode x\ny: spec.\u202e: \ud83d")


@pytest.mark.parametrize(
    ("errors", "warnings", "expected"),
    [
        pytest.param(0, 0, "no errors; 1 object checked, 2 of other API groups passed over", id="none"),
        pytest.param(1, 0, "1 error; 1 object checked, 2 of other API groups passed over", id="one"),
        pytest.param(0, 1, "1 warning; 1 object checked, 2 of other API groups passed over", id="warning"),
        pytest.param(2, 3, "2 errors and 3 warnings; 1 object checked, 2 of other API groups passed over", id="both"),
    ],
)
def test_summary(errors: int, warnings: int, expected: str) -> None:
    summary = report.Summary(errors=errors, warnings=warnings, objects=1, passed_over=2)
    assert report.as_text([], summary) == expected


def test_help_names_every_option() -> None:
    result = run("--help")
    assert all(option in result.output for option in ("--filename", "--against", "--json", "--strict"))
