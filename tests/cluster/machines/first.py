"""The first process of a node: it has namespaces of its own for processes, mounts and the network, and starts the rest.

    unshare --net --mount --pid --fork --kill-child --mount-proc python -I first.py SPEC

When it ends, however it ends, the kernel ends all processes that it or its children started, containers too, and with
them go mounts, the network with its rules, and all files of the node: they are in memory. Only cgroups stay.

It runs before anything is installed, so it imports the standard library only.
"""

import json
import os
import pathlib
import subprocess
import sys
import time
from typing import Any

_LIMIT = 60.0
_POLL = 0.02
_HIDDEN = ("/run", "/var/lib", "/var/log")
"""Where containerd, kubelet and CNI keep what they know: not this machine's."""
_CONTAINERD = """
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
  address = "/run/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "/run/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
"""


def main() -> None:
    """Start all that a node is, then wait until one of its programs ends: then the node does."""
    spec = json.loads(pathlib.Path(sys.argv[1]).read_text())
    for folder in _HIDDEN:
        _run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder)
    for folder in ("/run/lock", "/var/lib/kubelet", "/var/lib/cni", "/var/log/pods"):
        pathlib.Path(folder).mkdir(parents=True)
    _network(spec)
    programs = [_start("containerd", [spec["containerd"], "-c", _containerd(spec)], spec)]
    _ctr_until_it_answers(spec)
    for archive in spec["images"]:
        _run(*_ctr(spec), "-n", "k8s.io", "images", "import", "--snapshotter", "overlayfs", archive)
    programs += [_start(name, [f"{spec['programs']}/{name}", *spec[name]], spec) for name in ("kubelet", "kube-proxy")]
    _say("started", spec)
    while True:
        ended, status = os.wait()  # orphans come to us, too
        if ended in programs:
            _say(f"process {ended} ended with status {status}", spec)
            return


def _network(spec: dict[str, Any]) -> None:
    """The cable is put in from outside."""
    _until(lambda: pathlib.Path("/proc/sys/net/ipv4/conf/eth0").exists(), "the network")
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "address", "add", spec["address"], "dev", "eth0")
    _run("ip", "link", "set", "eth0", "up")
    for pods, node in spec["routes"]:
        _run("ip", "route", "add", pods, "via", node)
    for setting in ("ipv4/ip_forward", "bridge/bridge-nf-call-iptables"):
        pathlib.Path("/proc/sys/net", setting).write_text("1")
    conflist = {
        "cniVersion": "1.0.0",
        "name": "pods",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": True,
                # A pod keeps its address on its way to other nodes: policies are about it.
                "ipMasq": False,
                "hairpinMode": True,
                "ipam": {
                    "type": "host-local",
                    "dataDir": "/run/cni-addresses",
                    "ranges": [[{"subnet": spec["pods"]}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            }
        ],
    }
    folder = pathlib.Path("/run/cni")
    folder.mkdir()
    (folder / "pods.conflist").write_text(json.dumps(conflist))


def _containerd(spec: dict[str, Any]) -> str:
    path = pathlib.Path("/run/containerd.toml")
    path.write_text(_CONTAINERD.format(pause=spec["pause"], plugins=spec["plugins"]))
    return str(path)


def _ctr(spec: dict[str, Any]) -> tuple[str, ...]:
    return (spec["ctr"], "--address", "/run/containerd.sock")


def _ctr_until_it_answers(spec: dict[str, Any]) -> None:
    asked = [*_ctr(spec), "version"]
    _until(lambda: subprocess.run(asked, capture_output=True, check=False).returncode == 0, "containerd")


def _until(holds: Any, what: str) -> None:
    deadline = time.monotonic() + _LIMIT
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"{what} did not come within {_LIMIT:.0f} s")
        time.sleep(_POLL)


def _start(name: str, command: list[str], spec: dict[str, Any]) -> int:
    with open(f"{spec['folder']}/{name}.log", "ab") as log:  # noqa: PTH123 - what it is for is short-lived
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT).pid


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def _say(line: str, spec: dict[str, Any]) -> None:
    with pathlib.Path(spec["folder"], "said").open("a") as file:
        file.write(f"{line}\n")


if __name__ == "__main__":
    main()
