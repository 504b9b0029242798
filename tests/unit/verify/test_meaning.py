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
