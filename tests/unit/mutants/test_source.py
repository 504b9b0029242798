"""Which changes are made to a piece of code, and how each is named."""

import ast
import pathlib
import textwrap

import pytest
from tests.mutants.source import Mutant, mutants


def changed(code: str, tmp_path: pathlib.Path) -> list[Mutant]:
    file = tmp_path / "code.py"
    file.write_text(textwrap.dedent(code))
    return mutants(file, "code.py")


def after(code: str, tmp_path: pathlib.Path) -> list[str]:
    return [mutant.key.after for mutant in changed(code, tmp_path)]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param("x = a < b", ["x = a <= b", "x = a >= b"], id="order"),
        pytest.param("x = a == b", ["x = a != b"], id="equality"),
        pytest.param("x = a is b", ["x = a is not b"], id="identity"),
        pytest.param("x = a not in b", ["x = a in b"], id="membership"),
        pytest.param("x = a < b == c", ["x = a <= b == c", "x = a >= b == c", "x = a < b != c"], id="a chain"),
        pytest.param("x = a and b", ["x = a or b", "x = b", "x = a"], id="and"),
        pytest.param("x = a or b or c", ["x = a and b and c", "x = b or c", "x = a or c", "x = a or b"], id="or"),
        pytest.param("x = not a", ["x = a"], id="not"),
        pytest.param("x = -a", ["x = a"], id="minus"),
        pytest.param("x = a + b", ["x = a - b"], id="sum"),
        pytest.param("x = 1", ["x = 2", "x = 0"], id="number"),
        pytest.param("x = 0", ["x = 1", "x = -1"], id="zero"),
        pytest.param("x = True", ["x = False"], id="truth"),
        pytest.param("x = 'a'", ["x = ''"], id="text"),
        pytest.param("x = ''", ["x = 'x'"], id="no text"),
        pytest.param("x = None", [], id="nothing"),
        pytest.param("x = a if b else c", ["x = a if not b else c"], id="a choice"),
        pytest.param("x = a if b is c else d", ["x = a if b is not c else d"], id="a choice by comparison"),
        pytest.param(
            "x = [a for a in b if a]", ["x = [a for a in b]", "x = [a for a in b if not a]"], id="what is taken"
        ),
        pytest.param("x = [a for a in b if a < c]", 3, id="what is taken by comparison"),
        pytest.param("x = (a, b)", ["x = (b,)", "x = (a,)"], id="elements"),
        pytest.param("x = {a: b, **c}", ["x = {**c}", "x = {a: b}"], id="entries"),
        pytest.param("(a, b) = c", [], id="names that are given"),
        pytest.param("x = min(a)", ["x = max(a)"], id="the least"),
        pytest.param("x = min(a, b)", ["x = max(a, b)", "x = min(a)"], id="the least of two, whichever comes first"),
        pytest.param("x = all(a)", ["x = any(a)"], id="all of them"),
        pytest.param("x = sorted(a, key=b)", ["x = list(a)", "x = sorted(a)"], id="sorted"),
        pytest.param("x = f(a, b)", ["x = f(b, a)"], id="arguments of a kind"),
        pytest.param("x = f(a, 'b')", ["x = f(a, '')"], id="arguments of two kinds"),
        pytest.param("x = f(p=a, q=b)", ["x = f(q=b)", "x = f(p=a)", "x = f(p=b, q=a)"], id="named arguments"),
        pytest.param("x = a.get(b, c)", ["x = a.get(b)", "x = a.get(c, b)"], id="a default"),
        pytest.param("x = f(a)", ["x = a"], id="a function"),
        pytest.param("x = a.f(b)", [], id="a method"),
        pytest.param("x = len(a)", [], id="a function of the language"),
        pytest.param("x += a", ["pass"], id="an addition"),
        pytest.param("x[a] = b", ["pass"], id="an entry"),
        pytest.param("if TYPE_CHECKING:\n    a = a.b", [], id="what only the type checker reads"),
        pytest.param("x = a", [], id="a name"),
        pytest.param("x = x.a", ["pass"], id="a name anew"),
        pytest.param("a.append(b)", ["pass"], id="a call"),
        pytest.param("raise a", ["pass"], id="an error"),
        pytest.param("raise ValueError('words', 1)", ["pass"], id="the words of an error"),
        pytest.param("if a:\n  b()", ["if not a:", "pass", "pass"], id="a branch"),
        pytest.param("if a:\n  b\nelse:\n  c", ["if not a:", "pass", "pass"], id="two branches"),
        pytest.param("while a:\n  break", ["while not a:", "pass"], id="a loop"),
        pytest.param("x: int = 1", ["x: int = 2", "x: int = 0"], id="a declared name"),
        pytest.param("x: Literal['a', 1]", [], id="an annotation"),
        pytest.param("'words'", [], id="a docstring"),
        pytest.param("x = f'{a} {1}'", ["x = f'{a} {2}'", "x = f'{a} {0}'"], id="text with values"),
        pytest.param("__all__ = ['a']", [], id="names for others"),
        pytest.param("Load = Mapping[int, str]", [], id="a name for a type"),
        pytest.param("_Load = Mapping[int, str]", [], id="a name of its own for a type"),
        pytest.param("T = TypeVar('T')", [], id="a variable for types"),
        pytest.param("x = dict[int, str]()", [], id="what something empty is made for"),
        pytest.param("@a(1)\nclass B(c(1)):\n  'words'", [], id="decorators and bases"),
    ],
)
def test_changes(code: str, expected: list[str] | int, tmp_path: pathlib.Path) -> None:
    found = after(code, tmp_path)

    assert (len(found) if isinstance(expected, int) else found) == expected


@pytest.mark.parametrize(
    ("returns", "value", "expected"),
    [
        pytest.param("bool", "a", ["True", "False"], id="bool"),
        pytest.param("bool", "True", ["False"], id="not what it is"),
        pytest.param("int", "a", ["0"], id="int"),
        pytest.param("str", "a", ["''"], id="str"),
        pytest.param("tuple[int, ...]", "a", ["()"], id="tuple"),
        pytest.param("Mapping[str, int]", "a", ["{}"], id="Mapping"),
        pytest.param("frozenset[str]", "a", ["frozenset()"], id="frozenset"),
        pytest.param("Thing", "a", ["None"], id="a class"),
        pytest.param("int | None", "a", ["None"], id="or None"),
        pytest.param("int | None", "None", [], id="None as it is"),
    ],
)
def test_returns_are_emptied(returns: str, value: str, expected: list[str], tmp_path: pathlib.Path) -> None:
    found = after(f"def f() -> {returns}:\n  return {value}", tmp_path)

    assert list(dict.fromkeys(found)) == [f"return {each}" for each in expected]


def test_a_function_that_is_imported_is_left_out_too(tmp_path: pathlib.Path) -> None:
    assert after("from a import codes\nx = codes.canonical(b)", tmp_path) == ["x = b"]


def test_cases_are_left_out(tmp_path: pathlib.Path) -> None:
    code = "match a:\n  case B.c:\n    d = 1\n  case _:\n    pass"

    assert after(code, tmp_path)[:2] == [
        "match a:\n    case _:\n        pass",
        "match a:\n    case B.c:\n        d = 1",
    ]


def test_a_mutant_is_known_by_what_it_is_in_not_by_its_line(tmp_path: pathlib.Path) -> None:
    code = """
        class A:
            size: int = 1

            def f(self, x: int = 2) -> None:
                if self.size < x and x < self.size:
                    self.g(x)
    """
    first, second = (changed(text, tmp_path) for text in (code, f"\n\n{code}"))

    assert [mutant.key for mutant in first] == [mutant.key for mutant in second]
    assert [mutant.line + 2 for mutant in first] == [mutant.line for mutant in second]
    assert {(mutant.key.function, mutant.key.before, mutant.is_in_function) for mutant in first} == {
        ("A", "size: int = 1", False),
        ("A.f", "def f(self, x: int=2) -> None:", False),
        ("A.f", "if self.size < x and x < self.size:", True),
        ("A.f", "if self.size < x and x < self.size:\n    self.g(x)", True),
        ("A.f", "self.g(x)", True),
    }


def test_those_that_read_the_same_are_counted(tmp_path: pathlib.Path) -> None:
    found = [mutant.key for mutant in changed("def f():\n  g.a(b)\n  g.a(b)", tmp_path)]

    assert [(key.after, key.nth) for key in found] == [("pass", 1), ("pass", 2)]


def test_the_tree_of_a_mutant_has_its_one_change(tmp_path: pathlib.Path) -> None:
    code = "x = 1\ny = 2\nif a and b:\n    c(d)\n"
    number = len(changed(code, tmp_path))
    trees = [ast.unparse(changed(code, tmp_path)[each].tree()) for each in range(number)]

    assert number == 11
    assert len(set(trees)) == number
    for tree in trees:
        compile(tree, "code.py", "exec")
        assert sum(old == new for old, new in zip(code.splitlines(), tree.splitlines(), strict=False)) >= 2
