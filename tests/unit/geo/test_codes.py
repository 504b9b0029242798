"""ISO 3166 codes: which there are, and what lies within what."""

import pycountry
import pytest

from isochrone.geo import codes

GB_GROUPINGS = {"GB-EAW", "GB-GBN", "GB-UKM"}


def test_countries_are_those_of_an_independent_list() -> None:
    assert set(codes.countries()) == {country.alpha_2 for country in pycountry.countries}
    assert len(codes.countries()) == 249


def test_subdivisions_are_those_of_an_independent_list() -> None:
    assert set(codes.subdivisions()) - GB_GROUPINGS == {part.code for part in pycountry.subdivisions}


def test_alpha3_codes_are_those_of_an_independent_list() -> None:
    assert codes.alpha3() == {country.alpha_3: country.alpha_2 for country in pycountry.countries}


def test_ancestors_hold_those_of_an_independent_list() -> None:
    """Theirs knows no groupings of GB and no territories of their own, so ours may have more, and other countries."""
    own = {"NO-21", "NO-22", *codes.aliases()}
    lost = {
        part.code
        for part in pycountry.subdivisions
        if part.code not in own and not {part.parent_code or part.country_code} <= set(codes.ancestors(part.code))
    }
    assert not lost


def test_every_parent_and_every_alias_is_a_code() -> None:
    parents = {parent for within, _ in codes.subdivisions().values() for parent in within}
    assert all(codes.is_code(code) for code in parents | set(codes.aliases().values()))


def test_every_code_has_a_name() -> None:
    assert all(codes.countries().values())
    assert all(name for _, name in codes.subdivisions().values())


@pytest.mark.parametrize("code", ["XK", "EU", "UK", "AN", "us", "USA", "US-ZZ", "FX", "", "World", "001"])
def test_not_a_code(code: str) -> None:
    assert not codes.is_code(code)
    assert codes.name_of(code) is None
    assert codes.country_of(code) is None
    assert codes.ancestors(code) == ()


@pytest.mark.parametrize(
    ("code", "ancestors"),
    [
        pytest.param("DE", (), id="country"),
        pytest.param("US-CA", ("US",), id="state"),
        pytest.param("FR-69", ("FR-ARA", "FR"), id="department"),
        pytest.param("FR-67", ("FR-6AE", "FR-GES", "FR"), id="three-levels"),
        pytest.param("GB-LND", ("GB-ENG", "GB-EAW", "GB-GBN", "GB"), id="groupings-of-gb"),
        pytest.param("GB-SCT", ("GB-GBN", "GB"), id="scotland-is-not-in-england-and-wales"),
        pytest.param("GB-NIR", ("GB",), id="northern-ireland-is-not-in-great-britain"),
        pytest.param("NO-21", ("SJ",), id="svalbard-is-not-in-no"),
        pytest.param("NO-22", ("SJ",), id="jan-mayen-is-not-in-no"),
        pytest.param("MA-LAA", ("MA-11", "MA", "EH"), id="within-two"),
        pytest.param("US-PR", (), id="territory-of-its-own"),
        pytest.param("NL-BQ1", ("BQ",), id="part-of-a-territory-of-its-own"),
    ],
)
def test_ancestors(code: str, ancestors: tuple[str, ...]) -> None:
    assert codes.ancestors(code) == ancestors


SAME = [
    ("CN-HK", "HK"),
    ("CN-MO", "MO"),
    ("CN-TW", "TW"),
    ("FI-01", "AX"),
    ("FR-971", "GP"),
    ("FR-972", "MQ"),
    ("FR-973", "GF"),
    ("FR-974", "RE"),
    ("FR-976", "YT"),
    ("FR-BL", "BL"),
    ("FR-GF", "GF"),
    ("FR-GP", "GP"),
    ("FR-MF", "MF"),
    ("FR-MQ", "MQ"),
    ("FR-NC", "NC"),
    ("FR-PF", "PF"),
    ("FR-PM", "PM"),
    ("FR-RE", "RE"),
    ("FR-TF", "TF"),
    ("FR-WF", "WF"),
    ("FR-YT", "YT"),
    ("GB-UKM", "GB"),
    ("NL-AW", "AW"),
    ("NL-BQ1", "BQ-BO"),
    ("NL-BQ2", "BQ-SA"),
    ("NL-BQ3", "BQ-SE"),
    ("NL-CW", "CW"),
    ("NL-SX", "SX"),
    ("US-AS", "AS"),
    ("US-GU", "GU"),
    ("US-MP", "MP"),
    ("US-PR", "PR"),
    ("US-UM", "UM"),
    ("US-VI", "VI"),
]


@pytest.mark.parametrize(("listed", "own"), [pytest.param(*pair, id=pair[0]) for pair in SAME])
def test_canonical(listed: str, own: str) -> None:
    assert codes.canonical(listed) == own
    assert codes.is_code(listed)
    assert codes.country_of(listed) == own[:2]
    assert listed[:2] == own or listed[:2] not in codes.ancestors(listed)


def test_there_are_no_other_aliases() -> None:
    assert codes.aliases() == dict(SAME)


HOMONYMS = {"BE-WLX", "BZ-BZ", "DJ-DJ", "GN-ML", "GT-01", "LU-LU", "NG-NI", "SM-07", "US-GA"}
"""Subdivisions that are called like a country and are not it: the province Luxembourg, the state Georgia."""


def test_no_subdivision_with_a_code_of_its_own_is_forgotten() -> None:
    countries = {name: code for code, name in codes.countries().items()}
    found = {code for code, (_, name) in codes.subdivisions().items() if name in countries}
    assert found - set(codes.aliases()) == HOMONYMS


def test_withdrawn_codes_are_understood_but_not_current() -> None:
    assert codes.is_code("FR-GP")
    assert not codes.is_subdivision("FR-GP")


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("DE", "Germany"),
        ("DE-BY", "Bavaria"),
        ("IR-23", "Tehran"),
        ("MA-12", "Dakhla-Oued Ed-Dahab"),
        ("GB-LND", "City of London"),
        ("US-PR", "Puerto Rico"),
        ("CN-XZ", "Tibet"),
    ],
)
def test_name_of(code: str, name: str) -> None:
    assert codes.name_of(code) == name


@pytest.mark.parametrize(
    ("code", "country"), [("DE", "DE"), ("DE-BY", "DE"), ("GB-LND", "GB"), ("NO-21", "SJ"), ("MA-12", "MA")]
)
def test_country_of(code: str, country: str) -> None:
    assert codes.country_of(code) == country
