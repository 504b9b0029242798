"""The command line of `isochrone validate`: arguments, output and exit status."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from isochrone.cli import main, report
from isochrone.cli.text import colour
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
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
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
        pytest.param("", [], 2, id="empty"),
        pytest.param("# nothing\n", ["--json"], 2, id="empty-json"),
        pytest.param(NAMESPACE, [], 2, id="nothing-of-ours"),
        pytest.param(SITE.replace(".dev", ".io"), [], 1, id="group-misspelt"),
        pytest.param("kind: Deployment", [], 1, id="no-object"),
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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "among the manifests (they are empty)", id="empty"),
        pytest.param(NAMESPACE, "(one object, of another API group)", id="one"),
        pytest.param(f"{NAMESPACE}---\n{NAMESPACE}", "(2 objects, all of other API groups)", id="two"),
    ],
)
def test_nothing_to_check(text: str, said: str) -> None:
    assert said in run("-f", "-", stdin=text).stderr


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        pytest.param(f"{SITE}---\napiVersion: apps/v1\nkind: Deployment\n", (1, 1), id="other-group"),
        pytest.param(f"{SITE}---\n{NAMESPACE}", (1, 0), id="namespace"),
        pytest.param(f"{SITE}---\nkind: Deployment\n", (1, 0), id="no-object"),
        pytest.param(SITE.replace(".dev", ".io"), (1, 0), id="group-misspelt"),
    ],
)
def test_counts(text: str, counts: tuple[int, int]) -> None:
    summary = json.loads(run("-f", "-", "--json", stdin=text).stdout)["summary"]
    assert (summary["objects"], summary["passedOver"]) == counts


def test_several_files_are_one_world(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE, encoding="utf-8")
    (tmp_path / "pool.yaml").write_text(POOL, encoding="utf-8")
    alone = run("-f", str(tmp_path / "pool.yaml"))
    together = run("-f", str(tmp_path / "pool.yaml"), "-f", str(tmp_path / "site.yaml"))
    assert (alone.exit_code, together.exit_code) == (1, 0)
    assert "there is no EdgeNode fra" in alone.output


@pytest.mark.parametrize(
    ("flags", "status"),
    [
        pytest.param([], 1, id="all"),
        pytest.param(["--exclude", "values.yaml"], 1, id="one-of-two"),
        pytest.param(["--exclude", "values.yaml", "--exclude", "package.json"], 0, id="by-name"),
        pytest.param(["--exclude", "values.yaml", "--exclude", "web"], 0, id="by-folder"),
        pytest.param(["--exclude", "values.yaml", "--exclude", "web/"], 0, id="by-folder-with-slash"),
        pytest.param(["--exclude", "values.yaml", "--exclude", "web/app/*.json"], 0, id="by-path"),
        pytest.param(["--exclude", "*"], 2, id="everything"),
    ],
)
def test_what_is_no_manifest_can_be_left_out(flags: list[str], status: int, tmp_path: Path) -> None:
    texts = {
        "site.yaml": SITE,
        "kustomization.yaml": "resources: [site.yaml]\n",
        "values.yaml": "replicas: 1\n",
        "web/app/package.json": '{"name": "x"}',
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert run("-f", str(tmp_path), *flags).exit_code == status


def test_a_file_that_is_named_is_read(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE, encoding="utf-8")
    assert run("-f", str(tmp_path / "site.yaml"), "--exclude", "*").exit_code == 0


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("site.yaml", "./site.yaml", id="dot"),
        pytest.param("site.yaml", ".", id="folder"),
        pytest.param(".", "sub/../site.yaml", id="detour"),
        pytest.param("site.yaml", "sub/link.yaml", id="link"),
    ],
)
def test_a_file_is_read_once(first: str, second: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("site.yaml").write_text(SITE, encoding="utf-8")
    Path("sub").mkdir()
    Path("sub/link.yaml").symlink_to(tmp_path / "site.yaml")
    result = run("-f", first, "-f", second)
    assert (result.exit_code, result.output) == (0, "no errors; 1 object checked\n")


@pytest.mark.parametrize(
    ("text", "is_template"),
    [
        pytest.param('a: {{ .Values.a }}\nb: {{- include "x" . }}\n', True, id="value"),
        pytest.param("{{- if .Values.on }}\na: 1\n{{- end }}\n", True, id="condition"),
        pytest.param("a: [\n", False, id="yaml-that-is-wrong"),
        pytest.param("a: {{b: c}: [\n", False, id="flow-mapping"),
    ],
)
def test_helm_templates(text: str, is_template: bool) -> None:
    result = run("-f", "-", stdin=text)
    assert result.exit_code == 1
    assert ("helm template CHART | isochrone validate -f -" in result.output) is is_template


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
    assert colour(is_terminal, environment) is expected


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
