"""`make bench-audit`: how fast evidence is verified, shown and exported, on one core: commands as people run them.

The evidence is made here, by its format: gateways of two workers each, at sites in Europe and America; one request in
ten goes to a peer, one in twenty is tried twice, one in fifty refused. Each figure is of fresh processes, with the time
that they take to start; the files have been read before, so disks count for nothing. CPU is what the verdict goes by,
since machines are shared.
"""

import argparse
import dataclasses
import hashlib
import json
import os
import pathlib
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from tests.bench import machine
from tests.unit.audit.writing import ZERO, Instance

LINES: Final = 1_000_000
BUDGET_S: Final = 30.0
"""For verifying a million lines."""
WORKERS: Final = 2
BOOT: Final = "20261126T230000Z-0000000"
START: Final = 1_795_734_000.0
SITES: Final = {"fra1": "DE-HE", "ber1": "DE-BE", "cdg1": "FR-IDF", "lhr1": "GB-ENG", "iad1": "US-VA"}
POLICIES: Final = {"eu-only": {"generation": 7, "digest": "ab" * 32, "mode": "Enforce"}}
COMMANDS: Final = {
    "verify": ["verify", "{}"],
    "show --outside EU": ["show", "{}", "--outside", "EU"],
    "show --outside EU --no-verify": ["show", "{}", "--outside", "EU", "--no-verify"],
    "show ID": ["show", "{id}", "{}"],
    "export": ["export", "{}"],
    "export --no-verify": ["export", "{}", "--no-verify"],
}


def main() -> int:
    given = _arguments()
    os.sched_setaffinity(0, {given.core})
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        written = _write(pathlib.Path(folder), given.lines)
        size = sum(each.stat().st_size for each in pathlib.Path(folder).rglob("*.jsonl"))
        sys.stdout.write(
            f"{machine.cpu_model()}, one core, Python {platform.python_version()}, revision {machine.revision()}\n"
            f"{written:,} lines, {size / 1e6:,.0f} MB, {len(SITES) * WORKERS} chains; {given.repeat} rounds\n\n"
            f"{'isochrone audit ...':<32}{'lines/s of CPU':>16}{'CPU s (least to most)':>26}{'clock s':>10}{'MB':>8}\n"
        )
        held = True
        for name, words in COMMANDS.items():
            rounds = [_run(folder, words) for _ in range(given.repeat)]
            _tell(name, written, rounds)
            held &= name != "verify" or statistics.median(each.cpu for each in rounds) < BUDGET_S * written / LINES
    sys.stdout.write(f"\nbudget of verify, {BUDGET_S:g} s for {LINES:,} lines: {'held' if held else 'NOT HELD'}\n")
    return 0 if held else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-audit", description=__doc__)
    parser.add_argument("--lines", type=int, default=LINES)
    parser.add_argument("--repeat", type=int, default=5, help="rounds (default: 5)")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="where it runs (default: last)")
    parser.add_argument("--folder", default=None, help="where the evidence is made (default: the system's)")
    return parser.parse_args()


@dataclasses.dataclass(frozen=True)
class Taken:
    """Seconds of CPU and on the clock, and bytes of memory at most."""

    cpu: float
    wall: float
    peak: int


def _run(folder: str, words: list[str]) -> Taken:
    command = [each.format(folder, id="r-fra1-0-100") for each in words]
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", "from isochrone.cli import main; main()", "audit", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise AssertionError(f"isochrone audit {' '.join(command)} ended with {process.returncode}")
    return Taken(used.ru_utime + used.ru_stime, time.perf_counter() - begun, used.ru_maxrss * 1024)


def _tell(name: str, lines: int, rounds: list[Taken]) -> None:
    cpu = [each.cpu for each in rounds]
    spread = f"{statistics.median(cpu):.2f} ({min(cpu):.2f} to {max(cpu):.2f})"
    clock = statistics.median(each.wall for each in rounds)
    peak = max(each.peak for each in rounds) / 1e6
    speed = lines / statistics.median(cpu)
    sys.stdout.write(f"{name:<32}{speed:>16,.0f}{spread:>26}{clock:>10.2f}{peak:>8.0f}\n")
    sys.stdout.flush()


def _write(root: pathlib.Path, lines: int) -> int:
    """Evidence of about so many lines, signed; how many it is."""
    each = lines // (len(SITES) * WORKERS)
    made = 0
    for seed, (site, place) in enumerate(SITES.items(), 1):
        instance = Instance(root, site=site, seed=seed)
        for worker in range(WORKERS):
            chain = f"w{worker}-{BOOT}{worker}"
            path = instance.folder / "chains" / chain / "000000.jsonl"
            path.parent.mkdir(parents=True)
            with path.open("wb") as file:
                instance.heads[chain] = _chain(file, _records(instance, worker, place, each))
            made += instance.heads[chain]["count"]
        instance.checkpoint()
    return made


def _chain(file: BinaryIO, records: Iterator[dict[str, Any]]) -> dict[str, Any]:
    count, head = 0, bytes.fromhex(ZERO)
    for each in records:
        text = json.dumps({"n": count, **each}, separators=(",", ":"))[:-1].encode()
        head = hashlib.sha256(head + text).digest()
        file.write(b'%b,"hash":"%b"}\n' % (text, head.hex().encode()))
        count += 1
    return {"count": count, "hash": head.hex()}


def _records(instance: Instance, worker: int, place: str, lines: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(f"{instance.site} {worker}")
    whose = {"site": instance.site, "instance": instance.name, "writer": f"w{worker}", "boot": f"{BOOT}{worker}"}
    yield {"kind": "Boot", "at": START, "version": 1, **whose, "place": place, "revision": "1/4"}
    yield {"kind": "Config", "at": START, "revision": "1/4", "digest": "ef" * 32, "policies": POLICIES}
    left, number = lines - 3, 0
    while left > 0:
        number += 1
        name, at = f"r-{instance.site}-{worker}-{number}", round(START + number * 0.01, 6)
        request = _refused(name, at) if number % 50 == 0 else _request(name, at, place, chance)
        yield from request[:left] if left < len(request) else request
        left -= len(request)
    yield {"kind": "End", "at": START + number, "reason": "SIGTERM"}


def _request(name: str, at: float, place: str, chance: random.Random) -> list[dict[str, Any]]:
    number, found = 1, []
    if chance.random() < 1 / 20:
        found = [_intent(name, at, 1, "engine:h100", place)]
        found += [{"kind": "Outcome", "at": at + 1, "id": name, "try": 1, "outcome": "TryFailed", "status": 503}]
        number = 2
    peer = chance.choice(list(SITES)) if chance.random() < 1 / 10 else ""
    candidate, there = (f"peer:{peer}", SITES[peer]) if peer else ("engine:h100", place)
    answer = {"status": 200, "tokensIn": 512, "tokensOut": 128, "bytesOut": 2048, "upstreamModel": "llama-3.1-8b"}
    return [
        *found,
        _intent(name, at, number, candidate, there),
        {"kind": "Outcome", "at": at + 2, "id": name, "try": number, "outcome": "Answered", **answer},
    ]


def _intent(name: str, at: float, number: int, candidate: str, there: str) -> dict[str, Any]:
    whose = {"tenant": "shop/web", "key": "ci", "route": "shop/chat", "model": "llama-3.1-8b", "operation": "chat"}
    law = {"dataClasses": ["Personal"], "origin": ["DE"], "originFrom": "Header", "policies": ["eu-only"]}
    sent = {"scope": "Inference", "candidate": candidate, "jurisdiction": there, "level": "Contracted"}
    last = {"revision": "1/4", "age": "Fresh"}
    return {"kind": "Intent", "at": at, "id": name, "try": number, **whose, **law, **sent, **last}


def _refused(name: str, at: float) -> list[dict[str, Any]]:
    law = {"error": "residency_denied", "reason": "PlaceNotAllowed", "policy": "eu-only", "scope": "Inference"}
    whose = {"tenant": "shop/web", "route": "shop/chat", "origin": ["DE"], "policies": ["eu-only"]}
    return [{"kind": "Outcome", "at": at, "id": name, "outcome": "Refused", "status": 403, **law, **whose}]


if __name__ == "__main__":
    sys.exit(main())
