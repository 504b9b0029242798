"""What the kernel tells of processes and cores: CPU in seconds, memory in bytes. See proc(5)."""

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """One line of /proc/PID/stat."""

    pid: int
    parent: int
    ticks: int
    """In user and kernel mode, of all its threads."""


def parse_process(text: str) -> Process:
    """The name is in parentheses and may hold anything, so fields count from the last one."""
    before, _, after = text.rpartition(")")
    fields = after.split()
    return Process(pid=int(before.split("(", 1)[0]), parent=int(fields[1]), ticks=int(fields[11]) + int(fields[12]))


def parse_cores(text: str) -> dict[int, int]:
    """Of /proc/stat: for each core the ticks in which it was not idle, by whatever it was kept busy."""
    cores = {}
    for line in text.splitlines():
        name, *values = line.split()
        if name.startswith("cpu") and name != "cpu":
            user, nice, system, _idle, _wait, irq, softirq, steal = map(int, values[:8])
            cores[int(name[3:])] = user + nice + system + irq + softirq + steal
    return cores


def parse_resident(text: str) -> int:
    """Of /proc/PID/status: the bytes that are in memory; none for a process that has ended."""
    for line in text.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def tree(root: int, parents: Mapping[int, int]) -> set[int]:
    """A process and all that descend from it."""
    found = {root} & parents.keys()
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def processes() -> dict[int, Process]:
    """All that there are."""
    found = {}
    for path in _PROC.iterdir():
        if path.name.isdecimal():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
                process = parse_process((path / "stat").read_text())
                found[process.pid] = process
    return found


def family(root: int) -> list[Process]:
    """A process and its descendants."""
    known = processes()
    return [known[pid] for pid in sorted(tree(root, {pid: each.parent for pid, each in known.items()}))]


def cpu_seconds(roots: Iterable[int]) -> float:
    """Of processes with all their descendants that still run."""
    return sum(process.ticks for root in roots for process in family(root)) / TICKS


def resident(root: int) -> int:
    """Bytes in memory of a process and its descendants. What they share counts for each of them."""
    total = 0
    for process in family(root):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            total += parse_resident((_PROC / str(process.pid) / "status").read_text())
    return total


def busy_seconds() -> dict[int, float]:
    """For each core, since the machine started."""
    return {core: ticks / TICKS for core, ticks in parse_cores((_PROC / "stat").read_text()).items()}
