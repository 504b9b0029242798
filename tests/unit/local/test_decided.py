"""What is to run on this machine, out of the quickstart's manifests and how its sites stand."""

import datetime as dt
import pathlib
from collections.abc import Iterable, Mapping
from typing import Final

import pytest
from tests.worlds.examples import example

from isochrone.local.decided import Decided, Machine, decide
from isochrone.local.engines import EngineId, Player, Server, Weights, is_played, is_replaced
from isochrone.local.standing import Stand, Standing, as_found, gateways_of
from isochrone.local.wiring import DRAIN, Wires
from isochrone.model import RouteKey, Running
from isochrone.model.declared import key_of
from isochrone.render.gateway_settings import Ports
from isochrone_gateway.config import Config, Release, assemble, encode_index, issue, read_index
from isochrone_gateway.config.engines import EngineKind, StaticEndpoints
from isochrone_gateway.config.routes import EngineTarget

CHAT, EMBED = RouteKey("demo", "smollm2"), RouteKey("demo", "smollm2-embed")
SITES: Final = ("ber1", "cdg1", "fra1", "iad1")
DIGEST: Final = "sha256:b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
MODEL: Final = Weights(name="m", path=pathlib.Path("m.gguf"), digest=DIGEST)
NOW: Final = 1_000_000
RELEASE: Final = Release(
    installation="isochrone", epoch=1, sequence=1, issued_at=dt.datetime(2026, 11, 26, tzinfo=dt.UTC)
)


def stand(standing: Standing, *, since: int = NOW) -> Stand:
    return Stand(standing=standing, since=since)


def decided(
    stands: Mapping[str, Stand] | None = None,
    running: Iterable[Running] = (),
    *,
    player: Player = MODEL,
    wires: Wires | None = None,
    world: str = "quickstart",
) -> Decided:
    found = as_found(example(world), stands or {}, running)
    names = enumerate(gateways_of(found))
    ports = {name: Ports(data=8081 + at, admin=9001 + at, peer=9101 + at, host="127.0.0.1") for at, name in names}
    machine = Machine(ports=ports, wires=wires or Wires(), player=player, client="DE-HE")
    return decide(None, found, stands or {}, machine, now=NOW)


def sites_of(route: RouteKey, found: Decided) -> set[str]:
    return {each.site for each in found.engines if each.route == route}


def runs(*sites: str, ready: int = 1, route: RouteKey = CHAT) -> list[Running]:
    return [Running(route=route, site=site, pool=None, replicas=1, ready=ready) for site in sites]


def config(found: Decided, site: str) -> Config:
    """As the gateway reads it."""
    pack = found.configs[site]
    return assemble(read_index(encode_index(issue(pack, site=site, release=RELEASE))), pack.blobs).config


def test_each_site_has_a_gateway_and_each_placement_an_engine() -> None:
    found = decided()
    assert set(found.configs) == set(SITES)
    assert set(found.engines) == {EngineId(each.route, each.site) for each in found.planned.plan.placements}
    assert sites_of(CHAT, found) == {"cdg1", "fra1"}


def test_engines_are_started_as_their_routes_say() -> None:
    found = decided()
    chat, embed = (next(each for key, each in found.engines.items() if key.route == route) for route in (CHAT, EMBED))
    assert (chat.model, chat.context, chat.embeds) == ("smollm2", 2048, False)
    assert (embed.model, embed.context, embed.embeds) == ("smollm2-embed", 2048, True)


@pytest.mark.parametrize(
    ("stands", "running", "expected"),
    [
        pytest.param({}, runs("cdg1", "fra1"), {"cdg1", "fra1"}, id="as-planned"),
        pytest.param(
            {"fra1": stand(Standing.DRAINING)},
            runs("cdg1", "fra1"),
            {"ber1", "cdg1", "fra1"},
            id="draining: others come, its own stay",
        ),
        pytest.param(
            {"fra1": stand(Standing.DRAINING)},
            [*runs("cdg1", "fra1"), *runs("ber1", ready=0)],
            {"ber1", "cdg1", "fra1"},
            id="draining: the others load",
        ),
        pytest.param({"fra1": stand(Standing.STOPPED)}, runs("cdg1", "ber1"), {"ber1", "cdg1"}, id="stopped"),
        pytest.param({"fra1": stand(Standing.KILLED)}, runs("cdg1", "fra1"), {"cdg1"}, id="killed: too early to move"),
        pytest.param(
            {"fra1": stand(Standing.KILLED, since=NOW - 120)}, runs("cdg1", "fra1"), {"ber1", "cdg1"}, id="killed: lost"
        ),
    ],
)
def test_engines_follow_how_sites_stand(stands: dict[str, Stand], running: list[Running], expected: set[str]) -> None:
    assert sites_of(CHAT, decided(stands, running)) == expected


@pytest.mark.parametrize(
    ("standing", "has_gateway"),
    [
        pytest.param(Standing.RUNNING, True, id="running"),
        pytest.param(Standing.DRAINING, True, id="draining"),
        pytest.param(Standing.STOPPED, False, id="stopped"),
        pytest.param(Standing.KILLED, False, id="killed"),
    ],
)
def test_a_site_that_is_down_has_no_gateway(standing: Standing, has_gateway: bool) -> None:
    assert ("fra1" in decided({"fra1": stand(standing)}).configs) == has_gateway


def test_a_drained_site_can_end_once_the_others_are_ready() -> None:
    found = decided({"fra1": stand(Standing.DRAINING)}, runs("cdg1", "fra1"))
    placed = {EngineId(each.route, each.site) for each in found.planned.plan.placements}
    assert is_replaced(found.planned.plan, "fra1", placed)
    assert not is_replaced(found.planned.plan, "fra1", placed - {EngineId(CHAT, "ber1")})


def test_a_gateway_finds_engines_and_peers_on_this_machine() -> None:
    engines = {EngineId(CHAT, "fra1"): "127.0.0.1:4001", EngineId(CHAT, "cdg1"): "127.0.0.1:4002"}
    wires = Wires(engines=engines, peers={("fra1", "cdg1"): 5001, ("fra1", "ber1"): 5002, ("cdg1", "fra1"): 5003})
    made = config(decided(wires=wires), "fra1")
    pools = {pool.id: pool for pool in made.engines}
    assert pools["demo/smollm2"].discovery == StaticEndpoints(addresses=frozenset({"127.0.0.1:4001"}))
    assert pools["demo/smollm2-embed"].discovery == StaticEndpoints(addresses=frozenset({"127.0.0.1:1"}))
    peers = {peer.site: peer.address for peer in made.peers}
    assert (peers["cdg1"], peers["ber1"]) == ("127.0.0.1:5001", "127.0.0.1:5002")
    assert peers["iad1"].startswith("isochrone-gateway-iad1.")


def test_a_gateway_listens_where_it_is_told_and_drains_in_seconds() -> None:
    site = config(decided(), "cdg1").site
    assert (site.listeners.data.port, site.listeners.data.host, site.listeners.data.tls) == (8082, "127.0.0.1", None)
    assert (site.listeners.admin.port, site.listeners.peer and site.listeners.peer.port) == (9002, 9102)
    assert site.drain == DRAIN


def test_whatever_engine_is_declared_llama_cpp_answers() -> None:
    found = decided(world="quickstart-multicluster")
    pools = [pool for site in found.configs for pool in config(found, site).engines]
    assert pools
    assert {(pool.kind, pool.health_path, pool.cache_salt) for pool in pools} == {
        (EngineKind.LLAMA_CPP, "/health", False)
    }
    assert max(each.context for each in found.engines.values()) <= 4096


def test_a_server_may_play_all_engines_under_its_own_name() -> None:
    made = config(decided(player=Server(address="127.0.0.1:11434", model="llama3")), "fra1")
    (chat,) = (pool for pool in made.engines if pool.id == "demo/smollm2")
    assert chat.discovery == StaticEndpoints(addresses=frozenset({"127.0.0.1:11434"}))
    assert (chat.kind, chat.health_path, chat.metrics_path) == (EngineKind.CUSTOM, "/v1/models", None)
    candidates = [each for route in made.routes for tier in route.tiers for each in tier.candidates]
    own = {each.model for each in candidates if isinstance(each.target, EngineTarget)}
    assert own == {"llama3"}
    assert "gpt-4o-mini" in {each.model for each in candidates}


def test_the_law_of_the_clients_place_says_where_its_data_may_come_in() -> None:
    assert decided().lawful == {"ber1": True, "cdg1": True, "fra1": True, "iad1": False}


@pytest.mark.parametrize(
    ("player", "expected"),
    [
        pytest.param(MODEL, False, id="its own weights"),
        pytest.param(Weights(name="m", path=pathlib.Path("m"), digest="sha256:0"), True, id="others"),
        pytest.param(Server(address="127.0.0.1:1"), True, id="a server"),
    ],
)
def test_weights_are_told_from_their_stand_in(player: Player, expected: bool) -> None:
    routes = {key_of(route): route for route in example("quickstart").routes}
    assert is_played(routes[CHAT], player) == expected
