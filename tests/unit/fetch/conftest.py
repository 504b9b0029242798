"""The server that weights are fetched from, and the command as it is called in a pod."""

import pathlib
from collections.abc import Callable, Iterator, Mapping

import pytest
from tests.unit.fetch.server import Server

from isochrone_fetch import cli

Fetch = Callable[..., None]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server().running() as running:
        yield running


@pytest.fixture
def other() -> Iterator[Server]:
    """A server by another name."""
    with Server("127.0.0.2").running() as running:
        yield running


@pytest.fixture
def fetch(tmp_path: pathlib.Path) -> Fetch:
    """`fetch(URI, "--digest=...", environment={...})` into `tmp_path / "models"`, without pauses."""

    def run(*arguments: str, environment: Mapping[str, str] | None = None) -> None:
        options = cli._parser().parse_args([f"--to={tmp_path / 'models'}", *arguments])
        cli.fetch(options, environment or {}, sleep=lambda _: None)

    return run
