"""What in the charts is made from something else, or has to agree with it."""

import dataclasses
import importlib.util
import json
import pathlib
import shutil
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, Final, get_type_hints

import pytest
import yaml

from isochrone.controller.settings import OperatorSettings, read
from isochrone.render.settings import GATEWAY_IMAGE

ROOT: Final = pathlib.Path(__file__).parents[3]
CHARTS: Final = ("isochrone", "isochrone-site")
NOT_ASKED: Final = {
    "planning": {"installation"},  # a value of its own
    "rendering": {"installation", "gatewayImage", "trustedKeys"},  # the same; and what the hub finds out
    "gateway": {"ports", "operatorName"},  # fixed by the chart
}
"""Settings that a chart's `settings` don't have."""

Json = Mapping[str, Any]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hack_charts", ROOT / "hack" / "charts.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def files(folder: pathlib.Path) -> dict[str, str]:
    return {str(each.relative_to(folder)): each.read_text() for each in folder.rglob("*") if each.is_file()}


def values(chart: str) -> Any:
    return yaml.safe_load((ROOT / "charts" / chart / "values.yaml").read_text())


def schema(chart: str) -> Any:
    return json.loads((ROOT / "charts" / chart / "values.schema.json").read_text())


def test_generated_files_are_current(generator: ModuleType, tmp_path: pathlib.Path) -> None:
    shutil.copytree(ROOT / "charts", tmp_path / "charts")
    generator.generate(tmp_path)
    made, there = files(tmp_path / "charts"), files(ROOT / "charts")
    assert sorted(name for name in made.keys() | there.keys() if made.get(name) != there.get(name)) == []


@pytest.mark.parametrize("chart", CHARTS)
def test_a_chart_has_the_version_of_the_project(chart: str) -> None:
    about = yaml.safe_load((ROOT / "charts" / chart / "Chart.yaml").read_text())
    version = f'version = "{about["version"]}"'
    assert version in (ROOT / "pyproject.toml").read_text()
    assert about["appVersion"] == about["version"]
    images = yaml.safe_load(about["annotations"]["artifacthub.io/images"])
    assert {each["image"].rpartition(":")[2] for each in images} == {about["version"]}


def test_the_gateways_image_is_the_operators_own_default() -> None:
    image = values("isochrone")["gatewayImage"]
    version = yaml.safe_load((ROOT / "charts" / "isochrone" / "Chart.yaml").read_text())["appVersion"]
    assert f"{image['registry']}/{image['repository']}:{version}" == GATEWAY_IMAGE


@pytest.mark.parametrize("chart", CHARTS)
def test_every_value_is_documented_and_in_the_schema(chart: str, generator: ModuleType) -> None:
    text = (ROOT / "charts" / chart / "values.yaml").read_text()
    documented = {name for name, _, _ in generator.documented(text)}
    undocumented = [path for path in leaves(values(chart)) if not any(_is_in(path, name) for name in documented)]
    assert undocumented == []
    assert list(_unlike(values(chart), schema(chart), "")) == []


def leaves(node: Json, path: str = "") -> Iterator[str]:
    for name, each in node.items():
        if isinstance(each, dict) and each:
            yield from leaves(each, f"{path}{name}.")
        else:
            yield f"{path}{name}"


def _is_in(path: str, name: str) -> bool:
    return path == name or path.startswith(f"{name}.")


def _unlike(node: Any, wanted: Json, path: str) -> Iterator[str]:
    """What values have and the schema doesn't, or the other way round."""
    if "properties" not in wanted or wanted.get("additionalProperties") is not False:
        return
    known = set(wanted["properties"])
    yield from (f"{path}{name} is in the values only" for name in node.keys() - known)
    if not path:
        yield from (f"{name} is in the schema only" for name in known - node.keys())
    for name in node.keys() & known:
        if isinstance(node[name], dict) and node[name]:
            yield from _unlike(node[name], wanted["properties"][name], f"{path}{name}.")


def test_settings_are_those_of_the_operator() -> None:
    asked = {
        name: set(each.get("properties", ()))
        for name, each in schema("isochrone")["properties"]["settings"]["properties"].items()
    }
    assert asked == {name: fields - NOT_ASKED.get(name, set()) for name, fields in _settings(OperatorSettings).items()}


def test_a_sites_settings_are_those_that_its_operator_reads() -> None:
    found = schema("isochrone-site")["properties"]["settings"]["properties"]
    own = schema("isochrone")["properties"]["settings"]["properties"]
    assert found == {name: own[name] for name in ("pace", "election")}


def _settings(of: Any) -> dict[str, set[str]]:
    kinds = get_type_hints(of)
    return {
        _camel(each.name): {_camel(field.name) for field in dataclasses.fields(kinds[each.name])}
        if dataclasses.is_dataclass(kinds[each.name])
        else set()
        for each in dataclasses.fields(of)
    }


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.title, rest))


@pytest.mark.parametrize("chart", CHARTS)
def test_the_charts_own_settings_can_be_read(chart: str) -> None:
    given = values(chart)["settings"]
    assert read(yaml.safe_dump(given)) == OperatorSettings()
