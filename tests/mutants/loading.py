"""Puts a syntax tree in the place of a module's file, for imports that are still to come in this process."""

import ast
import importlib.util
import pathlib
import sys
import types
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader


class TreeLoader(SourceFileLoader):
    """Runs a tree as if it stood in the file, with some names defined before."""

    def __init__(self, fullname: str, file: pathlib.Path, tree: ast.Module, given: Mapping[str, object]) -> None:
        super().__init__(fullname, str(file))
        self._tree = tree
        self._given = given

    def get_code(self, fullname: str) -> types.CodeType:  # noqa: ARG002 # the interface's
        return compile(self._tree, self.path, "exec", dont_inherit=True)

    def exec_module(self, module: types.ModuleType) -> None:
        vars(module).update(self._given)
        super().exec_module(module)


class TreeFinder:
    """Finds the modules that have a tree, before anybody else does."""

    def __init__(self, loaders: Mapping[str, TreeLoader]) -> None:
        self._loaders = loaders

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        loader = self._loaders.get(fullname)
        if loader is None:
            return None
        return importlib.util.spec_from_file_location(fullname, loader.path, loader=loader)


def module_name(file: pathlib.Path, source: pathlib.Path) -> str:
    """The module that a file under a source folder is."""
    parts = file.relative_to(source).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def replace(trees: Mapping[pathlib.Path, ast.Module], source: pathlib.Path, **given: object) -> None:
    """From now on these files are these trees."""
    loaders = {}
    for file, tree in trees.items():
        name = module_name(file, source)
        if name in sys.modules:
            raise RuntimeError(f"{name} is imported already: a change to it would not be seen")
        loaders[name] = TreeLoader(name, file, tree, given)
    sys.meta_path.insert(0, TreeFinder(loaders))
