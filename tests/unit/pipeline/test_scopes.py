"""What the law lets be written of requests, and what policies in mode Audit would have refused."""

import io
import json
import pathlib
from typing import Any, Final

import pytest
from msgspec.structs import replace
from tests.unit.pipeline.harness import (
    Gateway,
    backends,
    config,
    of_engines,
    only_in,
    peer_candidate,
    provider,
    provider_candidate,
    route,
    run,
    serving,
    sha256,
    tenant,
)
from tests.unit.pipeline.network import Network
from tests.unit.pipeline.talk import ask, post

from isochrone_gateway.config.law import Law, Mode, Policy, Scope, Table, encode_row
from isochrone_gateway.config.site import Logs
from isochrone_gateway.ledger.exposition import render
from isochrone_gateway.ledger.logs import RequestLog
from isochrone_gateway.ledger.record import Record
from isochrone_gateway.upstream import scripts

GOOD: Final = scripts.answer(b"{}")
BODY: Final = b'{"model":"chat"}'
DE, US, FR, ALL = 1, 2, 4, 7
"""Sets of places; the gateway is at the first."""
GERMAN: Final = tenant(origins=frozenset({"DE"}), explain=True)
FRENCH: Final = tenant(origins=frozenset({"FR"}))


def law(places: dict[Scope, int], mode: Mode = Mode.ENFORCE) -> Law:
    """One policy for German data, which allows each scope these places."""
    policy = Policy(
        name="german-data",
        generation=1,
        digest=sha256("german-data"),
        mode=mode,
        scopes={scope: index for index, scope in enumerate(places)},
    )
    tables = tuple(Table(rows={"DE": index}) for index in range(len(places)))
    return Law(policies=(policy,), tables=tables, rows=tuple(encode_row(each) for each in places.values()))


def lines_of(record: Record) -> list[dict[str, Any]]:
    written = io.BytesIO()
    RequestLog(written.write).write([record])
    return [json.loads(line) for line in written.getvalue().splitlines()]


def counted(gateway: Gateway, name: str) -> dict[str, float]:
    """The values of a metric that aren't 0, by their only label."""
    text = render(gateway.context.registry.snapshot()).decode()
    found = (line.removeprefix(f"{name}{{").split('"') for line in text.splitlines() if line.startswith(f"{name}{{"))
    values = {label: float(value.removeprefix("} ")) for _, label, value in found}
    return {label: value for label, value in values.items() if value}


WITHHELD: Final = "isochrone_records_withheld_total"
AUDITED: Final = "isochrone_audited_requests_total"


@pytest.mark.parametrize(
    ("places", "who", "is_logged", "is_traced"),
    [
        pytest.param({"Inference": DE}, GERMAN, True, False, id="here, collector unknown"),
        pytest.param({"Inference": DE, "Logs": US}, GERMAN, False, False, id="elsewhere"),
        pytest.param({"Inference": DE, "Logs": 0}, GERMAN, False, False, id="nowhere"),
        pytest.param({"Inference": DE, "Logs": ALL}, GERMAN, True, False, id="everywhere that is known"),
        pytest.param({"Inference": DE, "Logs": 0}, FRENCH, True, True, id="not bound"),
    ],
)
def test_what_is_written_of_an_answer(places: dict[Scope, int], who: Any, is_logged: bool, is_traced: bool) -> None:
    async def scenario() -> None:
        async with backends(GOOD) as found:
            made = of_engines(found, law=law(places), tenant=who)
            made = replace(made, site=replace(made.site, logs=Logs(trace_percent=100)))
            async with serving(made, exports_spans=True) as gateway:
                answer = await ask(gateway, post(BODY))
                record = await gateway.record()
                withheld = counted(gateway, WITHHELD)
        assert answer.status == 200
        assert (len(lines_of(record)), record.traced is not None) == (int(is_logged), is_traced)
        expected = {"log": is_logged, "spans": is_traced}
        assert withheld == {what: 1.0 for what, is_written in expected.items() if not is_written}

    run(scenario())


@pytest.mark.parametrize(
    ("message", "who", "is_logged"),
    [
        pytest.param(post(b"{"), GERMAN, False, id="no JSON"),
        pytest.param(post(b'{"model":"other"}'), GERMAN, False, id="no such model"),
        pytest.param(post(BODY, path="/v1/other"), GERMAN, False, id="no such path, so nobody asked where from"),
        pytest.param(post(BODY, path="/v1/other"), FRENCH, True, id="no such path, not bound"),
        pytest.param(
            post(BODY, headers={"x-isochrone-origin": "JP"}),
            tenant(origins=frozenset({"DE"}), origin_header=True),
            False,
            id="an origin that isn't the tenant's",
        ),
        pytest.param(post(BODY, headers={"authorization": "Bearer x"}), GERMAN, True, id="a stranger"),
    ],
)
def test_what_is_written_of_a_request_without_a_route(message: bytes, who: Any, is_logged: bool) -> None:
    async def scenario() -> None:
        places: dict[Scope, int] = {"Inference": DE, "Logs": US}
        async with backends(GOOD) as found, serving(of_engines(found, law=law(places), tenant=who)) as gateway:
            answer = await ask(gateway, message)
            record = await gateway.record()
            withheld = counted(gateway, WITHHELD)
        assert answer.status >= 400
        assert (record.route, len(lines_of(record))) == ("", int(is_logged))
        assert withheld == ({} if is_logged else {"log": 1.0})
        assert is_logged or record.tenant
        assert not is_logged or who is FRENCH or not (record.tenant or record.key or record.origin)

    run(scenario())


def test_the_classes_of_each_route_count_where_it_is_not_known_which() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as found:
            bound = only_in(1, data_classes=frozenset({"health"}))
            made = of_engines(found, law=bound, tenant=GERMAN, route={"data_classes": frozenset({"health"})})
            async with serving(made) as gateway:
                await ask(gateway, post(b"{"))
                record = await gateway.record()
        assert lines_of(record) == []

    run(scenario())


def test_a_stale_config_sends_no_spans_to_where_nobody_knows() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as found:
            made = of_engines(found, tenant=GERMAN)
            made = replace(made, site=replace(made.site, logs=Logs(trace_percent=100)))
            async with serving(made, exports_spans=True, age=90.0) as gateway:
                await ask(gateway, post(BODY))
                record = await gateway.record()
        assert (record.traced, len(lines_of(record))) == (None, 1)

    run(scenario())


@pytest.mark.parametrize(
    ("places", "who", "expected"),
    [
        pytest.param({"Inference": DE | US}, GERMAN, (), id="allows it"),
        pytest.param({"Inference": DE}, GERMAN, ("german-data",), id="not where it is answered"),
        pytest.param({"Inference": DE}, FRENCH, (), id="does not bind"),
        pytest.param({"Inference": DE | US, "Ingress": FR}, GERMAN, ("german-data",), id="not where it comes in"),
        pytest.param({"Inference": DE | US, "Logs": FR}, GERMAN, ("german-data",), id="not where it is logged"),
    ],
)
def test_what_an_audit_policy_would_refuse_is_told(
    places: dict[Scope, int], who: Any, expected: tuple[str, ...]
) -> None:
    async def scenario() -> None:
        async with backends(GOOD) as [american]:
            made = config(
                providers=(provider("us", american.port, place=1),),
                routes=(route([provider_candidate("us", place=1)]),),
                law=law(places, Mode.AUDIT),
                tenant=who,
            )
            async with serving(made) as gateway:
                answer = await ask(gateway, post(BODY, headers={"x-isochrone-explain": "1"}))
                record = await gateway.record()
                counts = counted(gateway, AUDITED)
        assert (answer.status, record.policies, record.audited) == (200, (), expected)
        assert lines_of(record)[0].get("audited", []) == list(expected)
        assert counts == dict.fromkeys(expected, 1.0)
        if who is GERMAN:
            assert f"audited={','.join(expected) or '-'};" in answer.headers["x-isochrone-explain"]

    run(scenario())


def test_an_attempt_that_failed_is_audited_too() -> None:
    async def scenario() -> None:
        async with backends(scripts.server_error(503), GOOD) as [american, german]:
            made = config(
                providers=(provider("us", american.port, place=1), provider("de", german.port)),
                routes=(route([provider_candidate("us", place=1)], [provider_candidate("de")]),),
                law=law({"Inference": DE}, Mode.AUDIT),
                tenant=GERMAN,
            )
            async with serving(made) as gateway:
                answer = await ask(gateway, post(BODY))
                record = await gateway.record()
        assert answer.headers["x-isochrone-backend"] == "provider:de/main"
        assert record.audited == ("german-data",)

    run(scenario())


@pytest.mark.parametrize(
    ("there", "is_logged"),
    [
        pytest.param({"Inference": DE | FR}, {"fra": True, "par": True}, id="at both"),
        pytest.param({"Inference": DE | FR, "Logs": DE}, {"fra": True, "par": False}, id="not at the peer"),
        pytest.param({"Inference": DE}, {"fra": True, "par": False}, id="refused by the peer, and not told of"),
    ],
)
def test_each_end_of_a_hop_writes_by_its_own_law(
    tmp_path: pathlib.Path, there: dict[Scope, int], is_logged: dict[str, bool]
) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(GOOD) as [paris]:
            entry = network.config(
                "fra", tiers=[[peer_candidate("par", place=2)]], law=law({"Inference": DE | FR}), tenant=GERMAN
            )
            configs = {"fra": entry, "par": network.config("par", [paris], law=law(there))}
            async with network.serving(configs) as gateways:
                await ask(gateways["fra"], post(BODY))
                records = {name: await gateway.record() for name, gateway in gateways.items()}
        assert {name: bool(lines_of(record)) for name, record in records.items()} == is_logged

    run(scenario())
