"""From the tree of a document to its JSON value: aliases, merge keys, keys that stand twice.

Merge keys work as in kubectl's library: `<<` is filled in where it stands, so a field that stands *before* it is
overwritten. (PyYAML, and YAML's own draft, let the object's fields win.) Its bound on aliases is ours as well: a few
lines must not unfold into gigabytes.
"""

import dataclasses
from typing import Any

from isochrone.manifests import scalars
from isochrone.manifests.nodes import MAX_DEPTH, Alias, Malformed, Mapping, Node, Scalar, Sequence

_SMALL, _LARGE = 400_000, 4_000_000
"""Up to so many values, 99 % may come from aliases; from so many on, 10 %."""
_HARMLESS_ALIASES, _HARMLESS_VALUES = 100, 1000


@dataclasses.dataclass(frozen=True, slots=True)
class Repeated:
    """A key that stands again in one object."""

    line: int
    key: str
    first_line: int


@dataclasses.dataclass(slots=True)
class _Unfolding:
    """How many values there are by now, and how many of them by aliases."""

    values: int = 0
    by_alias: int = 0
    within: list[Alias] = dataclasses.field(default_factory=list)
    depth: int = 0

    def count(self, node: Node) -> None:
        if self.depth > MAX_DEPTH:
            raise Malformed(node.line, f"nested more than {MAX_DEPTH} levels deep")
        self.values += 1
        self.by_alias += bool(self.within)
        if self.by_alias <= _HARMLESS_ALIASES or self.values <= _HARMLESS_VALUES:
            return
        over = min(max(self.values - _SMALL, 0) / (_LARGE - _SMALL), 1.0)
        if self.by_alias / self.values > 0.99 - 0.89 * over:
            raise Malformed(node.line, "document contains excessive aliasing")


@dataclasses.dataclass(slots=True)
class _Reader:
    unfolding: _Unfolding = dataclasses.field(default_factory=_Unfolding)
    repeated: dict[int, Repeated] = dataclasses.field(default_factory=dict)

    def value(self, node: Node) -> Any:
        self.unfolding.count(node)
        self.unfolding.depth += 1
        value = self._value(node)
        self.unfolding.depth -= 1
        return value

    def _value(self, node: Node) -> Any:
        match node:
            case Scalar():
                return _carried(node)
            case Sequence():
                return [self.value(item) for item in node.items]
            case Mapping():
                fields: dict[str, Any] = {}
                self.fill(node, fields)
                return fields
            case Alias():
                self._enter(node)
                value = self.value(node.target)
                self.unfolding.within.pop()
                return value

    def fill(self, node: Mapping, fields: dict[str, Any]) -> None:
        """Put the entries of a mapping among the fields of an object that may have some already."""
        lines: dict[str, int] = {}
        for key, value in node.entries:
            if isinstance(key, Scalar) and key.is_merge:
                self._merge(value, fields)
                continue
            name = key_of(key)
            if name in lines:
                self.repeated[id(key)] = Repeated(key.line, name, lines[name])
            lines.setdefault(name, key.line)
            fields[name] = self.value(value)

    def _merge(self, node: Node, fields: dict[str, Any]) -> None:
        # Of several, the first has precedence: it is filled in last.
        parts = reversed(node.items) if isinstance(node, Sequence) else [node]
        for part in parts:
            target = part.target if isinstance(part, Alias) else part
            if not isinstance(target, Mapping):
                raise Malformed(part.line, "map merge requires map or sequence of maps as the value")
            self.unfolding.count(part)
            if isinstance(part, Alias):
                self._enter(part)
            self.fill(target, fields)
            if isinstance(part, Alias):
                self.unfolding.within.pop()

    def _enter(self, alias: Alias) -> None:
        if any(outer is alias for outer in self.unfolding.within):
            raise Malformed(alias.line, f"anchor '{alias.name}' value contains itself")
        self.unfolding.within.append(alias)


def value_of(root: Node) -> tuple[Any, tuple[Repeated, ...]]:
    """The JSON value of a document, and the keys that stand twice; of those the last one counts."""
    reader = _Reader()
    value = reader.value(root)
    return value, tuple(sorted(reader.repeated.values(), key=lambda repeated: repeated.line))


def key_of(node: Node) -> str:
    """The name that a key node gives to its field."""
    while isinstance(node, Alias):
        node = node.target
    if not isinstance(node, Scalar):
        raise Malformed(node.line, "a list or an object is no name for a field")
    try:
        return scalars.key(node.value)
    except ValueError as error:
        raise Malformed(node.line, str(error)) from error


def _carried(node: Scalar) -> scalars.Value:
    try:
        return scalars.carried(node.value)
    except ValueError as error:
        raise Malformed(node.line, str(error)) from error
