"""What `isochrone sites` says and is told, by a socket, from a network that is pretended."""

import asyncio
import dataclasses
import pathlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Final

import click
import pytest
from click.testing import CliRunner, Result

from isochrone.cli import main, up_text
from isochrone.local import control, listening
from isochrone.local.control import Unknown
from isochrone.local.folder import Folder
from isochrone.local.view import EngineView, RouteView, SiteView, View


def site(name: str, **more: object) -> SiteView:
    given = {"place": "Paris, FR-IDF", "url": "http://127.0.0.1:8082/v1", "state": "Ready", "rtt_ms": 17.2}
    return SiteView(**{"name": name, **given, "is_lawful": True, "is_front": False, **more})  # type: ignore[arg-type]


VIEW: Final = View(
    front="http://127.0.0.1:8080/v1",
    client="beside cdg1",
    is_far=True,
    player="SmolLM2",
    sites=(site("cdg1", is_front=True), site("fra1", state="Stopped"), site("iad1", is_lawful=False)),
    routes=(
        RouteView(
            route="demo/chat",
            model="small",
            endpoints=("ChatCompletions",),
            providers=("openai",),
            is_played=False,
            wanted=2,
        ),
    ),
    engines=(
        EngineView(route="demo/chat", site="cdg1", is_ready=True),
        EngineView(route="demo/chat", site="iad1", is_ready=False),
    ),
    missing_keys={"openai": "OPENAI_API_KEY"},
)


class Pretended:
    """A network with one site that can be stopped."""

    def view(self) -> View:
        return VIEW

    async def stop_site(self, name: str) -> AsyncIterator[str]:
        if name != "cdg1":
            raise Unknown(f"there is no site {name} here")
        yield "it drains"
        yield "it is stopped"

    kill_site = start_site = stop_site


@pytest.fixture
def state(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """The state folder of a network that answers on a thread of its own."""
    ready, end = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with await control.serve(Pretended(), Folder(tmp_path).socket):
            ready.set()
            await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(60)
    yield tmp_path
    loops[0].call_soon_threadsafe(end.set)
    thread.join(60)


def sites(state: pathlib.Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["sites", "--state", str(state), *words])


def test_sites_and_routes_are_shown(state: pathlib.Path) -> None:
    result = sites(state)
    assert result.exit_code == 0, result.output
    assert result.stdout == "\n".join(click.unstyle(line) for line in up_text.table(VIEW)[1:]) + "\n"


def test_programs_get_json(state: pathlib.Path) -> None:
    assert '"is_front": true' in sites(state, "--json").stdout


def test_what_is_told_is_done_and_said(state: pathlib.Path) -> None:
    assert sites(state, "stop", "cdg1").stdout == "it drains\nit is stopped\n"


def test_a_site_that_there_is_not(state: pathlib.Path) -> None:
    result = sites(state, "kill", "mars")
    assert (result.exit_code, result.stderr) == (2, "Error: there is no site mars here\n")


def test_no_network_runs(tmp_path: pathlib.Path) -> None:
    result = sites(tmp_path)
    assert result.exit_code == 2
    assert "no network runs with its state in" in result.stderr


def test_the_table_says_what_runs_where() -> None:
    assert [click.unstyle(line) for line in up_text.table(VIEW)] == [
        "",
        "SITE  PLACE          URL                       STATE                                   RTT    ENGINES",
        "cdg1  Paris, FR-IDF  http://127.0.0.1:8082/v1  Ready <- front door                     17 ms  chat",
        "fra1  Paris, FR-IDF  http://127.0.0.1:8082/v1  Stopped                                 17 ms  -",
        "iad1  Paris, FR-IDF  http://127.0.0.1:8082/v1  Ready (unlawful for the client's data)  17 ms  chat (loading)",
        "",
        "ROUTE      MODEL  ANSWERED AT  ELSE BY",
        "demo/chat  small  cdg1         openai (no key)",
        "",
        "Front door http://127.0.0.1:8080/v1; the client is beside cdg1; every byte takes as long as its way would.",
        "Provider openai is unavailable: set OPENAI_API_KEY and start again.",
    ]


@pytest.mark.parametrize(
    ("is_lawful", "is_front", "state"),
    [
        pytest.param(True, True, "Ready <- front door", id="the nearest lawful one"),
        pytest.param(False, False, "Ready (unlawful for the client's data)", id="an unlawful one"),
        pytest.param(False, True, "Ready (unlawful for the client's data) <- front door", id="nobody is lawful"),
    ],
)
def test_what_is_said_of_a_site(is_lawful: bool, is_front: bool, state: str) -> None:
    site = dataclasses.replace(VIEW.sites[0], is_lawful=is_lawful, is_front=is_front)
    lines = up_text.table(dataclasses.replace(VIEW, sites=(site,)))
    assert f"  {state}  " in click.unstyle(lines[2])


def test_a_port_that_is_taken(tmp_path: pathlib.Path) -> None:
    example = pathlib.Path(__file__).parents[3] / "examples" / "quickstart"
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        played = ["--engine-url", "http://127.0.0.1:1/v1", "--port", str(port), "--state", str(tmp_path)]
        result = CliRunner().invoke(main, ["up", str(example), *played])
    assert result.exit_code == 2
    assert (
        f"Error: 127.0.0.1:{port} is taken, and ports {port} to {port + 4} are needed; end what listens there, "
        f"or take others: ISOCHRONE_PORT={port + 100}, or --port {port + 100}\n"
    ) in result.stderr
    assert result.stdout == "", "nothing began, so nothing ends"


def test_which_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert listening.first_taken("127.0.0.1", [port]) == port
    assert listening.first_taken("127.0.0.1", []) is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["--client", "XX"], "XX is neither an IATA code", id="client"),
        pytest.param(["--engine-url", "https://a/v1"], "is not http://HOST:PORT/v1", id="tls"),
        pytest.param(["--engine-url", "http://a/v2"], "is not http://HOST:PORT/v1", id="path"),
        pytest.param(["--engine-model", "x"], "goes with --engine-url", id="model"),
    ],
)
def test_what_can_not_be_started(tmp_path: pathlib.Path, arguments: list[str], said: str) -> None:
    example = pathlib.Path(__file__).parents[3] / "examples" / "quickstart"
    result = CliRunner().invoke(main, ["up", str(example), "--state", str(tmp_path), *arguments])
    assert result.exit_code == 2
    assert said in result.stderr
