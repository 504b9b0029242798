"""`isochrone status`: the whole network on one screen, as its objects' statuses tell it."""

import json
import pathlib
import sys

import click

from isochrone.cli import ways
from isochrone.cli.inputs import read_cluster
from isochrone.cli.text import colour


@click.command("status")
@ways.kubeconfig_options("The kubeconfig of the hub's cluster.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def command(kubeconfig: pathlib.Path, context: str | None, *, as_json: bool) -> None:
    """Show the sites and routes of a network, how they are, and what is wrong.

    All of it is read from the statuses that the operator writes to the objects in the hub's cluster.

    Exit status: 0 if everything is ready, 1 if something is wrong, 3 if nothing is wrong but something is still being
    worked on, 2 if the cluster can't be read.
    """
    from isochrone.cli import status_text
    from isochrone.kube.gather import declared

    network = read_cluster(declared, kubeconfig, context)
    if as_json:
        click.echo(json.dumps(status_text.document(network), indent=2))
    else:
        click.echo(status_text.text(network), color=colour(sys.stdout.isatty()))
    sys.exit(status_text.exit_status(network))
