"""`isochrone audit show`: where requests were processed, and all that is known of one."""

import itertools
import json
import pathlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

import click

from isochrone.cli.audit_evidence import Evidence, Filters, Proving, evidence_options
from isochrone.cli.inputs import Unusable
from isochrone.cli.text import colour, printable

if TYPE_CHECKING:
    from isochrone.audit import Visit, Wanted

_ROWS: Final = 100
_AT_ONCE: Final = 1000
"""Lines of a table that has no limit whose columns are aligned with each other."""


@click.command("show")
@click.argument("words", nargs=-1, required=True, metavar="[ID] DIR...")
@evidence_options
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    metavar="N",
    help=f"Show the newest N; 0 shows all, as they are read, one chain after the other.  [default: {_ROWS}]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs, one object a line.")
def command(words: tuple[str, ...], proving: Proving, filters: Filters, *, limit: int | None, as_json: bool) -> None:
    """Show where requests were processed, by the evidence in DIR, which has one folder for each site.

    With ID (a client's x-request-id), all that is known of that request, at all gateways that had it, and what is not
    known. Without it, a table: one line for each request at each gateway, the newest ones. What was handed to a peer's
    engine is there twice, at both ends.

    Exit status: 0, 1 if the evidence was tampered with or part of it is missing, 2 for what can't be read, or an ID
    that isn't there.
    """
    name, roots = _split(words)
    if name is not None and (filters.said or limit is not None):
        raise click.UsageError(f"{(*filters.said, '--limit')[0]} is for tables: of one ID all is shown")
    wanted = filters.wanted()
    evidence = proving.read(roots).at(filters.sites)
    try:
        said = (
            _table(evidence, wanted, _ROWS if limit is None else limit, as_json=as_json)
            if name is None
            else _one(evidence, name, as_json=as_json)
        )
        for each in said:
            click.echo(each, color=colour(sys.stdout.isatty()))
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Unusable(str(error)) from error
    sys.exit(0 if evidence.holds else 1)


def _split(words: Sequence[str]) -> tuple[str | None, list[pathlib.Path]]:
    """The ID, and the folders: the first word is an ID unless it is a folder."""
    if pathlib.Path(words[0]).is_dir():
        return None, list(map(pathlib.Path, words))
    if len(words) == 1:
        raise Unusable(f"{words[0]} is no folder; for a request say: isochrone audit show ID DIR")
    return words[0], list(map(pathlib.Path, words[1:]))


def _table(evidence: Evidence, wanted: "Wanted", limit: int, *, as_json: bool) -> Iterator[str]:
    from isochrone import audit
    from isochrone.cli import audit_text as text

    reading, matched = audit.Reading(), 0
    found: Iterable[Visit] = filter(wanted.has, audit.every(evidence.sources, reading))
    if limit:
        found, matched = audit.newest(found, limit)
    shown = 0
    for part in _parts(found):
        shown += len(part)
        yield from map(json.dumps, map(text.document, part)) if as_json else text.table(part, wanted)
    matched = matched or shown
    if as_json:
        said = text.summary_document(reading, evidence.sources, evidence.reports, matched=matched, shown=shown)
        yield json.dumps(said)
        return
    yield from ([""] if shown else ["no request is as asked for"])
    if matched > shown:
        yield click.style(f"left out: {matched - shown:,} older ones of {matched:,}; --limit 0 shows all", fg="yellow")
    yield from text.summary(reading, evidence.sources, evidence.reports)


def _parts(found: "Iterable[Visit]") -> "Iterator[list[Visit]]":
    feed = iter(found)
    while part := list(itertools.islice(feed, _AT_ONCE)):
        yield part


def _one(evidence: Evidence, name: str, *, as_json: bool) -> Iterator[str]:
    from isochrone import audit
    from isochrone.cli import audit_story_text as text

    story, reading = audit.tell(evidence.sources, name)
    if story is None:
        raise Unusable(_not_there(evidence, name))
    if as_json:
        yield from map(json.dumps, text.documents(story, reading, evidence.sources, evidence.reports))
    else:
        yield from text.lines(story, reading, evidence.sources, evidence.reports)


def _not_there(evidence: Evidence, name: str) -> str:
    """What was read, so that it is seen whether it should have been in it."""
    from isochrone import audit
    from isochrone.cli import audit_text as text

    reading = audit.Reading()
    for _ in audit.every(evidence.sources, reading):
        pass
    said = [click.unstyle(each) for each in text.summary(reading, evidence.sources, evidence.reports)]
    folders = sorted({str(each.folder.parent) for each in evidence.sources})
    return "\n".join(
        [f"there is no request {printable(name)} in this evidence", *said, *(f"  {each}" for each in folders)]
    )
