"""Whose address a request is from: shown to callers who may ask, and kept by nobody."""

import msgspec
import pytest
from tests.unit.pipeline.harness import Backend, Gateway, backends, of_engines, run, serving, tenant
from tests.unit.pipeline.talk import ask, post
from tests.unit.wire.proxy_headers import local, tcp

from isochrone_gateway.config import Config
from isochrone_gateway.config.site import ClientAddress, ClientAddressSource
from isochrone_gateway.upstream import scripts

GOOD = scripts.answer(b"{}")
BODY = b'{"model":"chat"}'
CONNECTION, PROXY_PROTOCOL, X_FORWARDED_FOR = ClientAddressSource
HERE, ELSEWHERE = "127.0.0.0/8", "10.0.0.0/8"
TWICE = "203.0.113.9, 198.51.100.7"


def behind(found: list[Backend], source: ClientAddressSource, *proxies: str) -> Config:
    told = ClientAddress(source=source, trusted_proxies=frozenset(proxies))
    return of_engines(found, tenant=tenant(explain=True), site={"client_address": told})


async def client_of(gateway: Gateway, *, header: bytes = b"", forwarded: str = "") -> str:
    """The client's address, as the gateway explains it."""
    asked = post(BODY, headers={"x-isochrone-explain": "1", "x-forwarded-for": forwarded})
    parts = (await ask(gateway, header + asked)).headers["x-isochrone-explain"].split("; ")
    (found,) = [part for part in parts if part.startswith("client=")]
    return found.removeprefix("client=")


@pytest.mark.parametrize(
    ("source", "proxies", "header", "forwarded", "expected"),
    [
        pytest.param(CONNECTION, (), b"", TWICE, "127.0.0.1", id="the connection's, whatever the header says"),
        pytest.param(CONNECTION, (HERE,), b"", TWICE, "127.0.0.1", id="a list alone trusts nobody"),
        pytest.param(X_FORWARDED_FOR, (HERE,), b"", TWICE, "198.51.100.7", id="a trusted proxy's word"),
        pytest.param(X_FORWARDED_FOR, (HERE,), b"", "", "127.0.0.1", id="a proxy that says nothing"),
        pytest.param(X_FORWARDED_FOR, (ELSEWHERE,), b"", TWICE, "127.0.0.1", id="anybody's word"),
        pytest.param(PROXY_PROTOCOL, (HERE,), tcp("192.0.2.7", 1), TWICE, "192.0.2.7", id="the PROXY header's"),
        pytest.param(PROXY_PROTOCOL, (HERE,), local(), TWICE, "127.0.0.1", id="a health check's own"),
    ],
)
def test_whose_address_it_is(
    source: ClientAddressSource, proxies: tuple[str, ...], header: bytes, forwarded: str, expected: str
) -> None:
    async def scenario() -> None:
        async with backends(GOOD) as found, serving(behind(found, source, *proxies)) as gateway:
            assert await client_of(gateway, header=header, forwarded=forwarded) == expected

    run(scenario())


def test_a_changed_list_holds_at_once() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as found, serving(behind(found, X_FORWARDED_FOR, HERE)) as gateway:
            assert await client_of(gateway, forwarded=TWICE) == "198.51.100.7"
            gateway.use(behind(found, X_FORWARDED_FOR, HERE, "198.51.100.0/24"))
            assert await client_of(gateway, forwarded=TWICE) == "203.0.113.9"
            gateway.use(behind(found, X_FORWARDED_FOR, ELSEWHERE))
            assert await client_of(gateway, forwarded=TWICE) == "127.0.0.1"
            gateway.use(behind(found, PROXY_PROTOCOL, HERE))
            assert await client_of(gateway, header=tcp("192.0.2.7", 1)) == "192.0.2.7"

    run(scenario())


def test_no_record_and_no_backend_learns_it() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as found, serving(behind(found, X_FORWARDED_FOR, HERE)) as gateway:
            assert await client_of(gateway, forwarded=TWICE) == "198.51.100.7"

            assert b"198.51.100.7" not in msgspec.json.encode(await gateway.record())
            assert "198.51.100.7" not in repr(found[0].asked)

    run(scenario())
