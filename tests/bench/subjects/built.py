"""Our package as it is released: on an optimised build of Python, and compiled.

Python's own build matters as much as a gateway's: the same code takes a quarter longer where the interpreter was built
without profiling. Peers are release builds too, so of the interpreters on this machine an optimised one is taken, if
there is one; the report says which.
"""

import functools
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench import installing

REPOSITORY = Path(__file__).parents[3]
_ASK = (
    "import platform, sys, sysconfig;"
    "assert sys.version_info >= (3, 11);"
    "print(platform.python_version(), '--enable-optimizations' in (sysconfig.get_config_var('CONFIG_ARGS') or ''))"
)
_NEWEST = 20
"""Of Python 3.x, to look for."""


def install() -> Path:
    """The virtual environment that has it."""
    python, version, _ = interpreter()
    lock = hashlib.sha256((REPOSITORY / "uv.lock").read_bytes()).hexdigest()[:12]

    def sync(folder: Path) -> None:
        uv = REPOSITORY / ".tools" / "uv" / "bin" / "uv"
        where = {"UV_PROJECT_ENVIRONMENT": str(folder / "venv"), "UV_PYTHON": python}
        command: list[str | Path] = ["env", *(f"{name}={value}" for name, value in where.items()), uv, "sync"]
        installing.run([*command, "--locked", "--all-extras", "--quiet", "--project", REPOSITORY], where=folder)

    folder = installing.installed("isochrone", f"{version}-{lock}", sync)
    venv = folder / "venv"
    installing.run([venv / "bin" / "python", REPOSITORY / "hack" / "compile.py", compiled(venv)], where=folder)
    return venv


def compiled(venv: Path) -> Path:
    """Where the compiled package is that belongs to a virtual environment."""
    return venv.with_name("compiled")


def about_interpreter() -> str:
    _, version, is_optimised = interpreter()
    return f"CPython {version}, {'an optimised' if is_optimised else 'not an optimised'} build"


@functools.cache
def interpreter() -> tuple[str, str, bool]:
    """The first optimised one, else that which runs this: its path, its version, whether it is optimised."""
    found = [known for path in _candidates() if (known := _ask(path)) is not None]
    return next((each for each in found if each[2]), found[0])


def _candidates() -> Iterator[str]:
    yield sys.executable
    for name in ("python3", *(f"python3.{minor}" for minor in range(_NEWEST, 10, -1))):
        for folder in (*os.get_exec_path(), "/usr/bin"):
            path = shutil.which(name, path=folder)
            if path is not None:
                yield path


def _ask(path: str) -> tuple[str, str, bool] | None:
    asked = subprocess.run([path, "-c", _ASK], capture_output=True, text=True, timeout=30, check=False)
    if asked.returncode:
        return None
    version, is_optimised = asked.stdout.split()
    return path, version, is_optimised == "True"
