"""Building the control plane: once, by one process, and with a way out where it can't be built. Go is a fake here."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.cluster import toolchain, tools

_ROOT = Path(__file__).parents[2]
_HANG_GUARD = 60.0

_FAKE_GO = """#!/bin/sh
[ "$1" != env ] || { echo "$FAKE_GO_VERSION"; exit; }
echo "$1" >>"$FAKE_GO_CALLS"
[ "$1" != list ] || exit 0
eval "$FAKE_GO_BUILD"
while [ "$1" != -o ]; do shift; done
echo built >"$2"
"""


@dataclass(frozen=True)
class Builder:
    """Calls `python -m tests.cluster.tools` with a fake Go and an empty cache."""

    folder: Path
    go_version: str = "go1.26.8"
    build: str = "true"
    tools: tuple[str, ...] = ()

    def start(self) -> subprocess.Popen[str]:
        go = self.folder / "bin" / "go"
        go.parent.mkdir(exist_ok=True)
        go.write_text(_FAKE_GO)
        go.chmod(0o755)
        environment = os.environ | {
            "PATH": f"{go.parent}{os.pathsep}{os.environ['PATH']}",
            "ISOCHRONE_CACHE": str(self.cache),
            "FAKE_GO_VERSION": self.go_version,
            "FAKE_GO_BUILD": self.build,
            "FAKE_GO_CALLS": str(self.folder / "calls"),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.folder),
        }
        command = [sys.executable, "-m", "tests.cluster.tools", *self.tools]
        return subprocess.Popen(command, cwd=_ROOT, env=environment, stderr=subprocess.PIPE, text=True)

    def run(self) -> tuple[int, str]:
        with self.start() as process:
            _, stderr = process.communicate(timeout=_HANG_GUARD)
            return process.returncode, stderr

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @property
    def builds(self) -> int:
        return (self.folder / "calls").read_text().split().count("build")

    @property
    def results(self) -> list[str]:
        return sorted(entry.name for entry in (self.cache / "kube").iterdir() if entry.name != ".lock")


def test_what_is_built_is_used_again_in_silence(tmp_path: Path) -> None:
    builder = Builder(tmp_path)
    status, said = builder.run()
    assert (status, builder.builds) == (0, 1)
    assert f"building Kubernetes {tools.version()}" in said
    (result,) = builder.results
    assert result.startswith(f"{tools.version()}-")
    for program in tools.PROGRAMS:
        assert (builder.cache / "kube" / result / program).read_text() == "built\n"
    assert builder.run() == (0, "")
    assert builder.builds == 1


def test_the_real_build_is_cached_too(kube: Path) -> None:
    began = time.monotonic()
    assert tools.built() == kube
    assert time.monotonic() - began < _HANG_GUARD  # it takes a millisecond; a build takes many minutes
    version = subprocess.run([kube, "kube-apiserver", "--version"], capture_output=True, text=True, check=True)
    assert version.stdout == f"Kubernetes v{tools.version()}\n"
    unknown = subprocess.run([kube, "cat"], capture_output=True, text=True, check=False)
    assert (unknown.returncode, "kube-scheduler, kubectl" in unknown.stderr) == (2, True)


def test_of_two_builders_one_waits(tmp_path: Path) -> None:
    """The first goes on only when the second has said that it waits."""
    builder = Builder(tmp_path, build='until [ -e "$FAKE_GO_CALLS.go" ]; do sleep 0.05; done')
    with builder.start() as first:
        _wait(lambda: (tmp_path / "calls").exists() and builder.builds == 1)
        with builder.start() as second:
            assert second.stderr is not None
            assert "waiting for another process" in second.stderr.readline()
            (tmp_path / "calls.go").touch()
            said = [process.communicate(timeout=_HANG_GUARD)[1] for process in (first, second)]
            assert [first.returncode, second.returncode] == [0, 0]
    assert builder.builds == 1
    assert "waiting for another process" not in said[0]


def test_a_failed_build_says_what_to_do_and_leaves_nothing(tmp_path: Path) -> None:
    builder = Builder(tmp_path, build="echo 'dial tcp: lookup proxy.golang.org: no such host' >&2; seq 30; exit 1")
    status, said = builder.run()
    assert status == 1
    for hint in ("no such host", "GOPROXY", "ISOCHRONE_TEST_KUBECONFIG", 'pytest -m "not cluster"'):
        assert hint in said
    assert "Traceback" not in said
    assert builder.results == []


def test_other_tools_are_built_alike_each_by_itself(tmp_path: Path) -> None:
    assert Builder(tmp_path, tools=("helm", "promtool")).run()[0] == 0
    for tool in (tools.HELM, tools.PROMTOOL):
        assert [each.name for each in (tmp_path / "cache" / tool.name / tool.key).iterdir()] == [tool.name]
    status, said = Builder(tmp_path, tools=("kubectl",)).run()
    assert (status, said) == (2, "kubectl is no tool; there are kube, helm, promtool\n")


def test_where_helm_cannot_be_built_it_is_said(tmp_path: Path) -> None:
    status, said = Builder(tmp_path, build="echo 'no such host' >&2; exit 1", tools=("helm",)).run()
    assert status == 1
    for hint in ("no such host", "GOPROXY", "put a helm of that version there", 'pytest -m "not cluster"'):
        assert hint in said


def test_a_killed_build_stops_and_the_next_one_starts_afresh(tmp_path: Path) -> None:
    with _killed(Builder(tmp_path, build='echo $$ >"$FAKE_GO_CALLS.pid"; exec sleep 600')) as pid:
        _wait_for_end(pid)
    builder = Builder(tmp_path)
    assert builder.run()[0] == 0
    assert len(builder.results) == 1


def test_an_old_go_is_not_used_and_without_another_the_message_helps(tmp_path: Path) -> None:
    builder = Builder(tmp_path, go_version="go1.20.14")
    status, said = builder.run()
    assert status == 1
    assert "the one on PATH is older" in said
    assert "Install Go by other means (https://go.dev/dl)" in said
    assert "Traceback" not in said
    assert [entry.name for entry in builder.cache.iterdir()] == ["kube"]


@pytest.mark.parametrize(
    ("found", "needed", "enough"),
    [
        pytest.param("go1.26.0\n", "1.26.0", True, id="same"),
        pytest.param("go1.26.8", "1.26.0", True, id="newer-patch"),
        pytest.param("go1.27", "1.26.3", True, id="newer-minor"),
        pytest.param("go1.9.9", "1.26.0", False, id="numbers-not-text"),
        pytest.param("go1.26rc1", "1.26.0", False, id="candidate"),
        pytest.param("devel go1.27-abc", "1.26.0", False, id="unknown"),
    ],
)
def test_versions_of_go_compare(found: str, needed: str, *, enough: bool) -> None:
    assert (toolchain.comparable(found) >= toolchain.comparable(needed)) is enough


@contextlib.contextmanager
def _killed(builder: Builder) -> Iterator[int]:
    """The process number of a fake Go whose builder has been killed while it was compiling."""
    written = builder.folder / "calls.pid"
    with builder.start() as process:
        _wait(lambda: written.exists() and written.read_text().endswith("\n"))
        process.kill()
        yield int(written.read_text())


def _wait_for_end(pid: int) -> None:
    with contextlib.suppress(OSError):
        _wait(lambda: "State:\tZ" in Path(f"/proc/{pid}/status").read_text())


def _wait(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _HANG_GUARD
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)
