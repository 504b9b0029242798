"""`isochrone operator`: what runs in the operator's container, in the hub or in a cluster that pulls."""

import pathlib
from typing import Any

import click


@click.command("operator")
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=pathlib.Path, dir_okay=False),
    metavar="FILE",
    help="This cluster's API server. In a pod it is found without.",
)
@click.option("--context", metavar="NAME", help="The context of the kubeconfig, if not its current one.")
@click.option("--installation", metavar="NAME", help="The label of all that is ours, if not isochrone.")
@click.option(
    "--settings",
    type=click.Path(path_type=pathlib.Path, dir_okay=False),
    metavar="FILE",
    help="YAML: planning, rendering, gateway, pace and election.",
)
@click.option("--identity", envvar="POD_NAME", metavar="NAME", help="Who this replica is; the host's name if left out.")
@click.option("--health", default=":8080", show_default=True, metavar="[HOST]:PORT", help="For health and metrics.")
@click.option("--site", metavar="NAME", help="Run in the cluster of this site, and pull from the hub.")
@click.option(
    "--hub-kubeconfig",
    type=click.Path(path_type=pathlib.Path, dir_okay=False),
    metavar="FILE",
    help="With --site: the way to the hub that `isochrone site join --pull` made.",
)
@click.option("--log-level", type=click.Choice(["debug", "info", "warning"]), default="info", show_default=True)
def command(**given: Any) -> None:
    """Watch the resources of this cluster and bring all sites to what they declare.

    Several replicas may run: one leads, by the Lease isochrone-operator in isochrone-system. SIGTERM ends it within
    ten seconds; what was begun is finished by the next one.

    Exit status: 0 after SIGTERM or SIGINT, 2 if the cluster can't be asked at all.
    """
    from isochrone.controller import run

    if (given["site"] is None) != (given["hub_kubeconfig"] is None):
        raise click.UsageError("--site and --hub-kubeconfig go together")
    run.main(run.Options(**given))
