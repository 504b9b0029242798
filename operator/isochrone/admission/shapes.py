"""What a CEL rule reads, followed through its syntax tree along the schema: the types behind `subset`'s complaints."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from isochrone.admission import identifiers, patterns
from isochrone.admission.structure import Node
from isochrone.admission.syntax import Call, Comprehension, Elements, Entries, Expr, Literal, Name, Select, parts

_TEXT: Final = Node(types=("string",), bounds={"maxLength": 253})
_METADATA: Final = Node(types=("object",), properties={"name": _TEXT, "generateName": _TEXT})
_TYPE_NAMES: Final = frozenset({"int", "string", "bool", "double", "list", "map", "null_type"})
# These are times, durations or bytes to the server.
_RETYPED: Final = frozenset({"date", "date-time", "duration", "byte"})
_QUANTITY: Final = "quantity"
_QUANTITY_METHODS: Final = frozenset(
    {"isGreaterThan", "isLessThan", "compareTo", "isInteger", "asInteger", "add", "sub"}
)
_EQUALITY: Final = frozenset({"_==_", "_!=_", "@in"})
_FREE: Final = frozenset({"_&&_", "_||_", "!_", "_?_:_", "_[_]", "size", "type", "@not_strictly_false", "dyn"})
_RESULTS: Final = {
    **dict.fromkeys(("quantity", "add", "sub"), _QUANTITY),
    **dict.fromkeys(("size", "compareTo", "asInteger", "sign", "indexOf", "lastIndexOf", "int"), "int"),
    **dict.fromkeys(("lowerAscii", "upperAscii", "trim", "replace", "substring", "charAt", "join"), "string"),
    **dict.fromkeys(("startsWith", "endsWith", "contains", "matches", "isQuantity", "isInteger", "isSorted"), "bool"),
    **dict.fromkeys(("isGreaterThan", "isLessThan", "_&&_", "_||_", "!_", "@not_strictly_false"), "bool"),
    **dict.fromkeys((*_EQUALITY, "_<_", "_<=_", "_>_", "_>=_"), "bool"),
    **dict.fromkeys(("split", "_+_", "_-_", "_*_", "_/_", "_%_", "-_", "_?_:_", "_[_]", "type", "dyn"), ""),
    **dict.fromkeys(("sum", "min", "max"), ""),
    "duration": "duration",
}


@dataclass(frozen=True)
class Shape:
    """A value's type: by its schema, or by name; "" = known at run time only."""

    node: Node | None = None
    type: str = ""
    element: "Shape | None" = None

    @property
    def known(self) -> str:
        if self.node is not None:
            return "map" if self.node.values is not None else self.node.type
        return self.type


UNKNOWN: Final = Shape()


@dataclass
class Reader:
    """Follows one expression; what it complains about is collected in `complaints`."""

    complaints: list[str] = field(default_factory=list)

    def follow(self, tree: Expr, scope: Mapping[str, Shape]) -> Shape:  # noqa: PLR0911 - one return per kind of node
        match tree:
            case Literal():
                return Shape(type=tree.type)
            case Name():
                return self._name(tree, scope)
            case Select():
                selected = self._select(tree, self.follow(tree.operand, scope))
                return Shape(type="bool") if tree.test else selected
            case Call():
                return self._call(tree, scope)
            case Elements():
                shapes = [self.follow(item, scope) for item in tree.items]
                return Shape(type="list", element=shapes[0] if shapes else UNKNOWN)
            case Entries():
                self.complaints.append("map literals are not supported")
                return UNKNOWN
            case Comprehension():
                return self._comprehension(tree, scope)

    def _name(self, tree: Name, scope: Mapping[str, Shape]) -> Shape:
        if tree.name in scope:
            return scope[tree.name]
        if tree.name not in _TYPE_NAMES:
            self.complaints.append(f"unknown name {tree.name}")
        return Shape(type="type")

    def _select(self, tree: Select, of: Shape) -> Shape:
        if of.known == "object" and of.node is not None:
            sub = fields(of.node).get(tree.field)
            if sub is None:
                self.complaints.append(f"no field {tree.field} in the schema")
            return self._reached(sub)
        if of.known == "map" and of.node is not None:
            return self._reached(of.node.values)
        if of.known:
            self.complaints.append(f"field {tree.field} of a value of type {of.known}")
        return UNKNOWN

    def _reached(self, node: Node | None) -> Shape:
        if node is None or node.int_or_string:
            return Shape(node) if node else UNKNOWN
        if node.format in _RETYPED:
            self.complaints.append(f"a string of format {node.format} is no string to the server")
        return Shape(node)

    def _comprehension(self, tree: Comprehension, scope: Mapping[str, Shape]) -> Shape:
        over = self.follow(tree.over, scope)
        if over.known == "object":
            self.complaints.append("the fields of an object can't be iterated over")
        if over.node is not None and _unbounded_size(over.node):
            self.complaints.append("iterates over a list or map without maxItems or maxProperties")
        if tree.second:
            self.complaints.append("macros with two variables are not supported")
        inner = {**scope, tree.variable: self._item(over), tree.accumulator: self.follow(tree.start, scope)}
        self.follow(tree.condition, inner)
        grown = self.follow(tree.step, inner)
        return self.follow(tree.result, {**inner, tree.accumulator: grown})

    def _item(self, over: Shape) -> Shape:
        if over.known == "map":
            return Shape(type="string")
        if over.node is not None:
            return self._reached(over.node.items)
        return over.element or UNKNOWN

    def _call(self, tree: Call, scope: Mapping[str, Shape]) -> Shape:
        shapes = [self.follow(part, scope) for part in parts(tree)]
        name = tree.function
        if name not in _RESULTS:
            self.complaints.append(f"function {name} is not supported")
            return UNKNOWN
        self.complaints += _misuses(tree, shapes)
        match name:
            case "_[_]":
                values = shapes[0].node.values if shapes[0].node else None
                return self._reached(values) if values else self._item(shapes[0])
            case "_?_:_":
                return shapes[1]
            case "_+_" | "_-_" | "_*_" | "_/_" | "_%_" | "-_":
                # The accumulator of map() and filter() starts as a list of nothing.
                return next((shape for shape in reversed(shapes) if shape.known), UNKNOWN)
            case "split":
                return Shape(type="list", element=Shape(type="string"))
            case _:
                return Shape(type=_RESULTS[name])


def _misuses(tree: Call, shapes: list[Shape]) -> Iterator[str]:
    name = tree.function
    if name in _EQUALITY or name == "_+_":
        for shape in shapes:
            yield from _unordered(shape, name)
    if name in _QUANTITY_METHODS and any(shape.known not in (_QUANTITY, "") for shape in shapes):
        yield f"{name} is for two quantities"
    if name in ("indexOf", "lastIndexOf") and shapes[0].known not in ("string", ""):
        yield f"{name} is supported on strings only"
    if name == "matches":
        yield from _pattern(parts(tree)[-1])
    if name not in _FREE and any(shape.node is not None and not bounded(shape.node) for shape in shapes):
        yield f"{name.strip('_')} reads a string, list or map without maxLength, maxItems or maxProperties"


def _unordered(shape: Shape, name: str) -> Iterator[str]:
    if shape.node is not None and name != "@in" and _has_unordered(shape.node):
        yield f"{name.strip('_')} of a list with list-type set or map, whose order the server ignores"
    if shape.node is not None and shape.node.embedded:
        yield f"{name.strip('_')} of a whole object, whose metadata the server changes"


def _pattern(tree: Expr) -> Iterator[str]:
    if not isinstance(tree, Literal):
        yield "matches needs a literal pattern"
    else:
        yield from (f"pattern {tree.text!r}: {difference}" for difference in patterns.differences(tree.text))


def fields(node: Node) -> dict[str, Node]:
    """The fields that CEL can select, by their escaped names."""
    properties = dict(node.properties)
    if node.embedded:
        properties |= {"apiVersion": _TEXT, "kind": _TEXT, "metadata": _METADATA}
    escaped = ((identifiers.escape(name), sub) for name, sub in properties.items())
    return {name: sub for name, sub in escaped if name is not None and sub.exposed}


def bounded(node: Node) -> bool:
    """Whether a value of it has a greatest size, at every depth."""
    if node.int_or_string or node.type == "string":
        return "maxLength" in node.bounds or bool(node.enum)
    below = [*node.properties.values(), *(sub for sub in (node.items, node.values) if sub is not None)]
    return not _unbounded_size(node) and all(map(bounded, below))


def _unbounded_size(node: Node) -> bool:
    if node.type == "array":
        return "maxItems" not in node.bounds
    return node.values is not None and "maxProperties" not in node.bounds


def _has_unordered(node: Node) -> bool:
    below = [*node.properties.values(), *(sub for sub in (node.items, node.values) if sub is not None)]
    return node.list_type in ("set", "map") or any(map(_has_unordered, below))
