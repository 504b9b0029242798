"""What evidence says, as text for people and as JSON for programs. The JSON is a contract: docs/reference/audit.md."""

import collections
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import click

from isochrone.audit import Finding, Proof, Reading, Report, Visit, Wanted
from isochrone.audit.rows import ended_as, policies, sent, utc, whose
from isochrone.audit.sources import Source, tampering
from isochrone.audit.visits import UNKNOWN, Try
from isochrone.audit.wanted import is_outside
from isochrone.cli.text import columns, printable

VERSION: Final = 1
"""Of the JSON; it rises when a program that reads it could break."""
HEADING: Final = ("TIME", "ID", "GATEWAY", "TENANT", "ROUTE", "FROM", "SENT TO", "OUTCOME", "PROVED")
_MOST: Final = 5
"""Findings that are told in full."""
_MILLISECONDS: Final = len("2026-11-26T23:01:00.000")
_PROVED: Final = {
    Proof.PROVED: ("yes", None),
    Proof.NOT_PROVED: ("NO", "red"),
    Proof.UNSIGNED: ("not signed", "yellow"),
    Proof.UNCHECKED: ("not checked", "red"),
}


def table(found: Iterable[Visit], wanted: Wanted) -> list[str]:
    """A heading, and a line for each request; what lies outside of where it was asked for is red."""
    return columns([HEADING, *(_cells(each, wanted) for each in found)])


def _cells(visit: Visit, wanted: Wanted) -> tuple[str, ...]:
    said, source = visit.said, visit.source
    return (
        f"{utc(visit.began)[:_MILLISECONDS]}Z",
        printable(visit.id),
        gateway(source, wanted),
        printable(said.tenant if said is not None else "") or "-",
        printable(said.route if said is not None else "") or "-",
        printable(_origin(visit)),
        " > ".join(_sent(each, wanted) for each in visit.tries) or "-",
        printable(ending(visit)),
        click.style(_PROVED[visit.proof][0], fg=_PROVED[visit.proof][1]),
    )


def gateway(source: Source, wanted: Wanted) -> str:
    """A gateway, and where it stands."""
    return f"{printable(f'{source.site}/{source.instance}')} {_place(source.place, wanted)}"


def _place(place: str, wanted: Wanted) -> str:
    is_wrong = wanted.outside is not None and is_outside(place, wanted.outside)
    return click.style(printable(place) or "?", fg="red" if is_wrong else None)


def _origin(visit: Visit) -> str:
    said = visit.said
    codes = " ".join(said.origin) if said is not None and said.origin else "?"
    return f"{codes} (by a peer)" if visit.is_hosted else codes


def _sent(each: Try, wanted: Wanted) -> str:
    candidate = printable(each.intent.candidate) if each.intent is not None else ""
    return f"{candidate or '?'} {_place(each.place, wanted)}"


def ending(visit: Visit) -> str:
    """How it ended, in a few words."""
    end = visit.end
    if end is None:
        return UNKNOWN
    said = [end.outcome, *([str(end.status)] if end.status else []), *([end.error] if end.error else [])]
    return " ".join([*said, *([f"by {end.policy}"] if end.policy else [])])


def document(visit: Visit) -> dict[str, Any]:
    """A request at one gateway, for programs."""
    source = visit.source
    return {
        "type": "Request",
        "id": visit.id,
        "began": utc(visit.began),
        "ended": utc(visit.end.at) if visit.end is not None else None,
        "site": source.site,
        "instance": source.instance,
        "gatewayPlace": source.place,
        **whose(visit),
        "policies": _policies(visit),
        "tries": [_try(each, visit) for each in visit.tries],
        "outcome": visit.outcome,
        **_end(visit),
        "chain": source.name,
        "proof": visit.proof.value,
    }


def _end(visit: Visit) -> dict[str, Any]:
    end = visit.end
    return {
        "status": (end.status or None) if end is not None else None,
        "error": end.error if end is not None else "",
        "reason": end.reason if end is not None else "",
        "refusedBy": end.policy if end is not None else "",
        "scope": end.scope if end is not None else "",
        "tokensIn": end.tokens_in if end is not None else None,
        "tokensOut": end.tokens_out if end is not None else None,
        "bytesOut": end.bytes_out if end is not None else None,
        "upstreamModel": end.upstream_model if end is not None else "",
        "line": end.n if end is not None else None,
    }


def _policies(visit: Visit) -> list[str]:
    """Of a request that was sent nowhere; those of others are with each try."""
    return policies(visit.end.policies if visit.end is not None and not visit.tries else (), visit.versions)


def _try(each: Try, visit: Visit) -> dict[str, Any]:
    intent = each.intent
    ended = each.failed or (visit.end if each is visit.tries[-1] else None)
    return {
        "try": each.number,
        "sent": utc(intent.at) if intent is not None else None,
        "ended": utc(ended.at) if ended is not None else None,
        **sent(intent),
        "policies": policies(intent.policies if intent is not None else (), each.versions),
        **ended_as(ended),
        "line": intent.n if intent is not None else None,
    }


def summary(reading: Reading, sources: Sequence[Source], reports: Sequence[Report] | None) -> Iterator[str]:
    """What was read, what isn't in it, and whether it is proved; the last line is the verdict."""
    gateways = len({(each.site, each.instance) for each in sources})
    period = f", from {utc(reading.first)} to {utc(reading.last)}" if reading.requests else ""
    what = f"{number(reading.requests, 'request')} in {number(reading.lines, 'line')}"
    yield f"read: {what}, {number(len(sources), 'chain')} of {number(gateways, 'gateway')}{period}"
    for why, records in sorted(_not_written(reading).items()):
        told = "a policy forbids it here" if why == "Withheld" else why
        yield click.style(f"not written, so not shown: {number(records, 'record')} ({printable(told)})", fg="yellow")
    if reading.unreadable:
        why = "half written, changed, of a kind that isn't known, or held to no hash"
        said = f"not read: {number(reading.unreadable, 'line')}, {why}"
        yield click.style(said, fg="yellow")
    if reading.nameless:
        yield click.style(
            f"of {number(reading.nameless, 'request')} no line that is here says whose it was", fg="yellow"
        )
    if reading.later:
        yield f"not read: what was written to {number(reading.later, 'chain')} since this command began"
    unplaced = sorted({f"{each.site}/{each.instance}" for each in sources if not each.place})
    if unplaced:
        said = f"where they stand isn't known, and counts as outside of everything: {', '.join(unplaced)}"
        yield click.style(printable(said), fg="yellow")
    if unsigned := _unsigned(sources):
        said = f"not signed: {number(unsigned, 'line')}; they fit, and could have been written without the key"
        yield click.style(said, fg="yellow")
    yield from _verdict(reports)


def _unsigned(sources: Sequence[Source]) -> int:
    """Lines of chains that are proved which no checkpoint has signed."""
    return sum(each.end - each.signed for each in sources if each.end is not None and each.proof is Proof.PROVED)


def number(of: int, noun: str) -> str:
    """`0 lines`, `1 line`, `1,204 lines`."""
    return f"{of:,} {noun}" if of == 1 else f"{of:,} {noun}s"


def _verdict(reports: Sequence[Report] | None) -> Iterator[str]:
    if reports is None:
        yield click.style("NOT CHECKED: nobody looked whether it was tampered with (--no-verify)", fg="red", bold=True)
        return
    bad = list(tampering(reports))
    yield from (finding_text(each) for each in bad[:_MOST])
    if len(bad) > _MOST:
        yield f"and {len(bad) - _MOST} findings more: isochrone audit verify tells all"
    if bad:
        said = "NOT PROVED: something was tampered with, or is missing; requests may be wrong, or not here"
        yield click.style(said, fg="red", bold=True)
    else:
        yield from proved(reports)


def proved(reports: Sequence[Report]) -> Iterator[str]:
    """What is proved, where nothing speaks against it, and what isn't."""
    without = list(_without(reports))
    yield from (f"{click.style('not proved', fg='yellow')}: {each}" for each in without)
    if without:
        yield click.style("PROVED, but for that: nothing was edited, removed or reordered", fg="green", bold=True)
    else:
        yield click.style("PROVED: nothing was edited, removed, reordered or cut off", fg="green", bold=True)


def _without(reports: Sequence[Report]) -> Iterator[str]:
    """What keys, signatures and anchors would have shown that aren't there."""
    if believed := sum(len(each.believed) for each in reports):
        whose = f"{number(believed, 'gateway')}, whose keys lie beside it"
        yield f"that nobody wrote all of it anew, for {whose}; give --trusted-keys"
    if loose := sum(each.loose for each in reports):
        yield f"who wrote {number(loose, 'line')}, which no checkpoint signs"
    if bare := sum(each.bare for each in reports):
        whose = f"{number(bare, 'gateway')} without --anchors"
        yield f"that nothing was cut off at the end, or is gone as a whole, for {whose}"


def summary_document(
    reading: Reading, sources: Sequence[Source], reports: Sequence[Report] | None, *, matched: int, shown: int
) -> dict[str, Any]:
    """The same for programs."""
    bad = list(tampering(reports or ()))
    return {
        "type": "Summary",
        "version": VERSION,
        "matched": matched,
        "shown": shown,
        "requestsRead": reading.requests,
        "linesRead": reading.lines,
        "chainsRead": len(sources),
        "namelessRequests": reading.nameless,
        "from": utc(reading.first) if reading.requests else None,
        "to": utc(reading.last) if reading.requests else None,
        "notWritten": dict(sorted(_not_written(reading).items())),
        "unsignedLines": _unsigned(sources),
        "unreadableLines": reading.unreadable,
        "chainsWithLaterLines": reading.later,
        "proof": (Proof.UNCHECKED if reports is None else Proof.NOT_PROVED if bad else Proof.PROVED).value,
        "believedKeys": [each for report in reports or () for each in report.believed],
        "findings": [finding_document(each) for each in bad],
    }


def _not_written(reading: Reading) -> dict[str, int]:
    found: collections.Counter[str] = collections.Counter()
    for _, lost in reading.lost:
        found[lost.why] += lost.count
    return dict(found)


def finding_text(said: Finding) -> str:
    """What was found, where."""
    where = printable(str(said.path)) + (f":{said.line} (byte {said.offset})" if said.line else "")
    head = click.style(
        f"tampered: [{said.rule}]" if said.is_tampering else f"note: [{said.rule}]",
        fg="red" if said.is_tampering else "yellow",
    )
    return f"{head} {where}\n    {printable(said.message)}"


def finding_document(said: Finding) -> dict[str, Any]:
    """The same for programs."""
    return {
        "rule": said.rule.value,
        "tampering": said.is_tampering,
        "file": str(said.path),
        "line": said.line,
        "offset": said.offset,
        "message": said.message,
    }
