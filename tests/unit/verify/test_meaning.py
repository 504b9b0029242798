"""The verifier's own reading of the decision record agrees with every case of the law's table."""

import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from isochrone.verify import ground, meaning
from isochrone.verify.meaning import Place, Places, Question, Subject, Verdict
from isochrone.verify.selecting import Labelled, Namespace

Json = Mapping[str, Any]
TABLE: Final = json.loads((pathlib.Path(__file__).parents[2] / "contract" / "residency_table.json").read_text())
POLICIES: Final = {name: meaning.read(name, spec) for name, spec in TABLE["policies"].items()}


def labelled(said: Json) -> Labelled:
    home = said["namespace"]
    return Labelled(said["name"], said.get("labels", {}), Namespace(home["name"], home.get("labels", {})))


def question(row: Json) -> Question:
    said = TABLE["subjects"][row["subject"]]
    tenant = labelled(said["tenant"]) if said.get("tenant") else None
    return Question(
        subject=Subject(labelled(said["route"]), tenant, frozenset(said.get("dataClasses", ()))),
        origin=row["origin"],
        scope=row["scope"],
        place=Place(frozenset(row["place"]["codes"]), row["place"]["evidence"]),
        default=row.get("default", "Allow"),
        age=row.get("age", "Fresh"),
        site_country=row.get("siteCountry"),
    )


def cases() -> Iterator[Any]:
    for group in TABLE["groups"]:
        for number, row in enumerate(group["cases"], start=1):
            name = f"section {group['section']}: {group['name']} #{number}"
            yield pytest.param([POLICIES[each] for each in group["policies"]], row, id=name)


CASES: Final = list(cases())


@pytest.mark.parametrize(("policies", "row"), CASES)
def test_every_case_of_the_table(policies: list[meaning.Policy], row: Json) -> None:
    expected = row["expect"]
    assert meaning.decide(policies, question(row)) == Verdict(
        allowed=expected["allowed"],
        reason=expected["reason"],
        policy=expected["policy"],
        bound=tuple(expected["bound"]),
        audited=tuple(expected["audited"]),
    )


@pytest.mark.parametrize(("policies", "row"), CASES)
def test_a_row_of_bits_says_the_same(policies: list[meaning.Policy], row: Json) -> None:
    asked = question(row)
    for policy in policies:
        for origin in meaning.jurisdictions(asked.origin):
            bits = policy.row(asked.scope, origin, Places([asked.place]))
            is_bound = policy.binds(asked.scope, origin) != "no"
            refused = policy.refusal(asked.scope, asked.place, origin) is not None
            assert bits == ((0 if refused else 1) if is_bound else meaning.UNBOUND)


def read(allow: Json, **spec: Any) -> meaning.Policy:
    return meaning.read("p", {"allow": [{"scope": "Inference", **allow}], **spec})


DE: Final = {"places": {"include": ["DE"]}}


@pytest.mark.parametrize(
    ("policy", "of_france", "of_germany", "of_nobody_knows_where"),
    [
        pytest.param(read(DE), "binds", "binds", "binds", id="whatever the origin"),
        pytest.param(read({**DE, "originCountry": "Allow"}), "binds", "binds", "refuses", id="the country matters"),
        *(
            pytest.param(
                read(DE, binds={"origins": {"include": ["FR"]}}, **said),
                "binds",
                "no",
                unknown,
                id=f"of France: {unknown}",
            )
            for said, unknown in (
                ({}, "refuses"),
                ({"unknownOrigin": "Deny"}, "refuses"),
                ({"unknownOrigin": "Bind"}, "binds"),
                ({"unknownOrigin": "Ignore"}, "no"),
            )
        ),
    ],
)
def test_whom_a_policy_binds(
    policy: meaning.Policy, of_france: str, of_germany: str, of_nobody_knows_where: str
) -> None:
    """Section 2: by the origin."""
    asked = [policy.binds("Inference", origin) for origin in ("FR-IDF", "DE", meaning.UNKNOWN)]
    assert asked == [of_france, of_germany, of_nobody_knows_where]


def test_what_does_not_bind_takes_no_place_away() -> None:
    """So what it says may be intersected with what others say."""
    row = read(DE, binds={"origins": {"include": ["FR"]}}).row("Inference", "DE", Places([]))
    assert row == meaning.UNBOUND
    assert all(row >> place & 1 for place in range(100))


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        pytest.param("DE-BY", None, id="inside the area"),
        pytest.param("FR-IDF", None, id="inside the country that the data is from"),
        pytest.param("DE", "PlaceTooCoarse", id="partly inside one of both"),
        pytest.param("DE-BE", "PlaceNotAllowed", id="in neither"),
    ],
)
def test_a_place_partly_inside_of_one_area_is_too_coarse(place: str, reason: str | None) -> None:
    policy = read({"places": {"include": ["DE-BY"]}, "originCountry": "Allow"})
    assert policy.refusal("Inference", Place(frozenset({place}), "Declared"), "FR") == reason


@pytest.mark.parametrize(
    ("given", "found"),
    [
        pytest.param([], [None], id="none"),
        pytest.param(["FR-971"], ["GP"], id="by another code"),
        pytest.param(list("ABCDEFGH"), [None], id="none that can be read"),
        pytest.param(["DE", "Atlantis"], ["DE", None], id="one that can't be read"),
        pytest.param(
            ["US", "JP", "FR", "DE", "CA", "BR", "BE", "AT"],
            ["AT", "BE", "BR", "CA", "DE", "FR", "JP", "US"],
            id="in order",
        ),
    ],
)
def test_where_data_may_come_from(given: list[str], found: list[str | None]) -> None:
    assert meaning.jurisdictions(given) == found


@pytest.mark.parametrize(
    ("country", "codes", "reason"),
    [
        pytest.param("DE", {"DE-HE"}, "NoPolicyBinds", id="inside it"),
        pytest.param("DE", {"DE-HE", "FR"}, "ConfigStale", id="partly inside it"),
        pytest.param("DE", {"XX"}, "ConfigStale", id="nobody knows where"),
        pytest.param("DE", set(), "ConfigStale", id="nowhere"),
        pytest.param("XX", {"DE-HE"}, "ConfigStale", id="the country is none"),
        pytest.param(None, {"DE-HE"}, "ConfigStale", id="no country"),
    ],
)
def test_as_a_config_gets_old_the_country_of_the_site_is_left(
    country: str | None, codes: set[str], reason: str
) -> None:
    route = Labelled("chat", {}, Namespace("shop", {}))
    place = Place(frozenset(codes), "Declared")
    asked = Question(Subject(route, None, frozenset()), ("DE",), "Inference", place, age="Stale", site_country=country)
    assert meaning.decide([], asked).reason == reason


def test_the_table_is_all_there() -> None:
    assert len(CASES) >= 200


@pytest.mark.parametrize(
    ("names", "own", "says"),
    [
        pytest.param(["Atlantis"], {}, "no ISO 3166 code", id="nothing of this name"),
        pytest.param(["XK"], {}, "no ISO 3166 code", id="a code that ISO has not assigned"),
        pytest.param(["Ring"], {"Ring": ["DE", "Ring"]}, "contains itself", id="a bloc in itself"),
        pytest.param(["One"], {"One": ["Two"], "Two": ["One"]}, "contains itself", id="two blocs in each other"),
        pytest.param(["Void"], {"Void": []}, "is empty", id="a bloc of nothing"),
        pytest.param(["EU"], {"EU": ["US"]}, "has a meaning already", id="a shipped bloc's name"),
        pytest.param(["DE"], {"DE": ["US"]}, "has a meaning already", id="a country's name"),
    ],
)
def test_what_cannot_be_read_is_no_area(names: list[str], own: dict[str, list[str]], says: str) -> None:
    with pytest.raises(ground.Unreadable, match=says):
        ground.area(names, [], own)


def test_a_bloc_that_is_broken_harms_only_areas_that_name_it() -> None:
    assert ground.covers(ground.area(["DE"], [], {"Ring": ["Ring"]}), "DE-BY")


@pytest.mark.parametrize(
    ("code", "country"),
    [("DE", "DE"), ("US-CA", "US"), ("GB-LND", "GB"), ("FR-971", "GP"), ("MA-12", "MA"), ("NO-21", "SJ"), ("XK", None)],
)
def test_the_country_of_a_code(code: str, country: str | None) -> None:
    assert ground.country_of(code) == country
