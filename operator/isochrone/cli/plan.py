"""`isochrone plan`: what would run where, and what would change, before anything does."""

import json
import pathlib
import sys
import time
from typing import TYPE_CHECKING

import click

from isochrone.cli.inputs import Source, declared, network_options
from isochrone.cli.text import colour

if TYPE_CHECKING:
    from isochrone.model import Snapshot


@click.command("plan")
@network_options
@click.option(
    "--against",
    "before",
    multiple=True,
    metavar="DIR|FILE",
    help="The manifests as they are applied now: shows what changes from their plan to this one. May be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.option(
    "--map", "picture", type=click.Path(path_type=pathlib.Path), metavar="FILE", help="Draw it: .svg or .png."
)
def command(source: Source, before: tuple[str, ...], *, as_json: bool, picture: pathlib.Path | None) -> None:
    """Show what would run at which site and why, what would change, and what finds no place.

    From files, the network is taken to be as declared, with nothing running but what the plan of --against
    would run. Nothing is applied.

    Exit status: 0 if every route gets what it wants, 1 if not, or if manifests are not valid, 2 for input that
    can't be read.
    """
    from isochrone import plan as planning
    from isochrone.cli import plan_text

    snapshot = source.network()
    now = int(time.time())
    if before:
        snapshot = _running(snapshot, declared(before), now)
    planned = planning.replan(None, snapshot, now=now)
    decided = planned.plan
    served = tuple(planning.summary(snapshot, decided, now=now, prepared=planned.prepared))
    if as_json:
        click.echo(json.dumps(plan_text.document(snapshot, decided, served), indent=2))
    else:
        click.echo(plan_text.text(snapshot, decided, served), color=colour(sys.stdout.isatty()))
    if picture is not None:
        from isochrone.cli import plan_map

        plan_map.draw(snapshot, planned, picture, now=now)
    sys.exit(1 if decided.shortfalls else 0)


def _running(snapshot: "Snapshot", old: "Snapshot", now: int) -> "Snapshot":
    """The snapshot with what the plan of the old one would run, all of it ready."""
    import dataclasses

    from isochrone import plan as planning

    applied = planning.plan(old, now=now).as_running()
    return dataclasses.replace(snapshot, observed=dataclasses.replace(snapshot.observed, running=applied))
