"""The gateway's mask answers every case of the law's table, from nothing but what the operator compiles.

What a mask can't tell apart: of a place that a policy doesn't allow, whether it is too coarse, not known well enough,
or simply elsewhere. All three are PlaceNotAllowed to a gateway. Everything else is compared as it stands: the answer,
the policy that refuses, the policies that bind, and those that would have refused in Audit.
"""

import collections
import dataclasses
from collections.abc import Sequence

import pytest
from msgspec.structs import replace
from tests.contract import residency
from tests.contract.config_cases import example

from isochrone import law
from isochrone.geo import codes
from isochrone.law import masks
from isochrone.law.atlas import Atlas
from isochrone.law.evaluate import Question as Asked
from isochrone.law.origin import OriginNotAllowed, of_request
from isochrone.law.subject import Labelled, Subject
from isochrone.render.config.law import Declared, Ids, compile_law
from isochrone.render.config.places import place_of, places_of
from isochrone_gateway.config import Kind, find_problems
from isochrone_gateway.config.law import Scope
from isochrone_gateway.config.places import Places
from isochrone_gateway.config.site import UnboundTraffic
from isochrone_gateway.config.tenants import Tenant
from isochrone_gateway.route.mask import Age, Lawbook, Question, Reason
from isochrone_gateway.route.origin import ELSEWHERE, UNKNOWN, Origins
from isochrone_gateway.server.pipeline.rulings import with_hops

CASES = list(residency.cases())
PLACES = sorted({case.question.place for case in CASES}, key=lambda place: (sorted(place.codes), place.evidence))
SUBJECTS = list({str(case.question.subject): case.question.subject for case in CASES}.values())

ALIKE = {law.VerdictReason.PLACE_TOO_COARSE, law.VerdictReason.EVIDENCE_TOO_LOW, law.VerdictReason.PLACE_NOT_ALLOWED}


def expected_reason(reason: law.VerdictReason) -> Reason:
    return Reason.PLACE_NOT_ALLOWED if reason in ALIKE else Reason(reason.value)


def qualified(name: Labelled, namespace: Labelled) -> str:
    return f"{namespace.name}/{name.name}"


def route_id(subject: Subject) -> str:
    return qualified(_told_apart(subject.route), _told_apart(subject.route_namespace))


def tenant_id(subject: Subject) -> str | None:
    if subject.tenant is None or subject.tenant_namespace is None:
        return None
    return qualified(_told_apart(subject.tenant), _told_apart(subject.tenant_namespace))


def ids_of(subjects: list[Subject]) -> Ids:
    """Ids for the objects of the table, which has several of one name: the ones with other labels get other names."""
    tenants = [(tenant_id(each), each.tenant) for each in subjects]
    return Ids(
        routes={route_id(each): each.route for each in subjects},
        tenants={id_: tenant for id_, tenant in tenants if id_ is not None and tenant is not None},
        namespaces={_told_apart(each).name: each for subject in subjects for each in subject.namespaces},
    )


def _told_apart(each: Labelled) -> Labelled:
    labels = "-".join(f"{key}.{value}" for key, value in sorted(each.labels.items()))
    return Labelled("-".join(part for part in (each.name, labels) if part))


_TABLES: dict[tuple[str, Scope], masks.Table] = {}


def table_of(policy: law.Policy, scope: law.Scope, places: Sequence[law.Place]) -> masks.Table:
    """As an operator makes it. Made once: a policy's name stands for it here."""
    if (policy.name, scope.value) not in _TABLES:
        _TABLES[policy.name, scope.value] = masks.table(policy, scope, places)
    return _TABLES[policy.name, scope.value]


IDS = ids_of(SUBJECTS)


def lawbook(policies: tuple[law.Policy, ...], asked: Asked) -> Lawbook:
    return Lawbook(
        compile_law([Declared(policy=each, digest="0" * 64) for each in policies], IDS, PLACES, tables=table_of),
        Places(places=tuple(place_of(place) for place in PLACES)),
        site_country=asked.site_country,
        unbound=UnboundTraffic(asked.default),
    )


def origin_of(origin: law.Origin) -> frozenset[str]:
    return frozenset(code or ELSEWHERE for code in origin.each)


def question_of(asked: Asked) -> Question:
    return Question(
        route=route_id(asked.subject),
        tenant=tenant_id(asked.subject),
        data_classes=asked.subject.data_classes,
        origin=origin_of(asked.origin),
        scope=asked.scope.value,
        age=Age(asked.age.value),
    )


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES])
def test_the_gateway_answers_as_the_law_says(case: residency.Case) -> None:
    asked, expected = case.question, case.expected
    book, question = lawbook(case.policies, asked), question_of(asked)
    place = PLACES.index(asked.place)
    mask, verdict = book.mask(question), book.explain(question, place)
    assert (mask.permits(place), mask.bound, mask.audited(place)) == (
        expected.allowed,
        expected.bound,
        expected.audited,
    )
    assert (verdict.allowed, verdict.reason, verdict.policy) == (
        expected.allowed,
        expected_reason(expected.reason),
        expected.policy,
    )


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES])
def test_the_answer_for_one_place_is_its_bit_of_the_mask(case: residency.Case) -> None:
    book, question = lawbook(case.policies, case.question), question_of(case.question)
    mask = book.mask(question)
    assert [mask.permits(place) for place in range(len(PLACES))] == [
        book.explain(question, place).allowed for place in range(len(PLACES))
    ]


SCOPED = [
    case
    for case in CASES
    if case.id.endswith("#1") or any(law.Scope.INGRESS in policy.allowances for policy in case.policies)
]


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in SCOPED])
def test_a_peer_needs_what_the_law_says_of_both_scopes(case: residency.Case) -> None:
    """Its gateway sees the request, and its engines process it (docs/decisions/0013-peer-hops.md)."""
    asked = case.question
    book = lawbook(case.policies, asked)
    inference, ingress = (
        book.mask(question_of(dataclasses.replace(asked, scope=scope)))
        for scope in (law.Scope.INFERENCE, law.Scope.INGRESS)
    )
    lawful = with_hops(inference, ingress, len(PLACES)).allowed
    place = PLACES.index(asked.place)
    answers = [
        law.evaluate(case.policies, dataclasses.replace(asked, scope=scope)).allowed
        for scope in (law.Scope.INFERENCE, law.Scope.INGRESS)
    ]
    assert bool(lawful >> place & 1) is answers[0], "who answers there itself"
    assert bool(lawful >> len(PLACES) + place & 1) is all(answers), "a peer there"


def test_the_table_is_not_small() -> None:
    counted = collections.Counter(expected_reason(case.expected.reason) for case in CASES)
    assert len(CASES) >= 200
    assert set(counted) == set(Reason)


# Origins

GEOGRAPHY = places_of(Atlas.of((), ()))
ORIGINS = Origins(GEOGRAPHY)
EVERY_CODE = sorted({*codes.countries(), *codes.subdivisions()})


def tenant_of(declared: tuple[str, ...]) -> Tenant:
    """What the operator writes for a tenant: the codes that can be read, and whether there are others."""
    known = frozenset(code for code in declared if codes.is_code(code))
    return Tenant(id="a/b", origins=known, or_elsewhere=len(known) < len(declared), origin_header=True)


@pytest.mark.parametrize(
    "declared",
    [
        pytest.param(("DE",), id="a country"),
        pytest.param(("US-CA", "US-NY"), id="states"),
        pytest.param(("GB-ENG", "IM"), id="a part of parts"),
        pytest.param(("FR", "FR-971"), id="a country, and a territory by its other code"),
        pytest.param(("NO",), id="a country that lists parts of another code"),
        pytest.param(("SJ", "NL"), id="that code"),
        pytest.param(("MA",), id="one of two"),
        pytest.param(("MA", "EH", "CN"), id="both"),
        pytest.param(("DE", "Atlantis"), id="one that can't be read"),
        pytest.param(("Atlantis",), id="none that can be read"),
        pytest.param((), id="none"),
    ],
)
def test_a_header_chooses_exactly_what_the_law_lets_it(declared: tuple[str, ...]) -> None:
    """For every code of ISO 3166, given what the config says of which code lies in which."""
    for header in (None, *EVERY_CODE, "XK", "EU", "de", ""):
        expected = of_request(declared or None, header=header, trust_header=True)
        found = ORIGINS.of_request(tenant_of(declared), header)
        wanted = None if isinstance(expected, OriginNotAllowed) else origin_of(expected)
        # A tenant that declares nothing is as unknown as one of which nothing can be read.
        assert (ELSEWHERE_ONLY if found == UNKNOWN else found) == wanted, header


ELSEWHERE_ONLY = frozenset({ELSEWHERE})


@pytest.mark.parametrize(
    "declared", [("DE", "FR", "US-CA"), ("NO", "NO-21", "SJ"), ("MA-12", "EH", "MA"), ("DE", "FR", "Atlantis")]
)
def test_geoip_narrows_as_the_law_says(declared: tuple[str, ...]) -> None:
    tenant = tenant_of(declared)
    for country in codes.countries():
        expected = of_request(declared, header=None, trust_header=False, geo_ip=country)
        assert not isinstance(expected, OriginNotAllowed)
        assert ORIGINS.narrowed(ORIGINS.of_tenant(tenant), country) == origin_of(expected)


def test_the_config_accepts_the_places_of_the_table_and_all_geography() -> None:
    places = replace(GEOGRAPHY, places=tuple(place_of(place) for place in PLACES))
    config = replace(example(), places=places)
    assert find_problems(config, [Kind.PLACES]) == ()
