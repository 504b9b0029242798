"""The reference of the API says all that the CRDs say, and is what the generator writes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hack import api_reference
from tests.corpus import cases
from tests.unit.gitops import statuses

from isochrone.api import KINDS

Json = dict[str, Any]
ROOT: Final = Path(__file__).parents[3]
KIND_NAMES: Final = [kind.__name__ for kind in KINDS]


def page(kind: str) -> str:
    return (ROOT / api_reference.FOLDER / f"{kind.lower()}.md").read_text(encoding="utf-8")


def sections(kind: str) -> dict[str, str]:
    """Heading -> what stands below it."""
    parts = page(kind).split("\n## ")[1:]
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in parts}


def schema(kind: str) -> Json:
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in cases.CRDS.iterdir()]
    found = next(each for each in files if each["spec"]["names"]["kind"] == kind)
    root: Json = found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return root


def fields(node: Json, path: str) -> Iterator[tuple[str, str, Json]]:
    """Every field, with where it is."""
    for name, child in node.get("properties", {}).items():
        yield path, name, child
        yield from fields(child, f"{path}.{name}")
    for step, key in (("[]", "items"), (".*", "additionalProperties")):
        if isinstance(node.get(key), dict):
            yield from fields(node[key], path + step)


def test_committed_pages_are_what_the_generator_writes(tmp_path: Path) -> None:
    api_reference.generate(tmp_path)
    written = {each.name: each.read_text(encoding="utf-8") for each in (tmp_path / api_reference.FOLDER).iterdir()}
    there = {each.name: each.read_text(encoding="utf-8") for each in (ROOT / api_reference.FOLDER).iterdir()}
    assert there == written, "run `make generate`"


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_every_field_is_there_with_its_limits(kind: str) -> None:
    found, root = sections(kind), schema(kind)
    every = [each for part in ("spec", "status") for each in fields(root["properties"][part], part)]
    assert len(every) > 20
    for path, name, node in every:
        row = next(line for line in found[path].splitlines() if line.startswith(f"| `{name}` |")).replace("\\|", "|")
        says = node.get("description", "").partition(" Defaults to ")[0]
        wanted = [says, node.get("pattern", ""), *(f"`{value}`" for value in node.get("enum", ()))]
        wanted += [str(node[key]) for key in ("minimum", "maximum", "maxLength", "maxItems") if key in node]
        assert [each for each in wanted if each not in row] == [], row


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_every_rule_is_there(kind: str) -> None:
    root = schema(kind)
    nodes = [root, root["properties"]["spec"], *(node for _, _, node in fields(root, ""))]
    nodes += [node["items"] for node in nodes if "items" in node]
    messages = {rule["message"] for node in nodes for rule in node.get("x-kubernetes-validations", ())}
    text = page(kind).replace("\\|", "|")
    assert messages
    assert [each for each in messages if each not in text] == []


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_conditions_are_those_that_the_operator_writes(kind: str) -> None:
    said = [
        tuple(each["type"] for each in case.obj["status"]["conditions"])
        for case in statuses.cases()
        if case.kind == kind and case.name == "healthy"
    ]
    assert said == [api_reference.CONDITIONS[kind]]
