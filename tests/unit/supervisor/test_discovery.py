"""The supervisor's watch over Services: what workers are told, in order, whatever the API server does."""

import asyncio
import pathlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.source.publishing import config, until
from tests.unit.source.scripted_api import listening
from tests.unit.supervisor.slice_api import Slice, SliceApi, slice_of

from isochrone_gateway.config import Config
from isochrone_gateway.config.engines import DnsName, EngineKind, EnginePool, ServiceEndpoints
from isochrone_gateway.config.site import LogLevel
from isochrone_gateway.server.supervisor.discovery import Discovery, services_of
from isochrone_gateway.server.supervisor.messages import Forget, Found
from isochrone_gateway.server.supervisor.remembered import Known
from isochrone_gateway.server.supervisor.slices import ServiceReport, Surroundings
from isochrone_gateway.source.credentials import CredentialsError, ServiceAccount
from isochrone_gateway.source.kube_watch import Pace
from isochrone_gateway.upstream.discovery import EngineEndpoint

QUICK = Pace(watch=1.0, slack=0.3, between=0.01, first=0.05, most=0.2)
CALM = Pace(between=0.01, first=0.05, most=0.2)
SHORT = Pace(watch=1.0, slack=20.0, between=0.01, first=0.05, most=0.2)
"""Watches end soon, and in order even on a machine that has much to do."""


def port(service: str = "lab/chat", name: str = "http") -> ServiceEndpoints:
    namespace, _, service_name = service.partition("/")
    return ServiceEndpoints(namespace=namespace, service=service_name, port_name=name)


CHAT, MAIL = port("lab/chat"), port("lab/mail")


class World:
    """Discovery, the API server that it asks, and what workers would be told."""

    def __init__(self, api: SliceApi, account: ServiceAccount, pace: Pace) -> None:
        self.api = api
        self.told: list[Found | Forget] = []
        self.remembered: dict[ServiceEndpoints, Known] = {}
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.now = 100.0
        around = Surroundings(
            tell=self.told.append, say=self._say, clock=lambda: self.now, remembered=self.remembered.get
        )
        self.discovery = Discovery(lambda: account, around, pace=pace, chance=lambda: 0.0)

    def _say(self, _level: LogLevel, event: str, /, **fields: Any) -> None:
        self.events.append((event, fields))

    def hosts(self, service: ServiceEndpoints = CHAT) -> list[str] | None:
        """What workers think; None if they know nothing."""
        known: list[str] | None = None
        for message in self.told:
            match message:
                case Found(about, endpoints) if about == service:
                    known = [each.host for each in endpoints]
                case Forget(about) if about == service:
                    known = None
        return known

    async def until_hosts(self, *hosts: str, service: ServiceEndpoints = CHAT) -> None:
        await until(lambda: self.hosts(service) == list(hosts))

    def report(self, service: str = "lab/chat") -> ServiceReport:
        return next(each for each in self.discovery.report() if each.name == service)

    def saw(self, event: str) -> int:
        return [name for name, _ in self.events].count(event)


def run(folder: pathlib.Path, test: Callable[[World], Awaitable[None]], pace: Pace = CALM) -> None:
    async def bounded() -> None:
        api = SliceApi()
        async with asyncio.timeout(200), listening(folder, api.serve) as account:
            world = World(api, account, pace)
            try:
                await test(world)
            finally:
                await world.discovery.close()
            await until(lambda: api.watched == [])

    asyncio.run(bounded())


@pytest.mark.parametrize(
    ("slices", "hosts"),
    [
        pytest.param([], [], id="no slices"),
        pytest.param([slice_of()], [], id="an empty slice"),
        pytest.param([slice_of("10.0.0.2", "10.0.0.1")], ["10.0.0.1", "10.0.0.2"], id="one slice"),
        pytest.param([slice_of("10.0.0.1"), slice_of("10.0.0.2")], ["10.0.0.1", "10.0.0.2"], id="two slices"),
        pytest.param([slice_of("10.0.0.1"), slice_of("10.0.0.1")], ["10.0.0.1"], id="twice the same"),
        pytest.param([slice_of("10.0.0.1"), slice_of("10.0.0.2", ready=False)], ["10.0.0.1"], id="not ready"),
        pytest.param([slice_of("fd00::1", family="IPv6"), slice_of("10.0.0.1")], ["10.0.0.1"], id="dual stack"),
        pytest.param([slice_of("10.0.0.1", ports={"metrics": 9})], [], id="another port"),
    ],
)
def test_what_is_there_at_first(tmp_path: pathlib.Path, slices: Sequence[Slice], hosts: list[str]) -> None:
    async def test(world: World) -> None:
        for index, each in enumerate(slices):
            world.api.put("lab/chat", f"chat-{index}", each)
        world.discovery.want([CHAT])
        await world.until_hosts(*hosts)
        assert len(world.told) == 1
        assert [Found(known.service, known.endpoints) for known in world.discovery.known()] == world.told

    run(tmp_path, test)


def test_changes_are_told_at_once_and_only_changes(tmp_path: pathlib.Path) -> None:
    async def test(world: World) -> None:
        api = world.api
        api.put("lab/chat", "a", slice_of("10.0.0.1"))
        world.discovery.want([CHAT])
        await world.until_hosts("10.0.0.1")
        api.put("lab/chat", "b", slice_of("10.0.0.2"))
        await world.until_hosts("10.0.0.1", "10.0.0.2")
        api.put("lab/chat", "b", slice_of("10.0.0.1"))
        await world.until_hosts("10.0.0.1")
        api.delete("lab/chat", "a")  # It moved to the other slice.
        api.put("lab/chat", "b", slice_of("10.0.0.1", ready=False))
        await world.until_hosts()
        api.delete("lab/chat", "b")
        api.put("lab/chat", "c", slice_of("10.0.0.3"))
        await world.until_hosts("10.0.0.3")
        assert len(world.told) == 5
        assert api.lists["lab/chat"] == 1
        assert world.saw("EnginesFound") == 5

    run(tmp_path, test)


@pytest.mark.parametrize(
    "fail",
    [
        pytest.param(SliceApi.cut, id="cut off"),
        pytest.param(SliceApi.forget_the_past, id="410"),
        pytest.param(SliceApi.hang, id="silent"),
    ],
)
def test_what_changes_while_a_watch_fails_is_not_missed(
    tmp_path: pathlib.Path, fail: Callable[[SliceApi], None]
) -> None:
    async def test(world: World) -> None:
        api = world.api
        api.put("lab/chat", "a", slice_of("10.0.0.1"))
        api.put("lab/chat", "b", slice_of("10.0.0.2"))
        world.discovery.want([CHAT])
        await until(lambda: api.watched == ["lab/chat"])
        fail(api)
        api.delete("lab/chat", "a")
        api.put("lab/chat", "c", slice_of("10.0.0.3"))
        await world.until_hosts("10.0.0.2", "10.0.0.3")
        assert [] not in [list(each.endpoints) for each in world.told if isinstance(each, Found)]

    run(tmp_path, test, QUICK)


def test_watches_that_end_in_order_go_on_for_ever(tmp_path: pathlib.Path) -> None:
    async def test(world: World) -> None:
        world.api.put("lab/chat", "a", slice_of("10.0.0.1"))
        world.discovery.want([CHAT])
        await until(lambda: world.api.watches["lab/chat"] >= 3)
        assert len(world.told) == 1
        assert world.saw("DiscoveryAway") == 0
        world.api.put("lab/chat", "a", slice_of("10.0.0.2"))
        await world.until_hosts("10.0.0.2")

    run(tmp_path, test, SHORT)


def test_an_outage_empties_no_pool(tmp_path: pathlib.Path) -> None:
    async def test(world: World) -> None:
        api = world.api
        api.put("lab/chat", "a", slice_of("10.0.0.1"))
        world.discovery.want([CHAT])
        await until(lambda: api.watched == ["lab/chat"])
        api.refusal = 503
        api.cut()
        await until(lambda: "refused with 503" in (world.report().problem or ""))
        lists = api.lists["lab/chat"]
        await until(lambda: api.lists["lab/chat"] >= lists + 3)
        assert world.hosts() == ["10.0.0.1"]
        assert world.report().endpoints == {"http": 1}
        assert world.report().read_at == 100.0
        api.slices["lab/chat"] = {}
        api.refusal, world.now = 0, 200.0
        await world.until_hosts()
        assert world.report() == ServiceReport(name="lab/chat", problem=None, read_at=200.0, endpoints={"http": 0})
        assert world.saw("DiscoveryAway") == world.saw("DiscoveryBack") == 1

    run(tmp_path, test)


def test_a_service_that_was_never_read_is_not_one_without_engines(tmp_path: pathlib.Path) -> None:
    async def test(world: World) -> None:
        world.api.refusal = 403
        world.discovery.want([CHAT])
        assert world.report().problem == "it is being read"
        await until(lambda: "refused with 403" in (world.report().problem or ""))
        assert world.told == []
        assert world.report().endpoints == {}
        world.api.refusal = 0
        world.discovery.nudge()
        await world.until_hosts()

    run(tmp_path, test, Pace(first=600.0, most=600.0))


OLD = Known(CHAT, (EngineEndpoint("10.0.0.9", 8000, "pod-9"),), -50.0)


def test_what_is_remembered_serves_until_the_server_can_be_asked(tmp_path: pathlib.Path) -> None:
    async def test(world: World) -> None:
        world.remembered[CHAT] = OLD
        world.api.put("lab/chat", "a", slice_of("10.0.0.1"))
        world.api.refusal = 503
        world.discovery.want([CHAT])
        assert world.told == []
        assert list(world.discovery.worth_keeping()) == [OLD]
        await world.until_hosts("10.0.0.9")
        report = world.report()
        assert (report.read_at, report.endpoints) == (-50.0, {"http": 1})
        assert "refused with 503" in (report.problem or "")
        assert list(world.discovery.known()) == list(world.discovery.worth_keeping()) == [OLD]
        world.remembered[port(name="grpc")] = Known(port(name="grpc"), (), -50.0)
        world.discovery.want([CHAT, port(name="grpc")])
        assert world.hosts(port(name="grpc")) == []
        world.api.refusal = 0
        await world.until_hosts("10.0.0.1")
        assert world.report().read_at == 100.0

    run(tmp_path, test)


def test_a_server_that_answers_knows_better_than_we_remember(tmp_path: pathlib.Path) -> None:
    async def test(world: World) -> None:
        world.remembered[CHAT] = OLD
        world.discovery.want([CHAT])
        await world.until_hosts()
        world.api.refusal = 503
        world.api.cut()
        await until(lambda: world.report().problem is not None)
        assert len(world.told) == 1
        assert [known.endpoints for known in world.discovery.worth_keeping()] == [()]

    run(tmp_path, test)


def test_only_what_is_wanted_is_watched_and_what_stays_goes_on(tmp_path: pathlib.Path) -> None:
    async def test(world: World) -> None:
        api, discovery = world.api, world.discovery
        api.put("lab/chat", "a", slice_of("10.0.0.1", ports={"http": 8000, "grpc": 9000}))
        api.put("lab/mail", "a", slice_of("10.0.0.2"))
        api.put("other/chat", "a", slice_of("10.0.0.3"))
        discovery.want([CHAT])
        await until(lambda: api.watched == ["lab/chat"])
        discovery.want([CHAT, MAIL, port("other/chat")])
        await until(lambda: api.watched == ["lab/chat", "lab/mail", "other/chat"])
        assert world.hosts(MAIL) == ["10.0.0.2"]
        assert world.hosts(port("other/chat")) == ["10.0.0.3"]
        discovery.want([CHAT, port(name="grpc"), MAIL])
        assert world.hosts(port(name="grpc")) == ["10.0.0.1"], "from what is known, without asking"
        assert world.report().endpoints == {"http": 1, "grpc": 1}
        await until(lambda: api.watched == ["lab/chat", "lab/mail"])
        assert world.hosts(port("other/chat")) is None
        discovery.want([port(name="grpc")])
        await until(lambda: api.watched == ["lab/chat"])
        assert [world.hosts(each) for each in (CHAT, MAIL, port(name="grpc"))] == [None, None, ["10.0.0.1"]]
        assert [found.service for found in discovery.known()] == [port(name="grpc")]
        assert set(api.lists.values()) == {1}
        discovery.want([])
        await until(lambda: api.watched == [])
        assert discovery.report() == []

    run(tmp_path, test)


def test_one_service_that_makes_trouble_leaves_the_others_alone(tmp_path: pathlib.Path) -> None:
    async def test(world: World) -> None:
        world.api.put("lab/chat", "a", {"addressType": "IPv4", "ports": [7], "endpoints": None})
        world.api.put("lab/mail", "a", slice_of("10.0.0.2"))
        world.discovery.want([CHAT, MAIL])
        await world.until_hosts("10.0.0.2", service=MAIL)
        await until(lambda: "watching it failed" in (world.report().problem or ""))
        assert world.hosts(CHAT) is None
        assert world.report("lab/mail").problem is None

    run(tmp_path, test)


NOBODY = Surroundings(tell=lambda _: None, say=lambda *_, **__: None, clock=lambda: 0.0, remembered=lambda _: None)


def pool(name: str, discovery: ServiceEndpoints | DnsName) -> EnginePool:
    return EnginePool(id=f"lab/{name}", kind=EngineKind.VLLM, discovery=discovery)


def with_pools(*pools: EnginePool) -> Config:
    return replace(config(), engines=pools)


def test_the_services_of_a_config() -> None:
    elsewhere = pool("c", DnsName(name="c.test", port=80))
    assert services_of(with_pools(pool("a", CHAT), pool("b", MAIL), pool("d", CHAT), elsewhere)) == {CHAT, MAIL}
    assert services_of(with_pools(elsewhere)) == frozenset()


def test_outside_of_kubernetes_a_config_that_needs_it_is_refused(tmp_path: pathlib.Path) -> None:
    def nowhere() -> ServiceAccount:
        raise CredentialsError("this is no pod")

    async def asked(account: Callable[[], ServiceAccount], *pools: EnginePool) -> tuple[str, ...]:
        return await Discovery(account, NOBODY).why_not(with_pools(*pools))

    elsewhere = pool("c", DnsName(name="c.test", port=80))
    assert asyncio.run(asked(nowhere, elsewhere)) == ()
    (problem,) = asyncio.run(asked(nowhere, elsewhere, pool("a", CHAT)))
    assert problem.startswith('$.engines["lab/a"].discovery: ')
    assert "(this is no pod); run this gateway in a pod with a service account" in problem
    (problem,) = asyncio.run(asked(nowhere, pool("a", CHAT), pool("b", MAIL)))
    assert problem.startswith('$.engines["lab/a"].discovery and 1 more: ')
    unreadable = ServiceAccount(folder=tmp_path / "nothing", host="127.0.0.1", port=1)
    (problem,) = asyncio.run(asked(lambda: unreadable, pool("a", CHAT)))
    assert "nothing/token can't be read" in problem
