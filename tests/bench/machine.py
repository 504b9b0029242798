"""The machine that a run was on, and how busy others kept it."""

import platform
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from tests.bench import driver, proc
from tests.bench.cores import Layout
from tests.bench.subjects.subject import Subject

_LOOK = 1.0
_ROOT = Path(__file__).parents[2]


def facts(layout: Layout, subjects: Iterable[Subject]) -> dict[str, str]:
    """What a reader needs to know to compare figures."""
    versions = {subject.name: subject.version() for subject in subjects if subject.name != "direct"}
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "revision": revision(),
        "CPU": f"{cpu_model()}, {len(proc.busy_seconds())} cores",
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "driver": driver.built().name,
        "cores": str(layout),
        "used by others before": use_by_others(),
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
    }


def cpu_model() -> str:
    """As the kernel calls it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def use_by_others() -> str:
    before = proc.busy_seconds()
    time.sleep(_LOOK)
    after = proc.busy_seconds()
    return ", ".join(f"core {core} {(after[core] - before[core]) / _LOOK:.0%}" for core in sorted(after))


def revision() -> str:
    """Of the work tree, if it is one."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        result = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=10, check=False)
    except OSError:
        return "unknown"
    return result.stdout.strip() or "unknown"
