"""From a name to a connection: failover between addresses, the guard, and no socket left behind."""

import asyncio
import socket
import sys
from collections.abc import Sequence

import pytest
from tests.unit.upstream.harness import PATIENT, QUICK, Taker, post, run, target

from isochrone_gateway.upstream import scripts
from isochrone_gateway.upstream.addresses import PUBLIC
from isochrone_gateway.upstream.call import Failure, FailureKind
from isochrone_gateway.upstream.dial import Dialer
from isochrone_gateway.upstream.fake import FakeUpstream
from isochrone_gateway.upstream.limits import PoolLimits
from isochrone_gateway.upstream.pool import Pool
from isochrone_gateway.upstream.resolver import Resolver, system_lookup
from isochrone_gateway.upstream.target import Timeouts
from isochrone_gateway.upstream.tls import Contexts

HI = scripts.answer(b"hi")


async def ask(
    addresses: Sequence[str], port: int, *, timeouts: Timeouts = PATIENT, limits: PoolLimits = QUICK
) -> tuple[Taker, float]:
    async def lookup(_: str) -> Sequence[str]:
        return addresses

    loop = asyncio.get_running_loop()
    pool = Pool(loop, limits=limits, resolver=Resolver(lookup, loop.time))
    began = loop.time()
    taker = Taker()
    pool.send(target(port, host="a.test"), post(), taker, timeouts=timeouts)
    await taker.over.wait()
    took = loop.time() - began
    await pool.close()
    return taker, took


def test_the_next_address_is_tried_when_one_refuses() -> None:
    async def work() -> None:
        async with FakeUpstream(HI) as upstream:
            limits = PoolLimits(tick=0.01, stagger=100.0)
            taker, took = await ask(["127.0.0.9", "::1", "127.0.0.1"], upstream.port, limits=limits)
            assert taker.ended
            assert took < limits.stagger, "a refusal is not waited for"

    run(work())


def test_the_next_address_is_tried_beside_one_that_is_silent() -> None:
    async def work() -> None:
        # A full backlog: the kernel drops further attempts to connect, as a firewall would.
        silent = socket.create_server(("127.0.0.9", 0), backlog=0)
        fillers = [socket.socket() for _ in range(8)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(silent.getsockname())
        upstream = FakeUpstream(HI)
        await upstream.start("127.0.0.1", silent.getsockname()[1])
        try:
            taker, took = await ask(["127.0.0.9", "127.0.0.1"], upstream.port)
            assert taker.ended
            assert QUICK.stagger <= took + 0.01
            assert took < PATIENT.connect / 2

            taker, took = await ask(["127.0.0.9"], upstream.port, timeouts=Timeouts(connect=0.2))
            assert taker.failure is not None
            assert taker.failure.kind is FailureKind.CONNECT
            assert "0.2 s" in taker.failure.detail
        finally:
            await upstream.close()
            for sock in (*fillers, silent):
                sock.close()

    run(work())


@pytest.mark.parametrize(
    ("addresses", "kind", "detail"),
    [
        pytest.param([], "resolve", "has no address", id="no address"),
        pytest.param(["127.0.0.9"], "connect", "refused", id="refused"),
        pytest.param(["127.0.0.9", "127.0.0.8"], "connect", "refused", id="all refused"),
    ],
)
def test_no_connection(addresses: Sequence[str], kind: str, detail: str) -> None:
    async def work() -> None:
        async with FakeUpstream(HI) as upstream:
            taker, _ = await ask(addresses, upstream.port)
            assert taker.failure is not None
            assert taker.failure.kind == FailureKind(kind)
            assert detail in taker.failure.detail.lower().replace("connect call failed", "refused")
            assert (taker.failure.sent, taker.failure.answered) == (False, False)

    run(work())


def test_the_guard_refuses_what_a_name_leads_to() -> None:
    async def work() -> None:
        async with FakeUpstream(HI) as upstream:
            loop = asyncio.get_running_loop()
            answers = iter([["127.0.0.1", "169.254.169.254"]])

            async def lookup(_: str) -> Sequence[str]:
                return next(answers)

            pool = Pool(loop, limits=QUICK, resolver=Resolver(lookup, loop.time))
            taker = Taker()
            guarded = target(upstream.port, host="api.test", addresses=PUBLIC)
            pool.send(guarded, post(), taker, timeouts=PATIENT)
            await taker.over.wait()
            assert taker.failure == Failure(
                kind=FailureKind.FORBIDDEN_ADDRESS,
                detail="api.test is 127.0.0.1, 169.254.169.254, which is no permitted public address",
            )
            literal = Taker()
            guarded = target(upstream.port, host="127.0.0.1", addresses=PUBLIC)
            pool.send(guarded, post(), literal, timeouts=PATIENT)
            await literal.over.wait()
            assert literal.failure is not None
            assert literal.failure.kind is FailureKind.FORBIDDEN_ADDRESS
            assert upstream.connections == []
            await pool.close()

    run(work())


def test_small_segments_are_sent_at_once() -> None:
    async def work() -> None:
        async with FakeUpstream(HI) as upstream:
            loop = asyncio.get_running_loop()

            class Keeper(asyncio.Protocol):
                def connection_made(self, transport: asyncio.BaseTransport) -> None:
                    self.transport = transport

            resolver = Resolver(system_lookup, loop.time)
            dialer = Dialer(loop, resolver=resolver, contexts=Contexts(), stagger=0.25)
            keeper = await dialer.connect(target(upstream.port), Keeper, 60)
            sock = keeper.transport.get_extra_info("socket")
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
            keeper.transport.close()
            await upstream.wait(lambda: upstream.open == 0)

    run(work())


def test_closing_the_pool_while_connecting() -> None:
    async def work() -> None:
        gate = asyncio.Event()

        async def lookup(_: str) -> Sequence[str]:
            await gate.wait()
            return ["127.0.0.1"]

        loop = asyncio.get_running_loop()
        resolver = Resolver(lookup, loop.time)
        pool = Pool(loop, limits=QUICK, resolver=resolver)
        taker = Taker()
        pool.send(target(1, host="a.test"), post(), taker, timeouts=PATIENT)
        await asyncio.sleep(0.02)
        await pool.close()
        await resolver.close()
        assert taker.failure is not None
        assert taker.failure.kind is FailureKind.CONNECT

    run(work())


class Idle(asyncio.Protocol):
    """Keeps its transport."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport


def test_a_server_that_vanishes_is_noticed() -> None:
    """The kernel asks whether it is still there. That no answer comes is no sign, where one takes minutes."""

    async def work() -> None:
        loop = asyncio.get_running_loop()
        dialer = Dialer(loop, resolver=Resolver(system_lookup, loop.time), contexts=Contexts(), stagger=0.25)
        async with FakeUpstream(HI) as upstream:
            made = await dialer.connect(target(upstream.port), Idle, 60)
            sock = made.transport.get_extra_info("socket")
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            if sys.platform == "linux":
                names = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
                first, between, times = (sock.getsockopt(socket.IPPROTO_TCP, name) for name in names)
                assert first + between * times <= 60
            made.transport.close()

    run(work())
