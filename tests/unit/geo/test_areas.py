"""Areas: the truth table of the module, and then some."""

import re

import pytest

from isochrone.geo import areas, blocs, codes
from isochrone.geo.areas import EVERYWHERE, NOWHERE, Area

STATES = frozenset(code for code in codes.subdivisions() if code.startswith("US-") and codes.canonical(code) == code)


def area(include: str, exclude: str = "") -> Area:
    made = areas.expand(include.split(), exclude.split())
    assert isinstance(made, Area)
    return made


def truth_table() -> list[tuple[str, ...]]:
    rows = [line.strip("| ").split("|") for line in (areas.__doc__ or "").splitlines() if line.startswith("| ")]
    return [tuple(cell.strip() for cell in row) for row in rows[1:]]


def codes_in(cell: str) -> frozenset[str]:
    if cell == "(nothing)":
        return frozenset()
    named = {word for word in re.split(r", ", cell) if word and not word.startswith("every")}
    return frozenset(named) | (STATES if "every US-xx" in cell else frozenset())


@pytest.mark.parametrize(
    ("include", "exclude", "asked", "covers", "touches"), [row[:5] for row in truth_table() if row[2] != "any"]
)
def test_truth_table(*, include: str, exclude: str, asked: str, covers: str, touches: str) -> None:
    tested = Area(codes_in(include), codes_in(exclude))
    for code in asked.split(", "):
        assert (tested.covers(code), tested.touches(code)) == (covers == "yes", touches == "yes")


def test_the_truth_table_is_there() -> None:
    assert len(truth_table()) > 20


@pytest.mark.parametrize(
    ("include", "exclude", "code", "covers", "touches"),
    [
        pytest.param("GB-EAW", "", "GB-LND", True, True, id="grouping-covers-its-parts"),
        pytest.param("GB-GBN", "", "GB-NIR", False, False, id="grouping-leaves-out-the-rest"),
        pytest.param("GB-UKM", "", "GB-NIR", True, True, id="ukm-is-gb"),
        pytest.param("GB", "GB-EAW", "GB-SCT", True, True, id="beside-an-excluded-grouping"),
        pytest.param("GB", "GB-LND", "GB-EAW", False, True, id="hole-two-levels-down"),
        pytest.param("GB-ENG GB-SCT", "GB-GBN", "GB", False, False, id="every-inclusion-excluded-by-a-wider-one"),
        pytest.param("US", "", "US-PR", False, False, id="listed-under-us-but-its-own"),
        pytest.param("US US-PR", "", "PR", True, True, id="alias-as-inclusion"),
        pytest.param("EU", "", "FR-971", False, False, id="guadeloupe-is-not-in-the-eus-codes"),
        pytest.param("EU EUTerritories", "", "FR-971", True, True, id="unless-asked-for"),
        pytest.param("EU", "FR", "FR-69", False, False, id="part-of-an-excluded-member"),
        pytest.param("EU", "DE-BY", "DE", False, True, id="member-with-a-hole"),
        pytest.param("NO", "", "NO-21", False, False, id="svalbard-is-sj"),
        pytest.param("SJ", "", "NO-21", True, True, id="sj-covers-svalbard"),
        pytest.param("CN", "", "HK", False, False, id="hong-kong"),
        pytest.param("CN", "", "CN-TW", False, False, id="taiwan"),
        pytest.param("MA-12", "", "EH", False, True, id="part-of-two-touches-either"),
        pytest.param("MA-12", "MA", "EH", False, True, id="part-of-two-still-reaches-into-the-other"),
        pytest.param("MA-12", "MA", "MA", False, False, id="asked-about-what-is-excluded"),
        pytest.param("MA", "MA EH", "MA-11", False, False, id="both-excluded"),
        pytest.param("MA", "MA-12", "EH", False, False, id="beside"),
        pytest.param("DE", "", "XK", False, True, id="unknown-code-may-be-anywhere"),
        pytest.param("DE", "", "us-ca", False, True, id="misspelt-code-may-be-anywhere"),
        pytest.param("World", "RU", "XK", False, True, id="unknown-code-may-be-what-is-excluded"),
        pytest.param("World", "World", "DE", False, False, id="nothing-left-of-the-world"),
    ],
)
def test_questions(*, include: str, exclude: str, code: str, covers: bool, touches: bool) -> None:
    asked = area(include, exclude)
    assert (asked.covers(code), asked.touches(code)) == (covers, touches)


@pytest.mark.parametrize("code", ["World", "DE", "US-CA", "PR", "XK"])
def test_everywhere_and_nowhere(code: str) -> None:
    assert EVERYWHERE.covers(code)
    assert EVERYWHERE.touches(code)
    assert not NOWHERE.covers(code)
    assert not NOWHERE.touches(code)


@pytest.mark.parametrize("code", ["US-PR", "UK", "EU", "us", ""])
@pytest.mark.parametrize("side", ["include", "exclude"])
def test_only_canonical_codes_make_an_area(side: str, code: str) -> None:
    sides = {"include": frozenset({"DE"}), "exclude": frozenset[str]()} | {side: frozenset({code})}
    with pytest.raises(ValueError, match="not canonical"):
        Area(**sides)


def test_expand_takes_blocs_apart() -> None:
    made = areas.expand(["Benelux"], ["Low"], {"Low": ["NL", "NL-AW"]})
    assert made == Area(frozenset({"BE", "LU", "NL"}), frozenset({"NL", "AW"}))


def test_expand_tells_all_that_is_wrong() -> None:
    made = areas.expand(["EU", "UK"], ["Frnace", "UK"])
    assert isinstance(made, tuple)
    assert [(problem.name, problem.fault) for problem in made] == [
        ("Frnace", blocs.Fault.UNKNOWN),
        ("UK", blocs.Fault.UNKNOWN),
    ]
