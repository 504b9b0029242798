"""`isochrone validate`: what is wrong with manifests, before any cluster sees them."""

import sys

import click

from isochrone.cli.inputs import Unusable, nothing_to_check, read
from isochrone.cli.text import colour

_OK, _FINDINGS = 0, 1


@click.command("validate")
@click.option(
    "-f",
    "--filename",
    "paths",
    multiple=True,
    required=True,
    metavar="DIR|FILE|-",
    help="Manifests: a file, a folder with all that is in it, or - for standard input. May be repeated.",
)
@click.option(
    "--against",
    "before",
    multiple=True,
    metavar="DIR|FILE",
    help="The manifests as they are applied now, to find changes that are not allowed. May be repeated.",
)
@click.option(
    "--exclude",
    multiple=True,
    metavar="GLOB",
    help="Leave out files of folders, by name or path below the folder, as in 'values.yaml'. May be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.option("--strict", is_flag=True, help="Let warnings fail, too.")
def command(
    paths: tuple[str, ...], before: tuple[str, ...], *, exclude: tuple[str, ...], as_json: bool, strict: bool
) -> None:
    """Check manifests offline: what the API server would say, references, rights, places, law and capacity.

    Give everything that belongs together: what is not among the manifests counts as missing. Objects of other API
    groups are passed over, apart from Namespaces and Secrets, which are referred to.

    Exit status: 0 without errors, 1 with errors (with --strict: or warnings), 2 for input that can't be
    opened, or holds no object of Isochrone.
    """
    from isochrone import validate as validation
    from isochrone.cli import report

    reading, old = read(paths, exclude), read(before, exclude)
    if old.faults:
        fault = old.faults[0]
        raise Unusable(f"--against {fault.source}: {fault.message}")
    findings = [
        *validation.of_text(reading.faults),
        *validation.validate(reading.manifests, old.manifests if before else None),
    ]
    checked = sum(map(validation.is_checked, reading.manifests))
    if not checked and not findings:
        raise Unusable(nothing_to_check(len(reading.manifests)))
    others = sum(map(validation.is_other, reading.manifests))
    summary = report.Summary.of(findings, objects=checked, passed_over=others)
    ordered = sorted(findings, key=validation.Finding.order)
    if as_json:
        click.echo(report.as_json(ordered, summary))
    else:
        # click drops the colours where the output is no terminal; NO_COLOR (no-color.org) is for us to respect.
        click.echo(report.as_text(ordered, summary), color=colour(sys.stdout.isatty()))
    sys.exit(_FINDINGS if summary.errors or (strict and summary.warnings) else _OK)
