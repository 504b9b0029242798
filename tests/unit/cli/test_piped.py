"""How commands end whose reader is gone."""

import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Final

import pytest
from tests.unit.audit import network

PROGRAM: Final = "from isochrone.cli import main; main(prog_name='isochrone')"


def _run(
    *words: str | pathlib.Path, out: int = subprocess.PIPE, err: int = subprocess.PIPE, program: str = PROGRAM
) -> subprocess.CompletedProcess[bytes]:
    """In a process of its own, with the buffer that standard output has where it is no terminal."""
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-c", program, *map(str, words)]
    return subprocess.run(command, stdout=out, stderr=err, env=buffered, check=False)


@pytest.fixture
def closed() -> Iterator[int]:
    """A pipe that nobody reads from any more."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["audit", "verify"], id="what is written at once"),
        pytest.param(["audit", "export"], id="what fits into a buffer"),
    ],
)
def test_whose_reader_is_gone_ends_as_others_in_a_pipe_do(
    tmp_path: pathlib.Path, closed: int, words: list[str]
) -> None:
    """Not with 1, which would say that something was tampered with."""
    network.write(tmp_path)
    found = _run(*words, tmp_path, out=closed)
    assert found.returncode == 141
    assert b"Broken" not in found.stderr
    assert b"Traceback" not in found.stderr


def test_so_does_one_that_is_told_on_standard_error(tmp_path: pathlib.Path, closed: int) -> None:
    network.write(tmp_path)
    assert _run("audit", "export", tmp_path, "-o", tmp_path / "x.csv", err=closed).returncode == 141


def test_what_cannot_be_written_to_the_end_is_an_error(tmp_path: pathlib.Path) -> None:
    """Here all of it fits into a buffer, which is written last."""
    network.write(tmp_path)
    with pathlib.Path("/dev/full").open("wb") as full:
        found = _run("audit", "export", tmp_path, "--tenant", "nobody", out=full.fileno())
    assert (found.returncode, found.stderr.splitlines()[-1]) == (2, b"Error: standard output: No space left on device")


def test_standard_output_may_be_closed(tmp_path: pathlib.Path) -> None:
    """As under some supervisors."""
    network.write(tmp_path)
    found = _run(
        "audit", "export", tmp_path, "-o", tmp_path / "x.csv", program=f"import sys; sys.stdout = None; {PROGRAM}"
    )
    assert (found.returncode, b"Traceback" in found.stderr) == (0, False)
