"""Places, codes and blocs that do not exist."""

import pytest
from tests.unit.validate.sample import (
    Json,
    edge,
    endpoint,
    policy,
    pool,
    provider,
    route,
    said,
    tenant,
    tiers,
    to_provider,
)

FINE = [
    pytest.param(
        [provider("acme", endpoint("fr", "FR-GP", "GP", "World")), policy("p", "CN-HK")], id="withdrawn-codes"
    ),
    pytest.param(
        [provider("acme", endpoint("eu", "EU")), route(tiers=tiers(to_provider())), policy("eea", "EEA")],
        id="bloc-in-bloc",
    ),
    pytest.param([edge(), pool(), route(), policy(blocs=[{"name": "Mine", "members": ["DE", "EFTA"]}])], id="own-bloc"),
    pytest.param(
        [
            edge(place={"jurisdiction": "DE-HE", "coordinates": {"latitude": "50", "longitude": "8"}}),
            pool(),
            route(),
            policy(),
        ],
        id="subdivision",
    ),
]


def at(jurisdiction: str, latitude: str, longitude: str) -> Json:
    point = {"latitude": latitude, "longitude": longitude}
    return edge(place={"jurisdiction": jurisdiction, "coordinates": point})


FINE += [
    pytest.param([at("FR", "48.85", "2.35")], id="paris"),
    pytest.param([at("RU", "66.2", "100.2")], id="siberia"),
    pytest.param([at("US-HI", "19.7", "-155.1")], id="hawaii"),
    pytest.param([at("DE-BY", "53.5", "10.0")], id="not-exact-but-near"),
    pytest.param([at("VA", "41.9", "12.45")], id="without-airport"),
]

WRONG = [
    pytest.param(
        [at("FR", "2.35", "48.85")], ["W DistantPlace EdgeNode fra spec.place.coordinates"], id="swapped-coordinates"
    ),
    pytest.param([at("DE", "40.7", "-74.0")], ["W DistantPlace EdgeNode fra spec.place.coordinates"], id="elsewhere"),
    pytest.param(
        [at("US-HI", "40.7", "-74.0")], ["W DistantPlace EdgeNode fra spec.place.coordinates"], id="another-state"
    ),
    pytest.param(
        [at("FR-IDF", "50.1", "108.7")],
        ["W DistantPlace EdgeNode fra spec.place.coordinates"],
        id="subdivision",
    ),
    pytest.param([edge(iata="FRX")], ["E UnknownPlace EdgeNode fra spec.place.iata"], id="airport"),
    pytest.param(
        [edge(place={"jurisdiction": "UK", "coordinates": {"latitude": "51", "longitude": "0"}})],
        ["E UnknownPlace EdgeNode fra spec.place.jurisdiction"],
        id="jurisdiction",
    ),
    pytest.param(
        [policy("p", "UK")], ["E UnknownPlace DataResidencyPolicy p spec.allow[0].places.include[0]"], id="country"
    ),
    pytest.param(
        [policy("p", "EU", exclude=["US-XX", "Nordcis"])],
        [
            "E UnknownPlace DataResidencyPolicy p spec.allow[0].places.exclude[0]",
            "E UnknownBloc DataResidencyPolicy p spec.allow[0].places.exclude[1]",
        ],
        id="excluded",
    ),
    pytest.param(
        [policy(binds={"origins": {"include": ["EUU"]}})],
        ["E UnknownBloc DataResidencyPolicy eu-only spec.binds.origins.include[0]"],
        id="origins",
    ),
    pytest.param(
        [provider("acme", endpoint("a", "XX", storesIn=["Y2K"]))],
        [
            "E UnknownPlace ModelProvider acme spec.endpoints[0].processesIn[0]",
            "E UnknownBloc ModelProvider acme spec.endpoints[0].storesIn[0]",
        ],
        id="endpoint-places",
    ),
    pytest.param(
        [edge(), pool(), route(), tenant(origins=["Europa"])],
        ["E UnknownBloc InferenceTenant shop/web spec.origins[0]"],
        id="tenant-origins",
    ),
    pytest.param(
        [policy(blocs=[{"name": "EFTA", "members": ["CH"]}])],
        ["E BlocNameTaken DataResidencyPolicy eu-only spec.blocs[0].name"],
        id="bloc-shadows",
    ),
    pytest.param(
        [policy(blocs=[{"name": "One", "members": ["Two"]}, {"name": "Two", "members": ["One"]}])],
        [
            "E BlocCycle DataResidencyPolicy eu-only spec.blocs[0].name",
            "E BlocCycle DataResidencyPolicy eu-only spec.blocs[1].name",
        ],
        id="bloc-cycle",
    ),
    pytest.param(
        [policy(blocs=[{"name": "One", "members": ["DEE"]}])],
        ["E UnknownBloc DataResidencyPolicy eu-only spec.blocs[0].members[0]"],
        id="bloc-member",
    ),
]


@pytest.mark.parametrize("objects", FINE)
def test_nothing_is_said(objects: list[Json]) -> None:
    assert said(objects) == []


@pytest.mark.parametrize(("objects", "expected"), WRONG)
def test_it_is_said(objects: list[Json], expected: list[str]) -> None:
    assert sorted(said(objects)) == sorted(expected)
