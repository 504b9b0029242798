"""Gives a function that is imported already the code that a changed tree has for it; whoever holds it has that then."""

import ast
import functools
import types
from collections.abc import Iterator, Mapping
from typing import Any


def function_at(module: types.ModuleType, tree: ast.Module, line: int) -> types.FunctionType | None:
    """The function of a module, or the method of a class of it, that a line is in. What has cells is left alone."""
    wanted = _name_at(tree.body, line)
    for function in _functions(vars(module), module.__name__):
        code = function.__code__
        if wanted == (code.co_qualname, code.co_firstlineno) and not code.co_freevars:
            return function
    return None


def put(function: types.FunctionType, tree: ast.Module) -> None:
    """Give it the code of its name and line in this tree."""
    own = function.__code__
    for code in _codes(compile(tree, own.co_filename, "exec", dont_inherit=True)):
        if (code.co_qualname, code.co_firstlineno) == (own.co_qualname, own.co_firstlineno):
            function.__code__ = code
            return
    raise ValueError(f"there is no {own.co_qualname} in line {own.co_firstlineno}")


def _name_at(body: list[ast.stmt], line: int, above: str = "") -> tuple[str, int] | None:
    """The name of the outermost function around a line, and where it begins: its first decorator, if there is one."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.lineno <= line <= (node.end_lineno or 0):
            return (
                f"{above}{node.name}",
                min(node.lineno, *(each.lineno for each in node.decorator_list), node.lineno),
            )
        if isinstance(node, ast.ClassDef) and node.lineno <= line <= (node.end_lineno or 0):
            return _name_at(node.body, line, f"{above}{node.name}.")
    return None


def _functions(namespace: Mapping[str, object], module: str) -> Iterator[types.FunctionType]:
    """Those that are defined in the module, not what it imports."""
    for value in namespace.values():
        for function in _of(value, module):
            if function.__module__ == module:
                yield function


def _of(value: Any, module: str) -> Iterator[types.FunctionType]:
    """The functions that something defined in the module is made of."""
    match value:
        case type() if value.__module__ == module:
            yield from _functions(vars(value), module)
        case property():
            yield from _of(value.fget, module)
        case functools.cached_property():
            yield from _of(value.func, module)
        case classmethod() | staticmethod():
            yield from _of(value.__func__, module)
        case types.FunctionType():
            yield value
    if not isinstance(value, type) and isinstance(wrapped := getattr(value, "__wrapped__", None), types.FunctionType):
        yield wrapped


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield each
            yield from _codes(each)
