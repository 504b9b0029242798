"""How a piece of a syntax tree may be changed so that a test should notice: rules yield nodes to put in its place.

A rule sees a node and where it stands, changes nothing, and knows nothing of files or tests. Left alone are what
decides nothing at run time (annotations, docstrings), and the words of errors.
"""

import ast
import builtins
import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar


@dataclass(frozen=True)
class Around:
    """What a rule may ask about the place of a node."""

    returns: ast.expr | None = None
    """The annotation of the function that it is in."""
    imported: frozenset[str] = field(default_factory=frozenset)
    """Names that the module imports."""


Rule = Callable[[Any, Around], Iterator[ast.AST]]
Node = TypeVar("Node", bound=ast.AST)

_COMPARISONS: Final[dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
}
_OPPOSITES: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}
_EITHER_WAY: Final = frozenset({"min", "max", "minimum", "maximum"})
"""What they return doesn't depend on the order of what they are given."""
_WITH_DEFAULTS: Final = frozenset({"get", "pop", "next", "min", "max", "sum", "round", "getattr", "enumerate"})
_EMPTY: Final = {
    "bool": ("True", "False"),
    "int": ("0",),
    "float": ("0.0",),
    "str": ("''",),
    "tuple": ("()",),
    "list": ("[]",),
    "dict": ("{}",),
    "Mapping": ("{}",),
    "set": ("set()",),
    "frozenset": ("frozenset()",),
    **dict.fromkeys(("Iterable", "Iterator", "Sequence", "Collection"), ("()",)),
}


def replacements(node: ast.AST, around: Around) -> Iterator[ast.AST]:
    """All that may be put in the place of a node."""
    for kind, rules in _RULES.items():
        if isinstance(node, kind):
            for rule in rules:
                yield from rule(node, around)


def _with(node: Node, **fields: object) -> Node:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _each_left_out(items: Sequence[Any]) -> Iterator[list[Any]]:
    for number in range(len(items)):
        yield [*items[:number], *items[number + 1 :]]


def _negated(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), test)


def _has_own_negation(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) or (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not))


def _comparison(node: ast.Compare, _: Around) -> Iterator[ast.AST]:
    for number, operator in enumerate(node.ops):
        for other in _COMPARISONS[type(operator)]:
            yield _with(node, ops=[*node.ops[:number], other(), *node.ops[number + 1 :]])


def _boolean(node: ast.BoolOp, _: Around) -> Iterator[ast.AST]:
    yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    for fewer in _each_left_out(node.values):
        yield _with(node, values=fewer) if len(fewer) > 1 else fewer[0]


def _unary(node: ast.UnaryOp, _: Around) -> Iterator[ast.AST]:
    if isinstance(node.op, ast.Not | ast.USub):
        yield node.operand


def _binary(node: ast.BinOp, _: Around) -> Iterator[ast.AST]:
    if type(node.op) in _ARITHMETIC:
        yield _with(node, op=_ARITHMETIC[type(node.op)]())


def _condition(node: ast.If | ast.IfExp | ast.While, _: Around) -> Iterator[ast.AST]:
    if not _has_own_negation(node.test):
        yield _with(node, test=_negated(node.test))


def _filtered(node: ast.comprehension, _: Around) -> Iterator[ast.AST]:
    for number, (test, fewer) in enumerate(zip(node.ifs, _each_left_out(node.ifs), strict=True)):
        yield _with(node, ifs=fewer)
        if not _has_own_negation(test):
            yield _with(node, ifs=[*node.ifs[:number], _negated(test), *node.ifs[number + 1 :]])


def _constant(node: ast.Constant, _: Around) -> Iterator[ast.AST]:
    match node.value:
        case bool() as flag:
            yield ast.Constant(not flag)
        case int() | float() as number:
            yield ast.Constant(number + 1)
            yield ast.Constant(number - 1) if number >= 1 else ast.UnaryOp(ast.USub(), ast.Constant(1 - number))
        case str() as text:
            yield ast.Constant("" if text else "x")


def _elements(node: ast.Tuple | ast.List | ast.Set, _: Around) -> Iterator[ast.AST]:
    if isinstance(node, ast.Set) or isinstance(node.ctx, ast.Load):
        yield from (_with(node, elts=fewer) for fewer in _each_left_out(node.elts))


def _entries(node: ast.Dict, _: Around) -> Iterator[ast.AST]:
    for keys, values in zip(_each_left_out(node.keys), _each_left_out(node.values), strict=True):
        yield _with(node, keys=keys, values=values)


def _function(node: ast.Call, around: Around) -> Iterator[ast.AST]:
    """Another function, or none: its argument as it is."""
    name, owner = _name(node.func), getattr(node.func, "value", None)
    if isinstance(node.func, ast.Name) and name in _OPPOSITES:
        yield _with(node, func=ast.Name(_OPPOSITES[name], ast.Load()))
    elif name == "sorted":
        yield ast.Call(ast.Name("list", ast.Load()), node.args, [])
    elif len(node.args) == 1 and not node.keywords and name[:1].islower():
        is_imported = isinstance(owner, ast.Name) and owner.id in around.imported
        if is_imported or (isinstance(node.func, ast.Name) and name not in dir(builtins)):
            yield node.args[0]


def _arguments(node: ast.Call, _: Around) -> Iterator[ast.AST]:
    """One left out where the call may still be whole, or two of a kind swapped."""
    for fewer in _each_left_out(node.keywords):
        yield _with(node, keywords=fewer)
    if len(node.args) > 1 and _name(node.func) in _WITH_DEFAULTS:
        yield _with(node, args=node.args[:-1])
    pairs = enumerate(zip(node.args, node.args[1:], strict=False)) if _name(node.func) not in _EITHER_WAY else ()
    for at, (one, other) in pairs:
        if type(one) is type(other) and not isinstance(one, ast.Starred):
            yield _with(node, args=[*node.args[:at], other, one, *node.args[at + 2 :]])
    for at, (left, right) in enumerate(zip(node.keywords, node.keywords[1:], strict=False)):
        if type(left.value) is type(right.value) and ast.dump(left.value) != ast.dump(right.value):
            swapped = [_with(left, value=right.value), _with(right, value=left.value)]
            yield _with(node, keywords=[*node.keywords[:at], *swapped, *node.keywords[at + 2 :]])


def _name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def _returned(node: ast.Return, around: Around) -> Iterator[ast.AST]:
    """Nothing, as the function's annotation has it."""
    root = around.returns.value if isinstance(around.returns, ast.Subscript) else around.returns
    name = root.id if isinstance(root, ast.Name) else ""
    for text in _EMPTY.get(name, ("None",)):
        empty = ast.parse(text, mode="eval").body
        if node.value is not None and ast.dump(empty) != ast.dump(node.value):
            yield _with(node, value=empty)


def _dropped(_node: ast.stmt, _: Around) -> Iterator[ast.AST]:
    yield ast.Pass()


def _dropped_expression(node: ast.Expr, _: Around) -> Iterator[ast.AST]:
    if not isinstance(node.value, ast.Constant):
        yield ast.Pass()


def _dropped_branch(node: ast.If, _: Around) -> Iterator[ast.AST]:
    if not node.orelse:
        yield ast.Pass()


def _dropped_assignment(node: ast.Assign, _: Around) -> Iterator[ast.AST]:
    """Only what had a value before; a name that is missing is noticed by the linter."""
    read = {each.id for each in ast.walk(node.value) if isinstance(each, ast.Name)}
    if all(not isinstance(target, ast.Name | ast.Tuple) or _name(target) in read for target in node.targets):
        yield ast.Pass()


def _cases(node: ast.Match, _: Around) -> Iterator[ast.AST]:
    yield from (_with(node, cases=fewer) for fewer in _each_left_out(node.cases) if fewer)


_RULES: Final[dict[type[ast.AST] | tuple[type[ast.AST], ...], tuple[Rule, ...]]] = {
    ast.Compare: (_comparison,),
    ast.BoolOp: (_boolean,),
    ast.UnaryOp: (_unary,),
    ast.BinOp: (_binary,),
    (ast.If, ast.IfExp, ast.While): (_condition,),
    ast.comprehension: (_filtered,),
    ast.Constant: (_constant,),
    (ast.Tuple, ast.List, ast.Set): (_elements,),
    ast.Dict: (_entries,),
    ast.Call: (_function, _arguments),
    ast.Return: (_returned,),
    (ast.AugAssign, ast.Raise, ast.Continue, ast.Break, ast.Delete): (_dropped,),
    ast.Expr: (_dropped_expression,),
    ast.If: (_dropped_branch,),
    ast.Assign: (_dropped_assignment,),
    ast.Match: (_cases,),
}
