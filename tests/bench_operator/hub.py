"""The operator's own process on one core, with the settings that it has by itself."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

from tests.bench import proc
from tests.bench.cores import pinned
from tests.cluster.controlplane import ControlPlane
from tests.cluster.fleet import MASTERS
from tests.cluster.operators import OperatorProcess

USER: Final = "hub-operator"
_STEP: Final = re.compile(r'^isochrone_operator_step_seconds_(sum|count)\{step="([^"]*)"\} (\S+)$', re.MULTILINE)


class Operator:
    """It starts on entry and ends on exit."""

    def __init__(self, plane: ControlPlane, folder: Path, *, core: int) -> None:
        kubeconfig = plane.issue_kubeconfig(USER, groups=MASTERS).read_bytes()
        self._process = OperatorProcess(kubeconfig, folder, USER, settings={})
        self._core = core

    def __enter__(self) -> Self:
        with pinned(self._core):
            self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()

    def tail(self) -> str:
        return self._process.tail()

    def steps(self) -> "Steps":
        return read_steps(self._process.get("/metrics"))

    @property
    def cpu_seconds(self) -> float:
        return proc.cpu_seconds([self._process.running.pid])

    @property
    def resident(self) -> int:
        return proc.resident(self._process.running.pid)


Steps = Mapping[str, tuple[float, int]]
"""Step of a pass -> seconds in all, and how often it was made."""


def read_steps(text: str) -> Steps:
    """Of what /metrics says."""
    found: dict[str, dict[str, float]] = {}
    for what, step, value in _STEP.findall(text):
        found.setdefault(step, {})[what] = float(value)
    return {step: (each["sum"], int(each["count"])) for step, each in found.items()}


def between(before: Steps, after: Steps) -> dict[str, float]:
    """Seconds per pass, of the passes between two looks."""
    taken = {}
    for step, (seconds, count) in after.items():
        was, times = before.get(step, (0.0, 0))
        if count > times:
            taken[step] = (seconds - was) / (count - times)
    return taken
