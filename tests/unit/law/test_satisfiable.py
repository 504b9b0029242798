"""Whether a policy can be kept, at some place on earth or where there are places, and for data of which origins."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest
from tests.contract.residency import policy

from isochrone.geo import codes
from isochrone.geo.areas import Area
from isochrone.law import UNKNOWN, Origin, Place, Policy, Scope
from isochrone.law.satisfiable import bound_origins, is_allowed, is_nowhere, is_satisfied, parts, some_origins

Json = Mapping[str, Any]


def entry(*include: str, exclude: Sequence[str] = (), scope: str = "Inference", **fields: Any) -> Json:
    return {"scope": scope, "places": {"include": list(include), "exclude": list(exclude)}, **fields}


def law(*allow: Json, **spec: Any) -> Policy:
    return policy("p", {"allow": list(allow), **spec})


def origins(*include: str, exclude: Sequence[str] = ()) -> Json:
    return {"origins": {"include": list(include), "exclude": list(exclude)}}


def place(*jurisdictions: str) -> Place:
    return Place(frozenset(jurisdictions))


COMOROS = ("KM-A", "KM-G", "KM-M")
"""All the parts of KM."""


@pytest.mark.parametrize(
    ("entries", "scope", "expected"),
    [
        pytest.param([entry("DE")], "Inference", False, id="in a country"),
        pytest.param([entry()], "Inference", True, id="at no place that it includes"),
        pytest.param([entry(originCountry="Allow")], "Inference", False, id="at home, wherever that is"),
        pytest.param([entry("DE", exclude=["EU"])], "Inference", True, id="all that it includes is excluded"),
        pytest.param([entry("KM-A", exclude=["KM"])], "Inference", True, id="a part of what it excludes"),
        pytest.param([entry("DE", "US", exclude=["EU"])], "Inference", False, id="one of two is left"),
        pytest.param([entry("KM", exclude=["KM-A", "KM-G"])], "Inference", False, id="one part is left"),
        pytest.param([entry("KM", exclude=COMOROS)], "Inference", True, id="no part is left"),
        pytest.param([entry("World", exclude=["EU"])], "Inference", False, id="anywhere else"),
        pytest.param([entry("DE"), entry(scope="Ingress")], "Ingress", True, id="by the scope's own entry"),
        pytest.param([entry(), entry("DE", scope="Ingress")], "Ingress", False, id="whatever another's says"),
        pytest.param([entry(), entry("DE", scope="Ingress")], "Logs", True, id="by that of Inference if it has none"),
    ],
)
def test_a_scope_is_allowed_nowhere(entries: Sequence[Json], scope: str, expected: bool) -> None:
    assert is_nowhere(law(*entries), Scope(scope)) is expected


EVERY_COUNTRY = frozenset(codes.countries())


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        pytest.param({"DE", "FR"}, set(), {"DE", "FR"}, id="what is included"),
        pytest.param({"KM"}, {"FR"}, {"KM"}, id="a country is left out whole: nobody asks for its parts"),
        pytest.param({"KM"}, {"KM-A"}, {"KM", *COMOROS}, id="a part is left out: its neighbours may be left"),
        pytest.param({"World"}, set(), EVERY_COUNTRY, id="the world is its countries"),
        pytest.param(
            {"World"}, {"KM-A"}, EVERY_COUNTRY | {*COMOROS}, id="and the parts of one of which some is left out"
        ),
        pytest.param(
            {"BQ"}, {"BQ-BO"}, {"BQ", "BQ-BO", "BQ-SA", "BQ-SE"}, id="each part by one code, whatever else it is called"
        ),
    ],
)
def test_where_something_of_an_area_is_found_if_anywhere(
    include: Iterable[str], exclude: Iterable[str], expected: Iterable[str]
) -> None:
    assert parts(Area(frozenset(include), frozenset(exclude))) == set(expected)


GERMAN = entry("DE")
AT_HOME = entry(originCountry="Allow")
SATISFIED = [
    pytest.param(law(GERMAN), ["DE-HE"], True, id="a place that it allows"),
    pytest.param(law(GERMAN), ["FR"], False, id="a place that it doesn't"),
    pytest.param(law(GERMAN), ["FR", "DE-HE"], True, id="one of two places"),
    pytest.param(law(GERMAN), [], False, id="no place"),
    pytest.param(law(entry("DE", minEvidence="Attested")), ["DE"], False, id="a place that is only declared"),
    pytest.param(law(AT_HOME), ["FR"], True, id="home for data that comes from there"),
    pytest.param(law(AT_HOME), [], False, id="home, and no place"),
    pytest.param(law(AT_HOME, binds=origins("IT")), ["FR"], False, id="home for data that it doesn't bind"),
    pytest.param(law(AT_HOME, binds=origins("IT")), ["FR", "IT"], True, id="home for data that it binds"),
    pytest.param(law(entry(), binds=origins("IT", exclude=["EU"])), ["FR"], True, id="it binds no data"),
    pytest.param(
        law(entry("DE-BE"), binds=origins("World", exclude=["DE"]), unknownOrigin="Ignore"),
        ["DE"],
        False,
        id="it binds data from elsewhere than all that is named",
    ),
    pytest.param(
        law(entry("DE"), binds=origins("IT", exclude=["EU"]), unknownOrigin="Bind"),
        ["FR"],
        False,
        id="it binds data of unknown origin alone",
    ),
]


@pytest.mark.parametrize(("known", "places", "expected"), SATISFIED)
def test_a_policy_is_satisfied_by_places(known: Policy, places: Sequence[str], expected: bool) -> None:
    assert is_satisfied(known, [place(each) for each in places], Scope.INFERENCE) is expected


def test_a_policy_is_satisfied_scope_by_scope() -> None:
    known = law(entry("DE"), entry("FR", scope="Ingress"))
    french = [place("FR")]
    assert [is_satisfied(known, french, scope) for scope in (Scope.INFERENCE, Scope.INGRESS, Scope.LOGS)] == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        pytest.param(["DE", "FR"], True, id="of one of them"),
        pytest.param(["DE", None], False, id="of none of them"),
        pytest.param([], False, id="of none at all"),
    ],
)
def test_a_place_is_allowed_for_data_of_some_origin(bound: Sequence[str | None], expected: bool) -> None:
    assert is_allowed(law(AT_HOME), place("FR"), bound, Scope.INFERENCE) is expected


@pytest.mark.parametrize(("scope", "expected"), [("Inference", False), ("Ingress", True)])
def test_a_place_is_allowed_in_a_scope(scope: str, expected: bool) -> None:
    known = law(entry("DE"), entry("FR", scope="Ingress"))
    assert is_allowed(known, place("FR"), ["FR"], Scope(scope)) is expected


SOME_ORIGINS = [
    pytest.param([], [], ["AD"], id="nothing is named: the first country that there is"),
    pytest.param([], [["AD"]], ["AD", "AE"], id="a place's country, and the first that is not"),
    pytest.param([], [["FR-IDF", "CH"], ["FR-BRE"]], ["CH", "FR", "AD"], id="the country of each place"),
    pytest.param([], [["XK"]], ["AD"], id="a place that nobody knows has no country"),
    pytest.param([law(entry("IT-25"))], [], ["IT-25", "AD"], id="what a policy names"),
    pytest.param([law(entry("AD-07"))], [], ["AD-07", "AE"], id="another is of another country"),
    pytest.param([law(entry("World", exclude=["RU"]))], [], ["RU", "AD"], id="also to leave it out, but not the world"),
    pytest.param(
        [law(GERMAN, binds=origins("IT", exclude=["IT-25"]))], [], ["DE", "IT", "IT-25", "AD"], id="or to bind it"
    ),
    pytest.param([law(GERMAN), law(entry("CH"))], [], ["CH", "DE", "AD"], id="each policy"),
    pytest.param([law(GERMAN)], [["IT"], ["DE"]], ["DE", "IT", "AD"], id="places first, and nothing twice"),
    pytest.param([law(entry("CH"))], [["IT"], ["DE"]], ["DE", "IT", "CH", "AD"], id="then what policies name"),
    pytest.param([law(GERMAN, entry("FR", scope="Logs"))], [], ["DE", "AD"], id="for the scope alone"),
    pytest.param(
        [law(entry(*sorted(EVERY_COUNTRY)))], [], sorted(EVERY_COUNTRY), id="all countries: there is no other"
    ),
]


@pytest.mark.parametrize(("policies", "places", "expected"), SOME_ORIGINS)
def test_at_which_origins_answers_can_change(
    policies: Sequence[Policy], places: Sequence[Sequence[str]], expected: Sequence[str]
) -> None:
    """And at data of unknown origin, always."""
    found = some_origins(policies, [place(*each) for each in places])
    assert found == (*(Origin.of(each) for each in expected), UNKNOWN)


def test_at_which_origins_answers_can_change_in_another_scope() -> None:
    known = law(GERMAN, entry("FR", scope="Logs"))
    assert some_origins([known], [], Scope.LOGS) == (Origin.of("FR"), Origin.of("AD"), UNKNOWN)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({}, ["FR", "DE", "AD", None], id="all, if it names none"),
        pytest.param({"binds": origins("IT")}, ["IT"], id="those that it names"),
        pytest.param(
            {"binds": origins("IT"), "unknownOrigin": "Bind"}, ["IT", None], id="and unknown ones, if it says so"
        ),
        pytest.param({"binds": origins("FR-IDF")}, ["FR", "FR-IDF"], id="what may lie there"),
        pytest.param(
            {"binds": origins("World", exclude=["FR"]), "unknownOrigin": "Ignore"}, ["DE", "AD"], id="all but one"
        ),
    ],
)
def test_the_origins_that_a_policy_binds(spec: Json, expected: Sequence[str | None]) -> None:
    assert bound_origins(law(GERMAN, **spec), [place("FR-BRE")], Scope.INFERENCE) == expected


def test_whom_a_policy_binds_where_the_origin_is_unknown_depends_on_the_scope() -> None:
    """Home is where inference is allowed, and logs are not: where the data of these comes from does not matter."""
    known = law(entry("DE", originCountry="Allow"), entry("DE", scope="Logs"))
    assert bound_origins(known, [], Scope.INFERENCE) == ["DE", "AD"]
    assert bound_origins(known, [], Scope.LOGS) == ["DE", "AD", None]
