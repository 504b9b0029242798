"""`isochrone explain`: why a route is where it is, why not elsewhere, and who answers."""

import json
import sys
import time
from typing import TYPE_CHECKING

import click

from isochrone.cli.inputs import Source, Unusable, network_options
from isochrone.cli.text import colour

if TYPE_CHECKING:
    from isochrone.model import RouteKey, Snapshot


@click.command("explain")
@click.argument("route", metavar="ROUTE")
@network_options
@click.option("--origin", metavar="CODE", help="For data from there only: an ISO 3166 code, such as DE or US-CA.")
@click.option("--at", "entry", metavar="SITE", help="The site where requests come in; the nearest one when left out.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def command(route: str, source: Source, *, origin: str | None, entry: str | None, as_json: bool) -> None:
    """Explain ROUTE: at each site why its engines are there or not, at each provider's endpoint what the law says,
    and in which order they are asked.

    ROUTE is namespace/name, a name alone where only one namespace has it, or a model name that clients send.

    Exit status: 0, or 2 for input that can't be read, or names that aren't there.
    """
    from isochrone import plan as planning
    from isochrone.cli import explain_text

    snapshot, now = source.network(), int(time.time())
    key = _find(snapshot, route)
    _check_origin(origin)
    _check_site(snapshot, entry)
    decided = planning.plan(snapshot, now=now)
    explained = planning.explain(snapshot, decided, key, now=now, origin=origin, entry=entry)
    if explained is None:
        raise Unusable(f"{key} serves no name of its own")
    if as_json:
        click.echo(json.dumps(explain_text.document(snapshot, explained), indent=2))
    else:
        click.echo(explain_text.text(snapshot, explained), color=colour(sys.stdout.isatty()))


def _find(snapshot: "Snapshot", wanted: str) -> "RouteKey":
    """The route that is meant. Raises Unusable if none or several are."""
    from isochrone import plan as planning
    from isochrone.model.declared import key_of

    keys = [key_of(each) for each in snapshot.routes]
    names = planning.public_names(snapshot.routes)
    found = [key for key in keys if wanted in {str(key), key.name}] or [
        key for key in keys if wanted in names.get(key, ())
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise Unusable(f"{wanted} is several routes: say {' or '.join(map(str, sorted(found)))}")
    known = ", ".join(map(str, sorted(keys))) or "none"
    raise Unusable(f"there is no route {wanted}; there are: {known}")


def _check_origin(origin: str | None) -> None:
    from isochrone.geo import codes

    if origin is not None and not codes.is_code(origin):
        raise Unusable(f"--origin: {origin} is no ISO 3166 code, such as DE or US-CA")


def _check_site(snapshot: "Snapshot", entry: str | None) -> None:
    names = sorted(each.metadata.name for each in snapshot.edge_nodes)
    if entry is not None and entry not in names:
        raise Unusable(f"--at: there is no EdgeNode {entry}; there are: {', '.join(names) or 'none'}")
