"""Configs as a hub would write them, and an owner that runs them in name only."""

import asyncio
import dataclasses
import math
import pathlib
import time
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec.structs import replace
from tests.contract.config_cases import RELEASE, public_key, sign_as
from tests.contract.config_versions import minimal

from isochrone_gateway.config import Config, encode_index, shard
from isochrone_gateway.source import files
from isochrone_gateway.source.contact import Clock, Contact
from isochrone_gateway.source.judging import Complete
from isochrone_gateway.source.report import Happening


def config(*, hostname: str = "lab.example.com", max_age_ms: int = 60_000) -> Config:
    """A small config; the host name makes contents differ."""
    made = minimal()
    age = replace(made.site.age, max_age_ms=max_age_ms, hard_max_age_ms=max_age_ms * 10)
    return replace(made, site=replace(made.site, hostname=hostname, age=age))


def published(sequence: int, *, epoch: int = 1, hostname: str = "", signer: str = "") -> tuple[bytes, dict[str, bytes]]:
    release = dataclasses.replace(RELEASE, sequence=sequence, epoch=epoch)
    signers = [sign_as(signer)] if signer else []
    index, blobs = shard(config(hostname=hostname or f"s{sequence}.example.com"), release, signers=signers)
    return encode_index(index), dict(blobs)


def publish(folder: pathlib.Path, sequence: int, *, epoch: int = 1, hostname: str = "") -> None:
    files.write(folder, *published(sequence, epoch=epoch, hostname=hostname))


def public_pem(key_id: str) -> bytes:
    """The public key that `signer` stands for."""
    key = Ed25519PublicKey.from_public_bytes(public_key(key_id))
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def write_key(folder: pathlib.Path, key_id: str) -> None:
    """Let it be trusted."""
    (folder / f"{key_id}.pem").write_bytes(public_pem(key_id))


class ManualClock:
    """Time that a test sets."""

    def __init__(self, *, boot: str = "boot-1", running: float = 100.0, wall: float = 1_800_000_000.0) -> None:
        self.boot = boot
        self.running = running
        self.wall = wall

    def clock(self) -> Clock:
        return Clock(running=lambda: self.running, wall=lambda: self.wall, boot=self.boot)

    def pass_by(self, seconds: float) -> None:
        self.running += seconds
        self.wall += seconds


class RecordingOwner:
    """Runs what it is given, or refuses with the next of `problems`."""

    def __init__(self) -> None:
        self.applied: list[Complete] = []
        self.contacts: list[Contact] = []
        self.happenings: list[tuple[Happening, str]] = []
        self.problems: list[tuple[str, ...]] = []

    async def apply(self, complete: Complete) -> tuple[str, ...]:
        await asyncio.sleep(0)
        if self.problems:
            return self.problems.pop(0)
        self.applied.append(complete)
        return ()

    def confirmed(self, contact: Contact) -> None:
        self.contacts.append(contact)

    def happened(self, what: Happening, detail: str) -> None:
        self.happenings.append((what, detail))

    @property
    def sequences(self) -> list[int]:
        return [complete.revision.sequence for complete in self.applied]

    def saw(self, what: Happening) -> list[str]:
        return [detail for happening, detail in self.happenings if happening is what]


async def until(condition: Callable[[], bool], *, limit: float = 60.0) -> None:
    """Wait for the condition; what never comes true fails the test."""
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.01)


NEVER = math.inf


async def assert_cancellable(begin: Callable[[], asyncio.Task[None]], nudge: Callable[[], None]) -> None:
    """Cancel the work at the very moment when what it waits for comes, and some moments around it."""
    for moments in range(5):
        task = begin()
        await asyncio.sleep(0.1)
        nudge()
        for _ in range(moments):
            await asyncio.sleep(0)
        task.cancel()
        _, pending = await asyncio.wait([task], timeout=5)
        assert not pending, f"it goes on, cancelled {moments} rounds after the news"
