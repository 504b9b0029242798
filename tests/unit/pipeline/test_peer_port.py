"""The peer port by hand: who is let in, what is understood there, and that hops are believed nowhere else."""

import asyncio
import contextlib
import pathlib
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from msgspec import structs
from tests.unit.pipeline.harness import KEY, Gateway, backends, only_in, peer_candidate, run, serving, tenant, until
from tests.unit.pipeline.network import Network, problem_of, uri_of, well
from tests.unit.pipeline.talk import Answer, Talk, ask, post, talking
from tests.unit.pipeline.test_evidence import writer, written
from tests.unit.pipeline.threads import Broken
from tests.unit.upstream.certificates import Authority, Files

from isochrone_gateway.config.law import Law, Mode, Table, encode_row
from isochrone_gateway.config.site import Limits
from isochrone_gateway.ledger.record import Outcome
from isochrone_gateway.upstream import scripts
from isochrone_gateway.wire import hop

BODY = b'{"model":"upstream-model"}'
GOOD = scripts.answer(b'{"good":true}')
TO_PARIS = peer_candidate("par", place=2)
HOP = {
    "x-isochrone-hop": "1",
    "x-isochrone-hop-route": "lab/chat",
    "x-isochrone-hop-pool": "lab/a",
    "x-isochrone-hop-tenant": "lab/team",
    "x-isochrone-hop-origin": "DE",
    "x-isochrone-hop-data-classes": "-",
    "x-isochrone-hop-bound": "no",
    "x-isochrone-hop-deadline-ms": "600000",
    "x-isochrone-hop-affinity": "-",
    "x-request-id": "req_1",
}


def hopping(body: bytes = BODY, *, path: str = "/v1/chat/completions", **changes: str) -> bytes:
    """A hop as an entry sends it; an empty value leaves a header out."""
    named = {name.replace("_", "-"): value for name, value in changes.items()}
    return post(body, path=path, headers={**HOP, "authorization": "", **named})


@contextlib.asynccontextmanager
async def knocking(network: Network, files: Files | None, site: str = "par") -> AsyncIterator[Talk]:
    """A connection to a site's peer port that shows this certificate."""
    context = ssl.create_default_context(cafile=network.authority.bundle)
    if files is not None:
        context.load_cert_chain(files.certificate, files.key)
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", network.ports[site], ssl=context, server_hostname=f"{site}.peers.test"
    )
    try:
        yield Talk(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()


async def knock(network: Network, files: Files | None, request: bytes) -> Answer | None:
    """The answer; None if there is none."""
    try:
        async with knocking(network, files) as talk:
            talk.send(request)
            return await talk.answer()
    except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
        return None


@contextlib.asynccontextmanager
async def paris(folder: pathlib.Path, **fields: Any) -> AsyncIterator[tuple[Network, Gateway, list[object]]]:
    """A gateway in Paris with one engine; Frankfurt and Ashburn are its peers."""
    network = Network(folder, "fra", "iad", "par")
    async with backends(GOOD) as found:
        made = network.config("par", found, **fields)
        async with network.serving({"par": made}) as gateways:
            yield network, gateways["par"], found[0].asked  # type: ignore[misc] # a list of requests


def of(folder: pathlib.Path, name: str) -> Files:
    return Files(folder / f"{name}.pem", folder / f"{name}.key")


NAME, URI = "fra.peers.test", uri_of("fra")


@pytest.mark.parametrize(
    ("names", "uri", "status"),
    [
        pytest.param((NAME,), URI, 200, id="name-and-uri"),
        pytest.param((NAME.upper(), "other.test"), URI, 200, id="among-others-in-capitals"),
        pytest.param((NAME,), None, 403, id="name-only"),
        pytest.param((), URI, 403, id="uri-only"),
        pytest.param((NAME,), uri_of("iad"), 403, id="a-name-of-one-and-a-uri-of-another"),
        pytest.param(("*.peers.test",), URI, 403, id="a-pattern"),
        pytest.param((NAME,), URI + "/x", 403, id="a-longer-uri"),
        pytest.param((), None, 403, id="nothing"),
        pytest.param(("par.peers.test",), uri_of("par"), 403, id="itself"),
        pytest.param(("ber.peers.test",), uri_of("ber"), 403, id="a-site-that-is-no-peer"),
    ],
)
def test_a_certificate_must_carry_what_the_config_says_of_a_peer(
    tmp_path: pathlib.Path, names: tuple[str, ...], uri: str | None, status: int
) -> None:
    async def scenario() -> None:
        async with paris(tmp_path) as (network, gateway, asked):
            shown = network.authority.issue("shown", names=names, uri=uri)
            answer = await knock(network, shown, hopping())
            record = await gateway.record()

        assert answer is not None
        assert answer.status == status
        assert len(asked) == (status == 200)
        if status == 200:
            assert (record.peer, record.outcome) == ("fra", Outcome.ANSWERED)
        else:
            assert answer.headers["x-isochrone-hop-refusal"] == "unknown_peer"
            assert answer.headers["x-should-retry"] == "false"
            assert answer.json["error"]["message"] == "The certificate is of no peer of this site."
            assert (record.peer, record.outcome, record.error) == ("", Outcome.REFUSED, "unknown_peer")

    run(scenario())


def test_a_certificate_that_would_do_for_two_peers_is_of_none(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "iad", "par")
        peers = (network.peer("fra", uri=None), network.peer("iad", uri=None))
        async with backends(GOOD) as found:
            made = network.config("par", found, peers=peers)
            async with network.serving({"par": made}):
                both = network.authority.issue("both", names=("fra.peers.test", "iad.peers.test"))
                one = network.authority.issue("one", names=("fra.peers.test",))
                answers = [await knock(network, files, hopping()) for files in (both, one)]

        assert [answer and answer.status for answer in answers] == [403, 200]

    run(scenario())


@pytest.mark.parametrize("whose", ["nobody", "a-stranger", "expired"])
def test_without_a_certificate_of_the_authority_there_is_no_connection(tmp_path: pathlib.Path, whose: str) -> None:
    async def scenario() -> None:
        async with paris(tmp_path) as (network, gateway, asked):
            strangers = Authority(tmp_path, "strangers")
            files = {
                "nobody": None,
                "a-stranger": strangers.issue("eve", names=(NAME,), uri=URI),
                "expired": network.authority.issue("old", names=(NAME,), uri=URI, expired=True),
            }[whose]
            answer = await knock(network, files, hopping())
            port = gateway.peer_port
            assert port is not None
            await until(lambda: port.acceptor.failed == 1)

        assert answer is None
        assert asked == []

    run(scenario())


def test_plain_text_is_not_spoken(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with paris(tmp_path) as (network, _, asked):
            reader, writer = await asyncio.open_connection("127.0.0.1", network.ports["par"])
            writer.write(hopping())
            assert not (await reader.read(-1)).startswith(b"HTTP/")
            writer.close()

        assert asked == []

    run(scenario())


@pytest.mark.parametrize(
    ("changes", "status", "word"),
    [
        pytest.param({"x_isochrone_hop": ""}, 400, "bad_hop", id="no-hop"),
        pytest.param({"x_isochrone_hop": "2"}, 400, "bad_hop", id="another-version"),
        pytest.param({"x_isochrone_hop_origin": ""}, 400, "bad_hop", id="a-header-is-missing"),
        pytest.param({"x_isochrone_hop_origin": "de"}, 400, "bad_hop", id="nonsense"),
        pytest.param({"x_isochrone_hop_lax": "1"}, 400, "bad_hop", id="a-header-too-many"),
        pytest.param({"x_isochrone_hop_route": "lab/none"}, 404, "unknown_route", id="another-route"),
        pytest.param({"x_isochrone_hop_pool": "lab/b"}, 404, "unknown_pool", id="another-pool"),
        pytest.param({"path": "/v1/models"}, 404, "bad_hop", id="models"),
        pytest.param({"path": "/metrics"}, 404, "bad_hop", id="another-path"),
        pytest.param({"x_isochrone_hop_tenant": "-", "x_isochrone_hop_origin": "-"}, 200, "", id="nobodys"),
        pytest.param({"x_isochrone_hop_tenant": "lab/new"}, 200, "", id="a-tenant-not-known-here"),
        pytest.param({"authorization": f"Bearer {KEY}"}, 200, "", id="a-key-says-nothing"),
        pytest.param({"path": "/v1/embeddings"}, 200, "", id="embeddings"),
    ],
)
def test_what_is_understood(tmp_path: pathlib.Path, changes: dict[str, Any], status: int, word: str) -> None:
    async def scenario() -> None:
        async with paris(tmp_path) as (network, gateway, asked):
            answer = await knock(network, of(tmp_path, "fra"), hopping(**changes))
            record = await gateway.record()

        assert answer is not None
        assert answer.status == status
        assert answer.headers.get("x-isochrone-hop-refusal", "") == record.error == word
        assert len(asked) == (status == 200)
        assert record.peer == "fra"
        if status != 200:
            assert answer.json["error"]["message"]

    run(scenario())


def test_requests_of_a_connection_are_judged_one_by_one(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with paris(tmp_path) as (network, gateway, asked), knocking(network, of(tmp_path, "fra")) as talk:
            statuses = []
            for request in (hopping(), hopping(x_isochrone_hop="2"), hopping()):
                talk.send(request)
                statuses.append((await talk.answer()).status)
            gateway.use(network.config("par", peers=(network.peer("iad"),)))
            talk.send(hopping())
            statuses.append((await talk.answer()).status)

        assert statuses == [200, 400, 200, 403]
        assert len(asked) == 2

    run(scenario())


def test_whoever_comes_when_the_gateway_ends_is_told_so(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with paris(tmp_path) as (network, gateway, asked):
            gateway.plane.interrupt()
            answer = await knock(network, of(tmp_path, "fra"), hopping())

        assert answer is not None
        assert (answer.status, answer.headers["x-isochrone-hop-refusal"]) == (503, "draining")
        assert answer.headers["retry-after"] == "1"
        assert asked == []

    run(scenario())


def test_nothing_else_is_got_from_the_peer_port(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with paris(tmp_path) as (network, _, asked):
            for line, status in (
                (b"GET /v1/chat/completions", 405),
                (b"GET /v1/models", 404),
                (b"DELETE %b" % hop.HEALTH_PATH.encode(), 404),
            ):
                answer = await knock(network, of(tmp_path, "fra"), line + b" HTTP/1.1\r\nhost: x\r\n\r\n")
                assert answer is not None
                assert answer.status == status
            assert asked == []

    run(scenario())


def test_health_is_told_to_peers_only(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with paris(tmp_path) as (network, gateway, _):
            request = b"GET %b HTTP/1.1\r\nhost: x\r\n\r\n" % hop.HEALTH_PATH.encode()
            stranger = network.authority.issue("stranger", names=("ber.peers.test",))
            answers = [await knock(network, files, request) for files in (of(tmp_path, "fra"), stranger)]
            records = gateway.records()

        assert [answer and answer.status for answer in answers] == [200, 403]
        assert [record.error for record in records] == ["unknown_peer"], "probes leave no records"

    run(scenario())


def logged_only_in(place: int) -> Law:
    """German data may be handled at all three sites, and be written of at one."""
    made = only_in(0, 1, 2)
    policies = tuple(structs.replace(each, scopes={"Inference": 0, "Logs": 1}) for each in made.policies)
    return structs.replace(
        made,
        policies=policies,
        tables=(*made.tables, Table(rows={"DE": 1})),
        rows=(*made.rows, encode_row(1 << place)),
    )


@pytest.mark.parametrize(
    ("place", "is_logged"), [pytest.param(2, True, id="here"), pytest.param(0, False, id="elsewhere")]
)
def test_of_a_hop_is_written_what_the_law_lets_be_written_here(
    tmp_path: pathlib.Path, place: int, *, is_logged: bool
) -> None:
    """Whether it is answered or refused."""

    async def scenario() -> None:
        async with paris(tmp_path, law=logged_only_in(place)) as (network, gateway, _):
            for pool, status in (("lab/a", 200), ("lab/b", 404)):
                sent = hopping(x_isochrone_hop_bound="yes", x_isochrone_hop_pool=pool)
                answer = await knock(network, of(tmp_path, "fra"), sent)
                record = await gateway.record()
                assert answer is not None
                assert (answer.status, record.is_logged) == (status, is_logged)

    run(scenario())


def test_a_hop_that_the_law_forbids_here_goes_no_further(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with paris(tmp_path, law=only_in(0)) as (network, gateway, asked):
            answer = await knock(network, of(tmp_path, "fra"), hopping(x_isochrone_hop_bound="yes"))
            record = await gateway.record()

        assert answer is not None
        assert (answer.status, answer.headers["x-isochrone-hop-refusal"]) == (403, "residency_denied")
        assert (record.outcome, asked) == (Outcome.REFUSED, [])

    run(scenario())


def test_the_evidence_of_a_hop_has_what_it_was_judged_by(tmp_path: pathlib.Path) -> None:
    """Classes of the hop and of the route; the policy that binds, and the one that only would refuse it."""
    strict = only_in(0).policies[0]
    watching = structs.replace(strict, name="watch", scopes={"Inference": 1}, mode=Mode.AUDIT)
    bound = only_in(0, 1, 2)
    law = structs.replace(
        bound,
        policies=(*bound.policies, watching),
        tables=(*bound.tables, Table(rows={"DE": 1})),
        rows=(*bound.rows, encode_row(1)),
    )
    made = writer(tmp_path)

    async def scenario() -> None:
        async with paris(tmp_path, law=law, route={"data_classes": frozenset("dbfh")}) as (network, gateway, _):
            gateway.context.evidence.pen = made.pen
            sent = hopping(x_isochrone_hop_bound="yes", x_isochrone_hop_data_classes="a,c,e,g")
            answer = await knock(network, of(tmp_path, "fra"), sent)
            record = await gateway.record()

        assert answer is not None
        assert answer.status == 200
        assert (record.policies, record.audited) == (("stay-home",), ("watch",))

    run(scenario())
    intent = written(tmp_path, made)[0]
    assert intent["dataClasses"] == list("abcdefgh")
    assert (intent["policies"], intent["age"]) == (["stay-home"], "Fresh")


def test_bodies_count_against_the_memory_of_all(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with paris(tmp_path, site={"limits": Limits(body_memory_bytes=10)}) as (network, gateway, asked):
            answer = await knock(network, of(tmp_path, "fra"), hopping())
            chunked = hopping(b"", content_length="", transfer_encoding="chunked") + scripts.chunk(BODY)
            late = await knock(network, of(tmp_path, "fra"), chunked)
            used = gateway.plane.services.memory.used

        for each in (answer, late):
            assert each is not None
            assert (each.status, each.code) == (503, "overloaded")
            assert each.headers["x-isochrone-hop-refusal"] == "overloaded"
        assert asked == []
        assert used == 0

    run(scenario())


def test_what_a_pool_that_salts_can_not_read_is_refused(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with paris(tmp_path, pool={"cache_salt": True}) as (network, _, asked):
            answer = await knock(network, of(tmp_path, "fra"), hopping(b"{"))

        assert answer is not None
        assert (answer.status, answer.headers["x-isochrone-hop-refusal"]) == (400, "bad_hop")
        assert asked == []

    run(scenario())


def test_a_failure_on_a_thread_is_answered(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        failures: list[Any] = []
        async with paris(tmp_path, pool={"cache_salt": True}) as (network, gateway, asked):
            loop.set_default_executor(Broken())
            loop.set_exception_handler(lambda _, context: failures.append(context["exception"]))
            body = b'{"model":"upstream-model","padding":"%b"}' % (b"x" * 1_200_000)
            answer = await knock(network, of(tmp_path, "fra"), hopping(body))
            record = await gateway.record()

            assert answer is not None
            assert (answer.status, answer.code) == (500, "internal_error")
            assert "x-isochrone-hop-refusal" not in answer.headers
            assert (record.outcome, record.error) == (Outcome.FAILED, "internal_error")
            assert [type(each) for each in failures] == [MemoryError]
            assert asked == []
            assert gateway.plane.services.hosted == set()
            assert gateway.plane.services.memory.used == 0

    run(scenario())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"authorization": ""}, 401, id="no-key"),
        pytest.param({"x-isochrone-hop-origin": "FR"}, 403, id="another-origin"),
        pytest.param({"x-isochrone-hop-tenant": "lab/free"}, 403, id="another-tenant"),
        pytest.param({"x-isochrone-hop-pool": "lab/b", "x-isochrone-hop-route": "lab/other"}, 403, id="another-pool"),
    ],
)
def test_on_the_data_port_a_hop_is_nothing(tmp_path: pathlib.Path, headers: Mapping[str, str], status: int) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        german = tenant(origins=frozenset({"DE"}))
        async with backends(GOOD) as [found]:
            made = network.config("fra", [found], law=only_in(1), tenant=german)
            async with network.serving({"fra": made}) as gateways:
                answer = await ask(gateways["fra"], post(b'{"model":"chat"}', headers={**HOP, **headers}))
                record = await gateways["fra"].record()

        assert answer.status == status
        assert "x-isochrone-hop-refusal" not in answer.headers
        assert not record.hosted
        assert record.id != "req_1"
        assert found.asked == []

    run(scenario())


def test_hop_headers_of_a_client_go_no_further(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        forged = {**HOP, "x-isochrone-hop-tenant": "lab/other", "x-isochrone-hop-route": "lab/other"}
        async with backends(GOOD, GOOD) as [own, other]:
            configs = {
                "fra": network.config("fra", [own], tiers=[[TO_PARIS]]),
                "par": network.config("par", [other]),
            }
            async with network.serving(configs) as gateways:
                own.is_well = False
                await until(
                    lambda: any(
                        each["health"] == "Unhealthy" for each in gateways["fra"].plane.describe()["engines"].values()
                    )
                )
                hopped = await ask(gateways["fra"], post(b'{"model":"chat"}', headers=forged))
                there = await gateways["par"].record()
                own.is_well = True
                await gateways["fra"].ready()
                await until(lambda: "Unhealthy" not in str(gateways["fra"].plane.describe()["engines"]))
                direct = await ask(gateways["fra"], post(b'{"model":"chat"}', headers=forged))

        assert (hopped.status, direct.status) == (200, 200)
        assert (there.tenant, there.route, there.origin) == ("lab/team", "lab/chat", ())
        for found in (own, other):
            assert not [name for name, _ in found.asked[0].headers if name.startswith(b"x-isochrone")]

    run(scenario())


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        pytest.param({"server_name": "iad.peers.test"}, "Hostname mismatch", id="another-name"),
        pytest.param({"uri": uri_of("iad")}, "doesn't name", id="another-uri"),
    ],
)
def test_a_gateway_that_is_not_the_peer_gets_no_request(
    tmp_path: pathlib.Path, wrong: dict[str, str], problem: str
) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(GOOD, GOOD) as [paris_, own]:
            here = network.config("fra", [own], tiers=[[TO_PARIS]], peers=(network.peer("par", **wrong),))
            configs = {"fra": here, "par": network.config("par", [paris_])}
            async with network.serving(configs, joins=False) as gateways:
                await until(lambda: problem_of("par", gateways["fra"]) is not None)
                found = problem_of("par", gateways["fra"])
                assert well(gateways["fra"]) == set()

        assert found is not None
        assert problem in found
        assert paris_.asked == []

    run(scenario())


def test_a_peer_that_does_not_know_us_is_not_ready(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(GOOD) as found:
            configs = {
                "fra": network.config("fra", tiers=[[TO_PARIS]]),
                "par": network.config("par", found, peers=()),
            }
            async with network.serving(configs, joins=False) as gateways:
                await until(lambda: problem_of("par", gateways["fra"]) is not None)
                assert well(gateways["fra"]) == set()
                assert problem_of("par", gateways["fra"]) == "status 403"

    run(scenario())


@pytest.mark.parametrize(
    ("site", "names", "has_secrets", "why"),
    [
        pytest.param({"peer_trust": None}, {}, True, "hops need mutual TLS", id="no-trust"),
        pytest.param({}, {"server_name": None, "uri": None}, True, "hops need mutual TLS", id="no-name"),
        pytest.param({}, {}, False, "say where, with --secrets", id="no-secrets"),
    ],
)
def test_a_peer_that_can_not_be_known_for_sure_is_never_asked(
    tmp_path: pathlib.Path, site: dict[str, None], names: dict[str, None], has_secrets: bool, why: str
) -> None:
    """The config allows it on one machine, and the gateway doesn't do it there either."""

    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        made = network.config("fra", tiers=[[TO_PARIS]], peers=(network.peer("par", **names),), site=site)
        network.close()
        async with serving(made, secrets=tmp_path if has_secrets else None) as gateway:
            found = gateway.plane.describe()

        assert why in found["unusable"]["peer:par"]
        assert found["peers"] == {}

    run(scenario())


def test_certificates_are_renewed_without_a_restart(tmp_path: pathlib.Path) -> None:
    """The renewed one is of a site that Paris doesn't know: so it shows which of them is used."""

    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(GOOD) as found:
            configs = {"fra": network.config("fra", tiers=[[TO_PARIS]]), "par": network.config("par", found)}
            async with network.serving(configs, probing=60.0) as gateways, talking(gateways["fra"]) as talk:

                async def status() -> int:
                    talk.send(post(b'{"model":"chat"}'))
                    return (await talk.answer()).status

                async def refreshed() -> int:
                    gateways["fra"].plane.refresh()
                    while gateways["fra"].plane._tasks:
                        await next(iter(gateways["fra"].plane._tasks))
                    return await status()

                before = [await status(), await refreshed()]
                opened = gateways["fra"].plane._pool.counters["peer:par"].opened
                strange = network.authority.issue("strange", names=("ber.peers.test",))
                for new, old in zip((strange.certificate, strange.key), ("fra.pem", "fra.key"), strict=True):
                    new.replace(tmp_path / old)
                unread = await status()
                after = await refreshed()
                errors = [record.error for record in gateways["par"].records()]

        assert (before, opened) == ([200, 200], 1), "what hasn't changed costs no connection"
        assert unread == 200
        assert after == 502
        assert set(errors) == {"", "unknown_peer"}

    run(scenario())
