"""`isochrone render`: the exact objects of each cluster as files, for a GitOps tool."""

import datetime as dt
import pathlib
import time
from typing import TYPE_CHECKING

import click

from isochrone.cli.inputs import Source, Unusable, network_options
from isochrone.model.words import count

if TYPE_CHECKING:
    from isochrone.render.bundle import Bundle


@click.command("render")
@network_options
@click.option(
    "-o",
    "--output",
    "out",
    required=True,
    type=click.Path(path_type=pathlib.Path, file_okay=False),
    metavar="DIR",
    help="Where to write: a folder for each cluster. Files of an earlier run that are no longer needed are removed.",
)
@click.option(
    "--epoch",
    type=click.IntRange(min=0),
    metavar="N",
    help="Begin a new epoch of revisions, higher than that of any gateway, as after a restore from a backup.",
)
def command(source: Source, *, out: pathlib.Path, epoch: int | None) -> None:
    """Write what each cluster is to have: a folder per cluster, one file per object, ready for Argo CD or Flux.

    Secrets are in none of the files; the README in each folder lists those that must be there. Where a site's
    config is what it was, its revision stays and no file changes, so commit what is written and keep it: the next
    run reads the last revision from it.

    Exit status: 0, 1 if manifests are not valid, 2 for input that can't be read or a folder that can't be written.
    """
    from isochrone import plan as planning
    from isochrone.cli import output
    from isochrone.render import bundle as bundles
    from isochrone.render import gitops

    snapshot, now = source.network(), int(time.time())
    planned = planning.replan(None, snapshot, now=now)
    routings = planning.routing(snapshot, planned.plan, now=now, prepared=planned.prepared)
    issued_at = dt.datetime.fromtimestamp(now, dt.UTC)
    clusters: dict[str, list[Bundle]] = {}
    for each in bundles.render(snapshot, planned.plan, routings.at):
        clusters.setdefault(each.cluster, []).append(each)
    for cluster, found in sorted(clusters.items()):
        folder = out / gitops.folder_of(cluster)
        try:
            revisions = output.Revisions(folder, snapshot.settings.installation, epoch=epoch, issued_at=issued_at)
            indexes = {each.site: revisions.index(each) for each in found if each.config is not None}
            done = output.write(folder, gitops.files_of(found, indexes))
        except output.OutputError as error:
            raise Unusable(str(error)) from error
        sites = ", ".join(each.site for each in found)
        click.echo(
            f"{folder}: {sites}; {count(done.written, 'file')} written, {done.same} as before, {done.removed} removed"
        )
