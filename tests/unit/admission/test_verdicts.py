"""Every case's verdict is the one that a real API server gave (`verdicts.json`; `tests/cluster` renews it)."""

import copy
from typing import Final

import pytest
from hypothesis import given, settings
from tests.mutations import mutations
from tests.unit.admission import cases
from tests.unit.admission.cases import Case

from isochrone.admission import Finding, Kind, Schema, admit, defaulted

SCHEMAS: Final = {kind: Schema.from_crd(crd)["v1"] for kind, crd in cases.CRDS.items()}
RECORDED: Final = cases.recorded()


def differences(case: Case) -> str:
    """Empty if the library says of the case what the server said."""
    findings = admit(SCHEMAS[case.kind], case.obj, case.old)
    told = {(path, message, reason) for path, message, reason in RECORDED[case.id]}
    found = {(each.path, each.message, each.kind.value) for each in findings}
    if any(reason == "BadRequest" for _, _, reason in told):
        alike = refused_alike(RECORDED[case.id][0][1], findings)
    elif any(path == "kind" for path, _, _ in told):
        alike = "kind" in {path for path, _, _ in found} and found <= told
    else:
        alike = found == told
    return "" if alike else f"{case.id}: server {sorted(told - found)}, library {sorted(found - told)}"


def refused_alike(message: str, findings: list[Finding]) -> bool:
    if not findings or not {each.kind for each in findings} <= {Kind.BAD_REQUEST, Kind.UNKNOWN_FIELD}:
        return False
    _, strict, listed = message.partition("strict decoding error: ")
    return ", ".join(each.message for each in findings) == listed if strict else findings[0].message in message


def test_the_record_is_of_these_cases() -> None:
    assert RECORDED.keys() == {case.id for case in cases.CASES}
    assert len(cases.CASES) == len(RECORDED), "two cases of one id"


@pytest.mark.parametrize("kind", cases.BASES)
def test_generated_cases_are_judged_as_the_server_did(kind: str) -> None:
    """The cross of fields and values: over a thousand, so one test."""
    assert [text for case in cases.CROSSED if case.kind == kind and (text := differences(case))] == []


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in cases.NAMED])
def test_cases_are_judged_as_the_server_did(case: Case) -> None:
    assert differences(case) == ""


@pytest.mark.parametrize("kind", cases.COMPLETE)
def test_arguments_are_left_alone(kind: str) -> None:
    obj = copy.deepcopy(cases.COMPLETE[kind])
    admit(SCHEMAS[kind], obj, obj)
    defaulted(SCHEMAS[kind], obj)
    assert obj == cases.COMPLETE[kind]


@settings(max_examples=200, deadline=None)
@given(mutations(cases.COMPLETE["Holder"]))
def test_every_object_has_a_verdict_and_the_same_twice(obj: object) -> None:
    if isinstance(obj, dict):
        assert admit(SCHEMAS["Holder"], obj) == admit(SCHEMAS["Holder"], obj)


@settings(max_examples=200, deadline=None)
@given(mutations(cases.COMPLETE["Widget"]))
def test_what_is_accepted_is_accepted_as_stored(obj: object) -> None:
    schema = SCHEMAS["Widget"]
    if isinstance(obj, dict) and not admit(schema, obj):
        stored = defaulted(schema, obj)
        assert admit(schema, stored) == []
        assert admit(schema, stored, old=stored) == []
        assert defaulted(schema, stored) == stored


def test_defaults_nulls_and_unknown_fields_in_the_stored_object() -> None:
    spec = {
        "mode": "Fast",
        "ratio": 2.0,
        "note": None,
        "flag": None,
        "unknown": 1,
        "ports": [{"name": "a", "number": None}],
        "defaultedItems": [None],
    }
    stored = defaulted(SCHEMAS["Widget"], {**cases.BASES["Widget"], "spec": spec, "status": {"replicas": 1}})
    assert stored == {
        **cases.BASES["Widget"],
        "spec": {
            "mode": "Fast",
            "ratio": 2,
            "note": None,
            "ports": [{"name": "a", "number": 80, "protocol": "TCP"}],
            "defaultedItems": ["x"],
            "nested": {"enabled": True, "deep": {"level": 3, "text": "hello"}},
        },
    }


def test_an_object_that_is_no_resource_has_no_stored_form() -> None:
    with pytest.raises(ValueError, match="Object 'Kind' is missing"):
        defaulted(SCHEMAS["Widget"], {"metadata": {"name": "x"}})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param(float("nan"), "cannot unmarshal number nan", id="nan"),
        pytest.param(10**400, "cannot unmarshal number", id="beyond-float"),
        pytest.param({1, 2}, "set is not a JSON value", id="set"),
        pytest.param({1: 2}, "key 1 is not a string", id="number-as-key"),
    ],
)
def test_what_is_no_json_is_a_bad_request(value: object, message: str) -> None:
    obj = {**cases.BASES["Widget"], "spec": {"mode": "Fast", "open": value}}
    (found,) = admit(SCHEMAS["Widget"], obj)
    assert found.kind is Kind.BAD_REQUEST
    assert message in found.message


def test_a_rule_is_named_by_its_finding() -> None:
    obj = {**cases.BASES["Holder"], "spec": {"counter": 7}}
    (found,) = admit(SCHEMAS["Holder"], obj)
    assert (found.path, found.message, found.rule) == ("spec.counter", "Invalid value: 7: seven is out", "self != 7")
    assert str(found) == "spec.counter: Invalid value: 7: seven is out"
