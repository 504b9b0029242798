"""Several gateways in the test's event loop, which reach each other at their peer ports by mutual TLS."""

import contextlib
import pathlib
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from tests.unit.pipeline import harness
from tests.unit.pipeline.harness import Backend, Gateway, engine, engine_candidate, route, until
from tests.unit.upstream.certificates import Authority

from isochrone_gateway.config import Config
from isochrone_gateway.config.peers import Peer
from isochrone_gateway.config.routes import Candidate
from isochrone_gateway.config.site import Listener, Listeners, PeerTrust, TlsFiles

PLACES = {"fra": 0, "iad": 1, "par": 2}
"""Sites, by their place in the harness' list: Germany, the US, France."""


class Network:
    """The sites of one installation. Their secrets are all in one folder."""

    def __init__(self, folder: pathlib.Path, *names: str) -> None:
        self.folder = folder
        self.authority = Authority(folder)
        self.sockets = {name: _listen() for name in names}
        self.ports: dict[str, int] = {name: sock.getsockname()[1] for name, sock in self.sockets.items()}
        for name in names:
            self.authority.issue(name, names=(f"{name}.peers.test",), uri=uri_of(name))

    def peer(self, name: str, **fields: Any) -> Peer:
        """A site as the configs of others have it."""
        known: dict[str, Any] = {
            "site": name,
            "address": f"127.0.0.1:{self.ports[name]}",
            "place": PLACES[name],
            "server_name": f"{name}.peers.test",
            "uri": uri_of(name),
        }
        return Peer(**(known | fields))

    def config(
        self,
        name: str,
        engines: Sequence[Backend] = (),
        *,
        tiers: Sequence[Sequence[Candidate]] = (),
        **fields: Any,
    ) -> Config:
        """A site's config: one tier for each of its engines `a`, `b`, ..., then these. All other sites are peers."""
        place = PLACES[name]
        letters = [chr(ord("a") + index) for index in range(len(engines))]
        own = [[engine_candidate(letter, place=place)] for letter in letters]
        pool_fields = fields.pop("pool", {})
        pools = tuple(engine(each, found.port, **pool_fields) for each, found in zip(letters, engines, strict=True))
        identity = TlsFiles(certificate=f"{name}.pem", key=f"{name}.key")
        listeners = Listeners(data=Listener(port=8080), admin=Listener(port=9090), peer=Listener(port=self.ports[name]))
        site = {
            "name": name,
            "place": place,
            "listeners": listeners,
            "peer_trust": PeerTrust(ca_bundle=self.authority.bundle.name, identity=identity),
        }
        known = {
            "peers": tuple(self.peer(other) for other in self.sockets if other != name),
            "engines": pools,
            "routes": (route(*own, *tiers, **fields.pop("route", {})),),
        }
        return harness.config(site=site | fields.pop("site", {}), **(known | fields))

    def close(self) -> None:
        """Nobody is at any site."""
        for sock in self.sockets.values():
            sock.close()

    @contextlib.asynccontextmanager
    async def serving(
        self, configs: Mapping[str, Config], *, ages: Mapping[str, float] | None = None, joins: bool = True, **more: Any
    ) -> AsyncIterator[dict[str, Gateway]]:
        """Run gateways at these sites, and wait until they find each other well. Nobody is at the other sites."""
        for name in self.sockets.keys() - configs.keys():
            self.sockets[name].close()
        async with contextlib.AsyncExitStack() as stack:
            gateways = {}
            for name, made in configs.items():
                options: dict[str, Any] = {
                    "secrets": self.folder,
                    "peers": self.sockets[name],
                    "age": (ages or {}).get(name, 0.0),
                }
                gateways[name] = await stack.enter_async_context(harness.serving(made, **(options | more)))
            if joins:
                await until(lambda: all(configs.keys() & asked(each) <= well(each) for each in gateways.values()))
            yield gateways


def uri_of(name: str) -> str:
    return f"spiffe://peers.test/site/{name}"


def asked(gateway: Gateway) -> set[str]:
    """The peers that a gateway probes: those that its routes lead to."""
    return set(gateway.plane.describe()["peers"])


def well(gateway: Gateway) -> set[str]:
    """The peers that a gateway finds well."""
    return {name for name, each in gateway.plane.describe()["peers"].items() if each["health"] == "Healthy"}


def problem_of(name: str, gateway: Gateway) -> str | None:
    """Why a gateway doesn't find a peer well, by its last probe."""
    problem: str | None = gateway.plane.describe()["peers"][name]["problem"]
    return problem


async def settled(*gateways: Gateway) -> None:
    """Wait until nothing is open."""
    await until(lambda: not any(each.plane.services.open or each.plane.services.hosted for each in gateways))


def _listen() -> socket.socket:
    sock = socket.create_server(("127.0.0.1", 0), backlog=64)
    sock.setblocking(False)
    return sock
