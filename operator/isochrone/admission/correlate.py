"""Which old value belongs to which new one: the basis of ratcheting and of transition rules.

An error in a value that did not change is no error (KEP-4008, stable in 1.33). Fields of objects and values of maps
belong together by name, items of list-type=map by their keys, items of other lists not at all.
"""

from dataclasses import dataclass, field
from typing import Any

from isochrone.admission import equality
from isochrone.admission.structure import Node


@dataclass
class Pair:
    """A new value and the old one that it replaces. Children are made once, their comparison too."""

    node: Node
    new: Any
    old: Any
    _children: dict[str | int, "Pair | None"] = field(default_factory=dict)
    _equal: bool | None = None

    def field(self, name: str) -> "Pair | None":
        if name not in self._children:
            self._children[name] = self._make_field(name)
        return self._children[name]

    def item(self, index: int) -> "Pair | None":
        if index not in self._children:
            self._children[index] = self._make_item(index)
        return self._children[index]

    def _make_field(self, name: str) -> "Pair | None":
        if not isinstance(self.new, dict) or not isinstance(self.old, dict):
            return None
        sub = self.node.properties.get(name, self.node.values)
        if sub is None or name not in self.new or name not in self.old:
            return None
        return Pair(sub, self.new[name], self.old[name])

    def _make_item(self, index: int) -> "Pair | None":
        if not isinstance(self.new, list) or not isinstance(self.old, list) or self.node.items is None:
            return None
        old = by_key(self.node, self.old, self.new[index])
        return None if old is None else Pair(self.node.items, self.new[index], old)

    def unchanged(self) -> bool:
        if self._equal is None:
            self._equal = self._compare()
        return self._equal

    def _compare(self) -> bool:
        match self.new, self.old:
            case dict() as new, dict() as old:
                children = [self.field(name) for name in new]
                return len(new) == len(old) and all(child is not None and child.unchanged() for child in children)
            case list() as new, list() as old if self.node.list_type == "map":
                items = [self.item(index) for index in range(len(new))]
                return len(new) == len(old) and all(item is not None and item.unchanged() for item in items)
            case _:
                return equality.same(self.new, self.old)


def by_key(node: Node, items: Any, like: Any) -> Any:
    """The first of the old items with the same keys, None where the list has none or isn't a map."""
    if node.list_type != "map" or not isinstance(items, list):
        return None
    wanted = _keys(node, like)
    if wanted is None:
        return None
    return next((item for item in items if _keys(node, item) == wanted), None)


def _keys(node: Node, item: Any) -> list[tuple[type, Any]] | None:
    if not isinstance(item, dict):
        return None
    if any(not isinstance(item.get(name), (bool, int, float, str)) for name in node.list_keys):
        return None
    return [equality.key(item[name]) for name in node.list_keys]
