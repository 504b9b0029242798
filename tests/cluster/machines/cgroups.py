"""The one thing of a node that the kernel doesn't remove with it: folders below /sys/fs/cgroup.

`python cgroups.py NAME` kills whoever is still in them, and removes them: the reaper's farewell.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_LIMIT = 60.0


def make(name: str) -> None:
    """In each hierarchy of version 1, or in the one of version 2."""
    for each in _hierarchies():
        folder = each / name
        folder.mkdir(exist_ok=True)
        with contextlib.suppress(OSError):  # files of `cpuset` alone; elsewhere there are none
            for setting in ("cpuset.cpus", "cpuset.mems"):
                if (each / setting).exists():
                    (folder / setting).write_text((each / setting).read_text())


def remove(name: str) -> None:
    """Whoever is in there ends first."""
    deadline = time.monotonic() + _LIMIT
    while found := [each for each in existing(name) if not _removed(each)]:
        if time.monotonic() > deadline:
            sys.exit(f"these cgroups could not be removed: {found}")
        for each in found:
            _kill(each)
        time.sleep(0.05)


def existing(name: str) -> list[Path]:
    """Where there is one of this name."""
    return [folder for each in _hierarchies() if (folder := each / name).exists()]


def _hierarchies() -> Iterator[Path]:
    if (_ROOT / "cgroup.controllers").exists():
        yield _ROOT
    else:
        yield from (each for each in _ROOT.iterdir() if each.is_dir() and not each.is_symlink())


def _removed(folder: Path) -> bool:
    try:
        for path, _, _ in os.walk(folder, topdown=False):
            os.rmdir(path)  # noqa: PTH106 - of what os.walk has told
    except OSError:
        return False
    return True


def _kill(folder: Path) -> None:
    for members in folder.rglob("cgroup.procs"):
        with contextlib.suppress(OSError):
            for pid in members.read_text().split():
                os.kill(int(pid), signal.SIGKILL)


if __name__ == "__main__":
    remove(sys.argv[1])
