"""Our package as it is released: compiled, and on a good build of Python.

Python's own build matters as much as a gateway's: the same code takes a quarter longer where the interpreter was built
without profiling and link-time optimisation, and not every build tells. Peers are release builds too, so the fastest
of the interpreters on this machine is taken; the report says which.
"""

import functools
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.bench import installing

REPOSITORY = Path(__file__).parents[3]
_ASK = """
import platform, sys, timeit
assert sys.version_info >= (3, 11)
class Thing:
    def __init__(self, number): self.number = number
    def add(self, other): return Thing(self.number + other.number)
def work():
    things = [Thing(number) for number in range(1000)]
    return sum(thing.add(things[0]).number for thing in things), b"".join([b"%d;" % thing.number for thing in things])
print(platform.python_version(), sys.implementation.name, min(timeit.repeat(work, number=20, repeat=9)))
"""
"""Something like what a gateway does: objects, calls, bytes."""
_CLEARLY: Final = 0.95
_ROUNDS = 3
"""In turn, so that a moment in which the machine is busy doesn't choose."""
_NEWEST = 20
"""Of Python 3.x, to look for."""


def install() -> Path:
    """The virtual environment that has it."""
    python, version, _ = interpreter()
    # What is installed leads to this very work tree.
    lock = hashlib.sha256(bytes(REPOSITORY) + (REPOSITORY / "uv.lock").read_bytes()).hexdigest()[:12]

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
    _, version, ratio = interpreter()
    compared = "" if ratio == 1 else f", which takes {ratio:.2f} of the time of the one that runs the tests"
    return f"CPython {version}{compared}"


@functools.cache
def interpreter() -> tuple[str, str, float]:
    """The fastest one: its path, its version, and its time in terms of the one that runs this."""
    paths = tuple(_candidates())
    found = [known for _ in range(_ROUNDS) for path in paths if (known := _ask(path)) is not None]
    best = min(found, key=lambda each: each[2])
    own = min((each for each in found if each[0] == paths[0]), key=lambda each: each[2])
    path, version, seconds = best if best[2] < _CLEARLY * own[2] else own
    return path, version, seconds / own[2]


def _candidates() -> Iterator[str]:
    yield sys.executable
    seen = {os.path.realpath(sys.executable)}
    for name in ("python3", *(f"python3.{minor}" for minor in range(_NEWEST, 10, -1))):
        for folder in (*os.get_exec_path(), "/usr/bin"):
            path = shutil.which(name, path=folder)
            if path is not None and os.path.realpath(path) not in seen:
                seen.add(os.path.realpath(path))
                yield path


def _ask(path: str) -> tuple[str, str, float] | None:
    asked = subprocess.run([path, "-c", _ASK], capture_output=True, text=True, timeout=60, check=False)
    if asked.returncode:
        return None
    version, name, seconds = asked.stdout.split()
    return (path, version, float(seconds)) if name == "cpython" else None
