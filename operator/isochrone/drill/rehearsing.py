"""The gateway's own code, asked what it would do: a process of its own, since the operator imports none of it.

`isochrone_gateway.server.rehearsing` says what is spoken.
"""

import contextlib
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, Final, NamedTuple

_LIMIT: Final = 600.0
"""Seconds for one answer, however many gateways it is about."""


class RehearsalError(Exception):
    """The gateway's code can't be asked; the message is what it said."""


class Ask(NamedTuple):
    """A request that comes in at a site; as `rehearsing.Ask` of the gateway."""

    site: str
    tenant: str | None
    model: str
    origin: str | None


class Named(NamedTuple):
    """A candidate."""

    kind: str
    site: str = ""
    provider: str = ""
    endpoint: str = ""
    takes: bool = True
    """False: a peer whose own gateway refuses it, which has seen it by then."""


class Answer(NamedTuple):
    """What becomes of a request. `asked`: who can answer, first to last; `may`: to whom it could be sent at all."""

    asked: tuple[Named, ...]
    may: tuple[Named, ...]
    status: int
    code: str
    policy: str | None


class Gateways:
    """The gateways of a network, by their configs."""

    def __init__(self, process: "subprocess.Popen[bytes]", errors: IO[bytes]) -> None:
        self._process = process
        self._errors = errors

    def load(self, folders: Mapping[str, pathlib.Path]) -> None:
        """These are the sites now, with these configs."""
        self._say({"do": "load", "sites": {site: str(path) for site, path in folders.items()}})

    def ask(self, asks: Sequence[Ask], down: Sequence[str]) -> list[Answer]:
        """What becomes of each, with these sites down."""
        said = self._say({"do": "ask", "down": list(down), "asks": [each._asdict() for each in asks]})
        return [_answer(each) for each in said["answers"]]

    def _say(self, line: Mapping[str, Any]) -> dict[str, Any]:
        reader, writer = self._process.stdout, self._process.stdin
        if reader is None or writer is None:
            raise RuntimeError("the process has pipes")
        watchdog = threading.Timer(_LIMIT, self._process.kill)
        watchdog.start()
        try:
            writer.write(json.dumps(line).encode() + b"\n")
            writer.flush()
            answer = reader.readline()
        except BrokenPipeError:
            answer = b""
        finally:
            watchdog.cancel()
        if not answer:
            raise RehearsalError(self._last_words())
        found: dict[str, Any] = json.loads(answer)
        return found

    def _last_words(self) -> str:
        self._process.wait(_LIMIT)
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        if lines and lines[-1].startswith("ModuleNotFoundError"):
            return f"the gateway is not installed here, so it can't be asked ({lines[-1]}): install isochrone[gateway]"
        return lines[-1] if lines else f"it ended with {self._process.returncode}, and said nothing"


_COMMAND: Final = (sys.executable, "-m", "isochrone_gateway.server.rehearsing")


@contextlib.contextmanager
def gateways(command: Sequence[str] = _COMMAND) -> Iterator[Gateways]:
    """Ask as long as it is needed."""
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors) as process,  # noqa: S603 - our own
    ):
        try:
            yield Gateways(process, errors)
        finally:
            process.kill()


def _answer(said: Mapping[str, Any]) -> Answer:
    refused = said["refused"] or {}
    return Answer(
        asked=tuple(Named(**each) for each in said["asked"]),
        may=tuple(Named(**each) for each in said["may"]),
        status=refused.get("status", 200),
        code=refused.get("code", ""),
        policy=refused.get("policy"),
    )
