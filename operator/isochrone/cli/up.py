"""`isochrone up`: the network of a folder of manifests on this machine, without Kubernetes."""

import asyncio
import contextlib
import hashlib
import os
import pathlib
import signal
import sys
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import click

from isochrone.cli.inputs import Unusable, declared, typed
from isochrone.cli.screen import Screen

if TYPE_CHECKING:
    from isochrone.cli.up_text import Hint
    from isochrone.local.declared import Manifests
    from isochrone.local.engines import Player
    from isochrone.local.folder import Folder
    from isochrone.local.network import Network, Options
    from isochrone.local.wan import Client
    from isochrone.model import Snapshot

_DRAW_EVERY: Final = 1.0
_EXAMPLE_KEY: Final = "ik_quickstart_2gjq5cqt7apxyx6r2kdcswxqea7s2cue"
_HTTP_PORT: Final = 80


def state_folder(given: pathlib.Path | None) -> pathlib.Path:
    """Where a network keeps what it is made of, unless it was said."""
    if given is not None:
        return given
    home = os.environ.get("XDG_STATE_HOME")
    return (pathlib.Path(home) if home else pathlib.Path.home() / ".local" / "state") / "isochrone"


state_option = click.option(
    "--state",
    type=click.Path(path_type=pathlib.Path, file_okay=False),
    envvar="ISOCHRONE_STATE",
    metavar="DIR",
    help="Where the network keeps its files: another one for each that runs.  [default: ~/.local/state/isochrone]",
)


@click.command("up")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=pathlib.Path, exists=True))
@click.option(
    "--port",
    type=click.IntRange(1, 65_000),
    default=8080,
    envvar="ISOCHRONE_PORT",
    show_default=True,
    metavar="N",
    help="The front door's; the sites have those that follow. ISOCHRONE_PORT says it too.",
)
@state_option
@click.option(
    "--client", metavar="CODE", help="Where the client is: FRA, or DE. Beside the most central site if left out."
)
@click.option("--simulate-wan", "is_far", is_flag=True, help="Make everything as late as the distance would.")
@click.option(
    "--model",
    type=click.Path(path_type=pathlib.Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="A model in the GGUF format that plays all engines, in place of SmolLM2.",
)
@click.option(
    "--engine-url", metavar="URL", help="A server with the OpenAI API that plays all engines, in their place."
)
@click.option("--engine-model", metavar="NAME", help="With --engine-url: the name of its model, for all routes.")
def command(folder: pathlib.Path, **given: Any) -> None:
    """Run the manifests in DIR on this machine: the same planner and gateways as in clusters, without Kubernetes.

    Each EdgeNode becomes a gateway, each planned engine a llama.cpp process with a small model, which is installed
    with the first run. The front door leads each connection to the nearest lawful site, as anycast would. Manifests are
    watched: what changes is planned anew. `isochrone sites` stops, kills and starts sites.

    Keys of providers are read from ISOCHRONE_SECRET_<SECRET>_<KEY>, or <PROVIDER>_API_KEY.

    Exit status: 0 after Ctrl-C or SIGTERM, 1 if manifests are not valid, 2 if the network can't be started.
    """
    from isochrone.local.declared import Manifests, fingerprint
    from isochrone.local.folder import Folder, FolderError
    from isochrone.local.installing import NotInstalled
    from isochrone.local.listening import PortsTaken

    client = _client(given["client"])
    seen = fingerprint(folder)  # Before they are read, so that no change is missed.
    snapshot = declared([str(folder)])
    state = Folder(state_folder(given["state"]))
    try:
        with state.held():
            options = _options(given, client)
            manifests = Manifests(folder, snapshot, seen, load=_load)
            asyncio.run(_run(manifests, state, options, _hint(folder, snapshot, given["state"])))
    except (FolderError, NotInstalled, PortsTaken) as error:
        raise Unusable(str(error)) from error


def _client(code: str | None) -> "Client | None":
    from isochrone.local import wan

    try:
        return None if code is None else wan.client_at(code)
    except wan.PlaceUnknown as error:
        raise Unusable(f"--client: {error}") from error


def _options(given: dict[str, Any], client: "Client | None") -> "Options":
    from isochrone.local import installing
    from isochrone.local.engines import Weights
    from isochrone.local.network import Options

    player = _player(given)
    return Options(
        port=given["port"],
        is_far=given["is_far"],
        client=client,
        player=player,
        packages=installing.engine(_say) if isinstance(player, Weights) else None,
        environment=os.environ,
    )


def _player(given: dict[str, Any]) -> "Player":
    from isochrone.local import installing
    from isochrone.local.engines import Server

    if given["engine_url"] is not None:
        if given["model"] is not None:
            raise click.UsageError("give --model or --engine-url, not both")
        return Server(address=_address(given["engine_url"]), model=given["engine_model"])
    if given["engine_model"] is not None:
        raise click.UsageError("--engine-model goes with --engine-url")
    return installing.given(given["model"]) if given["model"] is not None else installing.weights(_say)


def _address(url: str) -> str:
    found = urlsplit(url)
    if found.scheme != "http" or not found.hostname or found.path.rstrip("/") not in {"", "/v1"}:
        raise click.UsageError(f"--engine-url: {url} is not http://HOST:PORT/v1, which is how gateways ask engines")
    host = f"[{found.hostname}]" if ":" in found.hostname else found.hostname
    return f"{host}:{found.port or _HTTP_PORT}"


def _hint(folder: pathlib.Path, snapshot: "Snapshot", state: pathlib.Path | None) -> "Hint":
    """Commands as they can be typed where we were started; the key of the examples, where it opens something."""
    from isochrone.cli.up_text import Hint

    hashes = {key.sha256 for tenant in snapshot.tenants for key in tenant.spec.keys}
    opens = hashlib.sha256(_EXAMPLE_KEY.encode()).hexdigest() in hashes
    return Hint(
        folder=str(folder),
        command=typed(pathlib.Path(sys.argv[0]), "isochrone"),
        python=typed(pathlib.Path(sys.executable), "python"),
        key=_EXAMPLE_KEY if opens else "$KEY",
        state=f" --state {state}" if state is not None else "",
    )


def _say(line: str) -> None:
    click.echo(f"==> {line}", err=True)


async def _run(manifests: "Manifests", state: "Folder", options: "Options", hint: "Hint") -> None:
    from isochrone.local import control
    from isochrone.local.network import Network

    screen = Screen(sys.stdout)
    network = Network(manifests, state, options, tell=screen.tell)
    await network.open()
    ended = _signalled()
    server = await control.serve(network, state.socket)
    drawing = asyncio.create_task(_draw(network, screen, hint))
    try:
        await network.run(ended)
    finally:
        drawing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await drawing
        server.close()
        state.socket.unlink(missing_ok=True)
        screen.tell("everything is stopped")


def _signalled() -> "asyncio.Future[None]":
    """Done when we are told to end. A second Ctrl-C is not needed: nothing here takes long."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _end, ended)
    return ended


def _end(ended: "asyncio.Future[None]") -> None:
    if not ended.done():
        ended.set_result(None)


async def _draw(network: "Network", screen: Screen, hint: "Hint") -> None:
    from isochrone.cli import up_text

    began = asyncio.get_running_loop().time()
    is_first = True
    while True:
        view = network.view()
        screen.show(up_text.table(view))
        if is_first and view.sites and view.is_settled:
            is_first = False
            took = asyncio.get_running_loop().time() - began
            screen.tell(up_text.welcome(view, hint, took))
        await asyncio.sleep(_DRAW_EVERY)


def _load(path: pathlib.Path) -> "Snapshot":
    """The manifests as they are now. Raises Invalid."""
    from isochrone import manifests, validate
    from isochrone.cli import report
    from isochrone.local.declared import Invalid

    try:
        reading = manifests.read([str(path)])
    except manifests.Unreadable as error:
        raise Invalid(str(error)) from error
    examined = validate.examine(reading.manifests)
    findings = sorted([*validate.of_text(reading.faults), *examined.findings], key=validate.Finding.order)
    errors = [finding for finding in findings if finding.severity is validate.Severity.ERROR]
    if errors:
        raise Invalid(report.as_text(errors, report.Summary.of(errors, objects=len(reading.manifests), passed_over=0)))
    return examined.snapshot
