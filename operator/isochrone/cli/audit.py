"""`isochrone audit`: whether evidence is whole, and what it tells."""

import json
import pathlib
import sys
from typing import TYPE_CHECKING, Any

import click

from isochrone.cli.inputs import Unusable
from isochrone.cli.text import colour, printable

if TYPE_CHECKING:
    from isochrone.audit import Anchor, Finding, KeyRing, Report

_VERSION = 1


@click.group("audit")
def command() -> None:
    """Read evidence of where requests were processed."""


@command.command("verify")
@click.argument("folder", type=click.Path(path_type=pathlib.Path, file_okay=False, exists=True), metavar="DIR")
@click.option(
    "--anchors",
    multiple=True,
    type=click.Path(path_type=pathlib.Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="Anchors kept elsewhere, one JSON object a line. May be repeated.",
)
@click.option(
    "--trusted-keys",
    type=click.Path(path_type=pathlib.Path, file_okay=False, exists=True),
    metavar="DIR",
    help="Public keys of gateways, files *.pem. Without it the keys beside the evidence are believed.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def verify(
    folder: pathlib.Path, *, anchors: tuple[pathlib.Path, ...], trusted_keys: pathlib.Path | None, as_json: bool
) -> None:
    """Find what was edited, removed, reordered or cut off in DIR, which has one folder for each site.

    Exit status: 0 if it is proved, 1 if something was tampered with or is missing, 2 for what can't be read.
    """
    from isochrone import audit

    known = [each for path in anchors for each in _anchors(path)]
    try:
        report = audit.check(folder, trusted=_trusted(trusted_keys), anchors=known)
    except (audit.NotEvidence, OSError) as error:
        raise Unusable(str(error)) from error
    if as_json:
        click.echo(json.dumps(_document(report), indent=2))
    else:
        click.echo("\n".join(_text(report)), color=colour(sys.stdout.isatty()))
    sys.exit(0 if report.holds else 1)


def _anchors(path: pathlib.Path) -> "list[Anchor]":
    import msgspec

    from isochrone.audit import Anchor

    try:
        return [msgspec.json.decode(each, type=Anchor) for each in path.read_bytes().splitlines() if each.strip()]
    except (OSError, msgspec.MsgspecError) as error:
        raise Unusable(f"{path} holds no anchors: {error}") from error


def _trusted(folder: pathlib.Path | None) -> "KeyRing | None":
    from isochrone.audit import keys

    if folder is None:
        return None
    found = {}
    for path in sorted(folder.glob("*.pem")):
        try:
            key = keys.read(path)
        except (OSError, ValueError) as error:
            raise Unusable(f"{path} is no public key: {error}") from error
        found[key.id] = key
    if not found:
        raise Unusable(f"{folder} has no file *.pem, so nothing could be trusted")
    return found


def _document(report: "Report") -> dict[str, Any]:
    return {
        "version": _VERSION,
        "holds": report.holds,
        "instances": report.instances,
        "chains": report.chains,
        "lines": report.lines,
        "checkpoints": report.checkpoints,
        "anchoredInstances": report.anchored,
        "believedKeys": list(report.believed),
        "findings": [
            {
                "rule": each.rule.value,
                "tampering": each.is_tampering,
                "file": str(each.path),
                "line": each.line,
                "offset": each.offset,
                "message": each.message,
            }
            for each in report.findings
        ],
    }


def _text(report: "Report") -> list[str]:
    said = [_finding(each) for each in sorted(report.findings, key=lambda each: not each.is_tampering)]
    said += [
        click.style(f"nobody vouches for the key of {printable(each)}: it lies beside the evidence", fg="yellow")
        + "; give --trusted-keys"
        for each in report.believed
    ]
    said.append(
        f"{report.instances:,} instances, {report.chains:,} chains, {report.lines:,} lines, {report.checkpoints:,}"
        f" checkpoints; {report.anchored:,} instances anchored"
    )
    if report.holds:
        return [*said, click.style("PROVED: nothing was edited, removed, reordered or cut off", fg="green", bold=True)]
    return [*said, click.style("NOT PROVED: something was tampered with, or is missing", fg="red", bold=True)]


def _finding(said: "Finding") -> str:
    where = printable(str(said.path)) + (f":{said.line} (byte {said.offset})" if said.line else "")
    head = click.style(
        f"tampered: [{said.rule}]" if said.is_tampering else f"note: [{said.rule}]",
        fg="red" if said.is_tampering else "yellow",
    )
    return f"{head} {where}\n    {printable(said.message)}"
