"""Another authority takes over from the one before, under load: no request fails, and no connection is lost.

The steps are those of an installation that renews its authority: first everybody trusts both, then certificates of the
new one are shown, then the old one is no longer trusted.
"""

import asyncio
import contextlib
import dataclasses
import pathlib
import ssl
from collections.abc import AsyncIterator

from tests.unit.pipeline.harness import Gateway, backends, peer_candidate, run, until
from tests.unit.pipeline.network import Network, uri_of
from tests.unit.pipeline.talk import Talk, post
from tests.unit.source.mount import Mount
from tests.unit.upstream.certificates import Authority

from isochrone_gateway.config import Config
from isochrone_gateway.config.site import Listener, Listeners, PeerTrust, TlsFiles
from isochrone_gateway.upstream import scripts

BODY = b'{"model":"chat"}'
STREAM = b'{"model":"chat","stream":true}'
DELTA = b'{"choices":[{"index":0,"delta":{"content":"x"}}]}'
CLIENTS = 6
MORE = 15
"""Requests of each client, at least, before the next thing happens."""
SITES = ("fra", "par")


@dataclasses.dataclass(frozen=True)
class Step:
    """Who is trusted, and who vouches for what is shown."""

    trusted: tuple[Authority, ...]
    shown: Authority


class Installation:
    """Frankfurt, which asks Paris for everything. Each has a secrets mount, which a kubelet swaps."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.network = Network(folder, *SITES)
        self.old = self.network.authority
        (folder / "new").mkdir()
        self.new = Authority(folder / "new", "new")
        self._mounts = {name: Mount(folder / name) for name in SITES}
        self._shown = {
            (authority, name): authority.issue(name, names=(f"{name}.peers.test", "127.0.0.1"), uri=uri_of(name))
            for authority in (self.old, self.new)
            for name in SITES
        }

    @property
    def steps(self) -> list[Step]:
        both = (self.old, self.new)
        return [Step(both, self.old), Step(both, self.new), Step((self.new,), self.new)]

    def show(self, step: Step) -> None:
        """Swap the files of both sites. Where only the trusted change, certificates and keys stay what they are."""
        bundle = b"".join(each.bundle.read_bytes() for each in step.trusted)
        for name, mount in self._mounts.items():
            shown = self._shown[step.shown, name]
            pair = {"tls.crt": shown.certificate.read_bytes(), "tls.key": shown.key.read_bytes()}
            files = {f"{folder}/{file}": content for folder in ("peer", "tls") for file, content in pair.items()}
            mount.show({**files, "peer/ca.crt": bundle})

    def config(self, name: str, **fields: object) -> Config:
        def files(folder: str) -> TlsFiles:
            return TlsFiles(certificate=f"{name}/{folder}/tls.crt", key=f"{name}/{folder}/tls.key")

        site = {
            "listeners": Listeners(
                data=Listener(port=8080, tls=files("tls")),
                admin=Listener(port=9090),
                peer=Listener(port=self.network.ports[name]),
            ),
            "peer_trust": PeerTrust(ca_bundle=f"{name}/peer/ca.crt", identity=files("peer")),
        }
        return self.network.config(name, site=site, **fields)  # type: ignore[arg-type] # what it takes itself

    @contextlib.asynccontextmanager
    async def talking(self, port: int) -> AsyncIterator[Talk]:
        """A client that trusts both authorities."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting(self.old, self.new))
        try:
            yield Talk(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    async def shown_at(self, port: int) -> Authority:
        """Who vouches for the certificate that a port of Paris' or Frankfurt's shows to a client."""
        for authority in (self.old, self.new):
            with contextlib.suppress(ssl.SSLCertVerificationError):
                _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting(authority))
                writer.transport.abort()
                return authority
        raise AssertionError("nobody known")

    async def lets_in(self, authority: Authority) -> bool:
        """Whether Paris admits somebody with this authority's certificate for Frankfurt."""
        context = trusting(self.old, self.new)
        shown = authority.issue("visitor", names=("fra.peers.test",), uri=uri_of("fra"))
        context.load_cert_chain(shown.certificate, shown.key)
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.network.ports["par"], ssl=context)
            writer.write(b"GET / HTTP/1.1\r\nhost: par\r\n\r\n")
            # With TLS 1.3 a client learns only now that it was refused.
            answer = await asyncio.wait_for(reader.read(12), 60)
            writer.transport.abort()
        except (ssl.SSLError, ConnectionError):
            return False
        return answer.startswith(b"HTTP/1.1")


def trusting(*authorities: Authority) -> ssl.SSLContext:
    """A client's context."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for each in authorities:
        context.load_verify_locations(each.bundle)
    return context


class Load:
    """Clients that ask again and again, each on the one connection that it has."""

    def __init__(self, installation: Installation, port: int) -> None:
        self.answered = [0] * CLIENTS
        self._is_over = False
        self._installation = installation
        self._port = port
        self._tasks = [asyncio.create_task(self._ask(number)) for number in range(CLIENTS)]

    async def _ask(self, number: int) -> None:
        async with self._installation.talking(self._port) as talk:
            while not self._is_over:
                talk.send(post(BODY))
                answer = await talk.answer()
                found = (answer.status, answer.headers.get("x-isochrone-site"), answer.headers["x-isochrone-attempts"])
                assert found == (200, "par", "1"), answer
                assert answer.body == b"{}"
                self.answered[number] += 1

    async def goes_on(self) -> None:
        """Wait until each client has been answered some more times."""
        least = [count + MORE for count in self.answered]

        def is_enough() -> bool:
            for task in self._tasks:
                if task.done():
                    task.result()
            return all(count >= wanted for count, wanted in zip(self.answered, least, strict=True))

        await until(is_enough)

    async def end(self) -> None:
        """Each client gets its last answer, and goes."""
        self._is_over = True
        await asyncio.gather(*self._tasks)


async def look(gateway: Gateway) -> None:
    """What a worker does once a minute."""
    gateway.plane.refresh()
    gateway.port.refresh()
    assert gateway.peer_port is not None
    gateway.peer_port.refresh()
    await asyncio.gather(*gateway.plane._tasks)


async def whole(talk: Talk) -> list[bytes]:
    """What is left of a stream."""
    chunks = []
    while chunk := await talk.chunk():
        chunks.append(chunk)
    return chunks


def test_an_authority_is_replaced_under_load(tmp_path: pathlib.Path) -> None:
    def answer(request: object) -> scripts.Script:
        is_stream = b'"stream":true' in getattr(request, "body", b"")
        return scripts.stream([DELTA] * 20, gap=0.02) if is_stream else scripts.answer(b"{}")

    async def scenario() -> None:
        installation = Installation(tmp_path)
        installation.show(Step((installation.old,), installation.old))
        async with backends(answer) as found:
            configs = {
                "fra": installation.config("fra", tiers=[[peer_candidate("par", place=2)]]),
                "par": installation.config("par", engines=found),
            }
            async with installation.network.serving(configs) as gateways:
                fra, par = gateways["fra"], gateways["par"]
                ports = (fra.number, installation.network.ports["fra"], installation.network.ports["par"])
                load = Load(installation, fra.number)
                await load.goes_on()
                for step in installation.steps:
                    async with installation.talking(fra.number) as talk:
                        talk.send(post(STREAM))
                        await talk.head()
                        await talk.chunk()
                        opened = fra.plane._pool.counters["peer:par"].opened
                        installation.show(step)
                        # One looks before the other: for a while they differ.
                        await look(fra)
                        await load.goes_on()
                        assert fra.plane._pool.counters["peer:par"].opened > opened, "what was open ends in time"
                        await look(par)
                        assert (await whole(talk))[-1] == b"data: [DONE]\n\n"
                    await load.goes_on()
                    assert {await installation.shown_at(port) for port in ports} == {step.shown}
                    for authority in (installation.old, installation.new):
                        assert await installation.lets_in(authority) is (authority in step.trusted)
                await load.end()

        assert sum(load.answered) >= 7 * MORE * CLIENTS

    run(scenario())
