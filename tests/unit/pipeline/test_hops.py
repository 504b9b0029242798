"""Requests that hop from the site where they enter to engines at another, over real mutual TLS."""

import asyncio
import json
import pathlib
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.pipeline.harness import PATIENT, Backend, backends, peer_candidate, run, tenant, until
from tests.unit.pipeline.network import Network, problem_of, settled, well
from tests.unit.pipeline.talk import ask, post, talking

from isochrone_gateway.config import Config
from isochrone_gateway.config.engines import EngineKind, EnginePool, StaticEndpoints
from isochrone_gateway.config.rates import Rates
from isochrone_gateway.config.routes import Queue, Retry
from isochrone_gateway.config.site import Limits
from isochrone_gateway.ledger.record import Outcome
from isochrone_gateway.upstream import scripts
from isochrone_gateway.upstream.scripts import Repeat, Script, Send

BODY = b'{"model":"chat"}'
STREAM = b'{"model":"chat","stream":true}'
DELTA = b'{"choices":[{"index":0,"delta":{"content":"x"}}]}'
USAGE = b'{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}'
GOOD = scripts.answer(b'{"usage":{"prompt_tokens":7,"completion_tokens":3}}')
TO_PARIS = peer_candidate("par", place=2)


def headers_of(backend: Backend) -> dict[bytes, bytes]:
    return dict(backend.asked[-1].headers)


def test_a_whole_answer_from_another_site(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(GOOD) as found:
            configs = {"fra": network.config("fra", tiers=[[TO_PARIS]]), "par": network.config("par", found)}
            async with network.serving(configs) as gateways:
                answer = await ask(gateways["fra"], post(b'{"model":"chat","temperature":0.5}'))
                here, there = await gateways["fra"].record(), await gateways["par"].record()

        assert (answer.status, answer.json) == (200, {"usage": {"prompt_tokens": 7, "completion_tokens": 3}})
        assert answer.headers["x-isochrone-site"] == "par"
        assert answer.headers["x-isochrone-backend"] == "peer:par"
        assert answer.headers["x-isochrone-jurisdiction"] == "FR"
        assert answer.headers["x-isochrone-attempts"] == "1"
        assert json.loads(found[0].asked[0].body) == {"model": "upstream-model", "temperature": 0.5}
        sent = headers_of(found[0])
        assert sent.keys() == {
            *(b"host", b"content-type", b"accept-encoding", b"user-agent", b"content-length", b"x-request-id")
        }
        assert sent[b"x-request-id"].decode() == answer.headers["x-request-id"] == here.id == there.id
        assert (here.candidate, here.peer, here.hosted) == ("peer:par", "par", False)
        assert (there.candidate, there.peer, there.hosted) == ("engine:lab/a", "fra", True)
        assert (here.jurisdiction, there.jurisdiction) == ("FR", "FR")
        assert here.usage == there.usage is not None
        assert (here.tenant, there.tenant, there.key) == ("lab/team", "lab/team", "")
        assert {here.outcome, there.outcome} == {Outcome.ANSWERED}

    run(scenario())


@pytest.mark.parametrize(
    ("body", "says_usage"),
    [
        pytest.param(STREAM, False, id="usage-not-asked-for"),
        pytest.param(
            b'{"model":"chat","stream":true,"stream_options":{"include_usage":true}}', True, id="usage-asked-for"
        ),
    ],
)
def test_a_stream_from_another_site(tmp_path: pathlib.Path, body: bytes, says_usage: bool) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(scripts.stream([DELTA] * 5 + [USAGE], gap=0.01)) as found:
            configs = {"fra": network.config("fra", tiers=[[TO_PARIS]]), "par": network.config("par", found)}
            async with network.serving(configs) as gateways, talking(gateways["fra"]) as talk:
                talk.send(post(body))
                status, headers = await talk.head()
                chunks = []
                while chunk := await talk.chunk():
                    chunks.append(chunk)
                here, there = await gateways["fra"].record(), await gateways["par"].record()

        assert (status, headers["content-type"]) == (200, "text/event-stream")
        assert headers["x-isochrone-site"] == "par"
        frames = b"".join(chunks).split(b"\n\n")
        assert frames.count(b"data: " + DELTA) == 5
        assert (b"data: " + USAGE in frames) is says_usage
        assert frames[-2:] == [b"data: [DONE]", b""]
        assert json.loads(found[0].asked[0].body)["stream_options"] == {"include_usage": True}
        assert (here.usage, here.stream) == (there.usage, there.stream)
        assert here.usage is not None
        assert (here.usage.input_tokens, here.usage.output_tokens) == (7, 3)
        assert there.times.first_token is not None

    run(scenario())


@pytest.mark.parametrize(
    ("script", "body", "is_begun"),
    [
        pytest.param(scripts.hang(), BODY, False, id="before-the-answer"),
        pytest.param(scripts.hang(), STREAM, False, id="before-the-first-token"),
        pytest.param(scripts.hang_mid_stream([DELTA]), STREAM, True, id="mid-stream"),
    ],
)
def test_a_client_that_goes_takes_the_engine_behind_the_peer_with_it_at_once(
    tmp_path: pathlib.Path, script: Script, body: bytes, is_begun: bool
) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(script) as [found]:
            fra = network.config("fra", tiers=[[TO_PARIS]], route=PATIENT)
            async with network.serving({"fra": fra, "par": network.config("par", [found])}, probing=60.0) as gateways:
                async with talking(gateways["fra"]) as talk:
                    talk.send(post(body))
                    await found.wait(lambda: len(found.asked) == 1)
                    if is_begun:
                        await talk.head()
                        await talk.chunk()
                    calling = found.connections[-1]
                    assert calling.closed is None
                await found.wait(lambda: calling.closed is not None, seconds=30)

                here, there = await gateways["fra"].record(), await gateways["par"].record()
                assert {here.outcome, there.outcome} == {Outcome.CLIENT_GONE}
                for gateway in gateways.values():
                    assert gateway.plane.services.memory.used == 0
                await settled(*gateways.values())
                engine = next(iter(gateways["par"].plane.describe()["engines"].values()))
                assert engine["inFlight"] == 0

    run(scenario())


@pytest.mark.parametrize("reset", [pytest.param(False, id="ends"), pytest.param(True, id="is-reset")])
def test_an_engine_that_dies_mid_stream_is_an_error_frame_at_the_client(tmp_path: pathlib.Path, reset: bool) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(scripts.die_mid_frame([DELTA], reset=reset)) as found:
            configs = {"fra": network.config("fra", tiers=[[TO_PARIS]]), "par": network.config("par", found)}
            async with network.serving(configs) as gateways, talking(gateways["fra"]) as talk:
                talk.send(post(STREAM))
                await talk.head()
                chunks = []
                while chunk := await talk.chunk():
                    chunks.append(chunk)
                here, there = await gateways["fra"].record(), await gateways["par"].record()

        assert b"".join(chunks).startswith(b"data: " + DELTA)
        frame = b"".join(chunks).split(b"\n\n")[-2]
        assert json.loads(frame.removeprefix(b"data: "))["error"]["code"] == "stream_interrupted"
        assert (here.outcome, there.outcome) == (Outcome.PARTIAL, Outcome.PARTIAL)
        assert there.error == "stream_interrupted"

    run(scenario())


def test_an_engines_own_words_come_back_unchanged(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        lines = b"content-type: application/json\r\nx-request-id: up\r\nx-isochrone-hop-refusal: residency_denied\r\n"
        error = b'{"error":{"message":"the prompt is too long","code":400}}'
        async with backends(scripts.answer(error, status=400, headers=lines)) as found:
            configs = {"fra": network.config("fra", tiers=[[TO_PARIS]]), "par": network.config("par", found)}
            async with network.serving(configs) as gateways:
                answer = await ask(gateways["fra"], post(BODY))
                there = await gateways["par"].record()

        assert (answer.status, answer.body) == (400, error)
        assert answer.headers["x-upstream-request-id"] == "up"
        assert "x-isochrone-hop-refusal" not in answer.headers
        assert (there.outcome, there.error, there.status) == (Outcome.FAILED, "upstream_rejected", 400)

    run(scenario())


def first_paris_then_iad(network: Network, far: Backend, near: Backend) -> dict[str, Config]:
    """Frankfurt has no engine; that of Paris is near, and that of Washington is asked only if it can't answer."""
    return {
        "fra": network.config("fra", tiers=[[TO_PARIS], [peer_candidate("iad", place=1)]]),
        "iad": network.config("iad", [far]),
        "par": network.config("par", [near]),
    }


def test_when_the_peer_is_gone_the_next_tier_answers(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "iad", "par")
        async with backends(GOOD, GOOD) as [far, near]:
            configs = first_paris_then_iad(network, far, near)
            async with network.serving(configs) as gateways:
                entry, paris = gateways["fra"], gateways["par"].peer_port
                assert (await ask(entry, post(BODY))).headers["x-isochrone-site"] == "par"
                assert paris is not None
                paris.close()
                answers = [await ask(entry, post(BODY)) for _ in range(3)]
                await until(lambda: "par" not in well(entry) and problem_of("par", entry) is not None)
                answers.append(await ask(entry, post(BODY)))
                problem = problem_of("par", entry)

            assert {answer.status for answer in answers} == {200}
            assert {answer.headers["x-isochrone-site"] for answer in answers} == {"iad"}
            assert answers[-1].headers["x-isochrone-attempts"] == "1", "probes keep requests away from it"
            assert len(near.asked) == 1
            assert problem is not None
            assert "connect" in problem

    run(scenario())


def test_requests_that_find_a_closed_port_need_no_probe_to_keep_others_away(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "iad", "par")
        async with backends(GOOD, GOOD) as [far, near]:
            configs = first_paris_then_iad(network, far, near)
            async with network.serving(configs, probing=600.0) as gateways:
                paris = gateways["par"].peer_port
                assert paris is not None
                paris.close()
                statuses = [(await ask(gateways["fra"], post(BODY))).status for _ in range(3)]
                found = well(gateways["fra"])

        assert statuses == [200, 200, 200]
        assert found == {"iad"}

    run(scenario())


def test_a_peer_that_comes_late_ends_the_waiting(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(GOOD) as found:
            entry = network.config("fra", tiers=[[TO_PARIS]])
            configs = {"fra": entry, "par": network.config("par", found, peers=())}
            async with network.serving(configs, joins=False) as gateways:
                asking = asyncio.create_task(ask(gateways["fra"], post(BODY)))
                await until(lambda: gateways["fra"].plane.describe()["held"] == {"lab/chat": 1})
                assert found[0].asked == []
                gateways["par"].use(network.config("par", found))

                assert (await asking).status == 200

    run(scenario())


def test_a_peer_without_ready_engines_refuses_at_once_and_another_answers(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "iad", "par")
        async with backends(GOOD, GOOD) as [near, far]:
            near.is_well = False
            tiers = [[TO_PARIS], [peer_candidate("iad", place=1)]]
            configs = {
                "fra": network.config("fra", tiers=tiers),
                "iad": network.config("iad", [far]),
                "par": network.config("par", [near], route={"queue": Queue(max_requests=10, max_wait_ms=60_000)}),
            }
            async with network.serving(configs) as gateways:
                answer = await ask(gateways["fra"], post(BODY))
                there = await gateways["par"].record()

        assert answer.headers["x-isochrone-site"] == "iad"
        assert answer.headers["x-isochrone-attempts"] == "2"
        assert (there.outcome, there.status, there.error) == (Outcome.REFUSED, 503, "no_capacity")
        assert near.asked == []

    run(scenario())


def test_another_engine_is_asked_once_if_the_first_takes_no_connection(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(GOOD, GOOD) as [lost, good]:
            addresses = StaticEndpoints(addresses=frozenset(f"127.0.0.1:{each.port}" for each in (lost, good)))
            pool = EnginePool(id="lab/a", kind=EngineKind.VLLM, discovery=addresses)
            there = replace(network.config("par", [good]), engines=(pool,))
            configs = {"fra": network.config("fra", tiers=[[TO_PARIS]]), "par": there}
            async with network.serving(configs, probing=1.0) as gateways:
                await lost.close()
                answers = [await ask(gateways["fra"], post(BODY)) for _ in range(4)]
                records = gateways["par"].records()

        assert {answer.status for answer in answers} == {200}
        assert {answer.headers["x-isochrone-attempts"] for answer in answers} == {"1"}
        assert {record.attempts for record in records} <= {1, 2}
        assert len(good.asked) == 4

    run(scenario())


def test_retries_are_the_entrys_and_not_the_peers(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(scripts.server_error(500)) as [found]:
            configs = {"fra": network.config("fra", tiers=[[TO_PARIS]]), "par": network.config("par", [found])}
            async with network.serving(configs) as gateways:
                answer = await ask(gateways["fra"], post(BODY))
                records = gateways["par"].records()

        assert (answer.status, answer.headers["x-isochrone-attempts"]) == (502, "3")
        assert [record.attempts for record in records] == [1, 1, 1]
        assert len(found.asked) == 3

    run(scenario())


def test_the_entrys_deadline_holds_at_the_peer_too(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(scripts.hang()) as [found]:
            quick = {"retry": Retry(attempts=1)}
            configs = {
                "fra": network.config("fra", tiers=[[TO_PARIS]], route=quick),
                "par": network.config("par", [found]),
            }
            async with network.serving(configs) as gateways:
                route = gateways["fra"].plane._routes()[0]
                route.timeouts.total = 0.4
                answer = await ask(gateways["fra"], post(BODY))
                await settled(*gateways.values())

        assert (answer.status, answer.code) == (504, "upstream_timeout")
        assert len(found.asked) == 1

    run(scenario())


def large(size: int) -> bytes:
    return b'{"model":"chat","messages":[{"role":"user","content":"%b"}]}' % (b"x" * size)


@pytest.mark.parametrize("salts", [pytest.param(False, id="as-it-is"), pytest.param(True, id="salted")])
def test_a_large_body(tmp_path: pathlib.Path, salts: bool) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        body = large(5_000_000)
        async with backends(GOOD) as [found]:
            there = network.config("par", [found], pool={"cache_salt": salts})
            configs = {"fra": network.config("fra", tiers=[[TO_PARIS]]), "par": there}
            async with network.serving(configs) as gateways:
                answer = await ask(gateways["fra"], post(body))
                await settled(*gateways.values())
                used = [gateway.plane.services.memory.used for gateway in gateways.values()]

        assert answer.status == 200
        received = json.loads(found.asked[0].body)
        assert received["messages"] == json.loads(body)["messages"]
        assert ("cache_salt" in received) is salts
        assert used == [0, 0]

    run(scenario())


def test_what_the_entry_adds_makes_no_body_too_large(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        limits = {"limits": Limits(body_bytes=len(BODY))}
        async with backends(GOOD) as found:
            configs = {
                "fra": network.config("fra", tiers=[[TO_PARIS]], site=limits),
                "par": network.config("par", found, site=limits),
            }
            async with network.serving(configs) as gateways:
                answer = await ask(gateways["fra"], post(BODY))

        assert answer.status == 200
        assert len(found[0].asked[0].body) > len(BODY)

    run(scenario())


def test_a_body_that_is_too_large_for_the_peer_is_the_clients_to_know(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(GOOD) as [found]:
            there = network.config("par", [found], site={"limits": Limits(body_bytes=1_000)})
            configs = {"fra": network.config("fra", tiers=[[TO_PARIS]]), "par": there}
            async with network.serving(configs) as gateways:
                body = b'{"model":"chat","x":"%b"}' % (b"x" * 200_000)
                answer = await ask(gateways["fra"], post(body))

        assert (answer.status, answer.code) == (413, "body_too_large")
        assert found.asked == []

    run(scenario())


def test_the_pools_own_gateway_salts_as_if_the_tenant_had_come_to_it(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(GOOD) as [found]:
            there = network.config("par", [found], pool={"cache_salt": True})
            configs = {"fra": network.config("fra", tiers=[[TO_PARIS]]), "par": there}
            async with network.serving(configs) as gateways:
                await ask(gateways["fra"], post(b'{"model":"chat","cache_salt":"mine"}'))
                await ask(gateways["par"], post(BODY))

        salts = [json.loads(request.body)["cache_salt"] for request in found.asked]
        assert salts[0] == salts[1] != "mine"

    run(scenario())


def test_like_prompts_go_to_like_engines(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(GOOD, GOOD, GOOD) as found:
            addresses = StaticEndpoints(addresses=frozenset(f"127.0.0.1:{each.port}" for each in found))
            pool = EnginePool(id="lab/a", kind=EngineKind.VLLM, discovery=addresses)
            there = replace(network.config("par", found[:1]), engines=(pool,))
            configs = {"fra": network.config("fra", tiers=[[TO_PARIS]]), "par": there}
            async with network.serving(configs) as gateways:
                for number in range(12):
                    prompt = b'{"model":"chat","messages":[{"role":"user","content":"prompt %d"}]}' % (number % 3)
                    await ask(gateways["fra"], post(prompt))

        homes: dict[bytes, set[int]] = {}
        for backend in found:
            for request in backend.asked:
                homes.setdefault(request.body, set()).add(backend.port)
        assert [len(each) for each in homes.values()] == [1, 1, 1]

    run(scenario())


def test_a_slow_reader_pauses_the_engine_behind_the_peer(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        piece = scripts.frame(b'{"choices":[{"index":0,"delta":{"content":"%b"}}]}' % (b"x" * 60_000))
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        flood = Script((Send(head), Repeat(piece, 1_500), Send(scripts.frame(b"[DONE]") + b"0\r\n\r\n")))
        async with backends(flood) as [found]:
            configs = {"fra": network.config("fra", tiers=[[TO_PARIS]]), "par": network.config("par", [found])}
            async with network.serving(configs) as gateways, talking(gateways["fra"]) as talk:
                talk.writer.transport.pause_reading()  # type: ignore[attr-defined] # it is a full transport
                talk.send(post(STREAM))
                await found.wait(lambda: len(found.asked) == 1)
                await until(lambda: len(gateways["par"].plane.services.hosted) == 1)
                (hosting,) = gateways["par"].plane.services.hosted
                sizes = [-1]
                async with asyncio.timeout(60):
                    while not hosting._size or hosting._size != sizes[-1]:  # It comes to rest.
                        sizes.append(hosting._size)
                        await asyncio.sleep(0.3)
                assert sizes[-1] < 45_000_000
                talk.writer.transport.resume_reading()  # type: ignore[attr-defined] # as above
                tail = b""
                while b"[DONE]" not in tail:
                    tail = tail[-16:] + await talk.reader.read(1 << 20)

            assert (await gateways["fra"].record()).bytes_out > 90_000_000

    run(scenario())


def test_what_is_counted_where(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(GOOD) as found:
            one = tenant(limits=Rates(requests_per_minute=1))
            configs = {
                "fra": network.config("fra", tiers=[[TO_PARIS]]),
                "par": network.config("par", found, tenant=one),
            }
            async with network.serving(configs) as gateways:
                tagged = post(BODY, headers={"x-isochrone-tags": "team=search"})
                answers = [await ask(gateways["fra"], tagged) for _ in range(2)]
                counted = {name: counts(gateway) for name, gateway in gateways.items()}

        assert [answer.status for answer in answers] == [200, 200], "limits of tenants hold at the entry"
        here, there = counted["fra"], counted["par"]
        assert here["isochrone_requests_total"] == {("lab/chat", "Answered", "", "FR"): 2}
        assert here["isochrone_tenant_tokens_total"] == {("lab/team", "input"): 14, ("lab/team", "output"): 6}
        assert here["isochrone_peer_ready"] == {("par",): 1}
        assert here["isochrone_peer_requests_total"] == {}
        assert sum(here["isochrone_tag_tokens_total"].values()) == 20
        assert there["isochrone_requests_total"] == there["isochrone_tenant_tokens_total"] == {}
        assert there["isochrone_tag_tokens_total"] == {}
        assert there["isochrone_peer_requests_total"] == {("fra", "lab/chat", "Answered", ""): 2}
        assert there["isochrone_peer_tokens_total"] == {
            ("fra", "lab/chat", "input"): 14,
            ("fra", "lab/chat", "output"): 6,
        }

    run(scenario())


def counts(gateway: Any) -> dict[str, dict[tuple[str, ...], float]]:
    return {
        family.name: {sample.labels: sample.values[0] for sample in family.samples}
        for family in gateway.context.registry.snapshot()
    }


def test_distance_is_measured(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(GOOD) as found:
            far = peer_candidate("par", place=2, rtt_ms=100_000)
            configs = {"fra": network.config("fra", tiers=[[far]]), "par": network.config("par", found)}
            async with network.serving(configs) as gateways:
                route = gateways["fra"].plane._routes()[0]
                measured = gateways["fra"].plane.describe()["peers"]["par"]["rttMs"]
                score = route.picker.score(route.picker.options[0])

        assert 0 <= measured < 50_000
        assert score < 50_000, "what the planner expects holds only until then"

    run(scenario())


def test_a_config_without_the_peer_ends_its_hops_but_none_that_is_open(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(scripts.stream([DELTA] * 10, gap=0.05), GOOD) as [there, here]:
            configs = {"fra": network.config("fra", tiers=[[TO_PARIS]]), "par": network.config("par", [there])}
            async with network.serving(configs) as gateways, talking(gateways["fra"]) as talk:
                talk.send(post(STREAM))
                await talk.head()
                first = await talk.chunk()
                gateways["fra"].use(network.config("fra", [here], peers=()))
                gateways["par"].use(network.config("par", [there], peers=()))
                chunks = [first]
                while chunk := await talk.chunk():
                    chunks.append(chunk)
                await gateways["fra"].ready()
                answer = await ask(gateways["fra"], post(BODY))
                peers = gateways["fra"].plane.describe()["peers"]
                ready = counts(gateways["fra"])["isochrone_peer_ready"]

        assert b"".join(chunks) == (b"data: %b\n\n" % DELTA) * 10 + b"data: [DONE]\n\n"
        assert answer.headers["x-isochrone-backend"] == "engine:lab/a"
        assert peers == {}
        assert ready == {}
        assert len(there.asked) == 1

    run(scenario())


def test_an_interrupt_cuts_hops_and_refuses_those_without_an_answer(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        script = scripts.hang_mid_stream([DELTA])
        async with backends(lambda request: script if b"stream" in request.body else scripts.hang()) as [found]:
            once = {"retry": Retry(attempts=1)}
            configs = {
                "fra": network.config("fra", tiers=[[TO_PARIS]], route=once),
                "par": network.config("par", [found]),
            }
            async with (
                network.serving(configs) as gateways,
                talking(gateways["fra"]) as whole,
                talking(gateways["fra"]) as stream,
            ):
                whole.send(post(BODY))
                stream.send(post(STREAM))
                await stream.head()
                await stream.chunk()
                await found.wait(lambda: len(found.asked) == 2)
                gateways["par"].plane.interrupt()
                answer = await whole.answer()
                frame = await stream.chunk()
                await settled(gateways["par"])
                there = {record.error for record in gateways["par"].records()}

        assert answer.status == 502
        assert json.loads(frame.removeprefix(b"data: "))["error"]["code"] == "stream_interrupted"
        assert there == {"draining"}

    run(scenario())
