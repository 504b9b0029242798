"""The control plane of our own: side by side, stopped and started, and gone when its test run is gone."""

import contextlib
import dataclasses
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.client import Client
from tests.cluster.controlplane import ControlPlane, Options, _free_ports
from tests.cluster.server import ClusterError, PortTakenError

pytestmark = pytest.mark.usefixtures("kube")

# The API is meant to be ready in 10 s. Ten times that is no measurement but a guard against hanging.
_HANG_GUARD = 100.0
_ROOT = Path(__file__).parents[2]

_RUN_WITH_A_PLANE = """
import time
from tests.cluster.client import Client
from tests.cluster.controlplane import ControlPlane, Options
from tests.cluster.reaper import current_run

run = current_run()
print(run.group, run.reaper.pid, run.folder, flush=True)
with ControlPlane(Options(controllers=True, scheduler=True)) as plane, Client(plane.kubeconfig) as client:
    print("ready", flush=True)
    while client.request("GET", "/readyz").ok:
        time.sleep(0.1)
    raise SystemExit(1)
"""


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with ControlPlane(Options(audit=True)) as plane:
        yield plane


def test_two_planes_side_by_side_share_nothing(
    plane: ControlPlane, record_property: Callable[[str, object], None]
) -> None:
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}}
    with ControlPlane() as other, Client(plane.kubeconfig) as here, Client(other.kubeconfig) as there:
        record_property("ready_seconds", other.started_in)
        assert max(plane.started_in, other.started_in) < _HANG_GUARD
        assert here.create(item).status == 201
        assert there.get(item).status == 404
        folder, pids = other.folder, other.pids
        assert all(map(_is_running, pids))
    assert not folder.exists()
    assert not any(map(_is_running, pids))


def test_the_api_server_comes_back_with_its_data(plane: ControlPlane) -> None:
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "lasting"}}
    with Client(plane.kubeconfig) as client, Client(plane.kubeconfig) as idle:
        assert client.create(item).status == 201
        assert idle.get(item).status == 200
        plane.stop_api_server()
        with pytest.raises(ConnectionRefusedError):
            client.get(item)
        plane.start_api_server()
        assert [client.get(item).status, idle.get(item).status] == [200, 200]


def test_rights_are_rbac_and_every_request_is_audited(plane: ControlPlane) -> None:
    with Client(plane.issue_kubeconfig("alice", groups=["readers"])) as alice:
        assert alice.request("GET", "/api/v1/secrets").status == 403
    _wait(lambda: bool(_audited(plane, "alice")))
    (event,) = _audited(plane, "alice")
    assert "readers" in event["user"]["groups"]
    assert (event["verb"], event["objectRef"]["resource"], event["responseStatus"]["code"]) == ("list", "secrets", 403)


def test_controllers_make_service_accounts_and_the_scheduler_sees_pods() -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "waiting"},
        "spec": {"containers": [{"name": "c", "image": "none"}]},
    }
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    with ControlPlane(Options(controllers=True, scheduler=True)) as plane, Client(plane.kubeconfig) as client:
        _wait(lambda: client.get(account).ok)
        assert client.create(pod).ok
        _wait(lambda: bool(client.get(pod).body["status"].get("conditions")))
        (condition,) = client.get(pod).body["status"]["conditions"]
        assert (condition["type"], condition["reason"]) == ("PodScheduled", "Unschedulable")


def test_a_server_that_fails_shows_its_log() -> None:
    plane = ControlPlane(Options(api_server_arguments=["--no-such-flag"]))
    with pytest.raises(ClusterError, match="unknown flag: --no-such-flag"):
        plane.start()
    with pytest.raises(RuntimeError, match="not been started"):
        plane.folder.exists()


@pytest.mark.parametrize("taken", ["etcd", "etcd_peer", "api"])
def test_a_port_that_somebody_else_took_is_told_apart(taken: str) -> None:
    """That error makes `start` try other ports."""
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        ports = dataclasses.replace(_free_ports(), **{taken: somebody.getsockname()[1]})
        with pytest.raises(PortTakenError):
            ControlPlane()._start_on(ports)


@pytest.mark.parametrize("moment", ["while starting", "when ready"])
def test_a_killed_run_leaves_nothing(moment: str) -> None:
    with _child_run() as (run, group, reaper, folder):
        if moment == "when ready":
            assert run.stdout is not None
            assert run.stdout.readline() == "ready\n"
        else:
            _wait(lambda: len(_members(group)) > 1)
        assert folder.exists()
        run.kill()
        _wait(lambda: not _members(group) and not _is_running(reaper) and not folder.exists())


def test_a_killed_reaper_takes_the_processes_along() -> None:
    with _child_run() as (run, group, reaper, folder):
        _wait(lambda: len(_members(group)) > 1)
        os.kill(reaper, signal.SIGKILL)
        _wait(lambda: not _members(group))
        assert run.wait(timeout=_HANG_GUARD) == 1  # its plane could not start, or had started and was gone
        assert not folder.exists()


@contextlib.contextmanager
def _child_run() -> Iterator[tuple[subprocess.Popen[str], int, int, Path]]:
    command = [sys.executable, "-c", _RUN_WITH_A_PLANE]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as run:
        try:
            assert run.stdout is not None
            group, reaper, folder = run.stdout.readline().split()
            yield run, int(group), int(reaper), Path(folder)
        finally:
            run.terminate()


def _audited(plane: ControlPlane, user: str) -> list[dict[str, Any]]:
    return [event for event in plane.audit_events() if event["user"]["username"] == user]


def _wait(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _HANG_GUARD
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _is_running(pid: int) -> bool:
    return bool(_stat(pid)) and _stat(pid)[0] != "Z"


def _members(group: int) -> list[int]:
    """The running processes of a process group, its leader (the reaper's anchor) among them."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if _is_running(pid) and _stat(pid)[2:3] == [str(group)]]


def _stat(pid: int) -> list[str]:
    """State, parent, group, ... (proc(5)); empty where there is no such process. Zombies await their parent only."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []
