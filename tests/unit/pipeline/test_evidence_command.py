"""Evidence of a gateway of two workers, as the command runs it: under load, with a worker killed, to its end."""

import asyncio
import contextlib
import hashlib
import os
import pathlib
import signal
from collections import Counter
from typing import Any

from msgspec.structs import replace
from tests.unit.ledger.evidence.checking import check, read_checkpoints
from tests.unit.pipeline.harness import backends, config, engine, engine_candidate, only_in, route, run, tenant
from tests.unit.pipeline.talk import Talk, post
from tests.unit.pipeline.test_workers import PLANE, Site
from tests.unit.supervisor import gateways

from isochrone_gateway.config import Config
from isochrone_gateway.config.site import EvidenceKeeping
from isochrone_gateway.upstream import scripts

BODY = b'{"model":"chat"}'
CONNECTIONS = 6
LINES = "isochrone_evidence_lines_total"


def kept(port: int) -> Config:
    made = config(
        engines=(engine("a", port),),
        routes=(route([engine_candidate("a")]),),
        law=only_in(0),
        tenant=tenant(origins=frozenset({"DE"})),
    )
    return replace(made, site=replace(made.site, evidence=EvidenceKeeping()))


async def ask(talk: Talk, until: asyncio.Event, statuses: Counter[int]) -> None:
    """One request after the other, until the connection ends."""
    while not until.is_set():
        talk.send(post(BODY))
        try:
            statuses[(await talk.answer()).status] += 1
        except (asyncio.IncompleteReadError, ConnectionError):
            break


async def kill_one(gateway: gateways.Gateway, *, after: float) -> float:
    """Kill a worker once so many lines were written, and wait for the next. Gives how many were written before."""
    await asyncio.to_thread(gateways.until, lambda: gateway.metric(LINES) >= after)
    written = gateway.metric(LINES)
    (pid, *_) = sorted(before := gateway.pids())
    os.kill(pid, signal.SIGKILL)
    await asyncio.to_thread(gateways.until, lambda: gateway.pids() not in (before, set()))
    return written


def lines_of(chains: dict[str, list[dict[str, Any]]]) -> Counter[str]:
    return Counter(
        line["outcome"] if "outcome" in line else line["kind"] for lines in chains.values() for line in lines
    )


def test_what_two_workers_did_is_there_afterwards_also_when_one_was_killed(tmp_path: pathlib.Path) -> None:
    folder, key = tmp_path / "evidence", tmp_path / "key.pem"
    options = ("--evidence", str(folder), "--evidence-key", str(key))
    statuses: Counter[int] = Counter()
    anchor: dict[str, Any] = {}
    written = 0.0

    async def scenario(gateway: gateways.Gateway) -> None:
        nonlocal written
        site = Site(gateway)
        async with backends(scripts.answer(b"{}")) as found:
            await site.publish(kept(found[0].port))
            async with site.talks(CONNECTIONS) as talks:
                enough = asyncio.Event()
                asking = asyncio.gather(*(ask(talk, enough, statuses) for talk in talks))
                written = await kill_one(gateway, after=300)
                await site.wait(ready=2)
                enough.set()
                await asking
            await asyncio.to_thread(gateways.until, lambda: gateway.status()["evidence"]["anchor"] is not None)
            evidence = (await asyncio.to_thread(gateway.status))["evidence"]
            assert evidence["problem"] is None
            anchor.update(evidence["anchor"])
            assert gateway.metric("isochrone_evidence_checkpoint_failures_total") == 0

    with contextlib.ExitStack() as stack:
        gateway = stack.enter_context(gateways.running(tmp_path, *options, workers=2, publish=False, plane=PLANE))
        run(scenario(gateway))
        gateway.signal(signal.SIGTERM)
        assert gateway.wait() == 0
    (instance,) = (folder / "lab").iterdir()
    chains = check(instance)
    counts = lines_of(chains)
    # The killed worker may have taken with it what it had not written yet, and nothing that it had.
    assert written <= counts.total()
    assert 0 < counts["Answered"] <= statuses[200] + CONNECTIONS
    assert counts["Boot"] == 3
    assert counts["End"] == 2
    assert counts["Lost"] == 0
    after = [lines[0] for lines in chains.values() if "after" in lines[0]]
    assert [("clean" in each, each["afterCount"]) for each in after] == [(False, len(chains[after[0]["after"]]))]
    for name, lines in chains.items():
        assert name == f"{lines[0]['writer']}-{lines[0]['boot']}"
        assert [line["kind"] for line in lines[:2]] == ["Boot", "Config"]
        assert lines[1]["policies"]["stay-home"]["mode"] == "Enforce"
    checkpoints = read_checkpoints(instance)
    ended = [name for name, lines in chains.items() if lines[-1]["kind"] == "End"]
    last = {name: head for each in checkpoints for name, head in each["chains"].items()}
    assert all(last[name]["count"] == len(chains[name]) for name in ended), "the end is in a checkpoint"
    (path,) = (instance / "checkpoints").iterdir()
    assert hashlib.sha256(path.read_bytes().splitlines()[anchor["n"]]).hexdigest() == anchor["digest"]


def test_a_config_that_asks_for_evidence_where_none_can_be_kept_is_refused(tmp_path: pathlib.Path) -> None:
    with gateways.running(tmp_path, workers=1, publish=False, plane=PLANE) as gateway:
        made = gateways.make_config(gateway.data, gateway.admin, hostname="a.example.com")
        made = replace(made, site=replace(made.site, evidence=EvidenceKeeping()))
        gateways.write(gateway.folder / "config", made, 1)
        gateways.until(lambda: "ConfigRefused" in gateway.log or "site.evidence" in gateway.log)
        assert "started without --evidence" in gateway.log
