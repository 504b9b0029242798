"""Ways into clusters of sites, as commands are given them: --site-kubeconfig SITE=FILE."""

import pathlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

import click

from isochrone.cli.inputs import Unusable, ones_own, own_default
from isochrone.model.amounts import milliseconds

if TYPE_CHECKING:
    from isochrone.kube.access import Access

FILE = click.Path(path_type=pathlib.Path)
OWN: Final = "$KUBECONFIG, or ~/.kube/config"
"""The kubeconfig where none is named."""


def kubeconfig_options(whose: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The hub; `whose` says in words with what rights."""

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        for option in (
            click.option("--context", metavar="NAME", help="The context of the kubeconfig, if not its current one."),
            click.option(
                "--kubeconfig",
                type=FILE,
                default=lambda: ones_own() or own_default(),
                show_default=OWN,
                metavar="FILE",
                help=whose,
            ),
        ):
            command = option(command)
        return command

    return decorated


def hub_options(command: Callable[..., None]) -> Callable[..., None]:
    """The hub, the installation, and ways into clusters of sites."""
    for option in (
        click.option(
            "--site-kubeconfig",
            "ways",
            multiple=True,
            metavar="SITE=FILE",
            help="An administrator's, of the cluster of a site: for what the hub doesn't reach. May be repeated.",
        ),
        click.option(
            "--installation", default="isochrone", show_default=True, metavar="NAME", help="The installation."
        ),
    ):
        command = option(command)
    return kubeconfig_options("An administrator's, of the hub's cluster.")(command)


def read(given: Iterable[str]) -> "dict[str, Access]":
    """EdgeNode -> the way in. Ends the command if one can't be used."""
    return dict(_way(each) for each in given)


def _way(text: str) -> "tuple[str, Access]":
    from isochrone.kube import access

    site, _, path = text.partition("=")
    if not site or not path:
        raise click.UsageError(f"--site-kubeconfig is SITE=FILE, not '{text}'")
    try:
        return site, access.from_file(pathlib.Path(path))
    except access.AccessError as error:
        raise Unusable(str(error)) from error


def seconds(timeout: str) -> float:
    """Of a duration. Ends the command if it is none."""
    found = milliseconds(timeout) / 1000
    if found <= 0:
        raise click.UsageError(f"--timeout is a duration such as 90s, 10m or 1h, not '{timeout}'")
    return found
