"""What goes on top of Python: packages from PyPI as in uv.lock, and our own code, both compiled to bytecode.

Containers have read-only roots, so Python could not keep what it compiles at each start: that takes seconds of an
operator's. Bytecode that isn't checked against its source is the same wherever and whenever it is made.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Final

from images import python
from images.oci import File, Link

ROOT: Final = pathlib.Path(__file__).parent.parent
PLACE: Final = "opt/isochrone"
"""The folder of an image that Python imports from."""
_SCRIPT: Final = """#!{python}
import sys

from {module} import main

sys.exit(main())
"""


class BuildError(Exception):
    """An image could not be made; the message says what to do."""


def requirements(extra: str | None, pinned: Sequence[str] = ()) -> str:
    """What pip is to install: the locked packages of an extra of ours, with hashes, or some that are named."""
    if extra is None:
        return "\n".join(pinned)
    command = ["export", "--locked", "--no-dev", "--no-emit-project", "--no-annotate", "--no-header", "--extra", extra]
    return _uv([*command, "--project", str(ROOT)])


def installed(asked: str) -> dict[str, File | Link]:
    """What is asked for, and nothing that it depends on: a lock names that too."""
    with tempfile.TemporaryDirectory() as made:
        listed, target = pathlib.Path(made, "requirements.txt"), pathlib.Path(made, "target")
        listed.write_text(asked)
        options = ["--no-deps", "--only-binary", ":all:", "--link-mode", "copy", "--python", sys.executable]
        _uv(["pip", "install", "--quiet", *options, "--target", str(target), "--requirements", str(listed)])
        return _kept(
            with_bytecode({f"{PLACE}/{path}": file for path, file in python.folder(target, without=_NEEDLESS)})
        )


_NEEDLESS: Final = ("__pycache__", "bin", ".lock", "tests", "RECORD", "direct_url.json", "uv_cache.json")
"""RECORD lists what we leave out, in an order of its own."""


def own(folders: Mapping[str, pathlib.Path], scripts: Mapping[str, str]) -> dict[str, File | Link]:
    """Packages of this repository by name, and commands by what they call."""
    found: dict[str, File | Link] = {}
    for name, path in folders.items():
        files = [("", File(path))] if path.is_file() else python.folder(path)
        found |= {f"{PLACE}/{name}/{each}".rstrip("/"): file for each, file in files}
    found = with_bytecode(found)
    for name, module in scripts.items():
        text = _SCRIPT.format(python=python.EXECUTABLE, module=module)
        found[f"usr/local/bin/{name}"] = File(text.encode(), 0o755)
    return found


def with_bytecode(tree: Mapping[str, File | Link]) -> dict[str, File | Link]:
    """The tree, with what Python would write into __pycache__."""
    with tempfile.TemporaryDirectory() as made:
        stage = pathlib.Path(made)
        for path, what in tree.items():
            if path.endswith(".py") and isinstance(what, File):
                _write(stage / path, what)
        command = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
        # Templates and the like, which end in .py and aren't, are told of and left out.
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        subprocess.run([*command, "-s", made, "-p", "/", made], env=environment, check=False, capture_output=True)
        bytecode = {
            str(path.relative_to(stage)): File(path.read_bytes()) for path in sorted(stage.rglob("__pycache__/*.pyc"))
        }
    return {**tree, **bytecode}


def _kept(tree: Mapping[str, File | Link]) -> dict[str, File | Link]:
    """The same with all content in memory: what it was read from goes."""
    return {
        path: File(what.content.read_bytes(), what.mode)
        if isinstance(what, File) and isinstance(what.content, pathlib.Path)
        else what
        for path, what in tree.items()
    }


def binaries_of(tree: Mapping[str, File | Link]) -> dict[str, File | Link]:
    """The shared libraries that packages need beyond what they bring."""
    with tempfile.TemporaryDirectory() as made:
        stage = pathlib.Path(made)
        for path, what in tree.items():
            if isinstance(what, File) and (path.endswith(".so") or ".so." in path):
                _write(stage / path, what)
        found = [path for path in sorted(stage.rglob("*")) if path.is_file()]
        return _kept(python.libraries(found)) if found else {}


def _write(path: pathlib.Path, what: File) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(what.content, bytes):
        path.write_bytes(what.content)
    else:
        shutil.copyfile(what.content, path)


def _uv(arguments: Sequence[str]) -> str:
    own_uv = ROOT / ".tools" / "uv" / "bin" / "uv"
    uv = str(own_uv) if own_uv.exists() else shutil.which("uv")
    if uv is None:
        raise BuildError("uv is missing; `make setup` installs it")
    told = subprocess.run([uv, *arguments], capture_output=True, text=True, check=False)
    if told.returncode:
        raise BuildError(f"uv {' '.join(arguments[:2])} failed:\n{told.stderr.strip()[-2000:]}")
    return told.stdout
