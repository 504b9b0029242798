"""The evaluator and the masks give the answers of the contract's table."""

import json

import pytest
from tests.contract import residency

from isochrone import law
from isochrone.law import masks

CASES = list(residency.cases())


def test_the_table_has_at_least_200_cases_over_every_section_and_reason() -> None:
    sections = {group["section"] for group in json.loads(residency.FILE.read_text())["groups"]}

    assert len(CASES) >= 200
    assert len({case.id for case in CASES}) == len(CASES)
    assert sections == {"1", "2", "3", "4", "5", "7"}
    assert {case.expected.reason for case in CASES} == set(law.VerdictReason)
    assert {case.question.scope for case in CASES} == set(law.Scope)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_evaluate(case: residency.Case) -> None:
    assert law.evaluate(case.policies, case.question) == case.expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_order_of_policies_does_not_matter(case: residency.Case) -> None:
    assert law.evaluate(tuple(reversed(case.policies)), case.question) == case.expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_masks_agree_with_each_policy_alone(case: residency.Case) -> None:
    """What a gateway looks up for one policy is what that policy alone answers."""
    question = case.question
    for policy in (p for p in case.policies if p.selects(question.subject)):
        table = masks.table(policy, question.scope, [question.place])
        for origin in question.origin.each:
            binds = policy.binds_origin(question.scope, origin)
            mask = table.mask(origin)

            if binds is None:
                assert mask == masks.REFUSED
            elif not binds:
                assert mask == masks.NOT_BOUND
            else:
                assert mask == int(policy.allowance(question.scope).refusal(question.place, origin) is None)
