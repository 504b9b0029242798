"""Write the JSON Schema of the config contract: the index and every shard document."""

import inspect
import pathlib
import typing
from typing import Any

import msgspec

from isochrone_gateway.config.document import ShardDocument
from isochrone_gateway.config.index import Index
from isochrone_gateway.config.version import API_VERSION, CURRENT

PATH = pathlib.Path("gateway/isochrone_gateway/config/schema.json")


def render() -> str:
    """The schema as text. A document matches if it is an index or one of the shards."""
    kinds = (Index, *typing.get_args(ShardDocument))
    references, definitions = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Isochrone gateway config {API_VERSION}, version {CURRENT}",
        "anyOf": list(references),
        "$defs": {name: _described(each) for name, each in sorted(definitions.items())},
    }
    return msgspec.json.format(msgspec.json.encode(_ordered(schema)), indent=2).decode() + "\n"


def _ordered(value: Any) -> Any:
    """The value with the defaults of sets sorted; a set's own order changes from run to run."""
    if isinstance(value, list):
        return [_ordered(item) for item in value]
    if not isinstance(value, dict):
        return value
    ordered = {name: _ordered(item) for name, item in value.items()}
    if ordered.get("uniqueItems") and "default" in ordered:
        ordered["default"] = sorted(ordered["default"])
    return ordered


def _described(definition: dict[str, Any]) -> dict[str, Any]:
    """The definition with its docstring's indentation taken off."""
    if "description" not in definition:
        return definition
    return {**definition, "description": inspect.cleandoc(definition["description"])}


def generate(root: pathlib.Path) -> None:
    """Write the schema below the repository's root."""
    (root / PATH).write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    generate(pathlib.Path(__file__).resolve().parent.parent)
