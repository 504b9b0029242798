"""Alerts and dashboards ask for metrics that are there, by labels that they have."""

import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
import yaml
from tests.unit.charts import metrics

CHART: Final = pathlib.Path(__file__).parents[3] / "charts" / "isochrone"
DASHBOARDS: Final = sorted((CHART / "files" / "dashboards").glob("*.json"))
RULES: Final = sorted((CHART / "files" / "rules").glob("*.yaml"))
TESTED: Final = pathlib.Path(__file__).parents[2] / "cluster" / "charts" / "rules"


def rules() -> Iterator[Any]:
    for file in RULES:
        for group in yaml.safe_load(file.read_text())["groups"]:
            yield from group["rules"]


def expressions() -> Iterator[tuple[str, str]]:
    """Where, and what."""
    for rule in rules():
        yield rule["alert"], rule["expr"]
        # Texts name metrics as well.
        yield f"{rule['alert']}, its text", " ".join(re.findall(r"isochrone_\w+", json.dumps(rule["annotations"])))
    for file in DASHBOARDS:
        board = json.loads(file.read_text())
        for panel in board["panels"]:
            yield from ((f"{file.stem}: {panel['title']}", each["expr"]) for each in panel.get("targets", ()))
        for each in board["templating"]["list"]:
            if each["type"] == "query":
                yield f"{file.stem}: ${each['name']}", each["query"]["query"]


def test_every_metric_that_is_asked_for_is_exported() -> None:
    there = metrics.exported()
    asked = [(where, *each) for where, text in expressions() for each in metrics.used(text)]
    assert len(asked) > 60, "the expressions were not read"
    assert [(where, name) for where, name, _ in asked if name not in there] == []
    known = {name: labels | metrics.SCRAPED for name, labels in there.items()}
    assert [(where, name, labels - known[name]) for where, name, labels in asked if labels - known[name]] == []


def test_what_is_summed_up_by_is_a_label_of_what_is_summed_up() -> None:
    there = metrics.exported()
    for where, text in expressions():
        labels = metrics.SCRAPED.union(*(there[name] for name, _ in metrics.used(text)))
        assert metrics.grouped(text) <= labels, where


def test_every_alert_is_tried_by_promtool() -> None:
    tried = set(re.findall(r'alertname(?:="|: )(\w+)', "".join(each.read_text() for each in TESTED.glob("*.yaml"))))
    assert tried == {each["alert"] for each in rules()}


@pytest.mark.parametrize("rule", list(rules()), ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_it_is_and_what_to_do(rule: Any) -> None:
    assert rule["alert"].startswith("Isochrone")
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert set(rule["annotations"]) == {"summary", "description"}


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_a_dashboard_can_be_imported_anywhere(file: pathlib.Path) -> None:
    board = json.loads(file.read_text())
    assert board["uid"] == f"isochrone-{file.stem}"
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    cells = [
        (panel["gridPos"]["x"] + dx, panel["gridPos"]["y"] + dy)
        for panel in board["panels"]
        for dx in range(panel["gridPos"]["w"])
        for dy in range(panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells)), "panels lie on each other"
    sources = {each["datasource"]["uid"] for panel in board["panels"] for each in panel.get("targets", ())}
    assert sources == {"${datasource}"}
