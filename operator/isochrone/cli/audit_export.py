"""`isochrone audit export`: requests as rows for spreadsheets and programs."""

import contextlib
import csv
import json
import pathlib
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TextIO

import click

from isochrone.cli import writable
from isochrone.cli.audit_evidence import Filters, Proving, evidence_options
from isochrone.cli.inputs import Unusable
from isochrone.cli.text import colour

if TYPE_CHECKING:
    from isochrone.audit.rows import Row


@click.command("export")
@click.argument("roots", nargs=-1, required=True, type=click.Path(path_type=pathlib.Path), metavar="DIR...")
@evidence_options
@click.option(
    "-o", "--output", default="-", metavar="FILE|-", help="Where to write it; - is standard output, the default."
)
@click.option("--format", "kind", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True)
def command(roots: tuple[pathlib.Path, ...], proving: Proving, filters: Filters, *, output: str, kind: str) -> None:
    """Write requests as a table: a row for each try of each request at each gateway.

    What was sent nowhere has one row, with try 0. Times are ISO 8601 in UTC. In CSV, a cell that a spreadsheet would
    compute (it begins with = + - @, or with a tab or an end of line) begins with an apostrophe.

    Whether the evidence is proved is told on standard error, and in each row.

    Exit status: 0, 1 if the evidence was tampered with or part of it is missing, 2 for what can't be read or written.
    """
    from isochrone import audit
    from isochrone.audit import rows
    from isochrone.cli import audit_text as text

    if output != "-":
        writable.check("--output", output)
    wanted = filters.wanted()
    evidence = proving.read(roots).at(filters.sites)
    reading = audit.Reading()
    found = filter(wanted.has, audit.every(evidence.sources, reading))
    try:
        with _opened(output) as file:
            written = _write(file, kind, (row for visit in found for row in rows.rows(visit)))
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Unusable(f"{error.filename or output}: {error.strerror}") from error
    said = [f"written: {text.number(written, 'row')}", *text.summary(reading, evidence.sources, evidence.reports)]
    click.echo("\n".join(said), err=True, color=colour(sys.stderr.isatty()))
    sys.exit(0 if evidence.holds else 1)


def _write(file: TextIO, kind: str, found: "Iterable[Row]") -> int:
    from isochrone.audit import rows

    writer = csv.writer(file, lineterminator="\n")
    if kind == "csv":
        writer.writerow(rows.COLUMNS)
    number = 0
    for row in found:
        number += 1
        if kind == "csv":
            writer.writerow(rows.cells(row))
        else:
            file.write(json.dumps({name: row[name] for name in rows.COLUMNS}) + "\n")
    return number


@contextlib.contextmanager
def _opened(output: str) -> Iterator[TextIO]:
    """Standard output, or a file, which is there whole or not at all. What is no file, a pipe say, is written to."""
    if output == "-":
        yield sys.stdout
        return
    path = pathlib.Path(output).resolve()
    if path.exists() and not path.is_file():
        with _written(path, output) as pipe:
            yield pipe
        return
    part = path.with_name(f".{path.name}.part")
    whole = _written(part, output)
    try:
        with whole:
            yield whole
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _written(path: pathlib.Path, output: str) -> TextIO:
    """The file, open. Ends the command if it can't be: its user knows it by the name that was given."""
    try:
        return path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise Unusable(f"--output: {output}: {error.strerror}") from error
