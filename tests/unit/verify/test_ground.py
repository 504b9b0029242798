"""The earth as bits: what lies within what, and what is on no list."""

import typing

import pytest

from isochrone.verify import ground, meaning
from isochrone.verify.meaning import Entry, Place, Places, Question, Subject
from isochrone.verify.selecting import Labelled, Namespace
from isochrone_gateway.config.law import Scope
from isochrone_gateway.config.places import Evidence


def test_codes_are_canonical_each_once_and_sorted() -> None:
    found = ground.known()
    assert list(found) == sorted(set(found))
    assert {"DE", "DE-BY", "GP"} <= set(found)
    assert "FR-971" not in found, "its code is GP"


@pytest.mark.parametrize(("code", "canonical"), [("DE", "DE"), ("FR-971", "GP"), ("XK", None), ("DE-XX", None)])
def test_the_one_code_of_a_territory(code: str, canonical: str | None) -> None:
    assert ground.canonical(code) == canonical


@pytest.mark.parametrize(
    ("area", "code", "covers", "touches"),
    [
        pytest.param(["DE"], "DE", True, True, id="itself"),
        pytest.param(["DE"], "DE-BY", True, True, id="a part"),
        pytest.param(["DE-BY"], "DE", False, True, id="what it is a part of"),
        pytest.param(["DE-BY"], "DE-BE", False, False, id="a part beside"),
        pytest.param(["DE"], "FR", False, False, id="another"),
        pytest.param(["MA"], "MA-12", False, True, id="what lies in two"),
        pytest.param(["MA", "EH"], "MA-12", True, True, id="both of them"),
        pytest.param(["GB-ENG"], "GB-LND", True, True, id="a part of a part"),
        pytest.param(["DE"], "XK", False, True, id="what could be anywhere"),
        pytest.param(["World"], "XK", True, True, id="anywhere"),
        pytest.param([], "DE", False, False, id="nowhere"),
    ],
)
def test_what_an_area_covers_and_touches(area: list[str], code: str, *, covers: bool, touches: bool) -> None:
    made = ground.union(area, {})
    assert (ground.covers(made, code), ground.touches(made, code)) == (covers, touches)


def test_all_parts_of_a_country_are_less_than_it() -> None:
    parts = ground.union([each for each in ground.known() if each.startswith("DE-")], {})
    assert not ground.covers(parts, "DE"), "the rest of it is a part of its own"


def test_the_world_is_more_than_all_that_is_listed() -> None:
    listed = ground.union(ground.known(), {})
    assert ground.anywhere() & ~listed
    assert not ground.covers(listed, "XK")
    assert ground.area(["World"], ["DE"], {}) == ground.anywhere() & ~ground.territory("DE")
    assert all(ground.covers(ground.anywhere(), code) for code in ground.known())
    assert ground.NOWHERE == 0


@pytest.mark.parametrize(
    ("names", "own", "codes"),
    [
        pytest.param(["DE", "FR-971"], {}, {"DE", "GP"}, id="codes"),
        pytest.param(["Benelux"], {}, {"BE", "NL", "LU"}, id="a bloc"),
        pytest.param(["Ours"], {"Ours": ["DE", "Theirs"], "Theirs": ["FR"]}, {"DE", "FR"}, id="blocs of one's own"),
        pytest.param(["World", "DE"], {}, {"World", "DE"}, id="the world as itself"),
        pytest.param(["Ours"], {"Ours": ["World"]}, {"World"}, id="the world as one's own"),
        pytest.param(["A", "B"], {"A": ["C"], "B": ["C"], "C": ["DE"]}, {"DE"}, id="the same by two ways"),
    ],
)
def test_what_names_stand_for(names: list[str], own: dict[str, list[str]], codes: set[str]) -> None:
    assert ground.members(names, own) == codes
    assert ground.union(names, own) == ground.union(codes, {})


# What decides with it


def test_places_in_words() -> None:
    assert str(Place(frozenset("HGFEDCBA"), "Declared")) == "A+B+C+D+E+F+G+H (Declared)"
    assert str(Place(frozenset(), "Attested")) == "an unknown place (Attested)"


def test_scopes_and_evidence_are_those_of_configs() -> None:
    assert set(meaning.SCOPES) == set(typing.get_args(Scope))
    assert tuple(Evidence) == meaning.EVIDENCE, "the weakest first"


def test_what_a_question_leaves_open() -> None:
    route = Labelled("chat", {}, Namespace("shop", {}))
    asked = Question(Subject(route, None, frozenset()), (), "Inference", Place(frozenset({"DE"}), "Declared"))
    assert (asked.default, asked.age, asked.site_country) == ("Allow", "Fresh", None)


DE = ground.territory("DE")


@pytest.mark.parametrize(
    ("codes", "evidence", "wanted", "is_allowed"),
    [
        pytest.param({"DE-BY"}, "Declared", 0, True, id="inside"),
        pytest.param({"DE", "DE-BY"}, "Declared", 0, True, id="all inside"),
        pytest.param({"DE", "FR"}, "Declared", 0, False, id="one outside"),
        pytest.param(set(), "Declared", 0, False, id="nowhere"),
        pytest.param({"XK"}, "Declared", 0, False, id="nobody knows where"),
        pytest.param({"DE", "XK"}, "Declared", 0, False, id="one that nobody knows"),
        pytest.param({"DE"}, "Contracted", 1, True, id="known well enough"),
        pytest.param({"DE"}, "Declared", 1, False, id="not known well enough"),
        pytest.param({"DE"}, "Attested", 1, True, id="known better"),
    ],
)
def test_which_of_some_places_are_inside(codes: set[str], evidence: str, wanted: int, *, is_allowed: bool) -> None:
    outside = Place(frozenset({"US"}), "Attested")
    made = Places([outside, Place(frozenset(codes), evidence), outside])
    for _ in range(2):
        assert made.allowed((DE,), wanted) == (0b010 if is_allowed else 0)
    assert made.allowed((ground.anywhere(),), 2) & 0b101 == 0b101
    assert made.allowed((DE,), 2) == (0b010 if is_allowed and evidence == "Attested" else 0), "known as well as can be"
    assert made.allowed((ground.territory("US"), DE), wanted) == (0b111 if is_allowed else 0b101)


def test_the_country_that_data_is_from_is_one_more_area() -> None:
    home = Entry(area=DE, origin_country=True, evidence=0)
    assert home.allowed("FR-IDF") == (DE, ground.territory("FR"))
    assert home.allowed(None) == home.allowed("XK") == (DE,)
    assert Entry(area=DE, origin_country=False, evidence=0).allowed("FR") == (DE,)
