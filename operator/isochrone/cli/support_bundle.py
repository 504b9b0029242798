"""`isochrone support-bundle`: one file with what somebody needs who helps, and no secret in it."""

import asyncio
import importlib.metadata
import pathlib
import time
from typing import TYPE_CHECKING, Any

import click

from isochrone.cli import ways
from isochrone.cli.inputs import Unusable
from isochrone.cli.text import printable
from isochrone.model.amounts import stamp
from isochrone.model.words import count

if TYPE_CHECKING:
    from isochrone.controller.supporting import Wish
    from isochrone.support.bundle import Collected


@click.command("support-bundle")
@ways.hub_options
@click.option("-o", "--output", type=ways.FILE, metavar="FILE", help="Where to write it; by default here.")
@click.option("--timeout", default="2m", show_default=True, metavar="DURATION", help="How long it may take.")
def command(**given: Any) -> None:
    """Write one .tar.gz with all that helps to find out what is wrong, without secrets.

    In it are the resources with their statuses, what was delivered, events, the last lines of operators' and gateways'
    logs, what was issued to which site, metrics, and versions: of the hub, and of all clusters that it reaches. A
    README in it says what else, and errors.txt what could not be had.

    Values of Secrets, ConfigMaps and environment variables, hashes of tenants' keys and kubeconfigs are not in it;
    what looks like a token or a password is taken out of everything else. Look through it before you hand it on.

    Exit status: 0, 2 if the hub can't be read or the file can't be written.
    """
    from isochrone.controller.supporting import Wish
    from isochrone.support import archive, bundle

    wish = Wish(
        installation=given["installation"], timeout=ways.seconds(given["timeout"]), ways=ways.read(given["ways"])
    )
    collected = asyncio.run(_collected(given, wish))
    now = int(time.time())
    version = importlib.metadata.version("isochrone")
    files = bundle.files(collected, version=version, made_at=stamp(now))
    folder = f"isochrone-support-{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}"
    path: pathlib.Path = given["output"] or pathlib.Path(f"{folder}.tar.gz")
    _write(path, archive.packed(folder, files, now=now))
    click.echo(f"{path}: {count(len(files), 'file')} of {count(len(collected), 'cluster')}")
    for line in files["errors.txt"].splitlines():
        click.echo(printable(line), err=True)
    click.echo("Look through it before you hand it on: names of objects, hosts and models are in it.")


async def _collected(given: dict[str, Any], wish: "Wish") -> "list[Collected]":
    from isochrone.controller import supporting
    from isochrone.kube import access
    from isochrone.kube.errors import ApiError

    try:
        async with access.from_file(given["kubeconfig"], given["context"]).api(limits=supporting.QUICK) as api:
            return await supporting.everything(api, wish)
    except ApiError as error:
        raise Unusable(str(error)) from error


def _write(path: pathlib.Path, content: bytes) -> None:
    """For its owner alone: it tells much of a network."""
    try:
        path.touch(mode=0o600)
        path.write_bytes(content)
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from error
