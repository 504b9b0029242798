"""What the request path writes as evidence, and what it refuses when it can't."""

import errno
import pathlib
import time
from collections.abc import Mapping
from typing import Any

import pytest
from tests.unit.ledger.evidence.checking import read_chain
from tests.unit.ledger.evidence.test_writer import LIMIT, FakeDisk, wait_for
from tests.unit.pipeline.harness import (
    backends,
    config,
    of_engines,
    only_in,
    peer_candidate,
    run,
    serving,
    tenant,
)
from tests.unit.pipeline.network import Network
from tests.unit.pipeline.talk import ask, get, post
from tests.unit.pipeline.test_scopes import ALL, US, law

from isochrone_gateway.ledger.evidence.keeping import Keeping
from isochrone_gateway.ledger.evidence.lines import End, Outcome
from isochrone_gateway.ledger.evidence.writer import Whose, Writer
from isochrone_gateway.ledger.record import Outcome as RecordOutcome
from isochrone_gateway.ledger.record import Record, Times
from isochrone_gateway.server.pipeline.evidence import UNAVAILABLE, outcome
from isochrone_gateway.upstream import scripts
from isochrone_gateway.wire.errors import ApiError, residency_denied
from isochrone_gateway.wire.schema import Usage

BODY = b'{"model":"chat"}'
GERMAN = tenant(origins=frozenset({"DE"}))


def writer(folder: pathlib.Path, disk: FakeDisk | None = None) -> Writer:
    made = Writer(folder / "chains", Whose(site="lab", instance="gw", writer="w0"), "a", wall=time.time, disk=disk)
    made.start()
    return made


def written(folder: pathlib.Path, made: Writer) -> list[dict[str, Any]]:
    assert made.stop("Drained", patience=LIMIT)
    return read_chain(folder / "chains" / "w0-a")[1:-1]


def test_each_try_has_an_intent_and_each_request_an_outcome(tmp_path: pathlib.Path) -> None:
    made = writer(tmp_path)

    async def scenario() -> None:
        answer = scripts.answer(b'{"usage":{"prompt_tokens":3,"completion_tokens":4}}')
        async with (
            backends(scripts.server_error(), answer) as found,
            serving(of_engines(found, law=only_in(0), tenant=GERMAN), evidence=Keeping(made.pen)) as gateway,
        ):
            assert (await ask(gateway, post(BODY))).status == 200

    run(scenario())
    one, failed, two, outcome = written(tmp_path, made)
    assert [each["kind"] for each in (one, failed, two, outcome)] == ["Intent", "Outcome", "Intent", "Outcome"]
    assert len({each["id"] for each in (one, failed, two, outcome)}) == 1
    assert [(one["candidate"], one["try"]), (two["candidate"], two["try"])] == [
        ("engine:lab/a", 1),
        ("engine:lab/b", 2),
    ]
    assert {name: one[name] for name in sorted(one.keys() - {"at", "hash", "id", "n"})} == {
        "age": "Fresh", "candidate": "engine:lab/a", "jurisdiction": "DE", "key": "main", "kind": "Intent",
        "level": "Declared", "model": "chat", "operation": "chat", "origin": ["DE"], "originFrom": "Tenant",
        "policies": ["stay-home"], "revision": "1/1", "route": "lab/chat", "scope": "Inference",
        "tenant": "lab/team", "try": 1,
    }  # fmt: skip
    assert (failed["outcome"], failed["status"], failed["try"]) == ("TryFailed", 500, 1)
    assert (outcome["outcome"], outcome["tokensIn"], outcome["tokensOut"], outcome["try"]) == ("Answered", 3, 4, 2)


def test_what_the_law_refuses_is_told_with_why(tmp_path: pathlib.Path) -> None:
    made = writer(tmp_path)

    async def scenario() -> None:
        async with backends(scripts.answer(b"{}")) as found:
            elsewhere = law({"Inference": US, "Logs": ALL})
            async with serving(of_engines(found, law=elsewhere, tenant=GERMAN), evidence=Keeping(made.pen)) as gateway:
                assert (await ask(gateway, post(BODY))).status == 403
                assert found[0].asked == []

    run(scenario())
    (outcome,) = written(tmp_path, made)
    assert (outcome["outcome"], outcome["try"], outcome["policy"]) == ("Refused", 0, "german-data")
    assert (outcome["tenant"], outcome["origin"], outcome["error"]) == ("lab/team", ["DE"], "residency_denied")
    assert outcome["reason"]


def test_whoever_has_no_key_leaves_no_line(tmp_path: pathlib.Path) -> None:
    made = writer(tmp_path)

    async def scenario() -> None:
        async with serving(config(), evidence=Keeping(made.pen)) as gateway:
            for said in ("Bearer ik_of_nobody", ""):
                assert (await ask(gateway, post(BODY, headers={"authorization": said}))).status == 401

    run(scenario())
    assert written(tmp_path, made) == []


def test_a_list_of_models_is_no_processing(tmp_path: pathlib.Path) -> None:
    made = writer(tmp_path)

    async def scenario() -> None:
        async with serving(config(), evidence=Keeping(made.pen)) as gateway:
            assert (await ask(gateway, get("/v1/models"))).status == 200

    run(scenario())
    assert written(tmp_path, made) == []


@pytest.mark.parametrize(
    ("refuses", "is_bound", "status"),
    [(True, True, 503), (True, False, 200), (False, True, 200)],
    ids=["bound", "not-bound", "counted"],
)
def test_a_full_disk_stops_what_a_policy_binds_where_that_was_asked_for(
    tmp_path: pathlib.Path, refuses: bool, is_bound: bool, status: int
) -> None:
    disk = FakeDisk()
    made = writer(tmp_path, disk)
    disk.fault = errno.ENOSPC
    made.pen.put(End(at=1.0, reason="to find out"))
    wait_for(lambda: not made.pen.is_writable)

    async def scenario() -> None:
        async with backends(scripts.answer(b"{}")) as found:
            fields: dict[str, Any] = {"law": only_in(0), "tenant": GERMAN} if is_bound else {}
            async with serving(of_engines(found, **fields), evidence=Keeping(made.pen, refuses=refuses)) as gateway:
                answer = await ask(gateway, post(BODY))
                assert answer.status == status
                if status == 503:
                    assert answer.code == "evidence_unavailable"
                    assert "retry-after" in answer.headers
                    assert found[0].asked == []

    run(scenario())
    disk.fault = 0
    assert made.stop("Drained", patience=LIMIT)


def test_both_ends_of_a_hop_tell_it_under_one_id(tmp_path: pathlib.Path) -> None:
    entry, host = writer(tmp_path / "fra"), writer(tmp_path / "par")

    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(scripts.answer(b"{}")) as found:
            tiers = [[peer_candidate("par", place=2)]]
            configs = {"fra": network.config("fra", tiers=tiers), "par": network.config("par", found)}
            async with network.serving(configs) as gateways:
                gateways["fra"].context.evidence.pen = entry.pen
                gateways["par"].context.evidence.pen = host.pen
                assert (await ask(gateways["fra"], post(BODY))).status == 200
                await gateways["par"].record()

    run(scenario())
    here, there = written(tmp_path / "fra", entry), written(tmp_path / "par", host)
    assert [each["kind"] for each in (*here, *there)] == ["Intent", "Outcome"] * 2
    assert len({each["id"] for each in (*here, *there)}) == 1
    assert (here[0]["candidate"], "hosted" in here[0]) == ("peer:par", False)
    assert (there[0]["candidate"], there[0]["hosted"], there[0]["jurisdiction"]) == ("engine:lab/a", True, "FR")
    assert there[0]["tenant"] == here[0]["tenant"]


def test_a_host_that_can_not_write_refuses_what_a_policy_binds(tmp_path: pathlib.Path) -> None:
    disk = FakeDisk()
    full = writer(tmp_path / "par", disk)
    disk.fault = errno.ENOSPC
    full.pen.put(End(at=1.0, reason="to find out"))
    wait_for(lambda: not full.pen.is_writable)

    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(scripts.answer(b"{}")) as found:
            tiers = [[peer_candidate("par", place=2)]]
            bound: dict[str, Any] = {"law": only_in(0, 2), "tenant": GERMAN}
            configs = {
                "fra": network.config("fra", tiers=tiers, **bound),
                "par": network.config("par", found, **bound),
            }
            async with network.serving(configs) as gateways:
                keeping = gateways["par"].context.evidence
                keeping.pen, keeping.refuses = full.pen, True
                assert (await ask(gateways["fra"], post(BODY))).status == 502
                assert gateways["par"].records()[0].error == "evidence_unavailable"
                assert found[0].asked == []

    run(scenario())
    disk.fault = 0
    assert full.stop("Drained", patience=LIMIT)


def test_nothing_is_left_here_of_what_may_not_be_written_here(tmp_path: pathlib.Path) -> None:
    made = writer(tmp_path)
    policy = law({"Inference": ALL, "Logs": US})

    async def scenario() -> None:
        async with (
            backends(scripts.server_error(), scripts.answer(b"{}")) as found,
            serving(of_engines(found, law=policy, tenant=GERMAN), evidence=Keeping(made.pen)) as gateway,
        ):
            assert (await ask(gateway, post(BODY))).status == 200

    run(scenario())
    (lost,) = written(tmp_path, made)
    assert (lost["kind"], lost["why"], lost["count"]) == ("Lost", "Withheld", 4)
    assert lost.keys() == {"n", "kind", "at", "count", "since", "why", "hash"}
    assert made.pen.lost == 0


_DENIED = residency_denied(
    reason="OutsideLaw", scope="Inference", origin=frozenset({"DE"}), policy="stay-home", way_out="", hostnames={}
)
_NOBODYS_LAW = residency_denied(
    reason="OutsideLaw", scope="Inference", origin=frozenset({"DE"}), policy=None, way_out="", hostnames={}
)
_LAW = {"reason": "OutsideLaw", "policy": "stay-home", "scope": "Inference"}
_WHOSE = {"tenant": "lab/team", "route": "lab/chat", "origin": ("DE",), "policies": ("stay-home",)}
_ANSWER = {"tokens_in": 3, "tokens_out": 4, "bytes_out": 60, "upstream_model": "served"}


@pytest.mark.parametrize(
    ("attempts", "refusal", "told"),
    [
        (0, None, _WHOSE),
        (0, _DENIED, _WHOSE | _LAW),
        (0, _NOBODYS_LAW, _WHOSE | _LAW | {"policy": ""}),
        (0, UNAVAILABLE, _WHOSE),
        (2, None, _ANSWER),
        (2, _DENIED, _ANSWER | _LAW),
        (2, UNAVAILABLE, _ANSWER),
    ],
    ids=["unsent", "unsent-denied", "unsent-by-default", "unsent-other", "sent", "sent-denied", "sent-other"],
)
def test_an_end_tells_whose_it_was_or_what_came_back(
    attempts: int, refusal: ApiError | None, told: Mapping[str, Any]
) -> None:
    record = Record(
        id="req_1", at=1.0, outcome=RecordOutcome.FAILED, status=502, times=Times(0.1), error="bad", attempts=attempts,
        tenant="lab/team", route="lab/chat", origin=("DE",), policies=("stay-home",), usage=Usage(3, 4), bytes_out=60,
        upstream_model="served",
    )  # fmt: skip
    line = Outcome(at=2.5, id="req_1", attempt=attempts, outcome="Failed", status=502, error="bad", **told)
    assert outcome(2.5, record, refusal) == line
