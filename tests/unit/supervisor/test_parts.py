"""The parts of the supervisor: restarts, turns, TLS files, sockets, messages, the watch over workers."""

import asyncio
import contextlib
import errno
import os
import pathlib
import signal
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cluster import pki
from tests.unit.source.publishing import published, until

from isochrone_gateway.config import ConfigError
from isochrone_gateway.config.engines import ServiceEndpoints
from isochrone_gateway.config.site import Listener, LogLevel, PeerTrust, TlsFiles
from isochrone_gateway.server.exchange import Address
from isochrone_gateway.server.supervisor import awake, messages, sockets, tls
from isochrone_gateway.server.supervisor.acceptor import Acceptor, Terms
from isochrone_gateway.server.supervisor.awake import Awake
from isochrone_gateway.server.supervisor.balance import Loads
from isochrone_gateway.server.supervisor.child import Program
from isochrone_gateway.server.supervisor.fleet import Fleet
from isochrone_gateway.server.supervisor.restarts import STEADY, Restarts
from isochrone_gateway.source import judging
from isochrone_gateway.source.judging import Complete, Wanted
from isochrone_gateway.upstream.discovery import EngineEndpoint


@pytest.mark.parametrize(
    ("lives", "delay", "is_hopeless"),
    [
        pytest.param([], 0.0, False, id="never crashed"),
        pytest.param([0.1], 0.0, False, id="the first time: at once"),
        pytest.param([0.1] * 3, 0.2, False, id="doubles"),
        pytest.param([0.1] * 8, 6.4, True, id="no use"),
        pytest.param([0.1] * 100, 10.0, True, id="bounded"),
        pytest.param([0.1] * 8 + [STEADY], 0.0, False, id="forgotten once it ran for a while"),
    ],
)
def test_restarts(lives: list[float], delay: float, is_hopeless: bool) -> None:
    restarts = Restarts()
    for lived in lives:
        restarts = restarts.crashed(lived=lived)
    assert restarts.delay == pytest.approx(delay)
    assert restarts.is_hopeless is is_hopeless


@given(st.lists(st.one_of(st.none(), st.integers(0, 10_000)), min_size=1, max_size=16))
def test_never_are_all_workers_ahead(loads: list[int | None]) -> None:
    shared = Loads(len(loads))
    for number, load in enumerate(loads):
        if load is not None:
            shared.tell(number, load)
    present = {number: load for number, load in enumerate(loads) if load is not None}
    ahead = {number for number in present if shared.is_ahead(number)}
    assert not present or ahead < set(present)
    if present:
        assert min(present, key=lambda number: present[number]) not in ahead
    shared.close()


def test_workers_see_each_others_loads() -> None:
    ours = Loads(3)
    theirs = Loads(3, os.dup(ours.descriptor))
    ours.tell(0, 10)
    theirs.tell(1, 0)
    assert theirs.is_ahead(0)
    assert not theirs.is_ahead(1)
    ours.leave(1)
    assert not theirs.is_ahead(0), "alone again"
    ours.close()
    theirs.close()


def accepting(is_ahead: bool, room: int = 1000) -> tuple[float, int]:
    """Accept 40 connections that wait; gives how long that takes, and how many were accepted."""

    async def test() -> tuple[float, int]:
        loop = asyncio.get_running_loop()
        made: list[asyncio.Protocol] = []

        def protocol(_: Address | None) -> asyncio.Protocol:
            made.append(asyncio.Protocol())
            return made[-1]

        sock = sockets.listen("127.0.0.1", 0)
        terms = Terms(
            protocol=protocol,
            tls=lambda: None,
            has_room=lambda: len(made) + acceptor.opening < room,
            is_ahead=lambda: is_ahead,
        )
        acceptor = Acceptor(loop, sock, terms)
        clients = [socket.create_connection(sock.getsockname()) for _ in range(40)]
        began = loop.time()
        acceptor.allow(True)
        await until(lambda: len(made) >= min(room, 40))
        took = loop.time() - began
        await asyncio.sleep(0.1)
        acceptor.close()
        for client in clients:
            client.close()
        await acceptor.wait_closed()
        return took, len(made)

    return asyncio.run(test())


def test_a_worker_that_is_ahead_leaves_turns_to_others_but_never_starves_clients() -> None:
    took, accepted = accepting(is_ahead=True)
    assert accepted == 40
    assert took > 0.01


def test_no_more_connections_than_allowed() -> None:
    assert accepting(is_ahead=False, room=7)[1] == 7


@contextlib.asynccontextmanager
async def acceptor_of(made: list[asyncio.Protocol]) -> AsyncIterator[tuple[Acceptor, Any]]:
    """An acceptor that was allowed to accept, and its address."""

    def protocol(_: Address | None) -> asyncio.Protocol:
        made.append(asyncio.Protocol())
        return made[-1]

    sock = sockets.listen("127.0.0.1", 0)
    terms = Terms(protocol=protocol, tls=lambda: None, has_room=lambda: True, is_ahead=lambda: False)
    acceptor = Acceptor(asyncio.get_running_loop(), sock, terms)
    acceptor.allow(True)
    try:
        yield acceptor, sock.getsockname()
    finally:
        acceptor.close()


@pytest.mark.parametrize("settle", [0.0, 0.1], ids=["at once", "in a moment"])
def test_what_waits_is_accepted_before_the_socket_is_closed(settle: float) -> None:
    async def test() -> None:
        made: list[asyncio.Protocol] = []
        async with acceptor_of(made) as (acceptor, address):
            clients = [socket.create_connection(address) for _ in range(20)]
            acceptor.finish(settle)
            acceptor.finish(settle)
            await acceptor.wait_closed()
            assert len(made) == 20
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(address)
            for client in clients:
                client.close()

    asyncio.run(test())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a program filter what comes to a socket")
def test_nobody_is_connected_just_to_be_reset_by_the_close() -> None:
    async def test() -> None:
        made: list[asyncio.Protocol] = []
        async with acceptor_of(made) as (acceptor, address):
            acceptor.finish(60)
            late = socket.socket()
            late.setblocking(False)
            late.connect_ex(address)
            await asyncio.sleep(0.2)
            with pytest.raises(OSError, match="not connected"):
                late.getpeername()
            acceptor.finish()
            await acceptor.wait_closed()
            # The client's kernel asks again a second after the first time, and only then it is told.
            await until(lambda: late.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED, limit=30)
            assert made == []
            late.close()

    asyncio.run(test())


def test_nothing_is_accepted_for_nobody() -> None:
    async def test() -> None:
        made: list[asyncio.Protocol] = []
        async with acceptor_of(made) as (acceptor, address):
            acceptor.allow(False)
            with socket.create_connection(address):
                acceptor.finish(60)
                await acceptor.wait_closed()
                assert made == []

    asyncio.run(test())


class Secrets:
    """A folder with a certificate, as a secrets mount has it."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.authority = pki.new_authority()
        (folder / "ca.crt").write_bytes(self.authority.pair.certificate)
        self.renew()

    def renew(self) -> None:
        pair = self.authority.issue_server("127.0.0.1")
        (self.folder / "tls.crt").write_bytes(pair.certificate)
        (self.folder / "tls.key").write_bytes(pair.key)


FILES = TlsFiles(certificate="tls.crt", key="tls.key")


def test_a_renewed_certificate_is_used_and_a_broken_one_is_not(tmp_path: pathlib.Path) -> None:
    secrets = Secrets(tmp_path)
    server = tls.for_clients(Listener(port=1, tls=FILES), secrets=tmp_path)
    assert server is not None
    first = server.context
    server.refresh()
    assert server.context is first
    secrets.renew()
    server.refresh()
    second = server.context
    assert second is not first
    (tmp_path / "tls.key").write_bytes(b"half")
    with pytest.raises(ConfigError, match="can't be used"):
        server.refresh()
    (tmp_path / "tls.crt").unlink()
    with pytest.raises(ConfigError, match="can't be read"):
        server.refresh()
    assert server.context is second


def test_the_peer_port_always_asks_for_a_certificate(tmp_path: pathlib.Path) -> None:
    Secrets(tmp_path)
    trust = PeerTrust(ca_bundle="ca.crt", identity=FILES)
    assert tls.for_peers(Listener(port=1), trust, secrets=tmp_path).context.verify_mode is ssl.CERT_REQUIRED
    with pytest.raises(ConfigError, match="peerTrust"):
        tls.for_peers(Listener(port=1), None, secrets=tmp_path)
    with pytest.raises(ConfigError, match="--secrets"):
        tls.for_peers(Listener(port=1), trust, secrets=None)
    assert tls.for_clients(Listener(port=1), secrets=None) is None


@pytest.mark.parametrize("host", ["", "127.0.0.1", "::1"])
def test_sockets_listen_where_they_are_told(host: str) -> None:
    try:
        made = sockets.listen(host, 0)
    except OSError:
        pytest.skip("this machine has no such address")
    with made:
        target = "::1" if host == "::1" else "127.0.0.1"
        with socket.create_connection((target, made.getsockname()[1]), timeout=5):
            assert sockets.name(made).endswith(f":{made.getsockname()[1]}")


def test_messages_arrive_whole_and_in_order() -> None:
    async def test() -> None:
        ours, theirs = socket.socketpair()
        supervisor, worker = await messages.supervisors_end(ours), await messages.workers_end(theirs)
        config = messages.Prepare(1, b"index", {"a": b"x" * 3_000_000})
        service = ServiceEndpoints(namespace="lab", service="chat", port_name="http")
        found = messages.Found(service, (EngineEndpoint("10.0.0.1", 80, "pod-1", "b", ("b", "c")),))
        said: list[Any] = [config, messages.Activate(1), found, messages.Forget(service), messages.Accept()]
        for message in said:
            supervisor.send(message)
        assert [await worker.receive() for _ in said] == said
        worker.send(messages.Prepared(1, ("no",)))
        assert await supervisor.receive() == messages.Prepared(1, ("no",))
        supervisor.close()
        assert await worker.receive() is None
        worker.send(messages.Hello())
        worker.close()

    asyncio.run(test())


def complete() -> Complete:
    index, blobs = published(1)
    wanted = judging.judge_index(index, None)
    assert isinstance(wanted, Wanted)
    loaded = judging.load(index, wanted, blobs)
    assert isinstance(loaded, Complete)
    return loaded


@contextlib.asynccontextmanager
async def two_workers(hang_limit: float) -> AsyncIterator[tuple[Fleet, list[tuple[str, int]]]]:
    """A fleet that runs a config, and the events that it tells to its end, each with the worker's number."""
    events: list[tuple[str, int]] = []

    def say(_level: LogLevel, event: str, /, **fields: Any) -> None:
        events.append((event, fields["worker"]))

    fleet = Fleet(2, Program(plane="tests.unit.supervisor.plane:Plane"), say, hang_limit=hang_limit)
    with sockets.listen("127.0.0.1", 0) as listening:
        try:
            assert await fleet.apply(complete(), {"data": listening}) == ()
            yield fleet, events
        finally:
            await fleet.stop()


@pytest.mark.parametrize(
    ("number", "told"),
    [
        pytest.param(signal.SIGSTOP, ["WorkerHangs", "WorkerEnded"], id="hangs"),
        pytest.param(signal.SIGKILL, ["WorkerEnded"], id="dies"),
    ],
)
def test_a_worker_that_hangs_or_dies_is_replaced(number: signal.Signals, told: list[str]) -> None:
    async def test() -> None:
        async with two_workers(hang_limit=3.0 if number is signal.SIGSTOP else 60.0) as (fleet, events):
            victim = fleet.children[0]
            os.kill(victim.pid, number)
            await until(lambda: fleet.ready == 2 and victim not in fleet.children, limit=100)
        # On a busy machine others may be silent for so long, too.
        assert [event for event, worker in events if worker == victim.number][: len(told)] == told

    async def bounded() -> None:
        await asyncio.wait_for(test(), 200)

    asyncio.run(bounded())


def test_a_supervisor_that_was_absent_does_not_blame_its_workers() -> None:
    """As when the whole machine is frozen: the supervisor looks at its clock before it hears anybody."""

    async def test() -> None:
        # Once all go on, a worker has ten times as long as it takes from one beat to the next.
        async with two_workers(hang_limit=10.0) as (fleet, events):
            before = fleet.children
            for each in before:
                os.kill(each.pid, signal.SIGSTOP)
            time.sleep(12)  # noqa: ASYNC251 - nothing of this process runs meanwhile
            for each in before:
                os.kill(each.pid, signal.SIGCONT)
            await asyncio.sleep(1.5)
            assert fleet.children == before
        assert events == []

    asyncio.run(test())


@pytest.mark.parametrize(
    ("looks", "counted"),
    [
        pytest.param([0.5, 0.5], 1.0, id="there all the time"),
        pytest.param([1.0, 100.0, 1.0], 4.0, id="away for long"),
        pytest.param([0.0], 0.0, id="at once"),
    ],
)
def test_only_time_counts_in_which_one_was_there(looks: list[float], counted: float) -> None:
    now = 1000.0
    clock = Awake(lambda: now, most=2.0)
    total = 0.0
    for passed in looks:
        now += passed
        total += clock.look()
    assert total == counted


def test_who_was_absent_waits_for_the_rest_of_the_time() -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        late: asyncio.Future[None] = loop.create_future()
        loop.call_later(0.1, time.sleep, 3.0)
        loop.call_later(3.3, late.set_result, None)
        assert await awake.wait(late, 2.5)
        assert not await awake.wait(loop.create_future(), 0.1)

    asyncio.run(test())
