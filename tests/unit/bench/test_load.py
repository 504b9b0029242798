"""The driver, the upstream and our gateway together, for about a second each; and the driver's own tests."""

import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.bench import driver, measuring, memory
from tests.bench.cores import Layout
from tests.bench.driver import DriverError
from tests.bench.measuring import Amount, Bench, MeasureError
from tests.bench.programs import ProgramError
from tests.bench.subjects import direct, isochrone
from tests.bench.subjects.subject import Launch, Load, Setup, Subject
from tests.cluster import toolchain, tools
from tests.unit.upstream.certificates import Authority

_LIMIT = 300.0
_STREAMS = ("--streams", "20", "--chunks", "10", "--gap", "20ms")


OURS = dataclasses.replace(
    isochrone.FULL,
    install=lambda: Path(sys.prefix),
    launch=lambda setup: isochrone.launch(setup, isochrone.EVERYTHING, is_compiled=False),
)
"""As it is, in this environment."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    first, last = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))
    files = Authority(tmp_path_factory.mktemp("certificates")).issue("bench", names=("127.0.0.1",))
    layout = Layout(gateway=last, upstream=first, driver=first)
    with measuring.ready(layout, files.certificate, files.key) as found:
        yield found


def test_the_drivers_own_tests() -> None:
    go = toolchain.find(needed="1.26.0", cache=tools.cache())
    for step in ("vet", "test"):
        result = subprocess.run(
            [go, step, "."],
            cwd=driver.SOURCE,
            env=toolchain.environment(go),
            capture_output=True,
            text=True,
            timeout=_LIMIT,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("load", "options"),
    [
        (Load.UNARY, ("--connections", "4")),
        (Load.TLS, ("--connections", "4")),
        (Load.OPEN, ("--connections", "8", "--rate", "50")),
        (Load.STREAMS, _STREAMS),
    ],
)
def test_our_gateway_under_each_load(bench: Bench, load: Load, options: tuple[str, ...]) -> None:
    amount = Amount(seconds=0.8, warm_up=0.4, options=options)

    found = measuring.take(bench, OURS, load, amount)

    assert found.answered > 0
    assert found.errors == 0, found.problems
    assert found.gateway_cpu > 0
    assert found.seconds > 0
    latency = found.micros("latency", "p50")
    assert latency is not None
    assert latency > 0
    assert (found.chunks > 0) is (load is Load.STREAMS)
    assert (found.micros("added", "p99") is not None) is (load is Load.STREAMS)


def test_streams_have_all_their_chunks_and_their_pace(bench: Bench) -> None:
    found = measuring.take(bench, direct.SUBJECT, Load.STREAMS, Amount(seconds=1, warm_up=0.5, options=_STREAMS))

    assert found.errors == 0, found.problems
    # Of some that come late together, on a busy machine, the first has come after a long gap.
    gap = found.micros("gap", "p90")
    assert gap is not None
    assert gap >= 10_000
    assert found.gateway_cpu == 0


def test_latency_counts_from_when_a_request_was_due(bench: Bench) -> None:
    """One connection can't answer 200,000 a second, so requests wait longer and longer."""
    amount = Amount(seconds=0.8, warm_up=0.2, options=("--connections", "1", "--rate", "200000"))

    found = measuring.take(bench, direct.SUBJECT, Load.OPEN, amount)

    latency = found.micros("latency", "p50")
    assert latency is not None
    assert latency > 100_000
    assert found.load["unsent"] > 0


def test_memory_is_read_at_each_tenth(bench: Bench) -> None:
    said: list[str] = []

    found = memory.measure(bench, requests=300, seed=1, said=said.append, settle=0)

    assert [requests for requests, _ in found.points] == list(range(30, 301, 30))
    assert all(size > 1024 * 1024 for _, size in found.points)
    assert sum(found.outcomes.values()) == 300
    assert {"answer 200", "stream 200", "left"} <= found.outcomes.keys()
    assert len(said) == 10


def broken(*command: str, patience: float = 60.0) -> Subject:
    def launch(_: Setup) -> Launch:
        return Launch(command=command, port=1)

    return Subject(
        name="broken",
        about="",
        loads=frozenset({Load.UNARY}),
        version=lambda: "",
        install=Path,
        launch=launch,
        patience=patience,
    )


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        pytest.param(broken("sh", "-c", "echo no such option >&2; exit 3"), "status 3\nno such option", id="ends"),
        pytest.param(broken("sleep", "60", patience=1.0), "not ready after 1 s: .*refused", id="never listens"),
        pytest.param(broken(), "refused", id="nobody there"),
    ],
)
def test_a_subject_that_cant_be_measured_says_why(bench: Bench, subject: Subject, words: str) -> None:
    with pytest.raises((ProgramError, MeasureError, DriverError), match=words):
        measuring.take(bench, subject, Load.UNARY, Amount(seconds=0.2, warm_up=0.1))
