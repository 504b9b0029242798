"""How many people live where."""

import collections
import itertools
import pathlib

import pytest
from hack import geo_population
from hypothesis import given
from hypothesis import strategies as st

from isochrone.geo import codes, places, population, tables
from isochrone.geo.latency import Point, distance_km
from isochrone.geo.population import Centre, centres_of

FILE = pathlib.Path(str(population.__file__)).parent / "data" / "population.csv"
BY_SUBDIVISION = {"AU", "BR", "CA", "CN", "IN", "RU", "US"}
UNINHABITED = {
    "AQ": "Antarctica: stations",
    "BV": "Bouvet Island: none",
    "GS": "South Georgia and the South Sandwich Islands: stations",
    "HM": "Heard and McDonald Islands: none",
    "TF": "French Southern Territories: stations",
    "UM": "US Outlying Islands: a garrison and wardens",
}


def people_of(code: str) -> int:
    return sum(centre.people for centre in centres_of(code))


@pytest.mark.parametrize(
    ("code", "millions", "within"),
    [
        pytest.param("IN", 1_430, 0.03, id="IN"),
        pytest.param("CN", 1_410, 0.03, id="CN-without-HK-MO-TW"),
        pytest.param("US", 340, 0.03, id="US-without-PR"),
        pytest.param("BR", 213, 0.05, id="BR"),
        pytest.param("RU", 142, 0.05, id="RU-without-Crimea"),
        pytest.param("DE", 83.5, 0.02, id="DE"),
        pytest.param("NG", 230, 0.05, id="NG"),
        pytest.param("JP", 124, 0.02, id="JP"),
        pytest.param("CA", 39, 0.06, id="CA"),
        pytest.param("AU", 27, 0.03, id="AU"),
        pytest.param("SG", 6, 0.02, id="SG"),
        pytest.param("IS", 0.38, 0.06, id="IS"),
        pytest.param("PR", 3.2, 0.06, id="PR"),
        pytest.param("US-CA", 39, 0.1, id="US-CA"),
        pytest.param("US-NY", 20, 0.1, id="US-NY"),
        pytest.param("US-WY", 0.58, 0.1, id="US-WY"),
        pytest.param("CN-GD", 127, 0.1, id="CN-GD"),
        pytest.param("IN-BR", 127, 0.1, id="IN-BR"),
        pytest.param("BR-SP", 46, 0.1, id="BR-SP"),
        pytest.param("RU-MOW", 13, 0.1, id="RU-MOW"),
        pytest.param("CA-QC", 8.9, 0.1, id="CA-QC"),
        pytest.param("AU-NSW", 8.4, 0.1, id="AU-NSW"),
    ],
)
def test_people(code: str, millions: float, within: float) -> None:
    assert people_of(code) == pytest.approx(millions * 1e6, rel=within)


def test_people_of_the_world() -> None:
    assert sum(centre.people for centre in population.population()) == pytest.approx(8.1e9, rel=0.03)


def test_only_countries_where_nobody_lives_have_no_centre() -> None:
    told = {codes.country_of(centre.code) for centre in population.population()}
    assert set(codes.countries()) - told == set(UNINHABITED)
    assert all(centres_of(code) == () for code in UNINHABITED)


def test_large_countries_are_told_by_all_their_subdivisions_and_others_by_none() -> None:
    told = {centre.code for centre in population.population()}
    parts = {
        code
        for code, (within, _) in codes.subdivisions().items()
        if BY_SUBDIVISION & set(within) and codes.canonical(code) == code
    }
    assert told == parts | set(codes.countries()) - BY_SUBDIVISION - set(UNINHABITED)


def test_every_code_is_canonical() -> None:
    told = {centre.code for centre in population.population()}
    assert all(codes.is_code(code) and codes.canonical(code) == code for code in told)


def test_every_centre_has_people_and_none_is_told_twice() -> None:
    centres = population.population()
    assert all(centre.people > 0 for centre in centres)
    assert len({(centre.code, centre.latitude, centre.longitude) for centre in centres}) == len(centres)


def test_centres_are_in_order_whatever_the_order_of_the_rows() -> None:
    centres = population.population()
    assert population._in_order(reversed(list(tables.rows("population.csv")))) == centres
    assert [centre.code for centre in centres] == sorted(centre.code for centre in centres)
    assert all(one.code != two.code or one.people >= two.people for one, two in itertools.pairwise(centres))


def test_centres_of_a_country_are_those_of_its_subdivisions() -> None:
    parts = [code for code, (within, _) in codes.subdivisions().items() if "US" in within and codes.parents(code)]
    assert set(centres_of("US")) == {centre for code in parts for centre in centres_of(code)}


@pytest.mark.parametrize(
    ("code", "same"),
    [
        pytest.param("US-PR", "PR", id="territory-of-its-own"),
        pytest.param("CN-HK", "HK", id="region-of-its-own"),
        pytest.param("GB-UKM", "GB", id="all-of-it"),
        pytest.param("FR-GP", "GP", id="withdrawn"),
    ],
)
def test_centres_of_another_code_of_the_same_territory(code: str, same: str) -> None:
    assert centres_of(code) == centres_of(same) != ()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        pytest.param("XK", "'XK' is no code of ISO 3166-1 or 3166-2", id="not-assigned"),
        pytest.param("us", "'us' is no code", id="case"),
        pytest.param("", "'' is no code", id="empty"),
        pytest.param("World", "'World' is no code", id="world"),
        pytest.param("US-ZZ", "'US-ZZ' is no code", id="no-such-state"),
        pytest.param("DE-BY", "people live in DE-BY is not known, only how many in all of DE", id="too-fine"),
        pytest.param(
            "NO-21", "people live in NO-21 is not known, only how many in all of SJ", id="part-of-a-territory"
        ),
    ],
)
def test_no_centres(code: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        centres_of(code)


@pytest.mark.parametrize(
    ("code", "points"),
    [
        pytest.param("DE", {"CGN", "HAM", "FRA", "BER", "DRS", "MUC"}, id="DE"),
        pytest.param("US-CA", {"LAX", "SJC", "SMF", "SAN", "FAT"}, id="US-CA"),
        pytest.param("AU-WA", {"PER"}, id="AU-WA"),
        pytest.param("RU-NVS", {"OVB"}, id="RU-NVS"),
        pytest.param("RU-PRI", {"VVO"}, id="RU-PRI"),
        pytest.param("ES", {"MAD", "BCN", "LPA"}, id="ES-and-its-islands"),
        pytest.param("SG", {"SIN"}, id="SG"),
    ],
)
def test_there_is_a_centre_near(code: str, points: set[str]) -> None:
    for iata in points:
        near = places.places()[iata].point
        assert any(distance_km(centre.point, near) < 60 for centre in centres_of(code)), iata


def test_the_largest_centre_comes_first() -> None:
    assert distance_km(centres_of("FR")[0].point, places.places()["CDG"].point) < 60


def test_nearly_all_centres_of_subdivisions_are_next_to_an_airport_of_the_same() -> None:
    """Airports tell their subdivisions by another source; in RU they tell none, so it is left out."""
    told = [
        centre
        for centre in population.population()
        if codes.country_of(centre.code) in BY_SUBDIVISION - {"RU"} and codes.is_subdivision(centre.code)
    ]
    same = collections.Counter(places.nearest(centre.point).jurisdiction == centre.code for centre in told)
    assert same[True] / same.total() > 0.9


def test_a_centre_knows_its_point() -> None:
    assert Centre(code="DE", latitude=50.1, longitude=8.7, people=1).point == Point(50.1, 8.7)


def test_generated_file_is_the_committed_one(tmp_path: pathlib.Path) -> None:
    geo_population.generate(tmp_path)
    assert (tmp_path / geo_population.POPULATION).read_bytes() == FILE.read_bytes()


def test_file_is_small() -> None:
    assert len(tables.text("population.csv").encode()) < 60_000


@pytest.mark.parametrize(
    ("country", "people"),
    [
        pytest.param("AU", 25_422_788 - 4_779, id="AU-2021-without-other-territories"),
        pytest.param("BR", 203_080_756, id="BR-2022"),
        pytest.param("CA", 36_991_981, id="CA-2021"),
        pytest.param("CN", 1_411_778_724 - 2_000_000, id="CN-2020-without-soldiers"),
        pytest.param("IN", 1_210_854_977, id="IN-2011"),
        pytest.param("RU", 147_182_123 - 1_934_630 - 547_820, id="RU-2021-without-Crimea-and-Sevastopol"),
        pytest.param("US", 331_449_281, id="US-2020"),
    ],
)
def test_parts_add_up_to_the_census(country: str, people: int) -> None:
    parts = geo_population.table(geo_population.CENSUSES)
    assert sum(counted for code, counted in parts.items() if code.startswith(f"{country}-")) == people


def test_there_are_people_of_every_country() -> None:
    assert set(geo_population.table(geo_population.PEOPLE)) == set(codes.countries())


def test_centres_add_up_to_the_country() -> None:
    people = geo_population.table(geo_population.PEOPLE)
    assert all(people_of(code) == people[code] for code in codes.countries() if code not in UNINHABITED)


@given(total=st.integers(0, 10**10), weights=st.lists(st.integers(0, 10**9), min_size=1).filter(any))
def test_shares_add_up_and_are_in_proportion(total: int, weights: list[int]) -> None:
    shares = geo_population.apportion(total, weights)
    assert sum(shares) == total
    assert all(
        abs(share * sum(weights) - total * weight) < sum(weights) for share, weight in zip(shares, weights, strict=True)
    )
