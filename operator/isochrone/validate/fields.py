"""What the CustomResourceDefinitions say of a field, for people who got it wrong."""

import functools
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from isochrone.api import crd
from isochrone.validate.kinds import BY_NAME

Json = dict[str, Any]

_STEP: Final = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")
_EXAMPLE: Final = re.compile("`([^`]+)`")
_UNITS: Final = ("ms", "s")
_CODE: Final = len("NO")
_METADATA: Final = ("name", "namespace", "labels", "annotations", "finalizers", "ownerReferences")
"""Of ObjectMeta, what people write. The CRDs don't describe it."""


def names(kind: str, path: str) -> Sequence[str]:
    """The fields of the object at a path."""
    return _METADATA if path == "metadata" else [*(_schema(kind, path) or {}).get("properties", {})]


def description(kind: str, path: str) -> str:
    """What a field is for, with its format; of an item, what the list is for. Empty where nothing is known."""
    own = (_schema(kind, path) or {}).get("description", "")
    return own or (description(kind, path[: path.rindex("[")]) if path.endswith("]") else "")


def is_scalar(kind: str, path: str) -> bool:
    """Whether the field is text, a number or a boolean."""
    return (_schema(kind, path) or {}).get("type") in {"string", "integer", "number", "boolean"}


def explanation(kind: str, path: str) -> str:
    """Where kubectl tells more about a field."""
    plain = re.sub(r"\[[^\]]*\]", "", path)
    return f"kubectl explain {'.'.join(part for part in (kind.lower(), plain) if part)}"


def takes(kind: str, path: str, text: str) -> bool:
    """Whether the field's pattern and choices allow this text."""
    schema = _schema(kind, path) or {}
    choices = schema.get("enum")
    return re.search(schema.get("pattern", ""), text) is not None and (choices is None or text in choices)


def examples(kind: str, path: str, text: str) -> list[str]:
    """Texts that the field does take: the code in capitals, the number with a unit, else what its description shows."""
    code = [text.upper()] if len(text) == _CODE else []
    units = [f"{text}{unit}" for unit in _UNITS]
    known = [
        *(_schema(kind, path) or {}).get("enum", ()),
        *(each.strip("'") for each in _EXAMPLE.findall(description(kind, path))),
    ]
    return next((taken for some in (code, units, known) if (taken := [x for x in some if takes(kind, path, x)])), [])


def _schema(kind: str, path: str) -> Json | None:
    node: Json | None = _root(kind)
    for step in _steps(path):
        node = node and _below(node, step)
    return node


def _steps(path: str) -> Iterator[str]:
    return (inside or outside for inside, outside in _STEP.findall(path))


def _below(node: Json, step: str) -> Json | None:
    if "items" in node:
        found = node["items"] if step.isdecimal() else None
    else:
        found = node.get("properties", {}).get(step, node.get("additionalProperties"))
    return found if isinstance(found, dict) else None


@functools.cache
def _root(kind: str) -> Json:
    return crd.structural(BY_NAME[kind])
