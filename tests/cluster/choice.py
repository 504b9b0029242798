"""Which cluster the tests run on: a given one, else `kind` where Docker runs, else our own control plane."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.cluster.controlplane import ControlPlane, Options
from tests.cluster.reaper import current_run
from tests.cluster.server import ClusterError

VARIABLE = "ISOCHRONE_TEST_KUBECONFIG"

_DOCKER_LIMIT = 30.0
_KIND_LIMIT = 600.0


@dataclass(frozen=True)
class Choice:
    source: Literal["given", "kind", "built"]
    reason: str


@dataclass(frozen=True)
class Cluster:
    """A cluster that answers, and the administrator's way in."""

    source: Literal["given", "kind", "built"]
    kubeconfig: Path


def choose(environment: Mapping[str, str]) -> Choice:
    if given := environment.get(VARIABLE):
        return Choice("given", f"{VARIABLE}={given}")
    path = environment.get("PATH", os.defpath)
    if shutil.which("kind", path=path) is None:
        return Choice("built", f"a control plane of our own ({VARIABLE} is not set, kind is not installed)")
    if not _docker_answers(path):
        return Choice("built", f"a control plane of our own ({VARIABLE} is not set, no Docker engine answers)")
    return Choice("kind", f"kind, on the Docker engine ({VARIABLE} is not set)")


@contextlib.contextmanager
def opened(choice: Choice, environment: Mapping[str, str]) -> Iterator[Cluster]:
    match choice.source:
        case "given":
            yield Cluster("given", Path(environment[VARIABLE]).expanduser())
        case "kind":
            yield _new_kind_cluster()
        case "built":
            with ControlPlane(Options(controllers=True, scheduler=True)) as plane:
                yield Cluster("built", plane.kubeconfig)


def _docker_answers(path: str) -> bool:
    docker = shutil.which("docker", path=path)
    if docker is None:
        return False
    with contextlib.suppress(subprocess.TimeoutExpired):
        return subprocess.run([docker, "info"], capture_output=True, timeout=_DOCKER_LIMIT, check=False).returncode == 0
    return False


def _new_kind_cluster() -> Cluster:
    """A cluster of its own, which the reaper deletes: so it goes in every case, and in one way."""
    run = current_run()
    name = run.folder.name.lower().replace("_", "-")
    kubeconfig = run.folder / "kind.kubeconfig"
    run.at_end(["kind", "delete", "cluster", "--name", name])
    command = ["kind", "create", "cluster", "--name", name, "--kubeconfig", str(kubeconfig), "--wait", "120s"]
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=_KIND_LIMIT,
        check=False,
        process_group=run.group,
    )
    if result.returncode:
        raise ClusterError(f"{' '.join(command)} failed:\n{result.stderr[-3000:]}")
    return Cluster("kind", kubeconfig)
