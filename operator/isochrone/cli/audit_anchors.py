"""`isochrone audit anchors`: what a hub keeps of sites' evidence, into an auditor's own hands."""

import asyncio
import pathlib
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import click

from isochrone.cli import ways
from isochrone.cli.inputs import Unusable
from isochrone.cli.text import colour, printable
from isochrone.model.words import count

if TYPE_CHECKING:
    from isochrone.rollout.anchors import Kept

_ANCHORS: Final = "anchors.jsonl"
_KEYS: Final = "keys"
_LIMIT: Final = 60.0
"""Seconds for the hub to answer."""


@click.command("anchors")
@ways.kubeconfig_options("The kubeconfig of the hub's cluster; it need do no more than read the ConfigMap of anchors.")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=pathlib.Path, file_okay=False),
    metavar="DIR",
    help="A folder of your own. What was fetched into it before stays.",
)
def command(**given: Any) -> None:
    """Fetch the anchors of sites' evidence from the hub, and the public keys that it is signed with.

    Whoever has them can tell later whether evidence was cut off or written anew, also by those who run the hub. So
    fetch them now and then, and keep the folder where they can't reach it. `audit verify` reads its files.

    Exit status: 0, 1 if a gateway said something that contradicts an anchor of before, 2 for what can't be read or
    written.
    """
    kept = asyncio.run(_kept(given))
    output: pathlib.Path = given["output"]
    try:
        (output / _KEYS).mkdir(parents=True, exist_ok=True)
        anchors = _added(output / _ANCHORS, _lines(kept))
        keys = sum(_is_new(output / _KEYS / name, text) for name, text in sorted(kept.keys.items()))
    except OSError as error:
        raise Unusable(f"{error.filename or output}: {error.strerror}") from error
    click.echo(f"{output / _ANCHORS}: {count(anchors, 'new anchor')}; {output / _KEYS}: {count(keys, 'new key')}")
    for site, lines in kept.back.items():
        said = f"{site}: {', '.join(lines)} said what contradicts an anchor: evidence was lost or changed there"
        click.echo(click.style(printable(said), fg="red"), err=True, color=colour(sys.stderr.isatty()))
    sys.exit(1 if kept.back else 0)


async def _kept(given: dict[str, Any]) -> "Kept":
    """Ends the command if the hub can't be read, or keeps none."""
    from isochrone.kube import access
    from isochrone.kube.errors import ApiError
    from isochrone.kube.hub import Hub
    from isochrone.render import rights
    from isochrone.rollout import anchors

    try:
        async with asyncio.timeout(_LIMIT), access.from_file(given["kubeconfig"], given["context"]).api() as api:
            item = await Hub(api).kept(rights.ANCHORS)
        kept = anchors.read((item or {}).get("data") or {})
    except TimeoutError as error:
        raise Unusable(f"the hub did not answer within {_LIMIT:g} s") from error
    except (access.AccessError, ApiError, ValueError) as error:
        raise Unusable(str(error)) from error
    if not kept.last and not kept.keys:
        raise Unusable(
            "this hub keeps no anchors: no EdgeNode has `gateway.evidence`, or none of its gateways has written any yet"
        )
    return kept


def _lines(kept: "Kept") -> list[str]:
    from isochrone.rollout import anchors

    return [line for site in sorted(kept.last) for line in anchors.text_of(kept.last[site]).splitlines()]


def _added(path: pathlib.Path, lines: Iterable[str]) -> int:
    """How many lines were not there yet. Raises OSError."""
    there = frozenset(path.read_text().splitlines()) if path.exists() else frozenset[str]()
    new = [line for line in lines if line not in there]
    with path.open("a") as file:
        file.write("".join(f"{line}\n" for line in new))
    return len(new)


def _is_new(path: pathlib.Path, key: str) -> bool:
    """Raises OSError. Ends the command if another key was fetched under this name."""
    if path.exists():
        if path.read_text() != key:
            raise Unusable(f"{path} is another key than the hub has under this name: somebody changed one of them")
        return False
    path.write_text(key)
    return True
