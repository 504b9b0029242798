"""nginx as a plain proxy, which parses nothing of what it forwards: what is possible."""

import contextlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.bench import installing
from tests.bench.installing import InstallError
from tests.bench.subjects.subject import ALL, Launch, Load, Setup, Subject, filled

_PACKAGES = ("nginx", "nginx-core", "nginx-common")
_SYSTEM = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))


def _install() -> Path:
    """The folder that holds `nginx`: the system's, else that of Debian's packages, unpacked into our cache."""
    if found := shutil.which("nginx", path=_SYSTEM):
        return Path(found).parent
    return installing.installed("nginx", "debian", _unpack) / "root" / "usr" / "sbin"


def _unpack(folder: Path) -> None:
    if not any(Path("/var/lib/apt/lists").glob("*Packages*")):
        installing.run(["apt-get", "update"], where=folder)
    for package in _PACKAGES:
        with contextlib.suppress(InstallError):  # their number and names differ by release
            installing.run(["apt-get", "download", package], where=folder)
    for archive in folder.glob("*.deb"):
        installing.run(["dpkg", "-x", archive, folder / "root"], where=folder)
    if not (folder / "root" / "usr" / "sbin" / "nginx").exists():
        raise InstallError("there is no nginx on PATH, and Debian's package of it could not be had; install nginx")


def _version() -> str:
    words = subprocess.run([_install() / "nginx", "-v"], capture_output=True, text=True, timeout=10, check=True).stderr
    found = re.search(r"nginx/(\S+)", words)
    return found[1] if found else words.strip()


def _launch(setup: Setup) -> Launch:
    config = filled(
        "nginx.conf",
        setup.folder,
        port=setup.port,
        upstream=setup.upstream,
        buffering="off" if setup.load is Load.STREAMS else "on",
        tls=" ssl" if setup.load is Load.TLS else "",
        certificate=setup.certificate,
        key=setup.key,
    )
    command = (str(setup.installed / "nginx"), "-p", str(setup.folder), "-c", str(config), "-e", "stderr")
    return Launch(command=command, port=setup.port)


SUBJECT = Subject(
    name="nginx",
    about="plain proxy, parses nothing",
    loads=ALL,
    version=_version,
    install=_install,
    launch=_launch,
)
