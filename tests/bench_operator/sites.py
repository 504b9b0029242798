"""The process in which all sites that pull are, and what it has seen."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Self

import msgspec
from tests.bench_operator.watchers import Seen
from tests.cluster.reaper import current_run

_LOOK = 0.01


class SitesError(Exception):
    """Not all sites got what they were to get; the message says how many did."""


class Sites:
    """They watch from entry to exit."""

    def __init__(self, kubeconfig: Path, names: Sequence[str], *, rtt: float, cores: Iterable[int]) -> None:
        self.names = names
        self._command = [sys.executable, "-m", "tests.bench_operator.watchers", "--kubeconfig", str(kubeconfig)]
        self._command += ["--rtt", str(rtt), "--cores", ",".join(map(str, cores)), *names]
        self._seen: list[Seen] = []
        self.last = time.monotonic()
        """When something was seen last."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, process_group=current_run().group)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(10)
        self._thread.join(10)

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._seen.append(msgspec.json.decode(line, type=Seen))
            self.last = time.monotonic()

    def seen(self) -> list[Seen]:
        """All, until now."""
        return list(self._seen)

    def all_have(self, is_it: Callable[[Seen], bool], *, since: int, limit: float) -> dict[str, Seen]:
        """The first that is it, of every site; only those after so many seen count. Raises SitesError."""
        deadline = time.monotonic() + limit
        found: dict[str, Seen] = {}
        at = since
        while len(found) < len(self.names):
            news = self._seen[at:]
            at += len(news)
            for each in news:
                if is_it(each):
                    found.setdefault(each.site, each)
            if not news:
                if time.monotonic() > deadline:
                    raise SitesError(f"{len(found)} of {len(self.names)} sites within {limit:g} s")
                time.sleep(_LOOK)
        return found

    def quiet(self, *, seconds: float, limit: float) -> None:
        """Wait until nothing has come for a while."""
        deadline = time.monotonic() + limit
        while time.monotonic() - self.last < seconds:
            if time.monotonic() > deadline:
                raise SitesError(f"sites are given something new still, after {limit:g} s")
            time.sleep(_LOOK)
