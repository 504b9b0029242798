"""Connections behind proxies, over real sockets: whose they are, what is refused, and that no byte is lost."""

import asyncio
import contextlib
import pathlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.cluster import pki
from tests.unit.server.sockets import close, loops, play, until
from tests.unit.wire.proxy_headers import block, extension, local, tcp, with_checksum

from isochrone_gateway.config.site import Limits, Listener, TlsFiles
from isochrone_gateway.ledger import exposition
from isochrone_gateway.ledger.metrics import Registry
from isochrone_gateway.ledger.queue import RecordQueue
from isochrone_gateway.route.clients import Networks
from isochrone_gateway.server import Exchange, ExchangeHandler
from isochrone_gateway.server.exchange import NOBODY
from isochrone_gateway.server.supervisor import sockets
from isochrone_gateway.server.supervisor.ports import Port
from isochrone_gateway.server.supervisor.proxied import Proxied, Unknown
from isochrone_gateway.server.supervisor.tls import ServerTls, for_clients
from isochrone_gateway.server.supervisor.vitals import Vitals
from isochrone_gateway.wire.http import status_line

HERE = Networks(["127.0.0.0/8", "::1/128"])
SLOW, QUICK = 30.0, 0.2
GET = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
HEADER = tcp("192.0.2.7", 4711)
CLIENT = "('192.0.2.7', 4711)"
LINE = b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n"


class SayPeer:
    """Answers with whose connection it is."""

    def on_request(self, exchange: Exchange) -> ExchangeHandler:
        exchange.respond(status_line(200), repr(exchange.peer).encode())
        return NOBODY


@contextlib.asynccontextmanager
async def proxied(
    *, by: Networks = HERE, limit: float = SLOW, tls: ServerTls | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[tuple[Port, int]]:
    sock = sockets.listen(host, 0)
    port = Port(asyncio.get_running_loop(), sock)
    port.use(SayPeer(), Limits(), tls, proxied=Proxied(proxies=by, limit=limit))
    port.acceptor.allow(True)
    try:
        yield port, sock.getsockname()[1]
    finally:
        port.close()
        await port.wait_closed()


async def said(port: int, data: bytes) -> bytes:
    """Send this, and read to the end: the body of the answer, or nothing."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        return (await reader.read()).partition(b"\r\n\r\n")[2]
    except ConnectionError:  # It was closed with something unread.
        return b""
    finally:
        await close(writer)


@pytest.fixture
def secrets(tmp_path: pathlib.Path) -> tuple[ServerTls, ssl.SSLContext]:
    authority = pki.new_authority()
    pair = authority.issue_server("127.0.0.1")
    (tmp_path / "ca.crt").write_bytes(authority.pair.certificate)
    (tmp_path / "tls.crt").write_bytes(pair.certificate)
    (tmp_path / "tls.key").write_bytes(pair.key)
    files = TlsFiles(certificate="tls.crt", key="tls.key")
    server = for_clients(Listener(port=1, tls=files), secrets=tmp_path)
    assert server is not None
    return server, ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))


@loops
@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param(HEADER, CLIENT, id="version 2"),
        pytest.param(tcp("2001:db8::7", 9, extension(4, bytes(3000))), "('2001:db8::7', 9)", id="IPv6, long"),
        pytest.param(with_checksum(tcp("192.0.2.7", 4711, extension(3, bytes(4)))), CLIENT, id="checksum"),
        pytest.param(LINE, CLIENT, id="version 1"),
    ],
)
def test_a_connection_is_whose_the_proxy_says(loop: str, header: bytes, expected: str) -> None:
    async def test() -> None:
        async with proxied() as (port, number):
            assert await said(number, header + GET) == expected.encode()
            assert not port.acceptor.unknown

    play(loop, test())


@loops
@pytest.mark.parametrize(
    "header",
    [
        pytest.param(local(), id="LOCAL"),
        pytest.param(block(family=0), id="unspecified"),
        pytest.param(block(bytes(216), family=0x31), id="Unix"),
        pytest.param(b"PROXY UNKNOWN\r\n", id="version 1, unknown"),
    ],
)
def test_a_health_check_is_the_proxys_own(loop: str, header: bytes) -> None:
    async def test() -> None:
        async with proxied() as (_, number):
            reader, writer = await asyncio.open_connection("127.0.0.1", number)
            own = writer.get_extra_info("sockname")
            writer.write(header + GET)
            assert (await reader.read()).endswith(repr(own).encode())
            await close(writer)

    play(loop, test())


@loops
def test_all_requests_of_a_connection_are_its_clients(loop: str) -> None:
    async def test() -> None:
        async with proxied() as (_, number):
            answer = await said(number, HEADER + GET.replace(b"connection: close\r\n", b"") + GET)
            assert answer.count(CLIENT.encode()) == 2

    play(loop, test())


@loops
@pytest.mark.parametrize("apart", [False, True], ids=["one segment", "the handshake later"])
def test_tls_begins_after_the_header(loop: str, apart: bool, secrets: tuple[ServerTls, ssl.SSLContext]) -> None:
    server, client = secrets

    async def test() -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = client.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        async with proxied(tls=server) as (port, number):
            reader, writer = await asyncio.open_connection("127.0.0.1", number)
            if apart:
                writer.write(HEADER[:20])
                await until(lambda: port.acceptor.opening)
                writer.write(HEADER[20:])
            else:
                writer.write(HEADER)
            with pytest.raises(ssl.SSLWantReadError):
                tls.do_handshake()
            writer.write(outgoing.read())
            while True:
                incoming.write(await reader.read(65536))
                with contextlib.suppress(ssl.SSLWantReadError):
                    tls.do_handshake()
                    break
            tls.write(GET)
            writer.write(outgoing.read())
            seen = b""
            while CLIENT.encode() not in seen:
                incoming.write(await reader.read(65536))
                with contextlib.suppress(ssl.SSLWantReadError):
                    seen += tls.read(65536)
            assert port.acceptor.failed == 0
            await close(writer)

    play(loop, test())


@loops
@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(GET, "no_proxy_header", id="a request without a header"),
        pytest.param(b"\x16\x03\x01", "no_proxy_header", id="a TLS handshake without a header"),
        pytest.param(tcp("192.0.2.7", 1, extension(3, bytes(4))) + GET, "wrong_proxy_checksum", id="a wrong checksum"),
        pytest.param(block() + GET, "proxy_header_too_short", id="too short"),
        pytest.param(b"PROXY TCP4\r\n" + GET, "bad_proxy_line", id="half a line"),
    ],
)
def test_what_is_no_header_is_closed_without_an_answer(loop: str, data: bytes, why: str) -> None:
    async def test() -> None:
        async with proxied() as (port, number):
            assert await said(number, data) == b""
            assert dict(port.acceptor.unknown) == {why: 1}

    play(loop, test())


@loops
@pytest.mark.parametrize("data", [HEADER + GET, local() + GET, GET], ids=["header", "health check", "no header"])
def test_who_is_no_trusted_proxy_is_closed_whatever_it_sends(loop: str, data: bytes) -> None:
    async def test() -> None:
        async with proxied(by=Networks(["10.0.0.0/8", "127.0.0.2/32"])) as (port, number):
            assert await said(number, data) == b""
            assert dict(port.acceptor.unknown) == {"untrusted_proxy": 1}
            listener = port.listener
            assert listener is not None
            assert listener.counters.connections == 0

    play(loop, test())


@loops
def test_slow_headers_are_let_go_and_keep_nobody_waiting(loop: str) -> None:
    async def test() -> None:
        async with proxied(limit=QUICK) as (port, number):
            slow = [await asyncio.open_connection("127.0.0.1", number) for _ in range(20)]
            for size, (_, writer) in enumerate(slow):
                writer.write(HEADER[:size])
            await until(lambda: port.acceptor.opening + port.acceptor.unknown.total() == 20)
            port.use(SayPeer(), Limits(), None, proxied=Proxied(proxies=HERE, limit=SLOW))
            assert await said(number, HEADER + GET) == CLIENT.encode()
            for reader, writer in slow:
                with contextlib.suppress(ConnectionError):  # Its time was up before it had sent what it would.
                    assert await reader.read() == b""
                await close(writer)
            assert dict(port.acceptor.unknown) == {"proxy_header_timeout": 20}
            assert port.connections == 0

    play(loop, test())


@loops
@pytest.mark.parametrize("sent", [b"", HEADER[:20]], ids=["nothing", "a part"])
def test_who_leaves_before_the_header_is_whole_is_counted(loop: str, sent: bytes) -> None:
    async def test() -> None:
        async with proxied() as (port, number):
            assert await said_and_left(number, sent) == b""
            await until(lambda: port.acceptor.unknown)
            assert dict(port.acceptor.unknown) == {"proxy_header_cut": 1}

    play(loop, test())


async def said_and_left(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    writer.write_eof()
    found = await reader.read()
    await close(writer)
    return found


@loops
def test_a_reset_costs_only_its_own_connection(loop: str) -> None:
    async def test() -> None:
        async with proxied() as (port, number):
            with socket.create_connection(("127.0.0.1", number)) as client:
                client.sendall(HEADER[:5])
                await until(lambda: port.acceptor.opening)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            await until(lambda: port.acceptor.failed)
            assert await said(number, HEADER + GET) == CLIENT.encode()

    play(loop, test())


@contextlib.contextmanager
def a_connection() -> Iterator[tuple[socket.socket, socket.socket, Any]]:
    """A client's end, our end, and the client's address."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        ours, peer = server.accept()
        with ours:
            ours.setblocking(False)
            yield client, ours, peer


def is_empty(connection: socket.socket) -> bool:
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True


@loops
@pytest.mark.parametrize("header", [HEADER, LINE], ids=["version 2", "version 1"])
def test_byte_by_byte_each_is_taken_and_none_beyond(loop: str, header: bytes) -> None:
    async def test() -> None:
        with a_connection() as (client, ours, peer):
            taking = asyncio.create_task(Proxied(proxies=HERE, limit=SLOW).client(ours, peer))
            for byte in header[:-1]:
                client.sendall(bytes([byte]))
                await until(lambda: is_empty(ours))
                assert not taking.done()
            client.sendall(header[-1:] + b"\x16\x03\x01 and so on")
            assert await taking == ("192.0.2.7", 4711)
            assert ours.recv(100) == b"\x16\x03\x01 and so on"

    play(loop, test())


@loops
def test_a_header_that_never_ends_is_not_collected_forever(loop: str) -> None:
    async def test() -> None:
        with a_connection() as (client, ours, peer):
            client.sendall(b"PROXY UNKNOWN " + b"x" * 10_000)
            assert await Proxied(proxies=HERE, limit=SLOW).client(ours, peer) == Unknown("proxy_header_too_long")

    play(loop, test())


@loops
def test_a_changed_config_holds_for_new_connections(loop: str) -> None:
    async def test() -> None:
        async with proxied() as (port, number):
            reader, writer = await asyncio.open_connection("127.0.0.1", number)
            keep = GET.replace(b"connection: close\r\n", b"")
            writer.write(HEADER + keep)
            assert CLIENT.encode() in await reader.readuntil(b")")

            port.use(SayPeer(), Limits(), None, proxied=Proxied(proxies=Networks(["10.0.0.0/8"]), limit=SLOW))
            assert await said(number, HEADER + GET) == b""
            assert dict(port.acceptor.unknown) == {"untrusted_proxy": 1}

            port.use(SayPeer(), Limits(), None)
            assert b"127.0.0.1" in await said(number, GET)
            assert b"bad_request_line" in await said(number, HEADER + GET), "never read where the config says nothing"

            port.use(SayPeer(), Limits(), None, proxied=Proxied(proxies=HERE, limit=SLOW))
            assert await said(number, HEADER + GET) == CLIENT.encode()

            writer.write(GET)
            assert (await reader.read()).endswith(CLIENT.encode()), "what is open goes on"
            await close(writer)

    play(loop, test())


@loops
def test_on_all_addresses_ipv4_proxies_are_known_as_such(loop: str) -> None:
    async def test() -> None:
        async with proxied(by=Networks(["127.0.0.0/8"]), host="") as (_, number):
            assert await said(number, HEADER + GET) == CLIENT.encode()

    play(loop, test())


@loops
def test_a_second_header_is_no_request(loop: str) -> None:
    async def test() -> None:
        async with proxied() as (_, number):
            assert b"bad_request_line" in await said(number, HEADER + HEADER + GET)

    play(loop, test())


@loops
def test_a_drain_waits_for_headers_that_are_on_their_way(loop: str) -> None:
    async def test() -> None:
        async with proxied() as (port, number):
            reader, writer = await asyncio.open_connection("127.0.0.1", number)
            writer.write(HEADER[:9])
            port.drain(SLOW)
            closed = asyncio.create_task(port.wait_closed())
            writer.write(HEADER[9:] + GET)
            assert (await reader.read()).endswith(CLIENT.encode())
            await close(writer)
            await closed

    play(loop, test())


@loops
def test_an_end_in_the_middle_of_a_header_leaves_no_socket_open(loop: str) -> None:
    ends: list[socket.socket] = []

    async def test() -> None:
        sock = sockets.listen("127.0.0.1", 0)
        port = Port(asyncio.get_running_loop(), sock)
        port.use(SayPeer(), Limits(), None, proxied=Proxied(proxies=HERE, limit=SLOW))
        port.acceptor.allow(True)
        ends.append(socket.create_connection(sock.getsockname()))
        await until(lambda: port.acceptor.opening)
        port.close()

    play(loop, test())
    with ends[0] as client:
        client.settimeout(20)
        assert client.recv(1) == b""


def test_metrics_say_why() -> None:
    async def test() -> None:
        registry = Registry()
        async with proxied() as (port, number):
            vitals = Vitals(registry, {"data": port}, RecordQueue())
            assert await said(number, GET) == b""
            vitals.read()
        lines = exposition.render(registry.snapshot()).decode().splitlines()
        assert 'isochrone_connections_lost_total{port="data",why="no_proxy_header"} 1' in lines

    play("uvloop", test())
