"""The law at both ends of a hop: what an entry may choose, and what the other gateway refuses all the same."""

import asyncio
import dataclasses
import pathlib
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.pipeline.harness import (
    Backend,
    backends,
    only_in,
    peer_candidate,
    provider,
    provider_candidate,
    route,
    run,
    sha256,
    tenant,
    until,
)
from tests.unit.pipeline.network import Network
from tests.unit.pipeline.talk import Answer, ask, get, post

from isochrone_gateway.config import Config
from isochrone_gateway.config.law import Law, Policy, Scope, Table, encode_row
from isochrone_gateway.config.routes import Queue, Retry
from isochrone_gateway.ledger.record import Outcome, Record
from isochrone_gateway.upstream import scripts

BODY = b'{"model":"chat"}'
GOOD = scripts.answer(b"{}")
DE, US, FR = 1, 2, 4
TO_PARIS = peer_candidate("par", place=2)
TO_ASHBURN = peer_candidate("iad", place=1)
GERMAN = tenant(origins=frozenset({"DE"}), explain=True)
WHY = {"x-isochrone-explain": "1"}
NO_RETRIES = {"retry": Retry(attempts=1, on=frozenset())}


def law(places: dict[Scope, int]) -> Law:
    """One policy for German data, which allows each scope these places, as a bit set."""
    rows = [encode_row(each) for each in places.values()]
    policy = Policy(
        name="german-data",
        generation=1,
        digest=sha256("german-data"),
        scopes={scope: index for index, scope in enumerate(places)},
    )
    tables = tuple(Table(rows={"DE": index}) for index in range(len(rows)))
    return Law(policies=(policy,), tables=tables, rows=tuple(rows))


@dataclasses.dataclass
class Asked:
    """An answer, and what is left of its request: records by site, and who was asked."""

    answer: Answer
    records: dict[str, list[Record]]
    engines: dict[str, int]
    breakers: set[str]

    @property
    def site(self) -> str:
        return self.answer.headers["x-isochrone-site"]

    @property
    def explained(self) -> str:
        return self.answer.headers["x-isochrone-explain"]


async def asked(
    network: Network, configs: dict[str, Config], found: dict[str, Backend], body: bytes = BODY, **options: Any
) -> Asked:
    async with network.serving(configs, **options) as gateways:
        answer = await ask(gateways["fra"], post(body, headers=WHY))
        entry = gateways["fra"].plane._routes()[0]
        breakers = {way.backend.standing.breaker.state.value for way in entry.ways}  # type: ignore[attr-defined] # all are targets
        await until(lambda: all(not each.plane.services.hosted for each in gateways.values()))
        records = {name: gateway.records() for name, gateway in gateways.items()}
    return Asked(answer, records, {name: len(each.asked) for name, each in found.items()}, breakers)


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        pytest.param({"Inference": DE | FR}, "par", id="inference-for-both"),
        pytest.param({"Inference": DE | FR | US, "Ingress": DE | FR}, "par", id="ingress-too"),
        pytest.param({"Inference": DE | FR | US, "Ingress": DE | US}, "iad", id="no-ingress-in-paris"),
        pytest.param({"Inference": DE | US, "Ingress": DE | FR | US}, "iad", id="no-inference-in-paris"),
        pytest.param({"Inference": DE | FR | US, "Ingress": DE}, "", id="ingress-nowhere-else"),
        pytest.param({"Inference": DE, "Ingress": DE | FR | US}, "", id="inference-nowhere-else"),
    ],
)
def test_an_entry_chooses_only_peers_where_it_may_be_seen_and_processed(
    tmp_path: pathlib.Path, places: dict[Scope, int], expected: str
) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "iad", "par")
        async with backends(GOOD, GOOD) as [ashburn, paris]:
            here = network.config("fra", tiers=[[TO_PARIS], [TO_ASHBURN]], law=law(places), tenant=GERMAN)
            configs = {"fra": here, "iad": network.config("iad", [ashburn]), "par": network.config("par", [paris])}
            found = await asked(network, configs, {"iad": ashburn, "par": paris})

        if expected:
            assert (found.answer.status, found.site) == (200, expected)
        else:
            assert (found.answer.status, found.answer.code) == (403, "residency_denied")
            scope = "Ingress" if places["Inference"] & FR else "Inference"
            assert found.answer.json["error"]["residency"]["scope"] == scope
            assert found.answer.json["error"]["residency"]["reason"] == "PlaceNotAllowed"
        assert {name for name, count in found.engines.items() if count} == ({expected} if expected else set())
        assert [name for name, records in found.records.items() if records and name != "fra"] == [expected] * bool(
            expected
        ), "no gateway has seen it but the two"

    run(scenario())


def test_a_provider_where_a_peer_is_needs_no_ingress_there(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(GOOD, GOOD) as [paris, outside]:
            here = network.config(
                "fra",
                tiers=[[TO_PARIS], [provider_candidate("ai", place=2)]],
                providers=(provider("ai", outside.port, place=2),),
                law=law({"Inference": DE | FR, "Ingress": DE}),
                tenant=GERMAN,
            )
            async with network.serving({"fra": here, "par": network.config("par", [paris])}) as gateways:
                answer = await ask(gateways["fra"], post(BODY, headers=WHY))
                models = await ask(gateways["fra"], get("/v1/models"))

        assert answer.headers["x-isochrone-backend"] == "provider:ai/main"
        assert "peer/par/lab/a[0]=Unlawful;" in answer.headers["x-isochrone-explain"] + ";"
        assert models.json["data"][0]["jurisdictions"] == ["FR"]
        assert paris.asked == []

    run(scenario())


def test_models_don_t_tell_of_peers_that_may_not_see_a_request(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(GOOD) as [paris]:
            rules = law({"Inference": DE | FR, "Ingress": DE})
            here = network.config("fra", tiers=[[TO_PARIS]], law=rules, tenant=GERMAN)
            async with network.serving({"fra": here, "par": network.config("par", [paris])}) as gateways:
                models = await ask(gateways["fra"], get("/v1/models"))

        assert models.json["data"][0]["jurisdictions"] == []

    run(scenario())


BOUND_CLASSES = frozenset({"health"})
ONLY_GERMANY = law({"Inference": DE})
HEALTH_ONLY_GERMANY = replace(
    ONLY_GERMANY,
    policies=tuple(
        replace(each, binds=replace(each.binds, data_classes=BOUND_CLASSES)) for each in ONLY_GERMANY.policies
    ),
)


@pytest.mark.parametrize(
    "there",
    [
        pytest.param({"law": ONLY_GERMANY}, id="inference"),
        pytest.param({"law": law({"Inference": DE | FR, "Ingress": DE})}, id="ingress"),
        pytest.param({"law": HEALTH_ONLY_GERMANY, "route": {"data_classes": BOUND_CLASSES}}, id="class-of-route"),
        pytest.param({"law": HEALTH_ONLY_GERMANY, "tenant": tenant(data_classes=BOUND_CLASSES)}, id="class-of-tenant"),
        pytest.param({"law": only_in(2, tenants=frozenset({"lab/team"}))}, id="bound-there-only"),
        pytest.param({"law": only_in(2, namespaces=frozenset({"lab"}))}, id="bound-by-namespace-there-only"),
    ],
)
@pytest.mark.parametrize("size", [pytest.param(1, id="small"), pytest.param(5_000_000, id="5-MB")])
def test_what_the_other_end_refuses_goes_to_the_next_candidate(
    tmp_path: pathlib.Path, there: dict[str, Any], size: int
) -> None:
    """Whatever the entry's own config allows, and though its route allows no retries."""

    async def scenario() -> None:
        network = Network(tmp_path, "fra", "iad", "par")
        body = b'{"model":"chat","user":"%b"}' % (b"x" * size)
        async with backends(GOOD, GOOD) as [ashburn, paris]:
            here = network.config("fra", tiers=[[TO_PARIS], [TO_ASHBURN]], tenant=GERMAN, route=NO_RETRIES)
            configs = {
                "fra": here,
                "iad": network.config("iad", [ashburn]),
                "par": network.config("par", [paris], **there),
            }
            found = await asked(network, configs, {"iad": ashburn, "par": paris}, body)

        assert (found.answer.status, found.site) == (200, "iad")
        assert found.answer.headers["x-isochrone-attempts"] == "2"
        assert "peer/par/lab/a[0]=UnlawfulThere;" in found.explained
        assert "peer/iad/lab/a[1]=Chosen" in found.explained
        assert found.engines == {"iad": 1, "par": 0}
        assert found.breakers == {"Closed"}
        (refused,) = found.records["par"]
        assert (refused.outcome, refused.status, refused.error) == (Outcome.REFUSED, 403, "residency_denied")
        assert (refused.tenant, refused.origin, refused.bytes_in) == ("lab/team", ("DE",), 0)

    run(scenario())


@pytest.mark.parametrize(
    "there",
    [
        pytest.param({"Inference": DE, "Ingress": DE | FR}, id="inference"),
        pytest.param({"Inference": DE | FR, "Ingress": DE}, id="ingress"),
        pytest.param({"Inference": DE}, id="both"),
    ],
)
def test_the_stricter_law_wins_where_policies_bind_at_both_ends(
    tmp_path: pathlib.Path, there: dict[Scope, int]
) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "iad", "par")
        laxer = law({"Inference": DE | FR | US, "Ingress": DE | FR | US})
        async with backends(GOOD, GOOD) as [ashburn, paris]:
            here = network.config("fra", tiers=[[TO_PARIS], [TO_ASHBURN]], tenant=GERMAN, law=laxer)
            configs = {
                "fra": here,
                "iad": network.config("iad", [ashburn], law=laxer),
                "par": network.config("par", [paris], law=law(there)),
            }
            found = await asked(network, configs, {"iad": ashburn, "par": paris})

        assert (found.answer.status, found.site) == (200, "iad")
        assert found.engines == {"iad": 1, "par": 0}
        assert [each.error for each in found.records["par"]] == ["residency_denied"]
        assert [each.policies for each in found.records["iad"]] == [("german-data",)]

    run(scenario())


def test_if_all_peers_refuse_the_client_reads_why_and_nobody_waits(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "iad", "par")
        async with backends(GOOD, GOOD) as [ashburn, paris]:
            configs = {
                "fra": network.config("fra", tiers=[[TO_PARIS, TO_ASHBURN]], tenant=GERMAN),
                "iad": network.config("iad", [ashburn], law=ONLY_GERMANY),
                "par": network.config("par", [paris], law=ONLY_GERMANY),
            }
            found = await asked(network, configs, {"iad": ashburn, "par": paris})

        assert (found.answer.status, found.answer.code) == (403, "residency_denied")
        assert found.answer.headers["x-should-retry"] == "false"
        assert found.explained.count("UnlawfulThere") == 2
        assert [len(records) for records in found.records.values()] == [1, 1, 1], "each peer is asked once"
        assert set(found.engines.values()) == {0}

    run(scenario())


def test_a_refusal_there_is_no_failure_of_other_candidates(tmp_path: pathlib.Path) -> None:
    """The next candidate fails: it is tried as often as the route says, and the peer not again."""

    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(scripts.server_error(503), GOOD) as [own, paris]:
            here = network.config("fra", [own], tiers=[[TO_PARIS]], tenant=GERMAN)
            tiers = tuple(reversed(here.routes[0].tiers))
            configs = {
                "fra": replace(here, routes=(replace(here.routes[0], tiers=tiers),)),
                "par": network.config("par", [paris], law=ONLY_GERMANY),
            }
            found = await asked_of_engines(network, configs)

        assert found.status == 502
        assert found.headers["x-isochrone-attempts"] == "4"
        assert len(own.asked) == 3
        assert paris.asked == []

    run(scenario())


async def asked_of_engines(network: Network, configs: dict[str, Config]) -> Answer:
    async with network.serving(configs) as gateways:
        return await ask(gateways["fra"], post(BODY))


def test_after_a_refusal_there_an_engine_here_may_be_waited_for(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(GOOD, GOOD) as [own, paris]:
            own.is_well = False
            queue = {"queue": Queue(max_requests=10, max_wait_ms=100)}
            here = network.config("fra", [own], tiers=[[TO_PARIS]], tenant=GERMAN, route=queue)
            configs = {"fra": here, "par": network.config("par", [paris], law=ONLY_GERMANY)}
            answer = await asked_of_engines(network, configs)

        assert (answer.status, answer.code) == (503, "no_capacity")
        assert answer.json["error"]["message"] == "No engine became ready in time."

    run(scenario())


def test_what_waits_after_a_refusal_is_decided_anew_by_a_new_config(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(GOOD, GOOD) as [own, paris]:
            own.is_well = False
            queue = {"queue": Queue(max_requests=10, max_wait_ms=30_000)}
            here = network.config("fra", [own], tiers=[[TO_PARIS]], tenant=GERMAN, route=queue)
            configs = {"fra": here, "par": network.config("par", [paris], law=ONLY_GERMANY)}
            async with network.serving(configs) as gateways:
                asking = asyncio.create_task(ask(gateways["fra"], post(BODY)))
                await until(lambda: gateways["fra"].plane.describe()["held"] == {"lab/chat": 1})
                assert paris.asked == []
                gateways["par"].use(network.config("par", [paris]))
                gateways["fra"].use(here)
                answer = await asking

        assert (answer.status, answer.headers["x-isochrone-site"]) == (200, "par")

    run(scenario())


@pytest.mark.parametrize(
    ("ages", "expected"),
    [
        pytest.param({}, 200, id="fresh"),
        pytest.param({"fra": 90.0}, 403, id="stale-here"),
        pytest.param({"par": 90.0}, 200, id="stale-there-but-at-home"),
        pytest.param({"par": 1e9}, 403, id="expired-there"),
    ],
)
def test_each_end_goes_by_the_age_of_its_own_config(
    tmp_path: pathlib.Path, ages: dict[str, float], expected: int
) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        rules = law({"Inference": DE | FR})
        async with backends(GOOD) as [paris]:
            configs = {
                "fra": network.config("fra", tiers=[[TO_PARIS]], law=rules, tenant=GERMAN),
                "par": network.config("par", [paris], law=rules),
            }
            found = await asked(network, configs, {"par": paris}, ages=ages)

        assert found.answer.status == expected
        assert found.engines == {"par": int(expected == 200)}

    run(scenario())


@pytest.mark.parametrize(
    ("there", "word"),
    [
        pytest.param({"routes": (route(id="lab/other"),)}, "unknown_route", id="route"),
        pytest.param({"routes": (route(),)}, "unknown_pool", id="pool"),
    ],
)
def test_what_isn_t_known_there_goes_to_the_next_candidate_and_is_no_fault(
    tmp_path: pathlib.Path, there: dict[str, Any], word: str
) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "iad", "par")
        async with backends(GOOD, GOOD) as [ashburn, paris]:
            configs = {
                "fra": network.config("fra", tiers=[[TO_PARIS], [TO_ASHBURN]], tenant=GERMAN, route=NO_RETRIES),
                "iad": network.config("iad", [ashburn]),
                "par": network.config("par", [paris], **there),
            }
            async with network.serving(configs) as gateways:
                answers = [await ask(gateways["fra"], post(BODY)) for _ in range(8)]
                entry = gateways["fra"].plane._routes()[0]
                breakers = {way.backend.standing.breaker.state.value for way in entry.ways}  # type: ignore[attr-defined] # all are targets
                refused = gateways["par"].records()

        assert {(answer.status, answer.headers["x-isochrone-site"]) for answer in answers} == {(200, "iad")}
        assert breakers == {"Closed"}
        assert [(each.outcome, each.status, each.error) for each in refused] == [(Outcome.REFUSED, 404, word)]
        assert paris.asked == []

    run(scenario())


def test_what_is_not_known_there_yet_is_waited_for(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(GOOD) as [paris]:
            queue = {"queue": Queue(max_requests=10, max_wait_ms=30_000)}
            configs = {
                "fra": network.config("fra", tiers=[[TO_PARIS]], tenant=GERMAN, route=queue),
                "par": network.config("par", [paris], routes=(route(),)),
            }
            async with network.serving(configs) as gateways:
                asking = asyncio.create_task(ask(gateways["fra"], post(BODY)))
                await until(lambda: gateways["fra"].plane.describe()["held"] == {"lab/chat": 1})
                gateways["par"].use(network.config("par", [paris]))
                answer = await asking

        assert (answer.status, answer.headers["x-isochrone-site"]) == (200, "par")

    run(scenario())


def test_nothing_hops_twice(tmp_path: pathlib.Path) -> None:
    """Paris knows the pool only as one of Ashburn's."""

    async def scenario() -> None:
        network = Network(tmp_path, "fra", "iad", "par")
        async with backends(GOOD) as [ashburn]:
            configs = {
                "fra": network.config("fra", tiers=[[TO_PARIS]], route={"queue": Queue(max_requests=0)}),
                "iad": network.config("iad", [ashburn]),
                "par": network.config("par", tiers=[[TO_ASHBURN]]),
            }
            async with network.serving(configs) as gateways:
                own = await ask(gateways["par"], post(BODY))
                hopping = await ask(gateways["fra"], post(BODY))
                errors = {record.error for record in gateways["par"].records() if record.hosted}

        assert (own.status, own.headers["x-isochrone-site"]) == (200, "iad")
        assert (hopping.status, hopping.headers["retry-after"]) == (503, "2")
        assert errors == {"unknown_pool"}
        assert len(ashburn.asked) == 1

    run(scenario())
