"""The corpus covers the API: every kind, every CEL rule both ways, and what it says holds without a server too."""

import collections

import pytest
from tests.corpus import cases, offline, rules
from tests.corpus.cases import Case
from tests.corpus.rules import RuleAt

CASES = cases.load()
ACCEPTED = [case for case in CASES if case.accepted]
LEAST = 120


def test_there_are_enough_cases_of_every_kind() -> None:
    per_kind = collections.Counter(case.kind for case in CASES)
    assert per_kind.total() >= LEAST
    assert set(per_kind) == set(cases.definitions())
    assert min(per_kind.values()) > 20


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_case_says_why_it_exists_and_what_is_expected(case: Case) -> None:
    assert case.why.endswith((".", "?"))
    assert case.expected is not None, "record it: python -m tests.corpus.record"
    assert case.path.parent.name == case.kind.lower()
    assert len(case.documents) <= 2


def test_no_two_cases_are_the_same() -> None:
    seen: dict[str, str] = {}
    for case in CASES:
        assert seen.setdefault(repr(case.documents), case.id) == case.id


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_recorded_verdict_is_computed_offline(case: Case) -> None:
    assert tuple(each for each in offline.refusals(case) if each != cases.BLOCKED) == case.expected


@pytest.mark.parametrize("rule", rules.all_rules(), ids=lambda rule: rule.id)
def test_every_rule_refuses_a_case(rule: RuleAt) -> None:
    assert [case.id for case in CASES if case.kind == rule.kind and rule.refuses(case)]


@pytest.mark.parametrize("rule", rules.all_rules(), ids=lambda rule: rule.id)
def test_every_rule_lets_a_case_pass_that_it_has_looked_at(rule: RuleAt) -> None:
    """Each field that the rule reads is given somewhere, so its interesting branch has been taken."""
    judged = [place for case in ACCEPTED if case.kind == rule.kind for place in rule.places(rules.stored(case))]
    assert judged
    assert {steps for steps in rule.mentions if not any(rules.is_given(each, steps) for each in judged)} == set()


@pytest.mark.parametrize("rule", [rule for rule in rules.all_rules() if rule.is_transition], ids=lambda rule: rule.id)
def test_every_transition_rule_lets_a_change_pass(rule: RuleAt) -> None:
    changes = [case for case in ACCEPTED if case.kind == rule.kind and case.old is not None]
    assert [case.id for case in changes if rule.places(rules.stored(case)) and case.old != case.new]
