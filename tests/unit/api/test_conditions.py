"""Reasons are what programs switch on: one CamelCase word each, the same in every status."""

import re

from tests.corpus import cases

from isochrone.api.conditions import Condition, ConditionType, Reason

CAMEL_CASE = re.compile(r"[A-Z][a-z0-9]+([A-Z][a-z0-9]+)*")
META_V1_REASON = re.compile(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?")
"""The pattern of metav1.Condition.reason; clients validate by it."""


def test_reasons_are_unique_camel_case_words() -> None:
    values = [reason.value for reason in Reason]
    assert len(values) == len(set(values))
    assert [value for value in values if not CAMEL_CASE.fullmatch(value)] == []
    assert [value for value in values if not META_V1_REASON.fullmatch(value)] == []


def test_reasons_are_spelled_as_their_members() -> None:
    assert [
        each for each in (*Reason, *ConditionType) if each.name.replace("_", "").lower() != each.value.lower()
    ] == []


def test_every_reason_makes_a_condition_that_the_schema_takes() -> None:
    schema = cases.schema(cases.definitions()["EdgeNode"])["properties"]["status"]["properties"]["conditions"]
    pattern = re.compile(schema["items"]["properties"]["reason"]["pattern"])
    for reason in Reason:
        made = Condition(
            type=ConditionType.READY,
            status="False",
            last_transition_time="2026-11-20T12:00:00Z",
            reason=reason,
            message="why",
        )
        assert pattern.fullmatch(made.reason)


def test_types_are_unique_camel_case_words() -> None:
    values = [each.value for each in ConditionType]
    assert len(values) == len(set(values))
    assert [value for value in values if not CAMEL_CASE.fullmatch(value)] == []
