"""`isochrone sites`: the sites of the network that `isochrone up` runs on this machine, and their ups and downs."""

import pathlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import click

from isochrone.cli.inputs import Unusable
from isochrone.cli.text import colour
from isochrone.cli.up import state_folder, state_option

_WORDS = {
    "stop": "Drain site NAME: it takes nothing new, ends what it has begun, and its engines move elsewhere first.",
    "kill": "Cut site NAME off at once, as a power failure would: what is open there breaks, nothing else does.",
    "start": "Let site NAME take part again, after it was stopped or killed.",
}


@click.group("sites", invoke_without_command=True)
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_context
def command(context: click.Context, *, state: pathlib.Path | None, as_json: bool) -> None:
    """Show what runs where in the network of `isochrone up`; stop, kill and start its sites.

    Exit status: 0, 2 if no network runs, or there is no such site.
    """
    context.obj = state
    if context.invoked_subcommand is None:
        _show(state, as_json=as_json)


def _show(state: pathlib.Path | None, *, as_json: bool) -> None:
    import json

    import msgspec

    from isochrone.cli import up_text
    from isochrone.local.view import View

    for answer in _asked(state, {"do": "sites"}):
        if as_json:
            click.echo(json.dumps(answer["view"], indent=2))
        else:
            view = msgspec.convert(answer["view"], View)
            click.echo("\n".join(up_text.table(view)[1:]), color=colour(sys.stdout.isatty()))


def _asked(state: pathlib.Path | None, what: dict[str, str]) -> Iterator[dict[str, Any]]:
    from isochrone.local import control
    from isochrone.local.folder import Folder

    try:
        yield from control.ask(Folder(state_folder(state)).socket, what)
    except (control.NotRunning, control.Unknown) as error:
        raise Unusable(str(error)) from error


def _subcommand(word: str) -> Callable[..., None]:
    @command.command(word, help=_WORDS[word])
    @click.argument("name")
    @click.pass_context
    def run(context: click.Context, name: str) -> None:
        for answer in _asked(context.obj, {"do": word, "site": name}):
            if "say" in answer:
                click.echo(answer["say"])

    return run


for _word in _WORDS:
    _subcommand(_word)
