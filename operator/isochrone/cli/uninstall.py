"""`isochrone uninstall`: takes Isochrone out of a hub, or out of the hub and all clusters of its sites."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

import click

from isochrone.cli import ways
from isochrone.cli.inputs import Unusable
from isochrone.cli.text import printable
from isochrone.model.words import count

if TYPE_CHECKING:
    from isochrone.controller.uninstalling import Look, Tell, Wish
    from isochrone.kube.api import Api
    from isochrone.rollout.removal import Told

VERSION: Final = 1
"""Of the JSON; it rises when a program that reads it could break."""

_LEFT: Final = 1


@click.command("uninstall")
@ways.hub_options
@click.option("--all", "is_all", is_flag=True, help="Remove everything, in the clusters of all sites too.")
@click.option(
    "--timeout", default="10m", show_default=True, metavar="DURATION", help="How long clusters may take, or be away."
)
@click.option("--no-drain", is_flag=True, help="Remove engines and gateways at once, whatever they are answering.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def command(**given: Any) -> None:
    """Take Isochrone out of a hub.

    Without --all nothing that serves is touched: resources, CRDs, gateways and engines stay as they are, and only
    what would hold up their deletion is taken away (finalizers, and the operators' Lease). End the operator first.

    With --all everything goes: gateways, engines and all else in the clusters of all sites, credentials, resources,
    what the hub keeps, and the CRDs at last. An operator that still leads empties the sites; without one it is done
    from here. Objects of others stay, and so do Namespaces that have something of others in them.

    The operator's own Deployment and its rights belong to whoever installed them: helm uninstall isochrone --namespace
    isochrone-system.

    Exit status: 0 if all that was to go is gone, 1 if something is left, 2 if the hub can't be read or nothing was
    done.
    """
    wish = _wish(given)
    asking: Callable[[Api], Awaitable[int]] = lambda api: _run(api, given, wish)  # noqa: E731 - a name for what is run
    sys.exit(asyncio.run(_connected(given, asking)))


async def _connected(given: dict[str, Any], work: "Callable[[Api], Awaitable[int]]") -> int:
    from isochrone.kube import access
    from isochrone.kube.errors import ApiError

    try:
        async with access.from_file(given["kubeconfig"], given["context"]).api() as api:
            return await work(api)
    except ApiError as error:
        raise Unusable(str(error)) from error


async def _run(api: "Api", given: dict[str, Any], wish: "Wish") -> int:
    from isochrone.controller import uninstalling

    seen = await uninstalling.look(api)
    if not given["as_json"] or given["dry_run"]:
        click.echo(_json_plan(seen, wish, given) if given["as_json"] else _plan(seen, wish, is_all=given["is_all"]))
    if given["dry_run"]:
        return 0
    if seen.leader is not None and not given["is_all"]:
        raise Unusable(
            f"the operator {seen.leader} leads, and would take hold again: end it first, with"
            " helm uninstall isochrone --namespace isochrone-system or"
            " kubectl -n isochrone-system scale deployment isochrone-operator --replicas=0"
        )
    _confirm(given)
    told: list[Told] = []
    tell = _teller(told, is_quiet=given["as_json"])
    if given["is_all"]:
        await uninstalling.everything(api, seen, wish, tell)
    else:
        await uninstalling.let_go(api, seen, tell)
    click.echo(_json(told, is_all=given["is_all"]) if given["as_json"] else _sum(told))
    return _LEFT if _of(told, "left") else 0


def _wish(given: dict[str, Any]) -> "Wish":
    from isochrone.controller.uninstalling import Wish

    if given["ways"] and not given["is_all"]:
        raise click.UsageError("--site-kubeconfig goes with --all: without it clusters of sites are not touched")
    return Wish(
        installation=given["installation"],
        timeout=ways.seconds(given["timeout"]),
        drains=not given["no_drain"],
        ways=ways.read(given["ways"]),
    )


def _confirm(given: dict[str, Any]) -> None:
    if given["yes"]:
        return
    if not sys.stdin.isatty():
        raise Unusable("nothing was changed: say --yes, or --dry-run to see what would be done")
    if not click.confirm("Go on?", default=False, err=True):
        raise Unusable("nothing was changed")


def _plan(seen: "Look", wish: "Wish", *, is_all: bool) -> str:
    from isochrone.controller import uninstalling

    declared = ", ".join(_count(len(items), kind) for kind, items in seen.resources.items() if items) or "no resources"
    if not is_all:
        return (
            f"The hub lets go of {declared} and of Secrets with kubeconfigs: nothing of ours holds them any more.\n"
            "Everything else stays as it is: resources, CRDs, what the hub keeps, and all that runs in clusters of\n"
            "sites. Gateways go on with the configuration that they have, as long as staleness of their EdgeNodes"
            " allows.\n"
        )
    lines = [f"This removes the installation {wish.installation}, and can't be undone:", ""]
    lines.append(f"  the hub: {declared}, {count(len(seen.crds), 'CRD')}, and all that was delivered there")
    for place in uninstalling.places(seen, wish):
        how = "by the operator in it alone" if place.is_mailed else "all that was delivered there"
        lines.append(f"  {place.name}: {how}")
    lines += [f"  kept: what EdgeNode {site} has in its cluster; {why}" for site, why in seen.spared.items()]
    if seen.leader is not None:
        lines += ["", f"The operator {seen.leader} leads, and empties the sites first. End it afterwards."]
    return "\n".join([*lines, ""])


def _count(number: int, kind: str) -> str:
    several = f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"
    return f"{number} {kind if number == 1 else several}"


def _json_plan(seen: "Look", wish: "Wish", given: dict[str, Any]) -> str:
    from isochrone.controller import uninstalling

    clusters = [
        {"name": place.name, "sites": list(place.sites), "byItsOperator": place.is_mailed}
        for place in uninstalling.places(seen, wish)
    ]
    document = {
        "version": VERSION,
        "all": given["is_all"],
        "leader": seen.leader,
        "resources": {kind: len(items) for kind, items in seen.resources.items()},
        "crds": [each["metadata"]["name"] for each in seen.crds] if given["is_all"] else [],
        "clusters": clusters if given["is_all"] else [],
        "kept": [{"site": site, "why": why} for site, why in seen.spared.items()] if given["is_all"] else [],
    }
    return json.dumps(document, indent=2)


def _teller(told: "list[Told]", *, is_quiet: bool) -> "Tell":
    def tell(each: "Told") -> None:
        told.append(each)
        if not is_quiet:
            why = f": {each.why}" if each.why else ""
            click.echo(printable(f"{each.fate.value:<9} {each.what}, in {each.cluster}{why}"))

    return tell


def _of(told: "list[Told]", fate: str) -> "list[Told]":
    return [each for each in told if each.fate.value == fate]


def _sum(told: "list[Told]") -> str:
    parts = [f"{len(found)} {fate}" for fate in ("removed", "kept", "left") if (found := _of(told, fate))]
    return "\n" + (", ".join(parts) or "there was nothing to do")


def _json(told: "list[Told]", *, is_all: bool) -> str:
    document = {"version": VERSION, "all": is_all} | {
        fate: [
            {"cluster": each.cluster, "what": each.what} | ({"why": each.why} if each.why else {})
            for each in _of(told, fate)
        ]
        for fate in ("removed", "kept", "left")
    }
    return json.dumps(document, indent=2)
