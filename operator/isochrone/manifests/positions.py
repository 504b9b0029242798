"""From a field path, as the API server writes it, to the place in the text.

`spec.tiers[0].backends[1].weight` steps by names and indexes; `metadata.labels[a.b/c]` names a key in brackets. Names
may hold dots, so a step takes the longest key that the object has. Where a step leads nowhere, the nearest parent that
exists is the answer.
"""

import dataclasses
import re

from isochrone.manifests.nodes import Alias, Malformed, Mapping, Node, Scalar, Sequence
from isochrone.manifests.values import key_of

_BRACKETS = re.compile(r"\[([^\]]*)\]")
_MAX_ALIASES = 64


@dataclasses.dataclass(frozen=True, slots=True)
class Spot:
    """The node that a path leads to, and the line of its key."""

    line: int
    node: Node
    is_exact: bool


def find(root: Node, path: str) -> Spot:
    """Where the field is, or else the nearest parent that there is."""
    spot = Spot(root.line, _target(root), is_exact=True)
    rest = "" if path == "<nil>" else path
    while rest:
        step = _step(spot.node, rest)
        if step is None:
            return dataclasses.replace(spot, is_exact=False)
        spot, rest = step
    return spot


def _step(here: Node, path: str) -> tuple[Spot, str] | None:
    rest = path.removeprefix(".")
    if isinstance(here, Mapping):
        return _field(here, rest)
    bracket = _BRACKETS.match(rest)
    if isinstance(here, Sequence) and bracket and bracket[1].isdecimal() and int(bracket[1]) < len(here.items):
        item = here.items[int(bracket[1])]
        return Spot(item.line, _target(item), is_exact=True), rest[bracket.end() :]
    return None


def _field(here: Mapping, path: str) -> tuple[Spot, str] | None:
    entries = _entries(here, 0)
    bracket = _BRACKETS.match(path)
    if bracket and (name := bracket[1].strip("'\"")) in entries:
        return _spot(entries[name]), path[bracket.end() :]
    fitting = [name for name in entries if name and (path == name or path.startswith((f"{name}.", f"{name}[")))]
    if not fitting:
        return None
    longest = max(fitting, key=len)
    return _spot(entries[longest]), path[len(longest) :]


def _spot(entry: tuple[Node, Node]) -> Spot:
    return Spot(entry[0].line, _target(entry[1]), is_exact=True)


def _entries(here: Mapping, depth: int) -> dict[str, tuple[Node, Node]]:
    """Key -> (key node, value node), merged ones included; of several, the one that counts."""
    found: dict[str, tuple[Node, Node]] = {}
    for key, value in here.entries:
        if isinstance(key, Scalar) and key.is_merge:
            parts = list(reversed(value.items)) if isinstance(value, Sequence) else [value]
            for part in parts if depth < _MAX_ALIASES else ():
                merged = _target(part)
                found |= _entries(merged, depth + 1) if isinstance(merged, Mapping) else {}
        else:
            found[_name(key)] = (key, value)
    return found


def _name(key: Node) -> str:
    try:
        return key_of(key)
    except Malformed:
        return ""


def _target(node: Node) -> Node:
    while isinstance(node, Alias):
        node = node.target
    return node
