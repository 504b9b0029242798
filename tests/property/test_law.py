"""What must hold of the law in every world: it is the oracle's law, and no change makes it laxer that should not.

One example is a world with a hundred questions or more. The numbers below are for the soak (`ISOCHRONE_SOAK=1`);
otherwise it is a tenth of them, always the same ones.
"""

import dataclasses
import functools
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract import residency
from tests.oracle import residency as oracle
from tests.property import worlds
from tests.property.worlds import Json, World
from tests.worlds.drawing import examples

from isochrone import law
from isochrone.geo import codes
from isochrone.law import masks
from isochrone.law.origin import of_request

JURISDICTIONS = sorted({codes.canonical(code) for code in (*codes.countries(), *codes.subdivisions())})


@dataclasses.dataclass(frozen=True)
class Asked:
    """A question as the table writes it, as the law takes it, and its answer."""

    row: Json
    question: law.Question
    verdict: law.Verdict


def ask(world: World, policies: Sequence[law.Policy], *, most: int = 100, **instead: Any) -> Iterator[Asked]:
    """The world's questions put to these policies, some of their fields replaced."""
    for row in world.questions(most):
        question = residency.question({**row, **instead}, world.subjects)
        yield Asked({**row, **instead}, question, law.evaluate(policies, question))


def read(policies: Json) -> list[law.Policy]:
    return [residency.policy(name, spec) for name, spec in policies.items()]


def as_answer(verdict: law.Verdict) -> oracle.Answer:
    return oracle.Answer(
        allowed=verdict.allowed,
        reason=verdict.reason.value,
        policy=verdict.policy,
        bound=list(verdict.bound),
        audited=list(verdict.audited),
    )


# The oracle


def _table() -> Iterator[Any]:
    table = json.loads(residency.FILE.read_text())
    for group in table["groups"]:
        policies = {name: table["policies"][name] for name in group["policies"]}
        for number, row in enumerate(group["cases"], start=1):
            subject = table["subjects"][row["subject"]]
            yield pytest.param(policies, subject, row, id=f"section {group['section']}: {group['name']} #{number}")


@pytest.mark.parametrize(("policies", "subject", "row"), list(_table()))
def test_the_oracle_answers_the_table(policies: Json, subject: Json, row: Json) -> None:
    assert oracle.decide(policies, subject, row) == row["expect"]


@pytest.mark.soak
@examples(7000, part=10)
@given(worlds.worlds)
def test_the_law_is_that_of_the_oracle(world: World) -> None:
    for asked in ask(world, read(world.policies), most=150):
        if as_answer(asked.verdict) != expected(world, asked.row):
            world = _with_fewest_policies(world, asked)

            assert _answer(world, asked) == expected(world, asked.row), (world.policies, asked.row)


def expected(world: World, row: Json) -> oracle.Answer:
    return oracle.decide(world.policies, world.subjects[row["subject"]], row)


def _answer(world: World, asked: Asked) -> oracle.Answer:
    return as_answer(law.evaluate(read(world.policies), asked.question))


def _with_fewest_policies(world: World, asked: Asked) -> World:
    """Only those that it takes to disagree."""
    for name in world.policies:
        fewer = world.without(name)
        if _answer(fewer, asked) != expected(fewer, asked.row):
            world = fewer
    return world


# Changes that must not make it laxer


@pytest.mark.soak
@examples(400, part=10)
@given(worlds.worlds, worlds.any_policy, st.sampled_from(["0", "b5", "z"]))
def test_a_policy_more_allows_nothing_more_but_what_the_default_denied(world: World, spec: Json, name: str) -> None:
    policies = read(world.policies)
    more = residency.policy(name, spec)
    for before, after in zip(ask(world, policies), ask(world, [*policies, more]), strict=True):
        if after.verdict.allowed and not before.verdict.allowed:
            assert before.verdict.reason is law.VerdictReason.DEFAULT_DENY, before.row
            assert name in after.verdict.bound, before.row


Change = Callable[[dict[str, Any], str], dict[str, Any]]


def _an_include_less(entry: dict[str, Any], _: str) -> dict[str, Any]:
    return {**entry, "places": {**entry["places"], "include": entry["places"]["include"][1:]}}


def _an_exclude_more(entry: dict[str, Any], code: str) -> dict[str, Any]:
    return {**entry, "places": {**entry["places"], "exclude": [*entry["places"].get("exclude", ()), code]}}


def _evidence(entry: dict[str, Any], _: str) -> dict[str, Any]:
    return {**entry, "minEvidence": "Attested"}


@pytest.mark.soak
@pytest.mark.parametrize("change", [_an_include_less, _an_exclude_more, _evidence])
@examples(250, part=10)
@given(worlds.readable_worlds, worlds.anywhere)
def test_to_ask_for_more_allows_nothing_more(change: Change, world: World, code: str) -> None:
    """Places, that is. With an origin less, a policy binds less, and with a typo less it may allow what it says."""
    stricter = {
        name: {**spec, "allow": [change(entry, code) if "places" in entry else entry for entry in spec["allow"]]}
        for name, spec in world.policies.items()
    }
    for before, after in zip(ask(world, read(world.policies)), ask(world, read(stricter)), strict=True):
        assert before.verdict.allowed or not after.verdict.allowed, before.row


@pytest.mark.soak
@examples(250, part=10)
@given(worlds.worlds)
def test_ageing_refuses_more_and_changes_no_other_refusal(world: World) -> None:
    policies = read(world.policies)
    ages = [ask(world, policies, age=age.value) for age in law.Age]
    for fresh, stale, expired in zip(*ages, strict=True):
        for older, younger in ((stale, fresh), (expired, stale)):
            assert younger.verdict.allowed or not older.verdict.allowed, younger.row
        if not fresh.verdict.allowed:
            assert fresh.verdict == stale.verdict == expired.verdict, fresh.row


# Origins and places: parts and wholes


@functools.cache
def _parts() -> dict[str, list[str]]:
    """Code -> what surely is a part of it, with the same country: not what lies within two."""
    found: dict[str, list[str]] = {}
    for code in JURISDICTIONS:
        if len(codes.parents(code)) == 1 and code.split("-")[0] == codes.country_of(code):
            found.setdefault(codes.parents(code)[0], []).append(code)
    return found


def _part_of(code: str, number: int) -> str:
    """Rather one that rules are about."""
    parts = _parts().get(codes.canonical(code), [code])
    likely = [part for part in parts if part in worlds.SOME] or parts
    return likely[number % len(likely)]


@pytest.mark.soak
@examples(400, part=10)
@given(worlds.worlds, st.integers(0, 1000))
def test_a_finer_origin_may_do_what_the_coarser_may(world: World, number: int) -> None:
    """With the default Deny it may not: fewer policies bind it, and what nobody has allowed is then refused."""
    policies = read(world.policies)
    for asked in ask(world, policies, default="Allow"):
        finer = law.Origin.of(*(_part_of(code, number) for code in asked.row["origin"]))
        question = dataclasses.replace(asked.question, origin=finer)

        assert law.evaluate(policies, question).allowed or not asked.verdict.allowed, (asked.row, finer)


@pytest.mark.soak
@examples(300, part=10)
@given(worlds.worlds)
def test_each_of_several_origins_may_do_what_all_may(world: World) -> None:
    policies = read(world.policies)
    for asked in ask(world, policies):
        alone = [
            law.evaluate(policies, dataclasses.replace(asked.question, origin=law.Origin(frozenset({code})))).allowed
            for code in asked.question.origin.codes
        ]
        if asked.question.origin.is_known and asked.question.age is law.Age.FRESH:
            assert asked.verdict.allowed == all(alone), asked.row
        assert all(alone) or not asked.verdict.allowed, asked.row


@pytest.mark.soak
@examples(300, part=10)
@given(worlds.worlds, worlds.anywhere)
def test_what_an_unknown_origin_may_do_any_may_unless_unknown_is_ignored(world: World, code: str) -> None:
    policies = [
        dataclasses.replace(policy, unknown_origin=law.UnknownOrigin.BIND)
        if policy.unknown_origin is law.UnknownOrigin.IGNORE
        else policy
        for policy in read(world.policies)
    ]
    unknown, known = (ask(world, policies, default="Allow", origin=origin) for origin in ([], [code]))
    for coarsest, finer in zip(unknown, known, strict=True):
        assert finer.verdict.allowed or not coarsest.verdict.allowed, finer.row


@pytest.mark.soak
@examples(300, part=10)
@given(worlds.worlds, st.integers(0, 1000))
def test_a_part_of_a_place_allows_what_the_whole_allows(world: World, number: int) -> None:
    policies = read(world.policies)
    for asked in ask(world, policies):
        part = law.Place(
            frozenset(_part_of(code, number) for code in asked.question.place.codes), asked.question.place.evidence
        )
        verdict = law.evaluate(policies, dataclasses.replace(asked.question, place=part))

        assert verdict.allowed or not asked.verdict.allowed, (asked.row, part)


# The origin of a request


@pytest.mark.soak
@examples(3000, part=10)
@given(st.none() | worlds.some_origins, st.none() | worlds.anything, st.sampled_from(["Trust", "Ignore"]))
def test_the_origin_of_a_request_is_that_of_the_oracle(
    declared: list[str] | None, header: str | None, honoured: str
) -> None:
    actual = of_request(declared, header=header, trust_header=honoured == "Trust")
    expected = oracle.origin_of_request(declared, header, honoured)

    assert (actual.codes if isinstance(actual, law.Origin) else None) == expected


@pytest.mark.soak
@examples(3000, part=10)
@given(worlds.some_origins, worlds.anything)
def test_geo_ip_narrows_and_never_empties(declared: list[str], geo_ip: str) -> None:
    before, after = (of_request(declared, header=None, trust_header=True, geo_ip=place) for place in (None, geo_ip))

    assert isinstance(before, law.Origin)
    assert isinstance(after, law.Origin)
    assert after.codes <= before.codes
    assert after.is_known == before.is_known


# What decides nothing


@pytest.mark.soak
@examples(150, part=10)
@given(worlds.worlds, st.data())
def test_the_order_of_policies_decides_nothing(world: World, data: st.DataObject) -> None:
    policies = read(world.policies)
    shuffled = data.draw(st.permutations(policies))
    for before, after in zip(ask(world, policies), ask(world, shuffled), strict=True):
        assert before.verdict == after.verdict, before.row


@pytest.mark.soak
@examples(150, part=10)
@given(worlds.worlds)
def test_audit_decides_nothing(world: World) -> None:
    policies = read(world.policies)
    enforce = [policy for policy in policies if policy.mode is law.Mode.ENFORCE]
    for before, after in zip(ask(world, policies), ask(world, enforce), strict=True):
        assert dataclasses.replace(before.verdict, audited=()) == after.verdict, before.row


# The gateway's tables


@pytest.mark.soak
@examples(400, part=10)
@given(worlds.worlds, st.sampled_from(law.Scope))
def test_the_masks_hold_what_each_policy_says_of_every_origin(world: World, scope: law.Scope) -> None:
    rows: list[Json] = world.dimensions["place"][:4]
    places = [law.Place(frozenset(row["codes"]), law.Evidence(row["evidence"])) for row in rows]
    for name, spec in itertools.islice(world.policies.items(), 1):
        table = masks.table(residency.policy(name, spec), scope, places)
        for origin in (None, *JURISDICTIONS):
            assert table.mask(origin) == _expected_mask(spec, scope.value, rows, origin), origin


def _expected_mask(spec: Json, scope: str, places: Sequence[Json], origin: str | None) -> int:
    match oracle.binding(spec, scope, origin):
        case "does not bind":
            return masks.NOT_BOUND
        case "refuses":
            return masks.REFUSED
        case _:
            says = [oracle.alone(spec, scope, place, origin) for place in places]
            return sum(1 << number for number, said in enumerate(says) if said == "allows")


@pytest.mark.soak
@examples(200, part=10)
@given(worlds.worlds, st.sampled_from(law.Scope))
def test_a_table_lists_a_part_only_where_it_differs_from_its_country(world: World, scope: law.Scope) -> None:
    places = [law.Place(frozenset(row["codes"]), law.Evidence(row["evidence"])) for row in world.dimensions["place"]]
    for policy in read(world.policies):
        table = masks.table(policy, scope, places)
        for code in table.rows:
            country, dash, _ = code.partition("-")

            assert not dash or table.rows[code] != table.rows.get(country, table.otherwise), code
