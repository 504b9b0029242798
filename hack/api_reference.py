"""Write the pages of the reference that list every field of every kind, from the CRDs."""

import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from isochrone.api import GROUP, KINDS, Resource, crd
from isochrone.api.resource import VERSION

Json = dict[str, Any]

FOLDER: Final = pathlib.Path("docs/reference/api")
WRITTEN: Final = "<!-- Written by `make generate` from the models in operator/isochrone/api. -->"
CONDITIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "EdgeNode": ("Ready", "Accepted", "Reachable", "Delivered", "Programmed", "EgressEnforced"),
    "GPUPool": ("Ready", "ResolvedRefs"),
    "ModelRoute": ("Ready", "Accepted", "ResolvedRefs", "Placed", "Serving"),
    "DataResidencyPolicy": ("Ready", "Accepted", "Satisfiable"),
    "ModelProvider": ("Ready", "Accepted", "ResolvedRefs"),
    "InferenceTenant": ("Ready", "Accepted", "ResolvedRefs"),
}
"""What the operator says of each kind; a test holds it to what `isochrone.status` writes."""
_BOUNDS: Final = (
    ("minimum", "at least {}"),
    ("maximum", "at most {}"),
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minItems", "at least {} items"),
    ("maxItems", "at most {} items"),
    ("minProperties", "at least {} entries"),
    ("maxProperties", "at most {} entries"),
    ("format", "{}"),
    ("pattern", "matches `{}`"),
)


def generate(root: pathlib.Path) -> None:
    (root / FOLDER).mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (root / FOLDER / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """Name -> text, for each kind and for the list of them."""
    found = {f"{kind.__name__.lower()}.md": page(kind) for kind in KINDS}
    return {**found, "README.md": _index()}


def page(kind: type[Resource]) -> str:
    schema = crd.structural(kind)
    parts = {name: schema["properties"][name] for name in ("spec", "status")}
    sections = [_section(path, node) for name, part in parts.items() for path, node in _objects(part, name)]
    return "\n".join([*_head(kind, schema), *sections, *_conditions(kind.__name__), *_columns(kind)])


def _index() -> str:
    rows = (
        f"| [{kind.__name__}]({kind.__name__.lower()}.md) | `{kind.info.short_name}` | {kind.info.scope} |"
        f" {_cell(crd.structural(kind)['description'])} |"
        for kind in KINDS
    )
    head = f"# The API\n{WRITTEN}\n\nAll kinds are in `{GROUP}/{VERSION}`. `kubectl explain` says the same.\n"
    return "\n".join([head, "| kind | short name | scope | |", "|---|---|---|---|", *rows, ""])


def _head(kind: type[Resource], schema: Json) -> Iterator[str]:
    info = kind.info
    yield f"# {kind.__name__}\n{WRITTEN}\n\n{schema['description']}\n"
    scope = "in a namespace" if info.scope == "Namespaced" else "of the whole cluster"
    yield f"`{GROUP}/{VERSION}`, {scope}; `kubectl get {info.plural}`, or `{info.short_name}`.\n"
    yield from _rules(schema)


def _objects(node: Json, path: str) -> Iterator[tuple[str, Json]]:
    """The objects that have fields, each before those inside it."""
    if "properties" in node:
        yield path, node
        for name, child in node["properties"].items():
            yield from _objects(child, f"{path}.{name}")
    for step, key in (("[]", "items"), (".*", "additionalProperties")):
        if isinstance(node.get(key), dict):
            yield from _objects(node[key], f"{path}{step}")


def _section(path: str, node: Json) -> str:
    required = node.get("required", ())
    rows = (_row(name, each, is_needed=name in required) for name, each in node["properties"].items())
    described = [f"{node['description']}\n"] if node.get("description") else []
    table = ["| field | type | default | must be | says |", "|---|---|---|---|---|", *rows, ""]
    return "\n".join([f"## {path}", *described, *table, *_rules(node)])


def _row(name: str, node: Json, *, is_needed: bool) -> str:
    default = f"`{json.dumps(node['default'])}`" if "default" in node else ""
    must = "; ".join([*(["given"] if is_needed else []), *_bounds(node)])
    says = node.get("description", "").removesuffix(_default_said(node))
    return f"| `{name}` | {_type(node)} | {_cell(default)} | {_cell(must)} | {_cell(says)} |"


def _default_said(node: Json) -> str:
    """What a description ends with, for `kubectl explain`, and the table has in a column of its own."""
    return f" Defaults to {node['default']}." if isinstance(node.get("default"), str | int | bool) else ""


def _type(node: Json) -> str:
    if node.get("x-kubernetes-int-or-string"):
        return "integer or string"
    if node.get("type") == "array":
        return f"list of {_type(node['items'])}s"
    if isinstance(node.get("additionalProperties"), dict):
        return f"map of {_type(node['additionalProperties'])}s"
    return str(node.get("type", "any"))


def _bounds(node: Json) -> Iterator[str]:
    if "enum" in node:
        yield " or ".join(f"`{each}`" for each in node["enum"])
    for key, words in _BOUNDS:
        if key in node:
            yield "not empty" if words.startswith("at least {} ") and node[key] == 1 else words.format(node[key])
    if keys := node.get("x-kubernetes-list-map-keys"):
        yield f"one for each {' and '.join(f'`{key}`' for key in keys)}"
    if node.get("x-kubernetes-list-type") == "set":
        yield "each once"
    for rule in node.get("x-kubernetes-validations", ()) if "properties" not in node else ():
        yield rule["message"]
    inner = node.get("items", node.get("additionalProperties"))
    if isinstance(inner, dict) and "properties" not in inner and (bounds := list(_bounds(inner))):
        yield f"each {', '.join(bounds)}"


def _rules(node: Json) -> Iterator[str]:
    """What one object has to be as a whole, in the words of the API server's refusal."""
    rules = node.get("x-kubernetes-validations", ())
    if rules:
        yield "The API server also refuses, with this message:\n"
        yield from (f"* {_where(rule)}{rule['message']}" for rule in rules)
        yield ""


def _where(rule: Json) -> str:
    return f"`{rule['fieldPath'].removeprefix('.')}`: " if "fieldPath" in rule else ""


def _conditions(kind: str) -> Iterator[str]:
    yield "## Conditions"
    named = ", ".join(f"`{each}`" for each in CONDITIONS[kind])
    yield f"{named}. [What they say](../status.md), and [what to do](../../troubleshooting.md).\n"


def _columns(kind: type[Resource]) -> Iterator[str]:
    yield "## Columns of kubectl get\n\n| column | shows | with `-o wide` only |\n|---|---|---|"
    for each in kind.info.columns:
        yield f"| {each.name} | {_cell(each.description or f'`{each.path}`')} | {'yes' if each.priority else ''} |"
    yield ""


def _cell(text: str) -> str:
    """Text that stays in its cell."""
    return text.replace("|", "\\|").replace("\n", " ")
