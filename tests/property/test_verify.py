"""The verifier in every world: it reads the law as the evaluator does, what is rendered is proved, and what is changed
is found or does no harm.
"""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import worlds
from tests.contract import residency
from tests.property import worlds as questions
from tests.worlds import sites
from tests.worlds.drawing import examples
from tests.worlds.verified import World, edited, of_snapshot

from isochrone import law, verify
from isochrone.law.atlas import Atlas
from isochrone.law.origin import OriginNotAllowed, of_request
from isochrone.law.rights import asking
from isochrone.model.declared import key_of
from isochrone.verify import Rule, Severity, meaning
from isochrone.verify.meaning import Place, Question, Subject
from isochrone.verify.selecting import Labelled, Namespace
from isochrone_gateway.config import Config, find_problems
from isochrone_gateway.config.law import decode_row, encode_row
from isochrone_gateway.config.routes import Candidate, EngineTarget, PeerTarget
from isochrone_gateway.route import mask
from isochrone_gateway.route.mask import Lawbook
from isochrone_gateway.route.origin import Origins

Json = dict[str, Any]


# What policies mean


def _labelled(said: Mapping[str, Any]) -> Labelled:
    home = said["namespace"]
    return Labelled(said["name"], said.get("labels", {}), Namespace(home["name"], home.get("labels", {})))


def _asked(world: questions.World, row: Mapping[str, Any]) -> Question:
    said = world.subjects[row["subject"]]
    tenant = _labelled(said["tenant"]) if said.get("tenant") else None
    return Question(
        subject=Subject(_labelled(said["route"]), tenant, frozenset(said.get("dataClasses", ()))),
        origin=row["origin"],
        scope=row["scope"],
        place=Place(frozenset(row["place"]["codes"]), row["place"]["evidence"]),
        default=row.get("default", "Allow"),
        age=row.get("age", "Fresh"),
        site_country=row.get("siteCountry"),
    )


@pytest.mark.soak
@examples(2000, part=50)
@given(questions.worlds)
def test_the_verifier_reads_the_law_as_the_evaluator_does(world: questions.World) -> None:
    ours = [meaning.read(name, spec) for name, spec in world.policies.items()]
    theirs = [residency.policy(name, spec) for name, spec in world.policies.items()]
    for row in world.questions(100):
        verdict = law.evaluate(theirs, residency.question(row, world.subjects))
        assert meaning.decide(ours, _asked(world, row)) == (
            verdict.allowed,
            verdict.reason.value,
            verdict.policy,
            verdict.bound,
            verdict.audited,
        ), (json.dumps(world.policies), row)


# What is rendered


@pytest.mark.soak
@examples(1500, part=50)
@given(seed=st.integers(0, 10**9), is_of_planner=st.booleans())
def test_what_is_rendered_is_proved(seed: int, *, is_of_planner: bool) -> None:
    world = of_snapshot(worlds.world(seed) if is_of_planner else sites.world(seed))
    report = world.verify()
    told = [each for each in report.findings if each.severity is Severity.ERROR]
    assert told == []
    assert report.holds
    assert {each.name for each in report.sites} == set(world.configs)


# What is changed

CODES: Final = ("DE", "FR", "US", "US-CA", "GP", "RE", "GB-LND", "JP", "BR", "CH", "MA-12", "FR-971")
_NONE: Final = -1


class Tamper:
    """One change of a config at a time, of those that could make it laxer."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    def __call__(self, config: Json) -> None:
        kinds: list[Callable[[Json], None]] = [
            *[self._bit, self._row, self._otherwise, self._unknown, self._scope, self._mode, self._policy],
            *[self._binds, self._place, self._evidence, self._alias, self._unbound, self._origins, self._elsewhere],
            *[self._header, self._tenant_class, self._route_class, self._peer, self._endpoint, self._swap],
        ]
        self._dice.choice(kinds)(config)

    def _some(self, items: Any) -> Any:
        return self._dice.choice(items) if items else {}

    def _bit(self, config: Json) -> None:
        rows = config["law"].get("rows", [])
        if rows:
            number = self._dice.randrange(len(rows))
            rows[number] = encode_row(decode_row(rows[number]) ^ 1 << self._dice.randrange(self._places(config)))

    def _row(self, config: Json) -> None:
        table = self._some(config["law"].get("tables", []))
        rows = table.setdefault("rows", {})
        code = self._dice.choice([*rows, *CODES])
        rows[code] = self._any_row(config)

    def _otherwise(self, config: Json) -> None:
        self._some(config["law"].get("tables", []))["otherwise"] = self._any_row(config)

    def _unknown(self, config: Json) -> None:
        table = self._some(config["law"].get("tables", []))
        table["unknown"] = self._dice.choice(["Deny", "Unbound", max(0, self._any_row(config))])

    def _any_row(self, config: Json) -> int:
        numbers: list[int] = [_NONE, *range(len(config["law"].get("rows", [])))]
        return self._dice.choice(numbers)

    def _scope(self, config: Json) -> None:
        policy = self._some(config["law"].get("policies", []))
        if policy:
            scope = self._dice.choice(["Ingress", "Inference", "State"])
            policy["scopes"][scope] = self._dice.randrange(len(config["law"]["tables"]))

    def _mode(self, config: Json) -> None:
        self._some(config["law"].get("policies", []))["mode"] = self._dice.choice(["Enforce", "Audit"])

    def _policy(self, config: Json) -> None:
        policies = config["law"].get("policies", [])
        if policies:
            policies.remove(self._dice.choice(policies))

    def _binds(self, config: Json) -> None:
        policy = self._some(config["law"].get("policies", []))
        key = self._dice.choice(["namespaces", "routes", "tenants", "dataClasses"])
        policy.setdefault("binds", {})[key] = self._dice.choice([[], None])

    def _places(self, config: Json) -> int:
        places: list[Json] = config["places"]["places"]
        return len(places)

    def _place(self, config: Json) -> None:
        one, other = self._some(config["places"]["places"]), self._some(config["places"]["places"])
        one["codes"] = other["codes"]
        one["country"] = other.get("country")

    def _evidence(self, config: Json) -> None:
        self._some(config["places"]["places"])["evidence"] = self._dice.choice(["Declared", "Contracted", "Attested"])

    def _alias(self, config: Json) -> None:
        config["places"]["aliases"][self._dice.choice(CODES)] = "BR"

    def _unbound(self, config: Json) -> None:
        config["site"]["unboundTraffic"] = self._dice.choice(["Allow", "Deny"])

    def _tenant(self, config: Json) -> Json:
        found: Json = self._some(config.get("tenants", {}).get("tenants", []))
        return found

    def _origins(self, config: Json) -> None:
        self._tenant(config)["origins"] = self._dice.sample(CODES, self._dice.randint(0, 3))

    def _elsewhere(self, config: Json) -> None:
        self._tenant(config)["orElsewhere"] = self._dice.choice([True, False])

    def _header(self, config: Json) -> None:
        self._tenant(config)["originHeader"] = self._dice.choice([True, False])

    def _tenant_class(self, config: Json) -> None:
        self._tenant(config)["dataClasses"] = self._dice.choice([[], ["health"]])

    def _route_class(self, config: Json) -> None:
        self._some(config.get("routes", []))["dataClasses"] = self._dice.choice([[], ["health"]])

    def _peer(self, config: Json) -> None:
        """With its candidates, so that a gateway takes it."""
        peer = self._some(config.get("peers", []))
        peer["place"] = self._dice.randrange(self._places(config))
        for each in _candidates(config):
            if each["target"].get("site", "") == peer.get("site"):
                each["place"] = peer["place"]

    def _endpoint(self, config: Json) -> None:
        provider = self._some(config.get("providers", []))
        endpoint = self._some(provider.get("endpoints", []))
        endpoint["place"] = self._dice.randrange(self._places(config))
        for each in _candidates(config):
            target = each["target"]
            if (target.get("provider"), target.get("endpoint")) == (provider.get("name"), endpoint.get("name")):
                each["place"] = endpoint["place"]

    def _swap(self, config: Json) -> None:
        """The site itself at another place, with its engines' candidates."""
        config["site"]["place"] = self._dice.randrange(self._places(config))
        for each in _candidates(config):
            if each["target"]["type"] == "Engine":
                each["place"] = config["site"]["place"]


def _candidates(config: Json) -> list[Json]:
    return [
        each for route in config.get("routes", []) for tier in route.get("tiers", ()) for each in tier["candidates"]
    ]


@pytest.mark.soak
@examples(3000, part=50)
@given(seed=st.integers(0, 10**9), is_of_planner=st.booleans())
def test_what_is_changed_is_found_or_does_no_harm(seed: int, *, is_of_planner: bool) -> None:
    """Harm is told by the gateway's own mask over the changed config, and the evaluator over what is declared."""
    dice = random.Random(seed)
    number = dice.randrange(400)
    world = of_snapshot(worlds.world(number) if is_of_planner else sites.world(number))
    if not world.configs:
        return
    site = dice.choice(sorted(world.configs))
    made: list[Json] = []
    tamper = Tamper(dice)

    def change(config: Json) -> None:
        if not made:
            tamper(config)
            made.append(config)
        config.update(made[0])

    report = world.verify(change, sites=(site,))
    if any(each.severity is Severity.ERROR for each in report.findings):
        assert {each.site for each in report.findings if each.rule is Rule.BROKEN_CONFIG} <= {site}
        return
    config = edited(world.configs[site], change)
    assert find_problems(config) == ()
    assert list(_harm(world, config)) == []


def _harm(world: World, config: Config) -> Iterator[Any]:
    """Requests that this gateway would send to where the evaluator says they may not be."""
    snapshot = world.snapshot
    atlas = Atlas.of(snapshot.edge_nodes, snapshot.providers)
    policies = [law.read(each)[0] for each in snapshot.policies]
    home = config.places.places[config.site.place].country
    book = Lawbook(config.law, config.places, site_country=home, unbound=config.site.unbound_traffic)
    origins = Origins(config.places)
    routes = {str(key_of(each)): each for each in snapshot.routes if each.metadata.deletion_timestamp is None}
    owners = {str(key_of(each)): each for each in snapshot.tenants if each.metadata.deletion_timestamp is None}
    for route in config.routes:
        for tenant in config.tenants.tenants:
            if tenant.routes is not None and route.id not in tenant.routes:
                continue
            owner = owners[tenant.id]
            subject = asking(routes[route.id], owner, snapshot.namespaces)
            named = law.origins_of(owner.spec.origins)[0] if owner.spec.origins else law.UNKNOWN
            declared = [*named.codes, *(["Atlantis"] if named.or_elsewhere else [])] or None
            for header in (None, *CODES):
                found = origins.of_request(tenant, header)
                if found is None:
                    continue
                truly = of_request(declared, header=header, trust_header=owner.spec.origin_header == "Trust")
                for candidate in [each for tier in route.tiers for each in tier.candidates]:
                    asked = mask.Question(
                        route.id, tenant.id, route.data_classes | tenant.data_classes, found, "Inference"
                    )
                    if not book.mask(asked).permits(candidate.place):
                        continue
                    place = _true(atlas, config, candidate)
                    if isinstance(truly, OriginNotAllowed):
                        yield header, tenant.id
                    elif not _is_lawful(policies, subject, truly, place, snapshot.settings.unbound):
                        yield header, tenant.id, route.id, candidate


def _true(atlas: Atlas, config: Config, candidate: Candidate) -> law.Place:
    match candidate.target:
        case EngineTarget():
            return atlas.places[atlas.sites[config.site.name]]
        case PeerTarget(site=name):
            return atlas.places[atlas.sites[name]]
        case target:
            return atlas.places[atlas.endpoints[target.provider, target.endpoint]]


def _is_lawful(policies: Any, subject: Any, origin: Any, place: law.Place, unbound: Any) -> bool:
    question = law.Question(
        subject=subject,
        origin=origin,
        scope=law.Scope.INFERENCE,
        place=place,
        age=law.Age.FRESH,
        site_country=None,
        default=unbound,
    )
    return law.evaluate(policies, question).allowed


def test_changes_are_mostly_found() -> None:
    """Else the test above shows little."""
    found = 0
    for seed in range(12):
        world = of_snapshot(sites.world(1000 + seed))
        dice = Tamper(random.Random(seed))
        report: verify.Report = world.verify(dice, sites=sorted(world.configs)[:1])
        found += any(each.severity is Severity.ERROR for each in report.findings)
    assert found >= 3
