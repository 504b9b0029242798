"""What supervisor and workers say to each other, and the socket pair that carries it.

A message is four bytes of length and MessagePack. Only our own processes hold the ends of the pair.
"""

import asyncio
import contextlib
import socket
from typing import Final, Generic, TypeVar

import msgspec

from isochrone_gateway.config.engines import ServiceEndpoints
from isochrone_gateway.ledger.snapshot import Snapshot
from isochrone_gateway.source.contact import Contact
from isochrone_gateway.upstream.discovery import Endpoints


class Message(msgspec.Struct, frozen=True, tag=True):
    """Something said."""


class Prepare(Message, frozen=True, tag=True):
    """Build handlers from this config, and say whether it worked."""

    number: int
    index: bytes
    blobs: dict[str, bytes]
    slots: dict[str, int] = {}
    """Where the config's limits are counted; see `slots`."""


class Activate(Message, frozen=True, tag=True):
    """Use the handlers that were prepared under this number."""

    number: int


class Confirmed(Message, frozen=True, tag=True):
    """The source was read at that time."""

    contact: Contact


class Found(Message, frozen=True, tag=True):
    """These are the ready endpoints of a Service now."""

    service: ServiceEndpoints
    endpoints: Endpoints


class Forget(Message, frozen=True, tag=True):
    """A Service that isn't watched any more: what was found of it grows stale."""

    service: ServiceEndpoints


class Accept(Message, frozen=True, tag=True):
    """Take new connections from now on."""


class Drain(Message, frozen=True, tag=True):
    """Take no new connections, close each after its answer, and end when all are closed."""

    grace: float


class Interrupt(Message, frozen=True, tag=True):
    """End what is open with an error, and end."""


class Reload(Message, frozen=True, tag=True):
    """Read certificates and secrets again."""


class Ask(Message, frozen=True, tag=True):
    """Send a fresh `Beat` or a `Description` in answer."""

    number: int
    describe: bool


class Hello(Message, frozen=True, tag=True):
    """The worker has started."""


class Prepared(Message, frozen=True, tag=True):
    """The outcome of `Prepare`: no problems means that it can be activated."""

    number: int
    problems: tuple[str, ...]


class Activated(Message, frozen=True, tag=True):
    """The handlers of this number are in use."""

    number: int


class Witnessed(msgspec.Struct, frozen=True):
    """How far a worker's chain of evidence would survive a loss of power."""

    chain: str
    lines: int
    digest: bytes
    why: str = ""
    """Why it can't write now, if it can't."""
    lost: int = 0
    closed: int = 0
    """How many files of the chain will never be longer."""
    is_over: bool = False
    """The worker has ended."""


class Beat(Message, frozen=True, tag=True):
    """Alive. `asked` is the number of the question that this answers, or 0."""

    connections: int
    metrics: tuple[Snapshot, ...]
    asked: int = 0
    evidence: Witnessed | None = None


class Description(Message, frozen=True, tag=True):
    """What `/status` shows, as JSON."""

    asked: int
    json: bytes


ToWorker = Prepare | Activate | Confirmed | Found | Forget | Accept | Drain | Interrupt | Reload | Ask
FromWorker = Hello | Prepared | Activated | Beat | Description

_LENGTH: Final = 4
_In = TypeVar("_In")
_Out = TypeVar("_Out")


class Channel(Generic[_In, _Out]):
    """One end of the pair."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kind: object) -> None:
        self._reader = reader
        self._writer = writer
        self._decoder: msgspec.msgpack.Decoder[_In] = msgspec.msgpack.Decoder(kind)
        self._encoder = msgspec.msgpack.Encoder()

    def send(self, message: _Out) -> None:
        """Say something; never waits. To a process that is gone it says nothing."""
        data = self._encoder.encode(message)
        if not self._writer.is_closing():
            self._writer.writelines((len(data).to_bytes(_LENGTH), data))

    async def receive(self) -> _In | None:
        """The next message; None when the other process is gone."""
        try:
            length = int.from_bytes(await self._reader.readexactly(_LENGTH))
            return self._decoder.decode(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def flush(self) -> None:
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    def close(self) -> None:
        self._writer.close()


async def supervisors_end(pair_end: socket.socket) -> Channel[FromWorker, ToWorker]:
    reader, writer = await asyncio.open_unix_connection(sock=pair_end)
    return Channel(reader, writer, FromWorker)


async def workers_end(pair_end: socket.socket) -> Channel[ToWorker, FromWorker]:
    reader, writer = await asyncio.open_unix_connection(sock=pair_end)
    return Channel(reader, writer, ToWorker)
