"""What every CRD of the product keeps to, whatever fields it gets: read from the committed files, as a server does."""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.corpus import cases, rules
from tests.corpus.cases import Object

from isochrone import admission
from isochrone.api import KINDS, Resource, crd

ROOT = Path(__file__).parents[3]
LARGEST_FILE = 250_000
"""Below what fits the annotation of a client-side `kubectl apply` (262,144 bytes), with room to grow."""

ENUM_VALUE = re.compile(r"[A-Z][A-Za-z0-9]*")
STEP = re.compile(r'\.([A-Za-z]\w*)|\[\?\(@\.(\w+)=="(\w+)"\)\]')

Node = tuple[str, Object]


def nodes(node: Object, path: str) -> Iterator[Node]:
    yield path, node
    for step, child in rules.children(node):
        yield from nodes(child, path + (step if step == rules.ITEM else f".{step}"))


def all_nodes() -> list[Node]:
    """Every schema below the objects themselves, less what Kubernetes defines."""
    found = [pair for kind, each in cases.definitions().items() for pair in nodes(cases.schema(each), kind)]
    given = re.compile(r"\w+(\.(apiVersion|kind|metadata(\.name)?))?")
    return [(path, node) for path, node in found if not given.fullmatch(path)]


def of_type(name: str) -> list[Node]:
    return [(path, node) for path, node in all_nodes() if node.get("type") == name]


def test_the_walk_reaches_the_depths() -> None:
    paths = dict(all_nodes())
    assert "ModelRoute.spec.serving.podTemplate.spec.containers[].livenessProbe.httpGet.httpHeaders[].name" in paths
    assert "GPUPool.spec.allowedNamespaces.selector.matchLabels.{}" in paths
    assert len(paths) > 500


def test_committed_files_are_what_the_generator_writes(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("hack_crds", ROOT / "hack" / "crds.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.generate(tmp_path)

    written = {file.name: file.read_text() for file in (tmp_path / "crds").iterdir()}
    assert {file.name: file.read_text() for file in cases.CRDS.iterdir()} == written, "run `make generate`"


@pytest.mark.parametrize("file", sorted(cases.CRDS.iterdir()), ids=lambda file: file.name)
def test_a_file_stays_small_enough_to_be_applied(file: Path) -> None:
    assert file.stat().st_size < LARGEST_FILE


def test_every_field_is_described_in_sentences() -> None:
    fields = [(path, node) for path, node in all_nodes() if not path.endswith((rules.ITEM, rules.VALUE))]
    assert [path for path, node in fields if not re.search(r"\S[.]$", node.get("description", ""))] == []


def test_every_default_of_a_scalar_is_said_in_the_description() -> None:
    scalars = [(path, node) for path, node in all_nodes() if isinstance(node.get("default"), str | int)]
    silent = [path for path, node in scalars if f"Defaults to {node['default']}." not in node["description"]]
    assert silent == ["ModelRoute.spec.serving.engine.env[].value"]  # the empty text


def test_there_are_no_floats() -> None:
    assert of_type("number") == []


def test_enums_are_camel_case() -> None:
    values = [(path, value) for path, node in of_type("string") for value in node.get("enum", ())]
    assert [(path, value) for path, value in values if not ENUM_VALUE.fullmatch(value)] == []


def test_every_list_is_bounded_and_says_how_it_merges() -> None:
    for path, node in of_type("array"):
        assert node.get("maxItems"), path
        assert node.get("x-kubernetes-list-type") in {"map", "set", "atomic"}, path
        scalar = node["items"].get("type") in {"string", "integer"}
        assert node["x-kubernetes-list-type"] != ("map" if scalar else "set"), path


def test_every_text_is_bounded() -> None:
    unbounded = [path for path, node in of_type("string") if not node.keys() & {"maxLength", "enum", "format"}]
    assert unbounded == []


def test_every_number_is_bounded() -> None:
    spec = [(path, node) for path, node in of_type("integer") if ".status." not in path]
    assert [path for path, node in spec if not node.keys() >= {"minimum", "maximum"}] == []
    assert [path for path, node in of_type("integer") if "minimum" not in node] == []


def test_every_map_is_bounded() -> None:
    maps = [(path, node) for path, node in of_type("object") if "additionalProperties" in node]
    assert [path for path, node in maps if "maxProperties" not in node] == []


def test_open_objects_are_in_the_pod_overlay_only() -> None:
    opened = [path for path, node in all_nodes() if node.get("x-kubernetes-preserve-unknown-fields")]
    assert opened
    assert [path for path in opened if not path.startswith("ModelRoute.spec.serving.podTemplate.spec.")] == []


def test_required_fields_have_no_defaults() -> None:
    both = [
        f"{path}.{name}"
        for path, node in all_nodes()
        for name in node.get("required", ())
        if "default" in node["properties"][name]
    ]
    assert both == []


@pytest.mark.parametrize("definition", cases.definitions().values(), ids=cases.definitions())
def test_conditions_are_a_map_by_type(definition: Object) -> None:
    conditions = cases.schema(definition)["properties"]["status"]["properties"]["conditions"]
    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]
    assert cases.version(definition)["subresources"] == {"status": {}}


@pytest.mark.parametrize("definition", cases.definitions().values(), ids=cases.definitions())
def test_list_keys_are_required_or_have_defaults(definition: Object) -> None:
    for path, node in nodes(cases.schema(definition), ""):
        for key in node.get("x-kubernetes-list-map-keys", ()):
            item = node["items"]
            assert key in item["required"] or "default" in item["properties"][key], path


def test_names_are_unique() -> None:
    names = [each["spec"]["names"] for each in cases.definitions().values()]
    every = [name for each in names for name in (each["plural"], each["singular"], *each["shortNames"])]
    assert len(every) == len(set(every))
    assert [each["categories"] for each in names] == [["isochrone"]] * len(names)
    assert [each["kind"] for each in names] == sorted(kind.__name__ for kind in KINDS)


@pytest.mark.parametrize("definition", cases.definitions().values(), ids=cases.definitions())
def test_printer_columns_lead_to_fields_of_their_type(definition: Object) -> None:
    columns = cases.version(definition)["additionalPrinterColumns"]
    assert [each["name"] for each in columns][-3:] == ["Ready", "Reason", "Age"]
    assert len({each["name"] for each in columns}) == len(columns)
    for column in columns:
        if column["jsonPath"] != ".metadata.creationTimestamp":
            assert shown_as(resolved(cases.schema(definition), column["jsonPath"])) == column["type"], column["name"]


def test_a_path_that_leads_nowhere_is_noticed() -> None:
    with pytest.raises(KeyError):
        resolved(cases.schema(cases.definitions()["EdgeNode"]), ".spec.place.town")


def resolved(node: Object, path: str) -> Object:
    """The schema that a column's JSONPath leads to."""
    steps = list(STEP.finditer(path))
    assert "".join(step[0] for step in steps) == path
    for name, key, _ in (step.groups() for step in steps):
        node = node["items"] if key else node["properties"][name]
        assert not key or key in node["properties"]
    return node


def shown_as(node: Object) -> str:
    """A list is shown as JSON, in a column of text."""
    return {"array": "string"}.get(node["type"], str(node["type"]))


class Example(Resource):
    """A kind whose columns and rules don't matter."""

    info = KINDS[0].info
    spec: Any
    """Anything."""


def test_a_definition_is_made_from_the_model_alone() -> None:
    made = crd.definition(Example)
    assert made["spec"]["names"]["kind"] == "Example"
    assert cases.schema(made)["description"] == "A kind whose columns and rules don't matter."


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_rules_and_patterns_stay_where_the_server_and_the_offline_verdict_agree(kind: type[Resource]) -> None:
    assert admission.lint_crd(crd.definition(kind)) == []
