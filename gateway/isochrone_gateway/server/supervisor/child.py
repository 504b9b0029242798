"""One worker's process, as the supervisor sees it."""

import asyncio
import contextlib
import dataclasses
import pathlib
import socket
import sys
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from isochrone_gateway.ledger.snapshot import Snapshot
from isochrone_gateway.server.supervisor import awake, messages
from isochrone_gateway.server.supervisor.balance import Loads
from isochrone_gateway.server.supervisor.counts import Counts
from isochrone_gateway.server.supervisor.messages import Channel, FromWorker, ToWorker, supervisors_end
from isochrone_gateway.server.supervisor.worker import Arguments

_MODULE: Final = "isochrone_gateway.server.supervisor.worker"
PREPARE_LIMIT: Final = 60.0
_ASK_LIMIT: Final = 1.0
_SWITCH_LIMIT: Final = 10.0

_T = TypeVar("_T")


class GoneError(Exception):
    """The worker ended, or hangs, instead of answering."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Program:
    """What all workers run."""

    plane: str
    secrets: pathlib.Path | None = None
    log_percent: int = 100
    otlp: str | None = None
    evidence: pathlib.Path | None = None
    instance: str = ""
    """Under which name this gateway keeps evidence."""


class Child:
    """One worker, from its start to its end."""

    def __init__(
        self, number: int, process: asyncio.subprocess.Process, channel: Channel[FromWorker, ToWorker]
    ) -> None:
        self.number = number
        self.connections = 0
        self.metrics: tuple[Snapshot, ...] = ()
        self.evidence: messages.Witnessed | None = None
        self.config = 0
        """The number of the config that it runs; 0 before the first."""
        self.silent = 0.0
        """Seconds since its last sign of life, in which the supervisor was there to hear one."""
        self._process = process
        self._channel = channel
        self._waiting: dict[tuple[type, int], asyncio.Future[Any]] = {}
        self._questions = 0
        self._listening = asyncio.create_task(self._listen())

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Does it answer requests?"""
        return self.config > 0 and self._process.returncode is None

    async def wait_started(self, limit: float) -> None:
        await self._expect(messages.Hello, 0, limit)

    async def prepare(self, config: messages.Prepare) -> tuple[str, ...]:
        """Let it prepare a config; gives what is wrong. Raises GoneError."""
        self._channel.send(config)
        answer = await self._expect(messages.Prepared, config.number, PREPARE_LIMIT)
        return answer.problems

    async def activate(self, number: int) -> None:
        """Let it switch to what it has prepared. Raises GoneError."""
        self._channel.send(messages.Activate(number))
        await self._expect(messages.Activated, number, _SWITCH_LIMIT)
        self.config = number

    async def measure(self) -> None:
        """Have its metrics of now, or those of its last beat if it is slow."""
        self._questions += 1
        self._channel.send(messages.Ask(self._questions, describe=False))
        with contextlib.suppress(GoneError):
            await self._expect(messages.Beat, self._questions, _ASK_LIMIT)

    async def describe(self) -> Mapping[str, Any]:
        """What its data plane tells about itself."""
        self._questions += 1
        self._channel.send(messages.Ask(self._questions, describe=True))
        answer = await self._expect(messages.Description, self._questions, _ASK_LIMIT)
        described: dict[str, Any] = msgspec.json.decode(answer.json, type=dict[str, Any])
        return described

    def tell(self, message: ToWorker) -> None:
        self._channel.send(message)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def wait(self) -> int:
        """Wait for its end, with all that it had to say; gives the exit status, negative for a signal."""
        status = await self._process.wait()
        await self._listening
        self._channel.close()
        return status

    async def _listen(self) -> None:
        while (message := await self._channel.receive()) is not None:
            match message:
                case messages.Beat(connections, metrics, asked, evidence):
                    self.connections, self.metrics = connections, metrics
                    self.silent = 0.0
                    self.evidence = evidence or self.evidence
                    self._answered(messages.Beat, asked, message)
                case messages.Description(asked, _):
                    self._answered(messages.Description, asked, message)
                case messages.Prepared(number, _) | messages.Activated(number):
                    self._answered(type(message), number, message)
                case messages.Hello():
                    self._answered(messages.Hello, 0, message)
        for future in self._waiting.values():
            future.cancel()

    def _answered(self, kind: type, number: int, message: FromWorker) -> None:
        future = self._waiting.get((kind, number))
        if future is not None and not future.done():
            future.set_result(message)

    async def _expect(self, kind: type[_T], number: int, limit: float) -> _T:
        if self._listening.done():
            raise GoneError(f"worker {self.number} has ended")
        future: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._waiting[kind, number] = future
        try:
            has_come = await awake.wait(future, limit)
        finally:
            self._waiting.pop((kind, number), None)
        if not has_come:
            raise GoneError(f"worker {self.number} does not answer within {limit:.0f} s")
        if future.cancelled():
            raise GoneError(f"worker {self.number} has ended")
        return future.result()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shared:
    """What all workers have in common. Of sockets there are `data` and maybe `peer`."""

    workers: int
    loads: Loads
    counts: Counts | None
    """Nothing for one worker alone."""
    sockets: Mapping[str, socket.socket]


async def start(number: int, program: Program, shared: Shared) -> Child:
    """Start a worker."""
    sockets = shared.sockets
    counts = None if shared.counts is None else shared.counts.descriptor
    inherited = [shared.loads.descriptor, *(sock.fileno() for sock in sockets.values())]
    ours, theirs = socket.socketpair()
    with theirs:
        peer = sockets.get("peer")
        arguments = Arguments(
            number=number,
            plane=program.plane,
            channel=theirs.fileno(),
            loads=shared.loads.descriptor,
            counts=counts,
            workers=shared.workers,
            data=sockets["data"].fileno(),
            peer=None if peer is None else peer.fileno(),
            secrets=None if program.secrets is None else str(program.secrets),
            log_percent=program.log_percent,
            otlp=program.otlp,
            evidence=None if program.evidence is None else str(program.evidence),
            instance=program.instance,
        )
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                _MODULE,
                msgspec.json.encode(arguments).decode(),
                pass_fds=[theirs.fileno(), *inherited, *(() if counts is None else (counts,))],
                stdin=asyncio.subprocess.DEVNULL,
            )
        except BaseException:
            ours.close()
            raise
    return Child(number, process, await supervisors_end(ours))
