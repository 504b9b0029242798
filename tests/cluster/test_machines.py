"""Real nodes leave nothing behind, however the test run ends: here it is killed while pods run."""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from images import build, oci
from tests.cluster.machines import cgroups
from tests.cluster.machines.cluster import RealCluster
from tests.cluster.machines.wire import Wire, devices
from tests.cluster.reaper import current_run
from tests.cluster.waiting import until

pytestmark = pytest.mark.pods

_ROOT = Path(__file__).parents[2]
_LIMIT = 300.0
_PROGRAM = """
import time
from tests.cluster.test_machines import one_node
with one_node() as cluster:
    node = cluster.nodes[0]
    print(node.folder.parent.name, node.cgroup, node.wire.device, flush=True)
    time.sleep(3600)
"""


@contextlib.contextmanager
def one_node() -> Iterator[RealCluster]:
    """With CoreDNS in a pod."""
    archive = current_run().new_folder("images") / "pause.tar"
    oci.write(build.images(["pause"], build.Options(cache=build.cache())), archive)
    pause = build.name_of("pause")
    with Wire() as wire, RealCluster("one", wire, numbers=[1], images=[archive], pause=pause) as cluster:
        yield cluster


@dataclass(frozen=True)
class Traces:
    """What a run leaves on this machine while it goes on."""

    processes: frozenset[tuple[int, str]]
    """With the times of their starts: numbers are given again."""
    cgroups: int
    devices: int
    folders: int


NOTHING = Traces(frozenset(), 0, 0, 0)


def test_a_run_that_is_killed_leaves_no_process_device_cgroup_rule_or_file(machines: Path) -> None:
    assert machines.exists()
    mounts, rules = _mounts(), _rules()
    command = [sys.executable, "-c", _PROGRAM]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        folder, cgroup, device = run.stdout.readline().split()
        family = frozenset(_family(run.pid))
        there = _traces(family, folder, cgroup, device)
        assert len(there.processes) > 12  # etcd, API server, ..., containerd, kubelet, CoreDNS, two pauses
        assert min(there.cgroups, there.devices, there.folders) == 1
        run.kill()
    until(lambda: _traces(family, folder, cgroup, device), holds=lambda found: found == NOTHING, limit=_LIMIT)
    assert (_mounts(), _rules()) == (mounts, rules)


def _traces(family: frozenset[tuple[int, str]], folder: str, cgroup: str, device: str) -> Traces:
    return Traces(
        processes=frozenset(each for each in family if _started(each[0]) == each[1]),
        cgroups=min(1, len(cgroups.existing(cgroup))),
        devices=list(devices()).count(device),
        folders=int(Path(tempfile.gettempdir(), folder).exists()),
    )


def _family(pid: int) -> Iterator[tuple[int, str]]:
    """A process and all that come from it, with the times of their starts."""
    yield pid, _started(pid)
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                yield from _family(int(child))


def _started(pid: int) -> str:
    """When; empty where it is gone, or a zombie."""
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if words[0] == "Z" else words[19]
    return ""


def _mounts() -> list[str]:
    return sorted(line.split(" ", 5)[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())


def _rules() -> str:
    return subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=True).stdout
