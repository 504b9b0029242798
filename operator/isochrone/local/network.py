"""The running network: looks at what is declared and what runs, plans, and brings the one to the other.

Everything that changes (a manifest, an engine that is ready, a process that ended, a site that somebody stops) wakes
one loop. It decides (`decided`, on a thread) and then starts, tells and ends. Nothing else starts anything.
"""

import asyncio
import contextlib
import dataclasses
import pathlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final

from isochrone.local import credentials, listening, steering, wan
from isochrone.local.anchors import Anchors
from isochrone.local.control import Unknown
from isochrone.local.decided import Decided, Machine, decide
from isochrone.local.declared import Manifests
from isochrone.local.engines import EngineId, Player, is_replaced
from isochrone.local.folder import Folder
from isochrone.local.front_door import front_door
from isochrone.local.gateway import Gateway
from isochrone.local.relay import Ends, Relay
from isochrone.local.running import RunningEngine
from isochrone.local.standing import UP, Stand, Standing, as_found, gateways_of
from isochrone.local.steering import Door
from isochrone.local.telling import view_of
from isochrone.local.view import View
from isochrone.local.wan import Client
from isochrone.local.wiring import HOST, Wires
from isochrone.model import Running, Snapshot
from isochrone.model.declared import present
from isochrone.render.gateway_settings import Ports

_PROBE_EVERY: Final = 0.5
_WATCH_EVERY: Final = 0.5
_ANCHOR_EVERY: Final = 5.0
_LOOK_EVERY: Final = 10.0
"""Seconds between plans when nothing happens: a site that was killed comes to be lost."""
_MOVE_LIMIT: Final = 60.0
"""Seconds that a drain waits for engines elsewhere."""
_HURRIED: Final = 1.0
"""Seconds that answers under way get when the whole network ends."""
_INSIDE: Final = range(20_000, 32_000)
"""Ports for what only the network itself asks. The system gives none of these to connections by its own choice."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """As on the command line."""

    port: int
    is_far: bool
    """Whether distance is simulated."""
    client: Client | None
    """Beside the most central site, when left out."""
    player: Player
    packages: pathlib.Path | None
    environment: Mapping[str, str]


class Network:
    """All of it."""

    def __init__(self, manifests: Manifests, folder: Folder, options: Options, *, tell: Callable[[str], None]) -> None:
        self._manifests = manifests
        self._folder = folder
        self._options = options
        self._tell = tell
        self._epoch = int(time.time())
        self._inside = iter(random.SystemRandom().sample(_INSIDE, len(_INSIDE)))
        self._stands: dict[str, Stand] = {}
        self._gateways: dict[str, Gateway] = {}
        self._engines: dict[EngineId, RunningEngine] = {}
        self._last_seen: dict[EngineId, Running] = {}
        """Engines of sites that were killed."""
        self._anchors = Anchors(folder.anchors)
        self._relays: dict[tuple[str, str], tuple[Relay, int]] = {}
        self._decided: Decided | None = None
        self._peers = credentials.Peers(manifests.declared.settings.installation, self._epoch)
        self._woken = asyncio.Event()
        self._background: set[asyncio.Task[None]] = set()
        self._door = front_door(self._order, self._dial, self._distance)

    @property
    def _declared(self) -> Snapshot:
        return self._manifests.declared

    async def open(self) -> None:
        """The front door, before all else. Raises PortsTaken if somebody else has a port that we need."""
        first = self._options.port
        last = first + len(gateways_of(self._declared))
        if (port := listening.first_taken(HOST, range(first, last + 1))) is not None:
            raise listening.taken(HOST, port, first, last)
        try:
            await self._door.start(HOST, first)
        except OSError as error:
            raise listening.taken(HOST, first, first, last) from error

    async def run(self, ended: Awaitable[object]) -> None:
        """What was opened, until `ended`; then nothing of it is left."""
        try:
            loops = (self._reconcile_forever(), self._probe_forever(), self._watch_forever(), self._anchor_forever())
            tasks = [asyncio.create_task(each) for each in loops]
            waiting = asyncio.ensure_future(ended)
            await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in (*tasks, waiting):
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, Exception):
                    raise outcome
        finally:
            await self._end()

    def view(self) -> View:
        return view_of(
            declared=self._declared,
            decided=self._decided,
            stands=self._stands,
            gateways=self._gateways,
            engines=self._engines,
            doors=self._doors(),
            front=f"http://{HOST}:{self._options.port}",
            client=self._client.name if self._client is not None else "nowhere",
            player=self._options.player,
            is_far=self._options.is_far,
            missing_keys=credentials.missing(self._providers(), self._options.environment),
            problem=self._manifests.problem,
        )

    # What others ask for.

    async def stop_site(self, name: str) -> AsyncIterator[str]:
        """Drain a site: what is open ends in peace, what is new goes elsewhere."""
        self._check(name, Standing.RUNNING)
        began = time.monotonic()
        self._stand(name, Standing.DRAINING)
        yield f"{name} takes no new connections; its engines are made ready elsewhere"
        if not await self._holds(lambda: self._is_replaced(name), _MOVE_LIMIT):
            yield f"not all of them are ready after {_MOVE_LIMIT:.0f} s; {name} ends all the same"
        yield f"{name} ends what it has begun"
        await self._gateways[name].stop()
        self._stand(name, Standing.STOPPED)
        yield f"{name} is stopped, after {time.monotonic() - began:.1f} s"

    async def kill_site(self, name: str) -> AsyncIterator[str]:
        """Cut a site off: its gateway and its engines end at once, with all that is open."""
        self._check(name, Standing.RUNNING, Standing.DRAINING)
        for each in self._running():
            if each.site == name:
                self._last_seen[EngineId(each.route, each.site)] = each
        self._stand(name, Standing.KILLED)
        engines = [self._engines.pop(each) for each in tuple(self._engines) if each.site == name]
        await asyncio.gather(self._gateways[name].kill(), *(each.kill() for each in engines))
        lost_after = self._declared.settings.lost_after
        yield f"{name} is gone, as if its power had failed; planned anew without it in {lost_after} s"

    async def start_site(self, name: str) -> AsyncIterator[str]:
        """Let a site that was stopped or killed take part again."""
        self._check(name, Standing.STOPPED, Standing.KILLED)
        self._last_seen = {key: seen for key, seen in self._last_seen.items() if key.site != name}
        self._stand(name, Standing.RUNNING)
        yield f"{name} starts"
        if await self._holds(lambda: self._gateways[name].is_ready, _MOVE_LIMIT):
            yield f"{name} is ready"
        else:
            yield f"{name} is not ready after {_MOVE_LIMIT:.0f} s; {self._folder.site(name)} has its log"

    def _check(self, name: str, *allowed: Standing) -> None:
        if name not in self._gateways:
            raise Unknown(f"there is no site {name} here; there are: {', '.join(sorted(self._gateways)) or 'none'}")
        standing = self._stands.get(name, UP).standing
        if standing not in allowed:
            raise Unknown(f"{name} is {standing.value.lower()}")

    def _stand(self, name: str, standing: Standing) -> None:
        self._stands[name] = Stand(standing=standing, since=int(time.time()))
        self._woken.set()

    def _is_replaced(self, name: str) -> bool:
        """Whether the plan knows that the site goes, and what it has elsewhere is ready."""
        decided = self._decided
        if decided is None or name not in {each.metadata.name for each in _draining(decided.found)}:
            return False
        ready = {key for key, engine in self._engines.items() if engine.address is not None}
        return is_replaced(decided.planned.plan, name, ready)

    async def _holds(self, condition: Callable[[], bool], limit: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):
                while not condition():  # noqa: ASYNC110 - it is asked of several things
                    await asyncio.sleep(_PROBE_EVERY / 5)
        return condition()

    # The loop.

    async def _reconcile_forever(self) -> None:
        self._woken.set()
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), _LOOK_EVERY)
            self._woken.clear()
            await self._reconcile()

    async def _reconcile(self) -> None:
        stands = dict(self._stands)
        found = as_found(self._declared, stands, self._running())
        self._admit(gateways_of(found))
        machine = Machine(
            ports={name: each.ports for name, each in self._gateways.items()},
            wires=await self._wires(found),
            player=self._options.player,
            client=self._client.code if self._client is not None else None,
        )
        decided = await asyncio.to_thread(decide, self._decided, found, stands, machine, now=int(time.time()))
        self._decided = decided
        self._apply_gateways(decided)
        self._apply_engines(decided)

    def _admit(self, names: tuple[str, ...]) -> None:
        """Give each new site its ports: the data ports follow the front door's, in order of names."""
        taken = {each.ports.data for each in self._gateways.values()}
        for name in names:
            if name not in self._gateways:
                after = range(self._options.port + 1, 65_536)
                data = next(port for port in after if port not in taken and listening.is_free(HOST, port))
                taken.add(data)
                ports = Ports(data=data, admin=self._free_port(), peer=self._free_port(), host=HOST)
                self._gateways[name] = Gateway(
                    name, ports, self._folder, anchors=self._anchors, changed=self._woken.set, tell=self._tell
                )

    async def _wires(self, found: Snapshot) -> Wires:
        """Where engines listen, and how each site reaches each other: directly, or through a relay."""
        engines = {key: each.address for key, each in self._engines.items() if each.address is not None}
        edges = present(found.edge_nodes)
        reached = [name for name in self._gateways if name in edges and edges[name].spec.gateway.advertise is not None]
        peers = {}
        for here in self._gateways:
            for there in reached:
                if here != there:
                    peers[here, there] = await self._way(here, there)
        return Wires(engines=engines, peers=peers)

    async def _way(self, here: str, there: str) -> int:
        port = self._gateways[there].ports.peer
        if not self._options.is_far:
            return port
        if (here, there) not in self._relays:
            points = wan.points_of(self._declared.edge_nodes)
            rtt = wan.rtt(points.get(here), points.get(there)) / 1000

            async def find() -> tuple[Ends, float]:
                return await asyncio.open_connection(HOST, port), rtt

            relay = Relay(find)
            self._relays[here, there] = (relay, await relay.start(HOST))
        return self._relays[here, there][1]

    def _apply_gateways(self, decided: Decided) -> None:
        installation = self._declared.settings.installation
        for name, pack in decided.configs.items():
            gateway = self._gateways[name]
            gateway.publish(pack, installation=installation, epoch=self._epoch)
            if not gateway.is_started and self._stands.get(name, UP).is_up:
                self._entrust(gateway)
                gateway.start(installation)
        for name in set(self._gateways) - set(gateways_of(decided.found)):
            self._tell(f"{name} is no longer declared, and ends what it has begun")
            self._stands.pop(name, None)
            self._spawn(self._gateways.pop(name).stop())
            for key in [key for key in self._relays if name in key]:
                self._spawn(self._relays.pop(key)[0].close())

    def _entrust(self, gateway: Gateway) -> None:
        keys = credentials.values(credentials.key_files(self._providers()), self._options.environment)
        gateway.entrust({**keys, **self._peers.files(gateway.name, int(time.time()))})

    def _apply_engines(self, decided: Decided) -> None:
        for key, spec in decided.engines.items():
            running = self._engines.get(key)
            if running is not None and running.spec != spec:
                self._spawn(self._engines.pop(key).retire())
            if key not in self._engines and self._stands.get(key.site, UP).is_up:
                self._engines[key] = RunningEngine(
                    spec,
                    self._options.player,
                    packages=self._options.packages,
                    folder=self._folder,
                    changed=self._woken.set,
                    tell=self._tell,
                )
        for key in set(self._engines) - set(decided.engines):
            self._spawn(self._engines.pop(key).retire())
            self._woken.set()

    def _running(self) -> tuple[Running, ...]:
        """What the planner is told of engines: one process counts for all replicas."""
        placements = self._decided.placements if self._decided is not None else {}
        found = dict(self._last_seen)
        for key, engine in self._engines.items():
            placed = placements.get(key)
            replicas = placed.replicas if placed is not None else 1
            found[key] = Running(
                route=key.route,
                site=key.site,
                pool=placed.pool if placed is not None else None,
                replicas=replicas,
                ready=replicas if engine.address is not None else 0,
            )
        return tuple(found.values())

    # What comes in.

    @property
    def _client(self) -> Client | None:
        return self._options.client or wan.beside(present(self._declared.edge_nodes).values())

    def _doors(self) -> tuple[Door, ...]:
        points = wan.points_of(self._declared.edge_nodes)
        client = self._client.point if self._client is not None else None
        lawful = self._decided.lawful if self._decided is not None else {}
        return tuple(
            Door(
                site=name,
                rtt=wan.rtt(client, points.get(name)),
                is_lawful=lawful.get(name, False),
                is_live=each.is_ready and self._stands.get(name, UP).standing is Standing.RUNNING,
            )
            for name, each in self._gateways.items()
        )

    def _order(self) -> tuple[str, ...]:
        return steering.order(self._doors())

    async def _dial(self, site: str) -> Ends:
        gateway = self._gateways[site]
        return await asyncio.open_connection(gateway.ports.host, gateway.ports.data)

    def _distance(self, site: str) -> float:
        if not self._options.is_far:
            return 0.0
        return next((each.rtt for each in self._doors() if each.site == site), 0.0) / 1000

    async def _probe_forever(self) -> None:
        while True:
            await asyncio.gather(*(each.probe() for each in tuple(self._gateways.values())))
            await asyncio.sleep(_PROBE_EVERY)

    async def _anchor_forever(self) -> None:
        while True:
            await asyncio.sleep(_ANCHOR_EVERY)
            await asyncio.gather(*(each.anchor() for each in tuple(self._gateways.values()) if each.is_ready))

    async def _watch_forever(self) -> None:
        while True:
            await asyncio.sleep(_WATCH_EVERY)
            if await asyncio.to_thread(self._manifests.look, time.monotonic()):
                problem = self._manifests.problem
                said = f"are not valid; what was runs on\n{problem}" if problem else "are planned anew"
                self._tell(f"the manifests changed, and {said}")
                self._woken.set()

    def _providers(self) -> tuple[Any, ...]:
        return tuple(present(self._declared.providers).values())

    # The end.

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _end(self) -> None:
        """Everything, in order: no new clients, then gateways, then engines."""
        await self._door.close()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await asyncio.gather(*(each.stop(_HURRIED) for each in self._gateways.values()))
        await asyncio.gather(*(each.kill() for each in self._engines.values()))
        await asyncio.gather(*(relay.close() for relay, _ in self._relays.values()))

    def _free_port(self) -> int:
        return next(port for port in self._inside if listening.is_free(HOST, port))


def _draining(found: Snapshot) -> list[Any]:
    from isochrone.api.edge_node import State

    return [each for each in found.edge_nodes if each.spec.state is State.DRAINING]
