"""Which function a line is in, and that whoever holds it has its new code."""

import ast
import importlib.util
import pathlib
import textwrap
import types

import pytest
from tests.mutants import patching

TEXT = textwrap.dedent("""
    import contextlib
    import functools

    class Box:
        def plain(self):
            return 1

        @property
        def shown(self):
            return 1

        @functools.cached_property
        def kept(self):
            return 1

        @classmethod
        def of(cls):
            return 1

        def above(self):
            super().__init__()
            return 1

    @functools.cache
    def known():
        return 1

    def outer():
        def inner():
            return 1
        return inner()

    VALUE = 1
""")


@pytest.fixture
def module(tmp_path: pathlib.Path) -> types.ModuleType:
    file = tmp_path / "boxes.py"
    file.write_text(TEXT)
    spec = importlib.util.spec_from_file_location("boxes", file)
    assert spec
    assert spec.loader
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def line_in(name: str) -> int:
    """Where the function of this name returns."""
    lines = TEXT.splitlines()
    return lines.index(next(each for each in lines if f"def {name}(" in each)) + 2


@pytest.mark.parametrize(
    ("name", "called"),
    [
        pytest.param("plain", "Box().plain()", id="a method"),
        pytest.param("shown", "Box().shown", id="a property"),
        pytest.param("kept", "Box().kept", id="one that is kept"),
        pytest.param("of", "Box.of()", id="of the class"),
        pytest.param("known", "known()", id="whose results are kept"),
        pytest.param("inner", "outer()", id="within another"),
    ],
)
def test_whoever_holds_a_function_has_its_new_code(module: types.ModuleType, name: str, called: str) -> None:
    tree, held = ast.parse(TEXT), dict(vars(module))
    function = patching.function_at(module, tree, line_in(name))
    assert function
    patching.put(function, ast.parse(TEXT.replace("return 1", "return 2")))

    assert eval(called, held) == 2
    others = {"plain": "Box().plain()", "shown": "Box().shown", "of": "Box.of()", "inner": "outer()"}
    assert {eval(other, held) for own, other in others.items() if own != name} == {1}


@pytest.mark.parametrize("line", [line_in("above"), len(TEXT.splitlines())], ids=["what has cells", "no function"])
def test_what_is_left_alone(module: types.ModuleType, line: int) -> None:
    assert patching.function_at(module, ast.parse(TEXT), line) is None
