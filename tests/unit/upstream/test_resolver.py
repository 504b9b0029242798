"""Names to addresses: what is remembered, for how long, and what a broken DNS does."""

import asyncio
import dataclasses
from collections.abc import Sequence

import pytest
from tests.unit.upstream.harness import run

from isochrone_gateway.upstream.resolver import ResolveError, Resolver, ResolverSettings, by_turns, system_lookup

SETTINGS = ResolverSettings(ttl=30, stale=600, negative=1, patience=60, avoid=10)


class Dns:
    """A name server and a clock, both by hand."""

    def __init__(self, *addresses: str, settings: ResolverSettings = SETTINGS) -> None:
        self.addresses: Sequence[str] = addresses
        self.asked = 0
        self.now = 1000.0
        self.gate = asyncio.Event()
        self.gate.set()
        self.resolver = Resolver(self.lookup, lambda: self.now, settings)

    async def lookup(self, _: str) -> Sequence[str]:
        self.asked += 1
        await self.gate.wait()
        if not self.addresses:
            raise OSError("no such name")
        return self.addresses

    async def resolve(self) -> tuple[str, ...]:
        return await self.resolver.resolve("a.test")


def test_an_answer_is_remembered_for_its_time() -> None:
    async def work() -> None:
        dns = Dns("192.0.2.1")
        assert await dns.resolve() == ("192.0.2.1",)
        dns.addresses = ["192.0.2.2"]
        dns.now += 29
        assert (await dns.resolve(), dns.asked) == (("192.0.2.1",), 1)
        dns.now += 2
        assert (await dns.resolve(), dns.asked) == (("192.0.2.2",), 2)

    run(work())


def test_the_last_good_answer_is_used_while_dns_fails() -> None:
    async def work() -> None:
        dns = Dns("192.0.2.1")
        await dns.resolve()
        dns.addresses = []
        dns.now += 600
        assert await dns.resolve() == ("192.0.2.1",)
        dns.now += 30
        with pytest.raises(ResolveError, match=r"a\.test could not be resolved: no such name"):
            await dns.resolve()

    run(work())


def test_a_failure_is_not_asked_about_again_at_once() -> None:
    async def work() -> None:
        dns = Dns()
        for _ in range(5):
            with pytest.raises(ResolveError):
                await dns.resolve()
        assert dns.asked == 1
        dns.addresses = ["192.0.2.1"]
        dns.now += 1.1
        assert await dns.resolve() == ("192.0.2.1",)

    run(work())


def test_many_ask_once() -> None:
    async def work() -> None:
        dns = Dns("192.0.2.1")
        dns.gate.clear()
        waiting = [asyncio.ensure_future(dns.resolve()) for _ in range(10)]
        await asyncio.sleep(0)
        waiting[0].cancel()  # Who asked first gives up; the others get their answer.
        await asyncio.sleep(0)
        dns.gate.set()
        assert await asyncio.gather(*waiting[1:]) == [("192.0.2.1",)] * 9
        assert dns.asked == 1

    run(work())


def test_a_name_server_that_does_not_answer() -> None:
    async def work() -> None:
        dns = Dns("192.0.2.1", settings=dataclasses.replace(SETTINGS, patience=0.1))
        await dns.resolve()
        dns.gate.clear()
        dns.now += 31
        assert await dns.resolve() == ("192.0.2.1",)
        with pytest.raises(ResolveError, match=r"within 0\.1 s"):
            await dns.resolver.resolve("b.test")

    run(work())


def test_closing_while_asking() -> None:
    async def work() -> None:
        dns = Dns("192.0.2.1")
        dns.gate.clear()
        waiting = asyncio.ensure_future(dns.resolve())
        await asyncio.sleep(0)
        await dns.resolver.close()
        assert isinstance((await asyncio.gather(waiting, return_exceptions=True))[0], asyncio.CancelledError)

    run(work())


def test_an_address_that_failed_comes_last_for_a_while() -> None:
    async def work() -> None:
        dns = Dns("192.0.2.1", "192.0.2.2", "192.0.2.3")
        await dns.resolve()
        dns.resolver.avoid("192.0.2.1")
        assert await dns.resolve() == ("192.0.2.2", "192.0.2.3", "192.0.2.1")
        dns.now += 11
        assert await dns.resolve() == ("192.0.2.1", "192.0.2.2", "192.0.2.3")

    run(work())


def test_avoided_addresses_do_not_pile_up() -> None:
    async def work() -> None:
        dns = Dns("192.0.2.1")
        for number in range(5000):
            dns.resolver.avoid(f"10.0.{number // 256}.{number % 256}")
            dns.now += 0.1
        assert len(dns.resolver._avoided) <= 1024

    run(work())


@pytest.mark.parametrize(
    ("addresses", "turns"),
    [
        pytest.param(["::1", "::2", "1", "2"], ("::1", "1", "::2", "2"), id="6 first"),
        pytest.param(["1", "::1", "::2", "::3"], ("1", "::1", "::2", "::3"), id="4 first"),
        pytest.param(["1", "2"], ("1", "2"), id="one family"),
    ],
)
def test_families_by_turns(addresses: list[str], turns: tuple[str, ...]) -> None:
    assert by_turns(addresses) == turns


@pytest.mark.parametrize("literal", ["127.0.0.1", "::1", "[::1]", "fe80::1%eth0"])
def test_literals_are_not_asked_about(literal: str) -> None:
    async def work() -> None:
        dns = Dns()
        assert await dns.resolver.resolve(literal) == (literal.strip("[]"),)
        assert dns.asked == 0

    run(work())


def test_the_system_knows_this_machine() -> None:
    async def work() -> None:
        assert set(await system_lookup("localhost")) <= {"127.0.0.1", "::1"}
        with pytest.raises(ResolveError):
            await Resolver(system_lookup, lambda: 0.0).resolve("no\x00name." + "x" * 70)

    run(work())
