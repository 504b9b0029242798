"""Where peers are installed: each in a folder of its own in the user's cache, in a version that is named here.

A folder counts once its mark is written, so an installation that broke off is done again.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.cluster import tools

_LIMIT = 1200.0
_REPORT_EVERY = 10.0
_MARK = ".installed"


class InstallError(Exception):
    """A peer can't be installed; the message says why."""


def installed(name: str, version: str, install: Callable[[Path], None]) -> Path:
    """The folder of a peer, installed now if it isn't."""
    folder = tools.cache() / "bench" / f"{name}-{version}"
    if not (folder / _MARK).exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        sys.stderr.write(f"bench: installing {name} {version}\n")
        install(folder)
        (folder / _MARK).touch()
    return folder


def python_packages(*requirements: str) -> Callable[[Path], None]:
    """Into a virtual environment, by pip."""

    def install(folder: Path) -> None:
        run([sys.executable, "-m", "venv", folder / "venv"], where=folder)
        pip = (folder / "venv" / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check")
        run([*pip, "install", *requirements], where=folder)

    return install


def run(command: Sequence[str | Path], *, where: Path) -> str:
    """Run a step, say every few seconds that it still does, and give what it wrote."""
    began = time.monotonic()
    with (where / "install.log").open("a+") as log:
        at = log.tell()
        try:
            process = subprocess.Popen(command, cwd=where, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        except OSError as error:
            raise InstallError(f"{command[0]} can't be run: {error.strerror}") from error
        with _killed_at_the_end(process):
            while process.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=_REPORT_EVERY)
                    break
                _report(command, time.monotonic() - began)
        log.seek(at)
        written = log.read().strip()
    if process.returncode:
        raise InstallError(f"{_words(command)} failed:\n{written[-1500:]}")
    return written


def _report(command: Sequence[str | Path], seconds: float) -> None:
    sys.stderr.write(f"bench: {seconds:4.0f} s  {_words(command)}\n")
    if seconds > _LIMIT:
        raise InstallError(f"{_words(command)} took longer than {_LIMIT:.0f} s")


def _words(command: Sequence[str | Path]) -> str:
    return " ".join([Path(command[0]).name, *(os.fspath(part) for part in command[1:])])


@contextlib.contextmanager
def _killed_at_the_end(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(timeout=10)
