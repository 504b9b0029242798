"""Copies of evidence: what may be written at a site may be where its bucket is, or nothing is copied at all."""

import dataclasses
import itertools
from collections.abc import Iterator

from hypothesis import given
from tests.property import worlds
from tests.property.test_law import JURISDICTIONS, ask, read
from tests.property.worlds import World
from tests.worlds.drawing import examples

from isochrone import law
from isochrone.law.copies import forbidding
from isochrone.law.satisfiable import some_origins
from isochrone.law.subject import Subject
from isochrone.render.config.law import Declared, Ids, compile_law
from isochrone.verify import meaning
from isochrone_gateway.route import copies as gateway

NOBODY = Ids(routes={}, tenants={}, namespaces={})


def places(world: World, most: int) -> Iterator[tuple[law.Place, law.Place]]:
    found = [law.Place(frozenset(each["codes"]), law.Evidence(each["evidence"])) for each in world.dimensions["place"]]
    return itertools.islice(itertools.permutations(found, 2), most)


def as_row(place: law.Place) -> worlds.Json:
    return {"codes": sorted(place.codes), "evidence": place.evidence.value}


@examples(600, part=10)
@given(worlds.worlds)
def test_what_may_be_written_here_may_be_there_or_a_policy_is_named(world: World) -> None:
    policies = read(world.policies)
    for here, there in places(world, 8):
        if forbidding(policies, here=here, there=there):
            continue
        written = ask(world, policies, scope="Logs", place=as_row(here), age="Fresh")
        for asked in written:
            if asked.verdict.allowed and asked.verdict.bound:
                verdict = law.evaluate(policies, dataclasses.replace(asked.question, place=there))
                assert verdict.allowed, (asked.row, verdict)


@examples(600, part=10)
@given(worlds.worlds)
def test_a_policy_that_is_named_forbids_it_for_data_of_some_origin(world: World) -> None:
    policies = {each.name: each for each in read(world.policies)}
    for here, there in places(world, 8):
        for name in forbidding(policies.values(), here=here, there=there):
            policy = policies[name]
            assert policy.mode is law.Mode.ENFORCE
            everybody = dataclasses.replace(policy, data_classes=None, namespaces=None, routes=None, tenants=None)
            origins = some_origins([policy], [here, there], law.Scope.LOGS)
            assert any(_differs(everybody, origin, here, there) for origin in origins)


def _differs(policy: law.Policy, origin: law.Origin, here: law.Place, there: law.Place) -> bool:
    nobody = law.Labelled("x", {})
    subject = Subject(
        route=nobody, route_namespace=nobody, tenant=None, tenant_namespace=None, data_classes=frozenset()
    )
    asked = law.Question(subject=subject, origin=origin, scope=law.Scope.LOGS, place=here)
    verdicts = [law.evaluate([policy], each) for each in (asked, dataclasses.replace(asked, place=there))]
    return [each.allowed for each in verdicts] == [True, False]


@examples(600, part=10)
@given(worlds.worlds)
def test_a_gateway_finds_the_same_in_what_is_compiled(world: World) -> None:
    policies = read(world.policies)
    for here, there in places(world, 4):
        compiled = compile_law([Declared(policy=each, digest="0" * 64) for each in policies], NOBODY, [here, there])
        assert gateway.forbidding(compiled, 0, 1) == forbidding(policies, here=here, there=there)


@examples(100, part=20)
@given(worlds.worlds)
def test_the_verifier_finds_the_same_by_its_own_reading(world: World) -> None:
    policies = read(world.policies)
    again = [meaning.read(name, spec) for name, spec in world.policies.items()]
    for here, there in places(world, 2):
        pair = meaning.Places([meaning.Place(each.codes, each.evidence.value) for each in (here, there)])
        found = {
            each.name
            for each in again
            if each.enforces
            and any(each.row("Logs", origin, pair) == 0b01 for origin in (*JURISDICTIONS, meaning.UNKNOWN))
        }
        assert tuple(sorted(found)) == forbidding(policies, here=here, there=there)
