"""What the examples for Argo CD name in this repository is there."""

import json
from collections.abc import Iterator
from typing import Any, Final

import jsonschema
import yaml
from tests.unit.gitops.test_examples import ROOT, objects

Json = dict[str, Any]
OURS: Final = "https://github.com/isochrone-dev/isochrone"


def specs() -> Iterator[Json]:
    """Of all Applications, those of a template too."""
    for each in objects():
        yield each["spec"]["template"]["spec"] if each["kind"] == "ApplicationSet" else each["spec"]


def test_what_they_name_is_there() -> None:
    paths = [spec["source"]["path"] for spec in specs() if spec["source"]["repoURL"] == OURS]
    assert len(paths) == 3
    assert [path for path in paths if not (ROOT / path).is_dir()] == []


def test_the_charts_take_their_values() -> None:
    sources = [source for source in (spec["source"] for spec in specs()) if "helm" in source]
    assert len(sources) == 2
    for source in sources:
        chart = ROOT / source["path"]
        values = yaml.safe_load((chart / "values.yaml").read_text(encoding="utf-8"))
        given = {key: "iad1" if "{{" in str(each) else each for key, each in source["helm"]["valuesObject"].items()}
        schema = json.loads((chart / "values.schema.json").read_text(encoding="utf-8"))
        jsonschema.validate({**values, **given}, schema)
