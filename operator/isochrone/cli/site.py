"""`isochrone site join` and `isochrone site leave`: the credentials between the hub and the cluster of a site."""

import asyncio
import pathlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final

import click

from isochrone.cli import ways
from isochrone.cli.inputs import Unusable, ones_own
from isochrone.model.declared import SYSTEM_NAMESPACE

if TYPE_CHECKING:
    from isochrone.kube.joining import Cluster
    from isochrone.render.joining import Joining

_HUB: Final = "the hub"
_SITE: Final = "the site's cluster"


def _clusters(command: Callable[..., None]) -> Callable[..., None]:
    """How both clusters are reached."""
    for option in (
        click.option(
            "--installation", default="isochrone", show_default=True, metavar="NAME", help="The installation."
        ),
        click.option("--site-context", metavar="NAME", help="The context of that kubeconfig, if not its current one."),
        click.option(
            "--site-kubeconfig", type=ways.FILE, metavar="FILE", help="An administrator's, of the site's cluster."
        ),
        click.option("--context", metavar="NAME", help="The context of that kubeconfig, if not its current one."),
        click.option(
            "--kubeconfig",
            type=ways.FILE,
            default=ones_own,
            show_default=ways.OWN,
            metavar="FILE",
            help="An administrator's, of the hub's cluster.",
        ),
        click.argument("name"),
    ):
        command = option(command)
    return command


@click.group("site")
def command() -> None:
    """Let clusters of sites and the hub reach each other."""


@command.command("join")
@_clusters
@click.option(
    "--pull", "is_pull", is_flag=True, help="The site's cluster reaches the hub, instead of the other way round."
)
@click.option(
    "--server",
    metavar="URL",
    help="The address of the cluster that lets the other one in, if not the one in its kubeconfig.",
)
@click.option("--dry-run", is_flag=True, help="Write what would be applied where, and change nothing.")
def join(name: str, *, is_pull: bool, server: str | None, dry_run: bool, **clusters: Any) -> None:
    """Let the hub into the cluster of site NAME, or with --pull the cluster into the hub, with the least rights.

    An account with just the rights that delivery needs is made where the other one comes in, and its kubeconfig is
    stored as a Secret in isochrone-system of the other one's cluster. What an EdgeNode has to say of it is written at
    the end. May be run again at any time: what is there stays.

    Sites that share a cluster share its credentials: join one of them, and name its Secret in all their EdgeNodes.

    Exit status: 0, 2 if a cluster can't be reached or refuses.
    """
    joining = _joining(name, clusters["installation"])
    if dry_run:
        click.echo(_dry(joining, is_pull=is_pull), nl=False)
        return
    if clusters["kubeconfig"] is None or clusters["site_kubeconfig"] is None:
        raise click.UsageError("give --kubeconfig for the hub, and --site-kubeconfig for the site's cluster")

    async def work(hub: "Cluster", member: "Cluster | None") -> None:
        from isochrone.kube import joining as doing

        if member is not None:
            await _say(doing.join(joining, hub, member, is_pull=is_pull, server=server))

    _run(clusters, work)
    click.echo(f"\nEdgeNode {name} says of its cluster:\n\n{_yaml(joining.edge_node(is_pull=is_pull))}", nl=False)
    if is_pull:
        secret = joining.kubeconfig_in_site()["metadata"]["name"]
        click.echo(
            f"\nThe Secret {secret} in the site's cluster is for its own operator. To install that:\n\n"
            f"helm install isochrone-site charts/isochrone-site --namespace {SYSTEM_NAMESPACE} --set site={name}"
        )


@command.command("leave")
@_clusters
@click.option("--force", is_flag=True, help="Also while the EdgeNode is there: nobody then cleans its cluster up.")
@click.option("--dry-run", is_flag=True, help="Write what would be removed where, and change nothing.")
def leave(name: str, *, force: bool, dry_run: bool, **clusters: Any) -> None:
    """Take back what `isochrone site join NAME` has made, in both clusters.

    Delete the EdgeNode first, so that its objects are removed from its cluster. If that cluster is gone, leave
    --site-kubeconfig out.

    Exit status: 0, 2 if a cluster can't be reached or refuses.
    """
    joining = _joining(name, clusters["installation"])
    if dry_run:
        last = [*joining.leaving_site(), *joining.leaving_last()]
        click.echo(_documents(f"removed from {_SITE}; all but the Secrets only with its last site", last), nl=False)
        click.echo(_documents(f"removed from {_HUB}", joining.leaving_hub()), nl=False)
        return
    if clusters["kubeconfig"] is None:
        raise click.UsageError("give --kubeconfig for the hub")

    async def work(hub: "Cluster", member: "Cluster | None") -> None:
        from isochrone.kube import joining as doing

        await _say(doing.leave(joining, hub, member, is_forced=force))

    _run(clusters, work)


def _joining(name: str, installation: str) -> "Joining":
    from isochrone.render.joining import Joining

    try:
        return Joining(site=name, installation=installation)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _run(clusters: Mapping[str, Any], work: Callable[..., Any]) -> None:
    from isochrone.kube import access
    from isochrone.kube.errors import ApiError
    from isochrone.kube.joining import Cluster

    async def whole() -> None:
        async with AsyncExitStack() as stack:

            async def opened(name: str, path: pathlib.Path | None, context: str | None) -> Cluster | None:
                if path is None:
                    return None
                found = access.from_file(path, context)
                return Cluster(name=name, access=found, api=await stack.enter_async_context(found.api()))

            hub = await opened(_HUB, clusters["kubeconfig"], clusters["context"])
            await work(hub, await opened(_SITE, clusters["site_kubeconfig"], clusters["site_context"]))

    try:
        asyncio.run(whole())
    except ApiError as error:
        raise Unusable(str(error)) from error


async def _say(lines: AsyncIterator[str]) -> None:
    async for line in lines:
        click.echo(line)


def _dry(joining: "Joining", *, is_pull: bool) -> str:
    host, guest = (_HUB, _SITE) if is_pull else (_SITE, _HUB)
    secret = joining.kubeconfig_in_site() if is_pull else joining.kubeconfig_in_hub()
    return "".join(
        [
            _documents(f"applied in {host}", joining.for_pull() if is_pull else joining.for_push()),
            _documents(
                f"applied in {guest}; its kubeconfig is made with the token above", [joining.system_namespace(), secret]
            ),
        ]
    )


def _documents(title: str, items: Iterable[Mapping[str, Any]]) -> str:
    return "".join(f"---\n# {title}\n{_yaml(each)}" for each in items)


def _yaml(item: Mapping[str, Any]) -> str:
    from isochrone.render import gitops

    return gitops.written(dict(item))
