"""The command lines of `isochrone plan` and `isochrone explain`: arguments, exit status, words."""

import json
import pathlib
from typing import Final

import click
import pytest
from click.testing import CliRunner, Result

from isochrone.cli import main, words
from isochrone.cli.text import columns, printable
from isochrone.law import VerdictReason
from isochrone.model import Because, ChangeKind, WhyNot
from isochrone.model import words as reasons
from isochrone.model.words import count

ROOT: Final = pathlib.Path(__file__).parents[3]
EXAMPLE: Final = str(ROOT / "examples" / "quickstart-multicluster")


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(main, arguments)
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result


@pytest.mark.parametrize("command", [["plan"], ["explain", "qwen"], ["render", "-o", "out"]], ids=lambda each: each[0])
@pytest.mark.parametrize(
    ("source", "said"),
    [
        pytest.param([], "manifests with -f, or a hub's cluster with --kubeconfig", id="none"),
        pytest.param(["-f", EXAMPLE, "--kubeconfig", "x"], "manifests with -f, or a hub's cluster", id="both"),
        pytest.param(["-f", "missing"], "missing: No such file or directory", id="missing-file"),
        pytest.param(["--kubeconfig", "missing"], "kubeconfig missing", id="missing-kubeconfig"),
    ],
)
def test_what_to_read_must_be_said(command: list[str], source: list[str], said: str) -> None:
    result = run(*command, *source)
    assert result.exit_code == 2
    assert said in result.stderr


def test_manifests_with_errors_are_not_planned(tmp_path: pathlib.Path) -> None:
    bad = tmp_path / "site.yaml"
    bad.write_text(
        "apiVersion: isochrone.dev/v1alpha1\nkind: EdgeNode\nmetadata: {name: a}\nspec: {place: {iata: QQQ}}\n"
    )
    result = run("plan", "-f", str(bad))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "QQQ" in result.stderr
    assert f"isochrone validate -f {bad}" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["nobody"], "there is no route nobody; there are: demo/bge, demo/qwen", id="route"),
        pytest.param(["qwen", "--origin", "XX"], "XX is no ISO 3166 code", id="origin"),
        pytest.param(["qwen", "--at", "mars"], "there is no EdgeNode mars; there are: ber1, cdg1", id="site"),
    ],
)
def test_names_that_are_not_there(arguments: list[str], said: str) -> None:
    result = run("explain", *arguments, "-f", EXAMPLE)
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize("name", ["demo/qwen", "qwen", "qwen2.5-7b", "chat"])
def test_a_route_is_found_by_any_of_its_names(name: str) -> None:
    assert json.loads(run("explain", name, "-f", EXAMPLE, "--json").stdout)["route"] == "demo/qwen"


def test_for_one_origin_programs_read_who_may_answer_and_why_the_others_may_not() -> None:
    arguments = ("explain", "chat", "-f", str(ROOT / "examples" / "residency"), "--origin", "RU", "--json")
    found = json.loads(run(*arguments, "--at", "svo1").stdout)
    refused = {each.get("site") or each["endpoint"]: each["law"] for each in found["refused"]}
    lawful = {each["site"] for each in found["sites"] if each["law"]["allowed"]}

    assert (found["origin"], found["entryLaw"]["allowed"], found["entryLaw"]["scope"]) == (["RU"], True, "Ingress")
    assert [[each.get("site", "here") for each in tier] for tier in found["tiers"]] == [["here", "led1"]]
    assert lawful == {"svo1", "led1"}
    assert refused.keys() == {each["site"] for each in found["sites"]} - lawful | {"eu", "us"}
    assert {(law["scope"], law["policy"]) for law in refused.values()} == {("Inference", "ru-242fz")}

    found = json.loads(run(*arguments, "--at", "fra1").stdout)
    assert (found["tiers"], found["entryLaw"]["allowed"], found["entryLaw"]["policy"]) == ([], False, "ru-242fz")
    assert {each["law"]["scope"] for each in found["refused"]} == {"Ingress"}


@pytest.mark.parametrize(
    ("file", "begins"),
    [pytest.param("a.svg", b"<svg", id="svg"), pytest.param("a.png", b"\x89PNG", id="png")],
)
def test_a_map_is_drawn(tmp_path: pathlib.Path, file: str, begins: bytes) -> None:
    result = run("plan", "-f", EXAMPLE, "--map", str(tmp_path / file))
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / file).read_bytes().startswith(begins)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        pytest.param("a.gif", "should end in .svg or .png", id="format"),
        pytest.param("missing/a.svg", "No such file or directory", id="folder"),
    ],
)
def test_a_map_that_can_not_be_written(tmp_path: pathlib.Path, file: str, said: str) -> None:
    result = run("plan", "-f", EXAMPLE, "--map", str(tmp_path / file))
    assert result.exit_code == 2
    assert said in result.stderr


def test_each_reason_has_words() -> None:
    assert set(reasons.BECAUSE) == set(Because)
    assert set(reasons.WHY_NOT) == set(WhyNot)
    assert set(words.VERDICT) == set(VerdictReason)
    assert set(words.CHANGE) == set(ChangeKind)


def test_columns_line_up_whatever_their_colour() -> None:
    rows = [("a", click.style("bb", fg="red"), "c"), ("aaa", "b", "")]
    assert [click.unstyle(line) for line in columns(rows)] == ["a    bb  c", "aaa  b"]


@pytest.mark.parametrize(("number", "said"), [(0, "no sites"), (1, "1 site"), (2, "2 sites")])
def test_counts(number: int, said: str) -> None:
    assert count(number, "site") == said


def test_text_does_not_steer_the_terminal() -> None:
    assert printable("a\x1b[2Jb") == "a\\x1b[2Jb"
