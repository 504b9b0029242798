"""The gateway's own code, asked what it would do: by real configs, at both ends of a hop."""

import dataclasses
import json
import pathlib
import sys
from collections.abc import Mapping
from typing import Any, Literal

import pytest
from tests.unit.drill.networks import EUROPE, GERMANY, change, copy, scene_of

from isochrone.drill import rehearsing, running, world
from isochrone_gateway.server.rehearsing import answers


def configs(
    network: pathlib.Path, folder: pathlib.Path, *, unbound: Literal["Allow", "Deny"] = "Allow"
) -> dict[str, str]:
    scene = scene_of(network)
    settings = dataclasses.replace(scene.snapshot.settings, unbound=unbound)
    scene = dataclasses.replace(scene, snapshot=dataclasses.replace(scene.snapshot, settings=settings))
    planned = world.plan(scene.snapshot, (), None, now=scene.now)
    return {site: str(path) for site, path in running.written(folder, planned, scene).items()}


def ask(sites: Mapping[str, str], *, down: tuple[str, ...] = (), site: str, **changed: Any) -> dict[str, Any]:
    asked = {"site": site, "tenant": "demo/shop", "model": "qwen2.5-7b", "origin": "DE", **changed}
    lines = [{"do": "load", "sites": sites}, {"do": "ask", "down": down, "asks": [asked]}]
    _, answer = answers(iter([json.dumps(each).encode() for each in lines]))
    found: dict[str, Any] = json.loads(answer)["answers"][0]
    return found


@pytest.fixture
def network(tmp_path: pathlib.Path) -> pathlib.Path:
    return copy(tmp_path)


@pytest.fixture
def sites(network: pathlib.Path, tmp_path: pathlib.Path) -> dict[str, str]:
    return configs(network, tmp_path / "as-declared")


def named(found: list[dict[str, Any]]) -> list[str]:
    return [each["site"] or f"{each['provider']}/{each['endpoint']}" for each in found if each["takes"]]


def test_who_is_asked_and_in_which_order(sites: dict[str, str]) -> None:
    answer = ask(sites, site="fra1")
    assert answer["refused"] is None
    assert named(answer["asked"])[0] == "fra1"
    assert "cdg1" in named(answer["asked"])
    assert not {"iad1", "openai/us"} & set(named(answer["may"]))


def test_a_peer_that_is_down_is_not_asked_but_could_be(sites: dict[str, str]) -> None:
    answer = ask(sites, down=("cdg1",), site="fra1")
    assert "cdg1" not in named(answer["asked"])
    assert "cdg1" in named(answer["may"])


def test_a_peer_refuses_by_its_own_config(sites: dict[str, str], network: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """France has already got the stricter law, Germany has not: the stricter of both ends wins."""
    change(network, "residency.yaml", EUROPE, GERMANY)
    stricter = configs(network, tmp_path / "stricter")
    answer = ask({**sites, "cdg1": stricter["cdg1"]}, site="fra1")
    assert "cdg1" not in named(answer["may"])
    assert [each["takes"] for each in answer["may"] if each["site"] == "cdg1"] == [False], (
        "it is sent there all the same"
    )
    assert "cdg1" in named(ask(sites, site="fra1")["may"])


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        pytest.param({"site": "iad1"}, 403, "residency_denied", id="a gateway outside"),
        pytest.param(
            {"site": "fra1", "origin": "US"}, 403, "origin_not_allowed", id="an origin that isn't the tenant's"
        ),
        pytest.param({"site": "fra1", "tenant": None}, 401, "missing_api_key", id="nobody's"),
        pytest.param({"site": "fra1", "tenant": "demo/nobody"}, 403, "permission_denied", id="a tenant without a key"),
        pytest.param({"site": "fra1", "model": "gpt-9"}, 404, "model_not_found", id="a model that there isn't"),
    ],
)
def test_what_is_refused(sites: dict[str, str], changed: dict[str, Any], status: int, code: str) -> None:
    answer = ask(sites, **changed)
    assert (answer["refused"]["status"], answer["refused"]["code"]) == (status, code)
    assert answer["asked"] == answer["may"] == []


ORIGINS = """      include:
        - EU
        - EUTerritories # Réunion, Åland and others where EU law applies: they have ISO codes of their own
"""


def test_a_policy_for_the_classes_of_a_route_lets_it_in_where_unbound_traffic_is_refused(
    network: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """The classes of a route are known before its body is read, as those of each route that might be asked for."""
    change(network, "residency.yaml", f"    origins:\n{ORIGINS}", "    dataClasses:\n      - health\n")
    change(network, "models.yaml", "  modelName: bge-m3\n", "  modelName: bge-m3\n  dataClasses:\n    - health\n")
    sites = configs(network, tmp_path / "unbound-is-refused", unbound="Deny")
    assert ask(sites, site="fra1", model="bge-m3")["refused"] is None
    refused = ask(sites, site="fra1", model="qwen2.5-7b")["refused"]
    assert (refused["code"], refused["policy"]) == ("residency_denied", None)
    assert ask(sites, site="iad1", model="bge-m3")["refused"]["code"] == "residency_denied"


def test_who_needs_no_key_is_answered_by_a_peer_that_wants_one(network: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Nobody has a key of the tenant any more, so all requests come in at the one site that is open."""
    (network / "tenant.yaml").unlink()
    (network / "residency.yaml").unlink()
    change(
        network,
        "sites.yaml",
        "    advertise:\n      host: ber1.",
        "    anonymousAccess: Allow\n    advertise:\n      host: ber1.",
    )
    sites = configs(network, tmp_path / "open")
    answer = ask(sites, site="ber1", tenant=None, origin=None)
    assert {"fra1", "cdg1"} & set(named(answer["asked"]))
    assert ask(sites, site="fra1", tenant=None, origin=None)["refused"]["code"] == "missing_api_key"


def test_nobody_is_ready_where_all_lawful_engines_are_down(sites: dict[str, str]) -> None:
    """ber1 has no engines: its gateway is up, whom it could ask is not."""
    answer = ask(sites, down=("cdg1", "fra1"), site="ber1", model="bge-m3")
    assert (answer["refused"]["status"], answer["refused"]["code"]) == (503, "no_capacity")
    assert named(answer["may"])


def test_a_config_that_a_gateway_would_refuse_ends_it_with_a_reason(sites: dict[str, str]) -> None:
    shard = next(pathlib.Path(sites["fra1"]).glob("law*"))
    shard.write_bytes(shard.read_bytes()[:-1])
    with rehearsing.gateways() as gateways, pytest.raises(rehearsing.RehearsalError, match=shard.name):
        gateways.load({"fra1": pathlib.Path(sites["fra1"])})


@pytest.mark.parametrize(
    ("program", "said"),
    [
        pytest.param("import uv_loop_that_there_is_not", r"install isochrone\[gateway\]", id="no gateway here"),
        pytest.param("raise SystemExit('no space left')", "no space left", id="it says why"),
        pytest.param("raise SystemExit(3)", "it ended with 3, and said nothing", id="it says nothing"),
    ],
)
def test_who_can_not_be_asked_says_why(program: str, said: str) -> None:
    with (
        rehearsing.gateways((sys.executable, "-c", program)) as nobody,
        pytest.raises(rehearsing.RehearsalError, match=said),
    ):
        nobody.load({})
