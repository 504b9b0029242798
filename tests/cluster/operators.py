"""The operator's own command, as processes that a test may stop, pause and kill."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.cluster.controlplane import unbound_ports
from tests.cluster.reaper import current_run
from tests.cluster.waiting import until

PACE: Final[Mapping[str, Mapping[str, float]]] = {
    "pace": {
        "debounce": 0.05,
        "look": 2.0,
        "busyLook": 0.3,
        "others": 1.0,
        "resync": 5.0,
        "mostPause": 1.0,
        "adopt": 8.0,
        "anchors": 1.0,
    },
    "election": {"duration": 4.0, "renewWithin": 2.5, "retry": 0.3},
    "planning": {"lostAfter": 5},
    "waves": {"seconds": 0},
}
"""Quicker than in earnest, so that a test needn't wait."""


class OperatorProcess:
    """One replica."""

    def __init__(
        self,
        kubeconfig: bytes,
        folder: Path,
        name: str,
        *,
        settings: Mapping[str, Any] = PACE,
        more: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._port = 0
        config, self._settings = folder / f"{name}.kubeconfig", folder / f"{name}.settings.json"
        config.write_bytes(kubeconfig)
        self.use(settings)
        self._command = [
            sys.executable, "-c", "from isochrone.cli import main; main()",
            "operator", "--kubeconfig", str(config), "--settings", str(self._settings), "--identity", name, *more,
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "OperatorProcess":
        self._port = next(unbound_ports())
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command, "--health", f"127.0.0.1:{self._port}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                process_group=current_run().group,
            )
        until(lambda: self.get("/healthz"), "ok\n", why=self.tail)
        return self

    def use(self, settings: Mapping[str, Any]) -> None:
        """From its next start on."""
        self._settings.write_text(json.dumps(settings))

    def restart(self, settings: Mapping[str, Any]) -> None:
        """With other settings."""
        self.stop()
        self.use(settings)
        self.start()

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=5) as answer:  # an OSError else
            text: str = answer.read().decode()
            return text

    def metric(self, name: str) -> float:
        lines = [line for line in self.get("/metrics").splitlines() if line.startswith(f"{name} ")]
        return float(lines[0].split()[-1]) if lines else 0.0

    @property
    def running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, f"{self.name} was not started"
        return self._process

    def kill(self) -> None:
        self.running.kill()
        self.running.wait(60)

    def pause(self) -> None:
        self.running.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.running.send_signal(signal.SIGCONT)

    def stop(self, limit: float = 30.0) -> int:
        if self._process is None or self._process.poll() is not None:
            return 0 if self._process is None else self._process.returncode
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            return self._process.wait(limit)
        finally:
            self._process.kill()

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else ""
