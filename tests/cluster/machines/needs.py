"""What real nodes take: root on Linux, and some programs, which are installed here where this is Debian."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_PACKAGES = {
    "containerd": "containerd",
    "runc": "runc",
    "ip": "iproute2",
    "nft": "nftables",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "nsenter": "util-linux",
    "mount": "mount",
}
"""Programs, and the packages of Debian that they are in."""
_PLUGINS = ("/usr/lib/cni", "/opt/cni/bin")
_INSTALL_LIMIT = 600.0
_TRIAL = "ip link add veth0 type veth peer name veth1; ip link add bridge0 type bridge; nft add table ip trial"
_TRIAL_LIMIT = 60.0
_FORWARDING = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")


class MissingError(Exception):
    """What is missing, and what to do."""


def impossible() -> str:
    """Why there can be no real nodes here; empty where there can."""
    if not sys.platform.startswith("linux"):
        return "they take Linux"
    if os.geteuid() != 0:
        return "they take root"
    missing = sorted(_missing())
    if missing and shutil.which("apt-get") is None:
        return f"this isn't Debian, and these are not installed: {', '.join(missing)}"
    return ""


def install() -> None:
    """What isn't there yet, by apt-get, whose words are shown: it is somebody's machine."""
    if missing := sorted(_missing()):
        sys.stderr.write(f"real nodes: installing {', '.join(missing)} with apt-get, once\n")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update"], ["apt-get", "install", "--yes", "--no-install-recommends", *missing]):
            status = subprocess.run(
                command, env=environment, stdout=sys.stderr, check=False, timeout=_INSTALL_LIMIT
            ).returncode
            if status:
                raise MissingError(f"{' '.join(command)} failed; above it says why")
    if not _FORWARDING.exists():
        subprocess.run(["modprobe", "br_netfilter"], check=False, capture_output=True)
    if not _FORWARDING.exists():
        raise MissingError("the kernel has no br_netfilter, by which policies see what passes a bridge")
    _try()


def _try() -> None:
    """Root may do less in a container than on a machine."""
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "sh", "-ec", _TRIAL]
    tried = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_TRIAL_LIMIT)
    if tried.returncode:
        raise MissingError(f"root may not make networks here: {tried.stderr.strip()}")


def plugins() -> str:
    """Where those of CNI are."""
    return next((each for each in _PLUGINS if Path(each, "bridge").exists()), _PLUGINS[0])


def _missing() -> Iterator[str]:
    yield from (package for program, package in _PACKAGES.items() if shutil.which(program) is None)
    if not Path(plugins(), "bridge").exists():
        yield "containernetworking-plugins"
