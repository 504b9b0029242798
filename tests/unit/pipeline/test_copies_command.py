"""Evidence of two workers in a bucket: while the store is slow or away, and after the gateway was killed."""

import asyncio
import contextlib
import json
import pathlib
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from tests.unit.ledger.evidence.store import ACCESS, REGION, SECRET, FakeStore
from tests.unit.pipeline.harness import backends, run
from tests.unit.pipeline.talk import Talk, post
from tests.unit.pipeline.test_evidence_command import BODY, kept
from tests.unit.pipeline.test_workers import PLANE, Site
from tests.unit.supervisor import gateways

from isochrone.cli import main
from isochrone_gateway.config import Config
from isochrone_gateway.config.site import EvidenceKeeping, ObjectStorage
from isochrone_gateway.upstream import scripts

AGE = "isochrone_evidence_uncopied_age_seconds"
FAILURES = "isochrone_evidence_copy_failures_total"
PREFIX = "evidence/of/lab"


def copied(port: int, store: FakeStore) -> Config:
    made = kept(port)
    storage = ObjectStorage(
        endpoint=store.url,
        plaintext=True,
        bucket="evidence",
        prefix="of/lab",
        region=REGION,
        place=made.site.place,
        access_key="objects/access",
        secret_key="objects/secret",
        close_after_s=1,
    )
    return replace(made, site=replace(made.site, evidence=EvidenceKeeping(objects=storage)))


class World:
    """A folder for evidence and secrets, and a store."""

    def __init__(self, folder: pathlib.Path, store: FakeStore) -> None:
        self.store = store
        self.folder = folder
        self.evidence = folder / "evidence"
        self.keys = folder / "keys"
        self.keys.mkdir()
        secrets = folder / "secrets" / "objects"
        secrets.mkdir(parents=True)
        for name, value in (("access", ACCESS), ("secret", SECRET)):
            (secrets / name).write_text(value)
        self.options = (
            *("--evidence", str(self.evidence), "--evidence-key", str(folder / "key.pem")),
            *("--secrets", str(folder / "secrets")),
        )
        self.statuses: Counter[int] = Counter()
        self.lives = 0

    @contextlib.contextmanager
    def gateway(self) -> Iterator[gateways.Gateway]:
        self.lives += 1
        folder = self.folder / f"life-{self.lives}"
        folder.mkdir()
        with gateways.running(folder, *self.options, workers=2, publish=False, plane=PLANE) as gateway:
            yield gateway

    @contextlib.asynccontextmanager
    async def asked(self, gateway: gateways.Gateway) -> AsyncIterator[None]:
        """While requests come."""
        site, enough = Site(gateway), asyncio.Event()
        async with backends(scripts.answer(b"{}")) as found:
            await site.publish(copied(found[0].port, self.store))
            async with site.talks(4) as talks:
                asking = asyncio.gather(*(self._ask(talk, enough) for talk in talks))
                try:
                    yield
                finally:
                    enough.set()
                    await asking

    async def _ask(self, talk: Talk, enough: asyncio.Event) -> None:
        """Some requests a second, until the connection ends."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while not enough.is_set():
                talk.send(post(BODY))
                self.statuses[(await talk.answer()).status] += 1
                await asyncio.sleep(0.02)

    def download(self) -> pathlib.Path:
        folder = self.folder / "downloaded"
        self.store.download(folder, f"{PREFIX}/")
        (instance,) = (self.evidence / "lab").iterdir()
        (self.keys / "lab.pem").write_bytes((instance / "public-key.pem").read_bytes())
        return folder

    def verified(self, *options: str) -> str:
        said = CliRunner().invoke(
            main, ["audit", "verify", str(self.download()), "--trusted-keys", str(self.keys), *options]
        )
        assert said.exit_code == 0, said.output
        return said.output

    def is_same(self) -> bool:
        """Whether the bucket has what is on the disk."""
        (instance,) = (self.evidence / "lab").iterdir()
        files = {
            f"{PREFIX}/lab/{instance.name}/{path.relative_to(instance)}": path.read_bytes()
            for path in (*instance.glob("*/*.jsonl"), *instance.glob("*/*/*.jsonl"), instance / "public-key.pem")
        }
        return files == self.store.objects


@pytest.fixture
def world(tmp_path: pathlib.Path) -> Iterator[World]:
    with FakeStore().running() as store:
        yield World(tmp_path, store)


async def until(condition: Callable[[], bool], gateway: gateways.Gateway) -> None:
    await asyncio.to_thread(gateways.until, condition, log=lambda: gateway.log)


def test_what_is_written_is_in_the_bucket_and_proves_itself(world: World) -> None:
    anchor: dict[str, Any] = {}

    async def scenario(gateway: gateways.Gateway) -> None:
        async with world.asked(gateway):
            await until(lambda: len(world.store.puts) >= 8, gateway)
            await away(gateway)
            await slow(gateway)
        evidence = (await asyncio.to_thread(gateway.status))["evidence"]
        anchor.update(evidence["anchor"])
        assert evidence["copies"]["bucket"] == f"{world.store.url}/evidence/of/lab"

    async def away(gateway: gateways.Gateway) -> None:
        """Nothing is refused, the age grows, and it is told until the store is back."""
        world.store.is_away = True
        await until(lambda: gateway.metric(FAILURES) > 0 and gateway.metric(AGE) > 2, gateway)
        told = (await asyncio.to_thread(gateway.status))["evidence"]["copies"]
        assert told["problem"] == "127.0.0.1 answers with 503 ServiceUnavailable"
        world.store.is_away = False
        await until(lambda: gateway.status()["evidence"]["copies"]["problem"] is None, gateway)

    async def slow(gateway: gateways.Gateway) -> None:
        """Each file takes longer than its successor takes to be closed."""
        before, world.store.delay = len(world.store.puts), 0.7
        await until(lambda: len(world.store.puts) >= before + 3, gateway)
        world.store.delay = 0.0

    with world.gateway() as gateway:
        run(scenario(gateway))
        gateway.signal(signal.SIGTERM)
        assert gateway.wait() == 0
        for what in ("EvidenceNotCopied", "EvidenceCopied"):
            assert what in gateway.log
        assert SECRET not in gateway.log
    assert set(world.statuses) == {200}
    assert world.is_same()
    assert len(world.store.puts) == len(set(world.store.puts))
    anchors = world.folder / "anchors.jsonl"
    anchors.write_text(json.dumps(anchor) + "\n")
    assert "PROVED" in world.verified("--anchors", str(anchors))


def test_a_gateway_that_is_killed_goes_on_where_it_was(world: World) -> None:
    async def first(gateway: gateways.Gateway) -> None:
        async with world.asked(gateway):
            await until(lambda: len(world.store.puts) >= 4, gateway)
            world.store.lost_answers = 1
            await until(lambda: not world.store.lost_answers, gateway)
            gateway.signal(signal.SIGKILL)
            await asyncio.to_thread(gateway.wait)

    async def second(gateway: gateways.Gateway) -> None:
        async with world.asked(gateway):
            before = len(world.store.puts)
            await until(lambda: len(world.store.puts) >= before + 6, gateway)

    for scenario in (first, second):
        with world.gateway() as gateway:
            run(scenario(gateway))
            gateway.signal(signal.SIGTERM)
            gateway.wait()
            assert "is in the bucket already" not in gateway.log
    assert world.is_same()
    assert len(world.store.puts) == len(set(world.store.puts)), "nothing is put twice"
    assert len(world.store.refused) == 1, "what it had sent when it was killed"
    assert "PROVED" in world.verified()


def test_a_key_that_is_missing_keeps_nobody_from_an_answer(world: World) -> None:
    for name in ("access", "secret"):
        (world.folder / "secrets" / "objects" / name).unlink()

    async def scenario(gateway: gateways.Gateway) -> None:
        async with world.asked(gateway):
            await until(lambda: gateway.status()["evidence"]["copies"] is not None, gateway)
            await until(lambda: gateway.metric(FAILURES) > 1, gateway)
        assert "can't be read" in gateway.status()["evidence"]["copies"]["problem"]

    with world.gateway() as gateway:
        run(scenario(gateway))
    assert set(world.statuses) == {200}
    assert world.store.puts == []
