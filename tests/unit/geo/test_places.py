"""Airports as names of places."""

import collections
import pathlib

import airportsdata
import pytest
from hack import geo

from isochrone.geo import codes, places, tables
from isochrone.geo.latency import Point, distance_km

FILE = pathlib.Path(str(places.__file__)).parent / "data" / "places.csv"


@pytest.mark.parametrize(
    ("iata", "jurisdiction"),
    [
        ("FRA", "DE-HE"),
        ("MUC", "DE-BY"),
        ("CDG", "FR-IDF"),
        ("LHR", "GB-ENG"),
        ("EDI", "GB-SCT"),
        ("BRU", "BE-VLG"),
        ("SFO", "US-CA"),
        ("JFK", "US-NY"),
        ("IAD", "US-VA"),
        ("DCA", "US-VA"),
        ("YYZ", "CA-ON"),
        ("TIJ", "MX-BCN"),
        ("CGB", "BR-MT"),
        ("GRU", "BR-SP"),
        ("DEL", "IN-DL"),
        ("DED", "IN-UK"),
        ("SYD", "AU-NSW"),
        ("PVG", "CN-SH"),
        ("SIN", "SG"),
        ("LED", "RU"),
    ],
)
def test_jurisdiction(iata: str, jurisdiction: str) -> None:
    found = places.place(iata)
    assert found is not None
    assert found.jurisdiction == jurisdiction


@pytest.mark.parametrize(
    ("iata", "territory"),
    [
        ("SJU", "PR"),
        ("STT", "VI"),
        ("GUM", "GU"),
        ("SPN", "MP"),
        ("PPG", "AS"),
        ("MHQ", "AX"),
        ("LYR", "SJ"),
        ("RUN", "RE"),
        ("PTP", "GP"),
        ("FDF", "MQ"),
        ("CAY", "GF"),
        ("DZA", "YT"),
        ("NOU", "NC"),
        ("PPT", "PF"),
        ("HKG", "HK"),
        ("MFM", "MO"),
        ("TPE", "TW"),
        ("AUA", "AW"),
        ("CUR", "CW"),
        ("SXM", "SX"),
        ("BON", "BQ"),
        ("GIB", "GI"),
        ("JER", "JE"),
        ("GCI", "GG"),
        ("IOM", "IM"),
        ("FAE", "FO"),
        ("GOH", "GL"),
        ("EUN", "EH"),
    ],
)
def test_territories_keep_their_own_code(iata: str, territory: str) -> None:
    found = places.place(iata)
    assert found is not None
    assert codes.country_of(found.jurisdiction) == territory


def test_every_jurisdiction_is_canonical() -> None:
    assert all(
        codes.is_code(found.jurisdiction) and codes.canonical(found.jurisdiction) == found.jurisdiction
        for found in places.places().values()
    )


def test_only_airports_without_a_country_are_left_out() -> None:
    assert set(airportsdata.load("IATA")) - set(places.places()) == {"PRN"}


@pytest.mark.parametrize(
    ("country", "share"),
    [("US", 0.99), ("CA", 0.99), ("AU", 0.99), ("CN", 0.99), ("DE", 0.99), ("IN", 0.99), ("BR", 0.95), ("ID", 0.9)],
)
def test_most_airports_of_large_countries_have_a_subdivision(country: str, share: float) -> None:
    known = collections.Counter(
        codes.is_subdivision(found.jurisdiction)
        for found in places.places().values()
        if codes.country_of(found.jurisdiction) == country
    )
    assert known[True] / known.total() >= share


@pytest.mark.parametrize(
    ("iata", "point"),
    [
        ("FRA", Point(50.0379, 8.5622)),
        ("BRU", Point(50.9014, 4.4844)),
        ("LUX", Point(49.6233, 6.2044)),
        ("OBL", Point(51.2647, 4.7533)),
        ("GRU", Point(-23.4356, -46.4731)),
        ("SYD", Point(-33.9399, 151.1753)),
        ("JFK", Point(40.6413, -73.7781)),
    ],
)
def test_coordinates(iata: str, point: Point) -> None:
    found = places.place(iata)
    assert found is not None
    assert distance_km(found.point, point) < 3


@pytest.mark.parametrize("iata", ["XXX", "fra", "", "EDDF"])
def test_no_place(iata: str) -> None:
    assert places.place(iata) is None


@pytest.mark.parametrize(
    ("point", "iata"),
    [
        pytest.param(Point(50.11, 8.68), "FRA", id="frankfurt"),
        pytest.param(Point(-43.5, 172.6), "CHC", id="christchurch"),
        pytest.param(Point(90, 0), "YLT", id="north-pole"),
    ],
)
def test_nearest(point: Point, iata: str) -> None:
    assert places.nearest(point).iata == iata


@pytest.mark.parametrize(
    ("text", "iata"),
    [
        pytest.param("fra", "FRA", id="case"),
        pytest.param("zürich", "ZRH", id="city"),
        pytest.param("Sao Paulo", "GRU", id="accents-and-international-first"),
        pytest.param("frankfurt", "FRA", id="begins"),
        pytest.param("heathrow", "LHR", id="word"),
        pytest.param("Singapor", "SIN", id="misspelt"),
        pytest.param("LON", "LHR", id="metropolitan-london"),
        pytest.param("PAR", "CDG", id="metropolitan-paris"),
        pytest.param("nyc", "JFK", id="metropolitan-new-york"),
        pytest.param("TYO", "HND", id="metropolitan-tokyo"),
    ],
)
def test_suggest_place(text: str, iata: str) -> None:
    found = places.suggest_place(text)
    assert found is not None
    assert found.iata == iata


def test_metropolitan_codes_are_no_airports_and_lead_to_one() -> None:
    assert not places.METROPOLITAN.keys() & places.places().keys()
    assert set(places.METROPOLITAN.values()) <= places.places().keys()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(" ", id="space"),
        pytest.param("qzxvwk", id="nothing-like-it"),
        pytest.param("FRX", id="three-letters-are-a-code-or-nothing"),
        pytest.param("XQX", id="three-letters-of-a-name-misspelt"),
    ],
)
def test_no_suggestion(text: str) -> None:
    assert places.suggest_place(text) is None


def test_generated_file_is_the_committed_one(tmp_path: pathlib.Path) -> None:
    geo.generate(tmp_path)
    assert (tmp_path / geo.PLACES).read_bytes() == FILE.read_bytes()


def test_file_is_small() -> None:
    assert len(tables.text("places.csv").encode()) < 600_000


def test_corrections_are_about_airports_of_the_source() -> None:
    assert set(geo.corrections()) <= set(airportsdata.load("IATA"))
    assert all(codes.is_code(code) for code in geo.corrections().values())


def test_names_given_by_hand_lead_into_their_country() -> None:
    assert all(
        codes.country_of(code) in {country, "SJ"} for country, names in geo.BY_HAND.items() for code in names.values()
    )
