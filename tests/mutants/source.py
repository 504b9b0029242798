"""The mutants of one file: each is its syntax tree with one node replaced, and two lines of text that tell it apart.

A mutant is known by its file, its function, and the statement before and after (of a compound statement the head only);
not by its line, so that what is written about it stays true while the file changes elsewhere.
"""

import ast
import copy
import dataclasses
import pathlib
from collections.abc import Callable, Iterator

from tests.mutants.operators import Around, replacements

_NOT_RUN = frozenset({"annotation", "returns", "decorator_list", "bases", "type_params", "ctx", "op", "ops"})
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
_GENERIC = frozenset({"dict", "frozenset", "list", "set", "tuple"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclasses.dataclass(frozen=True, order=True)
class Key:
    """What tells a mutant apart. `nth` counts, from 1, those of a function that read the same."""

    file: str
    function: str
    before: str
    after: str
    nth: int = 1


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One change, and the line of its statement, which tests may reach or not unless it runs at import."""

    key: Key
    line: int
    is_in_function: bool
    whole: ast.Module
    """The tree that is changed, as long as it is not."""
    _put: Callable[[], None]

    def tree(self) -> ast.Module:
        """The changed tree. It is changed for good: ask in a process that ends with this mutant."""
        self._put()
        return ast.fix_missing_locations(self.whole)


@dataclasses.dataclass(frozen=True)
class _Slot:
    """Where a node hangs in its parent."""

    parent: ast.AST
    field: str
    index: int | None

    def put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


@dataclasses.dataclass(frozen=True)
class _Scope:
    """The function and the statement that a node is in."""

    names: tuple[str, ...]
    around: Around
    statement: ast.stmt | ast.match_case | None = None
    line: int = 0
    is_in_function: bool = False


def mutants(file: pathlib.Path, name: str) -> list[Mutant]:
    """All mutants of a file, in the order of its text."""
    tree = ast.parse(file.read_text(), file.name)
    scope = _Scope((), Around(imported=frozenset(_imported(tree))))
    seen: dict[Key, int] = {}
    found = []
    for slot, old, new, where in _changes(tree, scope):
        before, after = _texts(slot, old, new, where)
        if before == after:
            continue
        plain = Key(name, ".".join(where.names), before, after)
        seen[plain] = seen.get(plain, 0) + 1
        key = Key(name, plain.function, before, after, seen[plain])
        found.append(Mutant(key, where.line, where.is_in_function, tree, _putter(slot, new)))
    return found


def _putter(slot: _Slot, node: ast.AST) -> Callable[[], None]:
    return lambda: slot.put(node)


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)


def _changes(node: ast.AST, scope: _Scope) -> Iterator[tuple[_Slot, ast.AST, ast.AST, _Scope]]:
    for slot, child in _children(node):
        inside = _inside(child, scope)
        seen = set()
        for new in replacements(child, inside.around):
            text = ast.dump(new)
            if text not in seen:
                seen.add(text)
                yield slot, child, new, inside
        yield from _changes(child, inside)


def _children(node: ast.AST) -> Iterator[tuple[_Slot, ast.AST]]:
    for field, value in ast.iter_fields(node):
        if field in _NOT_RUN:
            continue
        for index, child in enumerate(value) if isinstance(value, list) else ((None, value),):
            if isinstance(child, ast.AST) and not _is_left_alone(child, node):
                yield _Slot(node, field, index), child


def _is_left_alone(child: ast.AST, parent: ast.AST) -> bool:
    """Text that nobody decides by, and what isn't run."""
    match child:
        case ast.Constant(value=str()):
            return isinstance(parent, ast.Expr | ast.JoinedStr)
        case (
            ast.Import()
            | ast.ImportFrom()
            | ast.Assert()
            | ast.If(test=ast.Name(id="TYPE_CHECKING"))
            | ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar")))
        ):
            return True
        case ast.Subscript(value=ast.Name(id=name)):  # as in `dict[str, int]()`
            return isinstance(parent, ast.Call) and parent.func is child and name in _GENERIC
        case ast.Assign(targets=[ast.Name(id=name)]):
            return isinstance(parent, ast.Module) and (name == "__all__" or _is_of_types(name))
        case ast.expr():
            return isinstance(parent, ast.Raise)
        case _:
            return False


def _is_of_types(name: str) -> bool:
    """Whether it is written as classes are, so that it stands for types."""
    name = name.lstrip("_")
    return name[:1].isupper() and not name.isupper()


def _inside(node: ast.AST, scope: _Scope) -> _Scope:
    if isinstance(node, ast.match_case):
        return dataclasses.replace(scope, statement=node)
    if not isinstance(node, ast.stmt):
        return scope
    is_in_function = scope.is_in_function or isinstance(scope.statement, _FUNCTIONS)
    scope = dataclasses.replace(scope, statement=node, line=node.lineno, is_in_function=is_in_function)
    if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
        returns = None if isinstance(node, ast.ClassDef) else node.returns
        around = dataclasses.replace(scope.around, returns=returns)
        return dataclasses.replace(scope, names=(*scope.names, node.name), around=around)
    return scope


def _texts(slot: _Slot, old: ast.AST, new: ast.AST, scope: _Scope) -> tuple[str, str]:
    """The statement before and after; a statement that is replaced itself, with all that it holds."""
    if old is scope.statement:
        return _text(old, new), _text(new, old)
    assert scope.statement is not None
    before = _head(scope.statement)
    slot.put(new)
    after = _head(scope.statement)
    slot.put(old)
    return before, after


def _text(node: ast.AST, other: ast.AST) -> str:
    """Whole where the blocks differ."""
    blocks = [name for name in _BLOCKS if getattr(node, name, None) != getattr(other, name, None)]
    return ast.unparse(node) if "cases" in blocks or isinstance(other, ast.Pass) else _head(node)


def _head(node: ast.AST) -> str:
    """A statement without its blocks."""
    if not any(hasattr(node, block) for block in _BLOCKS):
        return ast.unparse(node)
    bare = copy.copy(node)
    for block in _BLOCKS:
        if getattr(node, block, None):
            setattr(bare, block, [ast.Pass()] if block == "body" else [])
    if hasattr(bare, "decorator_list"):
        bare.decorator_list = []
    return ast.unparse(bare).removesuffix("pass").strip()
