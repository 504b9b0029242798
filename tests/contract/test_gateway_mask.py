"""The gateway's mask answers every case of the law's table, from nothing but the compiled tables.

What a mask can't tell apart: of a place that a policy doesn't allow, whether it is too coarse, not known well enough,
or simply elsewhere. All three are PlaceNotAllowed to a gateway. Everything else is compared as it stands: the answer,
the policy that refuses, the policies that bind, and those that would have refused in Audit.
"""

import collections
import dataclasses

import pytest
from msgspec.structs import replace
from tests.contract import residency
from tests.contract.config_cases import example

from isochrone import law
from isochrone.geo import codes
from isochrone.law import masks
from isochrone.law.evaluate import Question as Asked
from isochrone.law.origin import OriginNotAllowed, of_request
from isochrone.law.subject import Labelled, Subject, admits, matches
from isochrone_gateway.config import Kind, find_problems
from isochrone_gateway.config.law import Binds, Law, Mode, Policy, Scope, Table, UnknownOrigin, encode_row
from isochrone_gateway.config.places import Evidence, Place, Places
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


def place_of(place: law.Place) -> Place:
    """What the operator writes for a place: none of its codes unless all are known."""
    if not place.is_known:
        return Place(codes=frozenset(), evidence=Evidence(place.evidence.value))
    return Place(
        codes=frozenset(codes.canonical(code) for code in place.codes),
        country=next((country for country in codes.countries() if place.lies_in(country)), None),
        evidence=Evidence(place.evidence.value),
    )


def qualified(name: Labelled, namespace: Labelled) -> str:
    return f"{namespace.name}/{name.name}"


class Ids:
    """Ids for the objects of the table, which has several of one name: the ones with other labels get other names."""

    def __init__(self, subjects: list[Subject]) -> None:
        self.routes: dict[str, Subject] = {}
        self.tenants: dict[str, Subject] = {}
        for subject in subjects:
            self.routes[self.route(subject)] = subject
            tenant = self.tenant(subject)
            if tenant is not None:
                self.tenants[tenant] = subject

    @staticmethod
    def route(subject: Subject) -> str:
        return qualified(_told_apart(subject.route), _told_apart(subject.route_namespace))

    @staticmethod
    def tenant(subject: Subject) -> str | None:
        if subject.tenant is None or subject.tenant_namespace is None:
            return None
        return qualified(_told_apart(subject.tenant), _told_apart(subject.tenant_namespace))

    @property
    def namespaces(self) -> dict[str, Labelled]:
        found = {}
        for subject in [*self.routes.values(), *self.tenants.values()]:
            for namespace in subject.namespaces:
                found[_told_apart(namespace).name] = namespace
        return found


def _told_apart(each: Labelled) -> Labelled:
    labels = "-".join(f"{key}.{value}" for key, value in sorted(each.labels.items()))
    return Labelled("-".join(part for part in (each.name, labels) if part))


_TABLES: dict[str, dict[Scope, masks.Table]] = {}


def tables_of(policy: law.Policy) -> dict[Scope, masks.Table]:
    """The tables of a policy, one for each scope that it names. Made once: a policy's name stands for it here."""
    if policy.name not in _TABLES:
        _TABLES[policy.name] = {scope.value: masks.table(policy, scope, PLACES) for scope in policy.allowances}
    return _TABLES[policy.name]


class Compiler:
    """Writes the contract's law as an operator does: selectors become ids, areas become tables, tables share rows."""

    def __init__(self, policies: tuple[law.Policy, ...], ids: Ids) -> None:
        self.rows: dict[str, int] = {}
        self.tables: list[Table] = []
        self.policies = tuple(self._policy(policy, ids) for policy in policies)

    def compiled(self) -> Law:
        return Law(policies=self.policies, tables=tuple(self.tables), rows=tuple(self.rows))

    def _policy(self, policy: law.Policy, ids: Ids) -> Policy:
        return Policy(
            name=policy.name,
            generation=policy.generation,
            digest="0" * 64,
            scopes={scope: self._table(table) for scope, table in tables_of(policy).items()},
            mode=Mode(policy.mode.value),
            binds=binds(policy, ids),
            unknown_origin=UnknownOrigin(policy.unknown_origin.value),
        )

    def _table(self, compiled: masks.Table) -> int:
        unknown = compiled.unknown
        self.tables.append(
            Table(
                rows={origin: self._row(row) for origin, row in compiled.rows.items()},
                otherwise=self._row(compiled.otherwise),
                unknown=(
                    "Deny"
                    if unknown == masks.REFUSED
                    else "Unbound"
                    if unknown == masks.NOT_BOUND
                    else self._row(unknown)
                ),
            )
        )
        return len(self.tables) - 1

    def _row(self, row: int) -> int:
        return -1 if row == masks.NOT_BOUND else self.rows.setdefault(encode_row(row), len(self.rows))


def binds(policy: law.Policy, ids: Ids) -> Binds:
    routes, tenants, namespaces = policy.routes, policy.tenants, policy.namespaces
    return Binds(
        data_classes=policy.data_classes,
        routes=None
        if routes is None
        else frozenset(name for name, subject in ids.routes.items() if matches(routes, subject.route.labels)),
        tenants=None
        if tenants is None
        else frozenset(
            name
            for name, subject in ids.tenants.items()
            if subject.tenant is not None and matches(tenants, subject.tenant.labels)
        ),
        namespaces=None
        if namespaces is None
        else frozenset(name for name, namespace in ids.namespaces.items() if admits(namespaces, namespace)),
    )


IDS = Ids(SUBJECTS)


def lawbook(policies: tuple[law.Policy, ...], asked: Asked) -> Lawbook:
    return Lawbook(
        Compiler(policies, IDS).compiled(),
        Places(places=tuple(place_of(place) for place in PLACES)),
        site_country=asked.site_country,
        unbound=UnboundTraffic(asked.default),
    )


def origin_of(origin: law.Origin) -> frozenset[str]:
    return frozenset(code or ELSEWHERE for code in origin.each)


def question_of(asked: Asked) -> Question:
    return Question(
        route=IDS.route(asked.subject),
        tenant=IDS.tenant(asked.subject),
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

WITHIN = {
    code: frozenset(codes.parents(code))
    for code in codes.subdivisions()
    if codes.canonical(code) == code and codes.parents(code) != (code[:2],)
}
GEOGRAPHY = Places(aliases=dict(codes.aliases()), within=WITHIN)
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
