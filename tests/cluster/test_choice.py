"""Which cluster is chosen, with fakes of `docker` and `kind` on PATH."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cluster import choice

_ROOT = Path(__file__).parents[2]
_HANG_GUARD = 60.0

_RUN_WITH_KIND = """
import os, signal, sys
from tests.cluster import choice

with choice.opened(choice.choose(os.environ), os.environ) as cluster:
    print(cluster.source, cluster.kubeconfig.read_text().strip(), flush=True)
    if sys.argv[1] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
"""

_FAKE_KIND = """#!/bin/sh
echo "$1 $4" >>"$FAKE_KIND_CALLS"
[ "$1" != create ] || echo config >"$6"
"""


@pytest.mark.parametrize(
    ("docker", "kind", "given", "source"),
    [
        pytest.param(0, True, "/a/config", "given", id="given-wins"),
        pytest.param(0, True, None, "kind", id="kind-on-docker"),
        pytest.param(1, True, None, "built", id="docker-without-engine"),
        pytest.param(None, True, None, "built", id="kind-without-docker"),
        pytest.param(0, False, None, "built", id="docker-without-kind"),
        pytest.param(0, True, "", "kind", id="empty-is-unset"),
    ],
)
def test_the_choice(docker: int | None, *, kind: bool, given: str | None, source: str, tmp_path: Path) -> None:
    if docker is not None:
        _program(tmp_path / "docker", f"#!/bin/sh\nexit {docker}\n")
    if kind:
        _program(tmp_path / "kind", "#!/bin/sh\n")
    environment = {"PATH": str(tmp_path)} | ({} if given is None else {choice.VARIABLE: given})
    assert choice.choose(environment).source == source


@pytest.mark.parametrize("end", ["normal", "killed"])
def test_a_kind_cluster_is_deleted_however_the_run_ends(end: str, tmp_path: Path) -> None:
    _program(tmp_path / "docker", "#!/bin/sh\n")
    _program(tmp_path / "kind", _FAKE_KIND)
    environment = os.environ | {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "FAKE_KIND_CALLS": str(tmp_path / "calls"),
        choice.VARIABLE: "",
    }
    command = [sys.executable, "-c", _RUN_WITH_KIND, end]
    # The pipe of stderr ends when the reaper does, so this waits for it too.
    run = subprocess.run(
        command, cwd=_ROOT, env=environment, capture_output=True, text=True, timeout=_HANG_GUARD, check=False
    )
    created, deleted = (tmp_path / "calls").read_text().splitlines()
    assert created.split()[0] == "create"
    assert deleted == created.replace("create", "delete")
    assert run.stdout == "kind config\n"
    assert run.stderr == ""


def _program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)
