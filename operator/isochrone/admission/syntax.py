"""The syntax tree of a compiled CEL expression, read from its wire format (cel/expr/checked.proto, syntax.proto).

Only the fields that `subset` and `expressions` ask about are kept. Macros are expanded already: all, exists, map and
the others are comprehensions.
"""

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Literal:
    """`type` is the CEL type's name; the value only for strings."""

    type: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Name:
    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """`operand.field`, or has(operand.field)."""

    operand: "Expr"
    field: str
    test: bool


@dataclass(frozen=True, slots=True)
class Call:
    """Operators are calls too: `_==_`, `_[_]`, `!_`, ..."""

    function: str
    target: "Expr | None"
    arguments: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class Elements:
    """A list literal."""

    items: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class Entries:
    """A map literal or a message."""

    items: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class Comprehension:
    variable: str
    second: str
    over: "Expr"
    accumulator: str
    start: "Expr"
    condition: "Expr"
    step: "Expr"
    result: "Expr"


Expr = Literal | Name | Select | Call | Elements | Entries | Comprehension

_MORE: Final = 0x80


_EQUALITIES: Final = frozenset({"_==_", "_!=_"})
_ORDERS: Final = frozenset({"_<_", "_<=_", "_>_", "_>=_", "_+_"})
# They take a value of any type, or of many.
_TOLERANT: Final = frozenset({"@in", "size", "string", "type", "dyn"})


def walk(tree: Expr) -> Iterator[Expr]:
    """The expression and all below it."""
    yield tree
    for below in parts(tree):
        yield from walk(below)


def parts(tree: Expr) -> tuple[Expr, ...]:
    match tree:
        case Select():
            return (tree.operand,)
        case Call():
            return (tree.target, *tree.arguments) if tree.target else tree.arguments
        case Elements() | Entries():
            return tree.items
        case Comprehension():
            return (tree.over, tree.start, tree.condition, tree.step, tree.result)
        case _:
            return ()


def mentioned(tree: Expr) -> Iterator[str]:
    """The fields and variables that are read, not those only asked for by has()."""
    yield from (name for each in walk(tree) if (name := _read(each)) is not None)


def asked_for(tree: Expr, name: str) -> bool:
    """Whether has() asks for a field of that name."""
    return any(isinstance(each, Select) and each.test and each.field == name for each in walk(tree))


def tolerates(tree: Expr, path: tuple[str, ...], others: AbstractSet[str]) -> bool:
    """Whether the value at the path, of a type that no rule expects, is used by something that takes any type.

    An equality looks into what it compares, so there it may be in the value of a field above. An order takes two of
    any one type: `others` has the names of all such values.
    """
    *above, last = path
    for each in walk(tree):
        operands = [_read(operand) for operand in parts(each)] if isinstance(each, Call) else []
        match each:
            case Call(function=function) if function in _EQUALITIES and {last, *above} & set(operands):
                return True
            case Call(function=function) if function in _ORDERS and last in operands and others >= set(operands):
                return True
            case Call(function=function) if function in _TOLERANT and last in operands:
                return True
    return False


def _read(tree: Expr) -> str | None:
    match tree:
        case Select(field=name, test=False) | Name(name=name):
            return name
        case _:
            return None


@dataclass(frozen=True, slots=True)
class _Message:
    """A protobuf message: what each field number holds, in order."""

    fields: tuple[tuple[int, int | bytes], ...]

    @classmethod
    def read(cls, data: bytes) -> "_Message":
        return cls(tuple(_records(memoryview(data))))

    def all(self, number: int) -> list["_Message"]:
        return [self.read(value) for key, value in self.fields if key == number and isinstance(value, bytes)]

    def one(self, number: int) -> "_Message":
        return self.all(number)[0]

    def has(self, number: int) -> bool:
        return any(key == number for key, _ in self.fields)

    def text(self, number: int) -> str:
        found = (value for key, value in self.fields if key == number and isinstance(value, bytes))
        return next(found, b"").decode()


def decode(serialized: bytes) -> tuple[Expr, frozenset[str]]:
    """The tree, and the names and functions that it refers to; `serialized` is an Any that holds a CheckedExpr."""
    checked = _Message.read(serialized).one(2)
    references = (reference.one(2) for reference in checked.all(2))
    return _expr(checked.one(4)), frozenset(reference.text(1) for reference in references)


def _expr(message: _Message) -> Expr:
    for number, build in _KINDS.items():
        for kind in message.all(number):
            return build(kind)
    raise ValueError("an expression without a kind")


def _literal(message: _Message) -> Literal:
    for number, name in _LITERALS.items():
        if message.has(number):
            return Literal(name, message.text(number) if name == "string" else "")
    return Literal("null")


def _call(message: _Message) -> Call:
    target = next(map(_expr, message.all(1)), None)
    return Call(message.text(2), target, tuple(map(_expr, message.all(3))))


def _entries(message: _Message) -> Entries:
    return Entries(tuple(_expr(part) for entry in message.all(2) for number in (3, 4) for part in entry.all(number)))


def _comprehension(message: _Message) -> Comprehension:
    return Comprehension(
        variable=message.text(1),
        second=message.text(8),
        over=_expr(message.one(2)),
        accumulator=message.text(3),
        start=_expr(message.one(4)),
        condition=_expr(message.one(5)),
        step=_expr(message.one(6)),
        result=_expr(message.one(7)),
    )


_LITERALS: Final = {1: "null", 2: "bool", 3: "int", 4: "uint", 5: "double", 6: "string", 7: "bytes"}
_KINDS: Final[dict[int, Callable[[_Message], Expr]]] = {
    3: _literal,
    4: lambda message: Name(message.text(1)),
    5: lambda message: Select(_expr(message.one(1)), message.text(2), message.has(3)),
    6: _call,
    7: lambda message: Elements(tuple(map(_expr, message.all(1)))),
    8: _entries,
    9: _comprehension,
}


def _records(data: memoryview) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        match tag & 7:
            case 0:
                value, at = _varint(data, at)
                yield tag >> 3, value
            case 1:
                yield tag >> 3, int.from_bytes(data[at : at + 8], "little")
                at += 8
            case 2:
                length, at = _varint(data, at)
                yield tag >> 3, bytes(data[at : at + length])
                at += length
            case wire:
                raise ValueError(f"wire type {wire} in a syntax tree")


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while data[at] & _MORE:
        value |= (data[at] & ~_MORE) << shift
        at, shift = at + 1, shift + 7
    return value | data[at] << shift, at + 1
