"""The places of an installation: where each site and endpoint is, and that all agree on their order."""

import itertools
from collections.abc import Mapping
from typing import Any

import pytest

from isochrone.api import EdgeNode, ModelProvider
from isochrone.geo import places
from isochrone.geo.latency import Point
from isochrone.law import Evidence, Place
from isochrone.law.atlas import Atlas, Located, of_site, processing, storing

Json = Mapping[str, Any]

BERLIN = {"latitude": "52.5", "longitude": "13.4"}


def site(name: str, **place: Any) -> EdgeNode:
    if place.get("evidence", "Declared") != "Declared":
        place["evidenceRef"] = "audit 7"
    return EdgeNode.model_validate({"metadata": {"name": name}, "spec": {"place": place}})


def copying(name: str, jurisdiction: str, **bucket: Any) -> EdgeNode:
    store = {"endpoint": "https://s3.example.com", "bucket": "evidence", "secretName": "bucket"}
    evidence = {"objectStorage": {**store, "jurisdiction": jurisdiction, **bucket}}
    spec = {"place": {"iata": "FRA"}, "gateway": {"evidence": evidence}}
    return EdgeNode.model_validate({"metadata": {"name": name}, "spec": spec})


def endpoint(name: str, *processes_in: str, evidence: str = "Declared", stores_in: list[str] | None = None) -> Json:
    url, ref = f"https://{name}.api.example.com/v1", {"evidenceRef": "contract 3"}
    found = {"name": name, "url": url, "processesIn": list(processes_in), "evidence": evidence}
    return {
        **found,
        **({} if evidence == "Declared" else ref),
        **({} if stores_in is None else {"storesIn": stores_in}),
    }


def provider(name: str, *endpoints: Json) -> ModelProvider:
    keys = [{"name": "main", "secretRef": {"name": name, "key": "key"}}]
    models = [{"name": "m", "pricePerMillionTokens": {"input": "1", "output": "2"}}]
    spec = {"dialect": "OpenAI", "endpoints": list(endpoints), "keys": keys, "models": models}
    return ModelProvider.model_validate({"metadata": {"name": name}, "spec": spec})


def place(*codes: str, evidence: Evidence = Evidence.DECLARED) -> Place:
    return Place(frozenset(codes), evidence)


FRA, CDG, SJU = (places.place(iata) for iata in ("FRA", "CDG", "SJU"))
assert FRA
assert CDG
assert SJU


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        pytest.param({"iata": "FRA"}, Located(place=place("DE-HE"), point=FRA.point), id="by its airport"),
        pytest.param({"iata": "SJU"}, Located(place=place("PR"), point=SJU.point), id="an airport of a territory"),
        pytest.param({"iata": "QQQ"}, Located(place=place()), id="an airport that there isn't"),
        pytest.param(
            {"jurisdiction": "DE-BE", "coordinates": BERLIN},
            Located(place=place("DE-BE"), point=Point(52.5, 13.4)),
            id="by jurisdiction and coordinates",
        ),
        pytest.param(
            {"jurisdiction": "US-PR", "coordinates": BERLIN},
            Located(place=place("PR"), point=Point(52.5, 13.4)),
            id="by the other code of its territory",
        ),
        pytest.param(
            {"jurisdiction": "XK", "coordinates": BERLIN},
            Located(place=place(), point=Point(52.5, 13.4)),
            id="a jurisdiction that ISO doesn't know",
        ),
        pytest.param(
            {"iata": "FRA", "evidence": "Attested"},
            Located(place=place("DE-HE", evidence=Evidence.ATTESTED), point=FRA.point),
            id="with evidence",
        ),
    ],
)
def test_where_a_site_is(declared: dict[str, Any], expected: Located) -> None:
    assert of_site(site("a", **declared)) == expected


@pytest.mark.parametrize(
    ("declared", "processes", "stores"),
    [
        pytest.param(endpoint("e", "DE"), place("DE"), place("DE"), id="it keeps where it processes"),
        pytest.param(endpoint("e", "DE", stores_in=["FR"]), place("DE"), place("FR"), id="or elsewhere"),
        pytest.param(endpoint("e", "Benelux"), place("BE", "NL", "LU"), place("BE", "NL", "LU"), id="blocs"),
        pytest.param(endpoint("e", "DE", "Atlantis"), place(), place(), id="one name that nobody knows"),
        pytest.param(
            endpoint("e", "DE", evidence="Contracted", stores_in=["FR"]),
            place("DE", evidence=Evidence.CONTRACTED),
            place("FR", evidence=Evidence.CONTRACTED),
            id="its evidence is for both",
        ),
    ],
)
def test_where_an_endpoint_is(declared: Json, processes: Place, stores: Place) -> None:
    (found,) = provider("acme", declared).spec.endpoints

    assert (processing(found), storing(found)) == (processes, stores)


SITES = (site("fra", iata="FRA"), site("ams", iata="AMS"), site("par", iata="CDG"))
PROVIDERS = (
    provider("zeta", endpoint("eu", "DE", stores_in=["IE"]), endpoint("us", "US")),
    provider("acme", endpoint("us", "US"), endpoint("eu", "IE", evidence="Contracted")),
)
DECLARED = Evidence.DECLARED


def test_sites_come_first_then_endpoints_each_place_once() -> None:
    atlas = Atlas.of(SITES, PROVIDERS)

    assert atlas.sites == {"ams": 0, "fra": 1, "par": 2}
    assert atlas.places == (
        *(place("NL-NH"), place("DE-HE"), of_site(SITES[2]).place),
        *(place("US"), place("IE", evidence=Evidence.CONTRACTED), place("DE"), place("IE")),
    )
    assert [each.point for each in atlas.located[:3]] == [
        of_site(each).point for each in (SITES[1], SITES[0], SITES[2])
    ]
    assert [each.point for each in atlas.located[3:]] == [None] * 4
    assert atlas.endpoints == {("acme", "us"): 3, ("acme", "eu"): 4, ("zeta", "eu"): 5, ("zeta", "us"): 3}
    assert atlas.stores == {("acme", "us"): 3, ("acme", "eu"): 4, ("zeta", "eu"): 6, ("zeta", "us"): 3}


def test_an_endpoint_shares_no_index_with_a_site() -> None:
    """A site has a point, and more is said of it than its place; an endpoint is known by its place alone."""
    atlas = Atlas.of([site("lux", jurisdiction="LU", coordinates=BERLIN)], [provider("acme", endpoint("lu", "LU"))])

    assert atlas.places == (place("LU"), place("LU"))
    assert (atlas.sites, atlas.endpoints) == ({"lux": 0}, {("acme", "lu"): 1})


def test_two_sites_of_one_place_are_two_places() -> None:
    atlas = Atlas.of([site("b", iata="FRA"), site("a", iata="FRA")], [])

    assert atlas.sites == {"a": 0, "b": 1}
    assert atlas.places == (place("DE-HE"), place("DE-HE"))


def test_buckets_come_last_each_place_once() -> None:
    contracted = {"evidence": "Contracted", "evidenceRef": "contract 3"}
    sites = [copying("b", "DE", **contracted), copying("a", "US"), copying("c", "QQ"), site("d", iata="FRA")]
    atlas = Atlas.of(sites, [provider("acme", endpoint("us", "US"))])

    assert atlas.places[4:] == (place("US"), place("DE", evidence=Evidence.CONTRACTED), place())
    assert atlas.buckets == {"a": 4, "b": 5, "c": 6}


def test_a_bucket_is_where_its_territory_has_its_own_code() -> None:
    assert Atlas.of([copying("a", "FR-GP")], []).places == (place("DE-HE"), place("GP"))


def test_the_order_of_objects_decides_nothing() -> None:
    expected = Atlas.of(SITES, PROVIDERS)
    for sites, providers in itertools.product(itertools.permutations(SITES), itertools.permutations(PROVIDERS)):
        assert Atlas.of(sites, providers) == expected
