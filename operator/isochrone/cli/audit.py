"""`isochrone audit`: whether evidence is whole, and what it tells."""

import json
import pathlib
import sys
from typing import TYPE_CHECKING, Any

import click

from isochrone.cli import audit_anchors, audit_export, audit_show
from isochrone.cli.audit_evidence import anchors_in, proof_options, trusted_in
from isochrone.cli.inputs import Unusable
from isochrone.cli.text import colour, printable

if TYPE_CHECKING:
    from isochrone.audit import Report

_VERSION = 1
_DAY = 86_400.0


@click.group("audit")
def command() -> None:
    """Read evidence of where requests were processed."""


command.add_command(audit_show.command)
command.add_command(audit_export.command)
command.add_command(audit_anchors.command)


@command.command("verify")
@click.argument("folder", type=click.Path(path_type=pathlib.Path, file_okay=False, exists=True), metavar="DIR")
@proof_options
@click.option(
    "--retention-days",
    type=click.IntRange(min=1),
    metavar="DAYS",
    help="For how long evidence has to be kept: what was removed earlier is found.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def verify(
    folder: pathlib.Path,
    *,
    anchors: tuple[pathlib.Path, ...],
    trusted_keys: pathlib.Path | None,
    retention_days: int | None,
    as_json: bool,
) -> None:
    """Find what was edited, removed, reordered or cut off in DIR, which has one folder for each site.

    Exit status: 0 if it is proved, 1 if something was tampered with or is missing, 2 for what can't be read.
    """
    from isochrone import audit

    try:
        report = audit.check(
            folder,
            trusted=trusted_in(trusted_keys),
            anchors=anchors_in(anchors),
            keep=None if retention_days is None else retention_days * _DAY,
        )
    except (audit.NotEvidence, OSError) as error:
        raise Unusable(str(error)) from error
    if as_json:
        click.echo(json.dumps(_document(report), indent=2))
    else:
        click.echo("\n".join(_text(report)), color=colour(sys.stdout.isatty()))
    sys.exit(0 if report.holds else 1)


def _document(report: "Report") -> dict[str, Any]:
    from isochrone.cli.audit_text import finding_document

    return {
        "version": _VERSION,
        "holds": report.holds,
        "instances": report.instances,
        "chains": report.chains,
        "lines": report.lines,
        "checkpoints": report.checkpoints,
        "anchoredInstances": report.anchored,
        "unsignedLines": report.loose,
        "believedKeys": list(report.believed),
        "findings": [finding_document(each) for each in report.findings],
    }


def _text(report: "Report") -> list[str]:
    from isochrone.cli.audit_text import finding_text, proved

    said = [finding_text(each) for each in sorted(report.findings, key=lambda each: not each.is_tampering)]
    said += [f"believed: the key of {printable(each)}, which lies beside the evidence" for each in report.believed]
    said.append(
        f"{report.instances:,} instances, {report.chains:,} chains, {report.lines:,} lines, {report.checkpoints:,}"
        f" checkpoints; {report.anchored:,} instances anchored"
    )
    if report.holds:
        return [*said, *proved([report])]
    return [*said, click.style("NOT PROVED: something was tampered with, or is missing", fg="red", bold=True)]
