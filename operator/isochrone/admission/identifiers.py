"""How names of fields appear in CEL, and how a rule's `fieldPath` becomes a path in a message.

Spec: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
(field path, escaping).
"""

import re
from collections.abc import Set as AbstractSet
from typing import Final

# The reserved words of the CEL language definition.
RESERVED: Final = frozenset(
    {
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if"),
        *("import", "let", "loop", "package", "namespace", "return", "var", "void", "while"),
    }
)
_ESCAPES: Final = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_TO_ESCAPE: Final = re.compile(r"__|[-./]")
_ESCAPABLE: Final = re.compile(r"[a-zA-Z_./-][a-zA-Z0-9_./-]*")
_STEP: Final = re.compile(r"\.(?P<name>[^.\[\]]+)|\['(?P<key>(?:[^'\\]|\\.)*)'\]")
_STRING_ESCAPES: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def escape(name: str) -> str | None:
    """The identifier by which CEL selects the field, None where it can't be named."""
    if name in RESERVED:
        return f"__{name}__"
    if not _ESCAPABLE.fullmatch(name):
        return None
    return _TO_ESCAPE.sub(lambda found: _ESCAPES[found[0]], name)


def field_path(path: str, fields: AbstractSet[str]) -> str:
    """`.a['b.c'].d` as the server appends it to the path of the failed rule: `a.b.c.d`."""
    steps = list(_STEP.finditer(path))
    if "".join(step[0] for step in steps) != path:
        raise ValueError(f"fieldPath {path!r} is not a chain of .name and ['name'] steps")
    names = [step["name"] or _unescaped(step["key"]) for step in steps]
    if names and names[0] not in fields:
        raise ValueError(f"fieldPath {path!r} starts with no field of the schema")
    return ".".join(names)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: _STRING_ESCAPES.get(found[1], found[1]), text)
