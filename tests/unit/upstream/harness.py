"""What the tests of the upstream side share: a strict loop, a sink that writes down, ready-made parts."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any, Self

import uvloop

from isochrone_gateway.upstream.addresses import ANYWHERE, AddressRule
from isochrone_gateway.upstream.call import Call, Failure
from isochrone_gateway.upstream.fake import FakeUpstream
from isochrone_gateway.upstream.limits import PoolLimits
from isochrone_gateway.upstream.pool import Pool
from isochrone_gateway.upstream.target import Outgoing, Target, Timeouts, TlsSettings
from isochrone_gateway.wire.http import ResponseHead

QUICK = PoolLimits(tick=0.01, stale=30.0)
"""Deadlines are looked at often. On a machine that stands still no stale connection looks like one that was in use."""
PATIENT = Timeouts(connect=300, first_byte=300, idle=300, total=300)
"""None passes within a test, not even on a machine that stands still for a while."""
KEPT = 600.0


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run on uvloop; whatever the loop would only log is an error. Unclosed transports show as warnings."""
    problems: list[dict[str, Any]] = []

    async def guarded() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
        await asyncio.wait_for(work, 120)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(guarded())
    gc.collect()
    assert problems == []


class Taker:
    """A sink that keeps what comes, and checks the order in which it comes."""

    def __init__(self) -> None:
        self.head: ResponseHead | None = None
        self.pieces: list[bytes] = []
        self.ended = False
        self.failure: Failure | None = None
        self.over = asyncio.Event()
        self.changed = asyncio.Event()

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def status(self) -> int:
        assert self.head is not None
        return self.head.status

    def on_head(self, head: ResponseHead) -> None:
        assert self.head is None
        assert not self.over.is_set()
        self.head = head
        self.changed.set()

    def on_data(self, data: bytes) -> None:
        assert self.head is not None
        assert not self.over.is_set()
        self.pieces.append(data)
        self.changed.set()

    def on_end(self) -> None:
        assert not self.over.is_set()
        self.ended = True
        self._finish()

    def on_failure(self, failure: Failure) -> None:
        assert not self.over.is_set()
        self.failure = failure
        self._finish()

    def _finish(self) -> None:
        self.over.set()
        self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


class Session:
    """A fake upstream and a pool that calls it."""

    def __init__(self, upstream: FakeUpstream, *, limits: PoolLimits = QUICK, timeouts: Timeouts = PATIENT) -> None:
        self.upstream = upstream
        self.timeouts = timeouts
        self.pool = Pool(asyncio.get_running_loop(), limits=limits)

    async def __aenter__(self) -> Self:
        await self.upstream.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.pool.close()
        await self.upstream.close()

    def target(self, *, tls: TlsSettings | None = None, keep_alive: float = KEPT, host: str = "127.0.0.1") -> Target:
        return target(self.upstream.port, tls=tls, keep_alive=keep_alive, host=host)

    def send(
        self, outgoing: Outgoing, *, to: Target | None = None, timeouts: Timeouts | None = None
    ) -> tuple[Taker, Call]:
        taker = Taker()
        return taker, self.pool.send(to or self.target(), outgoing, taker, timeouts=timeouts or self.timeouts)

    async def ask(
        self, path: str = "/", *, body: bytes = b"", to: Target | None = None, timeouts: Timeouts | None = None
    ) -> Taker:
        """Send, and wait for the end."""
        taker, _ = self.send(post(path, body), to=to, timeouts=timeouts)
        await taker.over.wait()
        return taker


def target(
    port: int,
    *,
    host: str = "127.0.0.1",
    tls: TlsSettings | None = None,
    addresses: AddressRule = ANYWHERE,
    keep_alive: float = KEPT,
) -> Target:
    return Target(
        host=host, port=port, authority=b"up.test", name="up", tls=tls, addresses=addresses, keep_alive=keep_alive
    )


def post(path: str = "/", body: bytes = b"") -> Outgoing:
    lines = b"POST %b HTTP/1.1\r\nhost: up.test\r\ncontent-length: %d\r\n\r\n"
    return Outgoing(lines % (path.encode(), len(body)), (body,) if body else ())


def head_request() -> Outgoing:
    return Outgoing(b"HEAD / HTTP/1.1\r\nhost: up.test\r\n\r\n")
