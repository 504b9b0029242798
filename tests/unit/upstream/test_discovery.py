"""The endpoints of a pool, from each source."""

import asyncio
import copy
import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from tests.unit.upstream.harness import run

from isochrone_gateway.config.engines import DnsName, StaticEndpoints
from isochrone_gateway.upstream.discovery import DnsWatch, Endpoints, EngineEndpoint, ready_endpoints, static_endpoints
from isochrone_gateway.upstream.resolver import Resolver, ResolverSettings


def slice_of(*endpoints: dict[str, Any], family: str = "IPv4", port: int = 8000) -> dict[str, Any]:
    ports = [{"name": "metrics", "port": 9090}, {"name": "http", "port": port, "protocol": "TCP"}]
    return {"kind": "EndpointSlice", "addressType": family, "ports": ports, "endpoints": list(endpoints)}


def pod(name: str, address: str, *, ready: bool | None = True, zone: str | None = None) -> dict[str, Any]:
    conditions = {"ready": ready, "serving": True, "terminating": ready is False}
    return {"addresses": [address], "conditions": conditions, "targetRef": {"kind": "Pod", "name": name}, "zone": zone}


def ending(name: str, address: str) -> dict[str, Any]:
    """A pod that ends, of a Service that publishes addresses that aren't ready."""
    return {**pod(name, address), "conditions": {"ready": True, "serving": True, "terminating": True}}


def found(*slices: dict[str, Any]) -> list[tuple[str, str]]:
    return [(endpoint.name, endpoint.host) for endpoint in ready_endpoints(slices, "http")]


@pytest.mark.parametrize(
    ("slices", "expected"),
    [
        pytest.param([], [], id="none"),
        pytest.param([slice_of(pod("a", "10.0.0.1"))], [("a", "10.0.0.1")], id="ready"),
        pytest.param([slice_of(pod("a", "10.0.0.1", ready=False))], [], id="not ready"),
        pytest.param([slice_of(pod("a", "10.0.0.1", ready=None))], [("a", "10.0.0.1")], id="unknown is ready"),
        pytest.param([slice_of(ending("a", "10.0.0.1"))], [], id="ready but ending"),
        pytest.param([slice_of({"addresses": ["10.0.0.9"]})], [("", "10.0.0.9")], id="no conditions, no pod"),
        pytest.param([slice_of({"addresses": []})], [], id="no address"),
        pytest.param([{**slice_of(), "endpoints": None}], [], id="null endpoints"),
        pytest.param([{**slice_of(pod("a", "10.0.0.1")), "ports": None}], [], id="null ports"),
        pytest.param([slice_of(pod("a", "a.test"), family="FQDN")], [], id="names are deprecated"),
        pytest.param(
            [slice_of(pod("a", "10.0.0.1")), slice_of(pod("b", "10.0.0.2"))],
            [("a", "10.0.0.1"), ("b", "10.0.0.2")],
            id="two slices",
        ),
        pytest.param(
            [slice_of(pod("a", "10.0.0.1")), slice_of(pod("a", "10.0.0.1"))], [("a", "10.0.0.1")], id="twice the same"
        ),
        pytest.param(
            [slice_of(pod("a", "10.0.0.1")), slice_of(pod("a", "10.0.0.1", ready=False))],
            [("a", "10.0.0.1")],
            id="ready in one",
        ),
        pytest.param(
            [slice_of(pod("a", "fd00::1"), family="IPv6"), slice_of(pod("a", "10.0.0.1"))],
            [("a", "10.0.0.1")],
            id="dual stack is one pod",
        ),
        pytest.param([slice_of(pod("a", "fd00::1"), family="IPv6")], [("a", "fd00::1")], id="IPv6 alone"),
    ],
)
def test_endpoint_slices(slices: list[dict[str, Any]], expected: list[tuple[str, str]]) -> None:
    for order in itertools.permutations(slices):
        untouched = copy.deepcopy(order)
        assert found(*order) == expected
        assert order == untouched


def test_port_and_zones() -> None:
    entry = {**pod("a", "10.0.0.1", zone="b"), "hints": {"forZones": [{"name": "c"}, {"name": "b"}]}}
    endpoint = EngineEndpoint("10.0.0.1", 8001, "a", "b", ("b", "c"))
    assert ready_endpoints([slice_of(entry, port=8001)], "http") == (endpoint,)
    assert ready_endpoints([slice_of(entry)], "other") == ()
    assert (endpoint.key, EngineEndpoint("h", 1).key) == ("a", "h:1")


def test_an_unnamed_port() -> None:
    item = {**slice_of(pod("a", "10.0.0.1")), "ports": [{"name": None, "port": 80}]}
    assert [endpoint.port for endpoint in ready_endpoints([item], "")] == [80]


def test_a_fixed_list() -> None:
    listed = StaticEndpoints(addresses=frozenset({"b.test:2", "[fd00::1]:1", "10.0.0.1:3"}))
    assert [(endpoint.host, endpoint.port) for endpoint in static_endpoints(listed)] == [
        ("10.0.0.1", 3),
        ("b.test", 2),
        ("fd00::1", 1),
    ]


def test_a_name_is_resolved_again_and_changes_are_told() -> None:
    async def work() -> None:
        answers: list[Sequence[str]] = [["10.0.0.2", "10.0.0.1"], ["10.0.0.1", "10.0.0.2"], [], ["10.0.0.3"]]
        told: list[Endpoints] = []
        problems = []
        now = 0.0

        async def lookup(_: str) -> Sequence[str]:
            return answers.pop(0)

        settings = ResolverSettings(ttl=1, stale=0, negative=0)
        watch = DnsWatch(DnsName(name="e.test", port=8000), Resolver(lookup, lambda: now, settings), told.append)
        for _ in range(4):
            await watch.look()
            problems.append(watch.problem)
            now += 2
        hosts = [[endpoint.host for endpoint in endpoints] for endpoints in told]
        assert hosts == [["10.0.0.1", "10.0.0.2"], ["10.0.0.3"]]
        assert problems == ["", "", "e.test has no address", ""]

    run(work())


def test_the_watch_goes_on_until_closed() -> None:
    async def work() -> None:
        asked = asyncio.Event()
        count = 0

        async def lookup(_: str) -> Sequence[str]:
            nonlocal count
            count += 1
            if count == 3:
                asked.set()
            return ["10.0.0.1"]

        resolver = Resolver(lookup, asyncio.get_running_loop().time, ResolverSettings(ttl=0))
        watch = DnsWatch(DnsName(name="e.test", port=8000), resolver, lambda _: None, interval=0.01)
        watch.start()
        await asked.wait()
        await watch.close()
        seen = count
        await asyncio.sleep(0.05)
        assert count == seen

    run(work())
