"""What a resource says arrives in the policy that the law asks, and what it leaves out means what the record says."""

from collections.abc import Mapping
from typing import Any

import pytest

from isochrone import law
from isochrone.api import DataResidencyPolicy
from isochrone.geo.areas import EVERYWHERE, NOWHERE, Area
from isochrone.geo.blocs import Problem

HERE = {"scope": "Inference", "places": {"include": ["DE"]}}


def read(**spec: Any) -> tuple[law.Policy, tuple[Problem, ...]]:
    metadata = {"name": "eu", "generation": 7}
    return law.read(DataResidencyPolicy.model_validate({"metadata": metadata, "spec": {"allow": [HERE], **spec}}))


def area(*codes: str) -> Area:
    return Area(frozenset(codes))


@pytest.mark.parametrize(
    ("spec", "field", "expected"),
    [
        pytest.param({}, "name", "eu", id="name"),
        pytest.param({}, "generation", 7, id="generation"),
        pytest.param({}, "mode", law.Mode.ENFORCE, id="it is enforced"),
        pytest.param({"mode": "Audit"}, "mode", law.Mode.AUDIT, id="unless it says so"),
        pytest.param({}, "origins", None, id="no origins"),
        pytest.param({"binds": {"origins": {"include": ["Benelux"]}}}, "origins", area("BE", "NL", "LU"), id="origins"),
        pytest.param(
            {"binds": {"origins": {"include": ["Oz"]}}}, "origins", EVERYWHERE, id="origins that nobody knows"
        ),
        pytest.param({}, "data_classes", None, id="no classes"),
        pytest.param({"binds": {"dataClasses": ["health"]}}, "data_classes", frozenset({"health"}), id="classes"),
        pytest.param({}, "unknown_origin", law.UnknownOrigin.DENY, id="an unknown origin is refused"),
        pytest.param({"unknownOrigin": "Bind"}, "unknown_origin", law.UnknownOrigin.BIND, id="or bound"),
        pytest.param({}, "way_out", "", id="no way out"),
        pytest.param({"wayOut": "Ask legal."}, "way_out", "Ask legal.", id="a way out"),
    ],
)
def test_what_a_policy_says(spec: Mapping[str, Any], field: str, expected: object) -> None:
    policy, _ = read(**spec)

    assert getattr(policy, field) == expected


def test_everything_that_cannot_be_read_is_told_once_and_in_order() -> None:
    strange = {"include": ["Oz", "Atlantis"]}
    policy, problems = read(
        binds={"origins": strange},
        allow=[{"scope": "Inference", "places": {"include": ["Oz"], "exclude": ["Mordor"]}}],
    )

    assert [problem.name for problem in problems] == ["Atlantis", "Mordor", "Oz"]
    assert policy.allowance(law.Scope.INFERENCE).area == NOWHERE


def test_a_policy_that_can_be_read_has_no_problems() -> None:
    assert read()[1] == ()


def test_what_is_not_said_of_a_policy() -> None:
    policy = law.Policy(name="a", allowances={})

    assert (policy.generation, policy.way_out) == (0, "")


def test_what_is_not_asked() -> None:
    subject = law.Subject(route=law.Labelled("r"), route_namespace=law.Labelled("n"))
    place = law.Place(frozenset({"DE"}))
    question = law.Question(subject=subject, origin=law.UNKNOWN, scope=law.Scope.INFERENCE, place=place)

    assert (question.age, question.default, place.evidence) == (law.Age.FRESH, "Allow", law.Evidence.DECLARED)
    assert law.evaluate([], question) == law.Verdict(allowed=True, reason=law.VerdictReason.NO_POLICY_BINDS)
