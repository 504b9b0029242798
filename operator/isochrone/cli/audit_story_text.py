"""The story of one request as text for people, and as JSON for programs."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import click

from isochrone.audit import Proof, Reading, Report, Source, Story, Visit
from isochrone.audit.entries import Outcome, Policy
from isochrone.audit.rows import utc
from isochrone.audit.story import ANSWERED, Ran
from isochrone.audit.visits import Try
from isochrone.cli import audit_text
from isochrone.cli.text import columns, printable

_TOLD: Final = {
    Proof.NOT_PROVED: "this chain is NOT PROVED",
    Proof.UNSIGNED: "not signed",
    Proof.UNCHECKED: "not checked",
}
_Event = tuple[float, int, str, str]
"""When, in which order at one instant, at which gateway, and what happened."""


def lines(story: Story, reading: Reading, sources: Sequence[Source], reports: Sequence[Report] | None) -> Iterator[str]:
    """What it is and where it ran, what happened when, by which policies, and what isn't known."""
    visit = story.visits[0]
    yield click.style(f"request {printable(visit.id)}", bold=True)
    yield from _whose(visit)
    yield _where_it_ran(story)
    yield ""
    yield from columns(
        [("TIME", "GATEWAY", "WHAT"), *((utc(at), where, what) for at, _, where, what in _events(story))]
    )
    yield from _versions(story)
    if story.unknown:
        yield ""
        yield click.style("Not known:", fg="yellow")
        yield from (f"  {printable(each.site)}: {printable(each.message)}" for each in story.unknown)
    yield ""
    yield from list(audit_text.summary(reading, sources, reports))[1:]


def documents(
    story: Story, reading: Reading, sources: Sequence[Source], reports: Sequence[Report] | None
) -> Iterator[dict[str, Any]]:
    """The request at each gateway, and a summary."""
    hops = {guest: (sender, tried) for guest, sender, tried in story.hops}
    for place, visit in enumerate(story.visits):
        sender = hops.get(place)
        came = None if sender is None else {"site": story.visits[sender[0]].source.site, "try": sender[1]}
        yield {**audit_text.document(visit), "cameFrom": came, "policyVersions": _version_documents(visit)}
    summary = audit_text.summary_document(reading, sources, reports, matched=len(story.visits), shown=len(story.visits))
    yield {
        **{
            name: value
            for name, value in summary.items()
            if name not in {"requestsRead", "namelessRequests", "from", "to"}
        },
        "ran": _ran_document(story.ran),
        "unknown": [{"gap": each.gap.value, "site": each.site, "message": each.message} for each in story.unknown],
    }


def _whose(visit: Visit) -> Iterator[str]:
    said, first = visit.said, visit.first
    if said is None:
        yield "whose it was, no line that is here says"
        return
    parts = [("tenant", said.tenant), ("route", said.route)]
    if first is not None:
        parts += [("key", first.key), ("model", first.model), ("operation", first.operation)]
        parts += [("data classes", " ".join(first.data_classes))]
    yield ", ".join(f"{name} {printable(value)}" for name, value in parts if value) or "of nobody that is known"
    how = f" ({first.origin_from})" if first is not None and first.origin_from else ""
    yield f"data from {printable(' or '.join(said.origin)) or 'an origin that is not known'}{how}"


def _where_it_ran(story: Story) -> str:
    ran = story.ran
    if ran is not None:
        level = f", {ran.level}" if ran.level else ""
        place = ran.place or "a place that is not known"
        if ran.witness != ran.site:
            said = f"answered by {ran.candidate} in {place}{level}: so says {ran.witness}, and {ran.site} says nothing"
            return click.style(printable(said), fg="yellow")
        return click.style(printable(f"answered by {ran.candidate} of {ran.site} in {place}{level}"), fg="green")
    if not any(visit.tries for visit in story.visits):
        return click.style("sent nowhere", fg="green")
    if any(visit.outcome in ANSWERED for visit in story.visits):
        return click.style("answered, and no line that is here says by whom", fg="yellow")
    if all(visit.end is not None for visit in story.visits):
        return "sent, and not answered"
    return click.style("sent, and whether it was answered isn't known", fg="yellow")


def _events(story: Story) -> list[_Event]:
    found = [each for place in range(len(story.visits)) for each in _of_visit(story, place)]
    return sorted(found, key=lambda each: each[0])


def _of_visit(story: Story, place: int) -> Iterator[_Event]:
    visit = story.visits[place]
    where = f"{printable(f'{visit.source.site}/{visit.source.instance}')} {printable(visit.source.place) or '?'}"
    if visit.proof in _TOLD:
        where += f" {click.style(_TOLD[visit.proof], fg='red')}"
    order = iter(range(1_000_000))
    yield visit.began, next(order), where, _came(story, place)
    for each in visit.tries:
        if each.intent is not None:
            yield each.intent.at, next(order), where, _sent(each)
        if each.failed is not None:
            yield each.failed.at, next(order), where, f"try {each.number} failed{_how(each.failed)}"
    if visit.end is not None:
        yield visit.end.at, next(order), where, _ended(visit.end)


def _came(story: Story, place: int) -> str:
    visit = story.visits[place]
    sender = next((each for each in story.hops if each[0] == place), None)
    bound = visit.said.policies if visit.said is not None else ()
    law = f"; bound by {printable(', '.join(bound))}" if bound else ""
    if sender is not None:
        return f"came from {printable(story.visits[sender[1]].source.site)}, by its try {sender[2]}{law}"
    if visit.said is None:
        return "the first that is told of it"
    return ("came from a peer" if visit.is_hosted else "came in") + law


def _sent(each: Try) -> str:
    intent = each.intent
    if intent is None:
        return f"try {each.number}"
    parts = (
        intent.level,
        intent.told and f"region told by {' '.join(intent.told)}",
        intent.age and f"config {intent.revision}, {intent.age}",
    )
    known = ", ".join(part for part in parts if part)
    said = (
        f"try {each.number} sent to {intent.candidate or '?'} in {intent.jurisdiction or 'a place that is not known'}"
    )
    return printable(f"{said} ({known})" if known else said)


def _how(ended: Outcome) -> str:
    parts = [str(ended.status) if ended.status else "", ended.error]
    said = " ".join(part for part in parts if part)
    return printable(f": {said}") if said else ""


def _ended(end: Outcome) -> str:
    parts = [f"{end.outcome}{_how(end)}", f"by {end.policy}" if end.policy else "", end.reason]
    parts += [f"scope {end.scope}" if end.scope else ""]
    if end.tokens_in or end.tokens_out:
        parts.append(f"{end.tokens_in:,} tokens in, {end.tokens_out:,} out")
    parts += [f"{end.bytes_out:,} bytes out" if end.bytes_out else "", end.upstream_model]
    return printable(", ".join(part for part in parts if part))


def _bound(visit: Visit) -> Iterator[tuple[str, str, Policy | None]]:
    """For each policy that binds it: the config's revision, its name and, if it is here, its version."""
    for each in visit.tries:
        for name in each.intent.policies if each.intent is not None else ():
            yield each.intent.revision if each.intent is not None else "", name, (each.versions or {}).get(name)
    if not visit.tries and visit.end is not None:
        for name in visit.end.policies:
            yield "", name, (visit.versions or {}).get(name)


def _versions(story: Story) -> Iterator[str]:
    rows = {
        (visit.source.site, revision, name, *_version(policy)): None
        for visit in story.visits
        for revision, name, policy in _bound(visit)
    }
    if rows:
        yield ""
        cells = [tuple(printable(cell) or "-" for cell in row) for row in rows]
        yield from columns([("SITE", "CONFIG", "POLICY", "GENERATION", "MODE", "DIGEST"), *cells])


def _version(policy: Policy | None) -> tuple[str, str, str]:
    return ("?", "?", "?") if policy is None else (str(policy.generation), policy.mode, policy.digest)


def _version_documents(visit: Visit) -> list[dict[str, Any]]:
    found = {(revision, name): policy for revision, name, policy in _bound(visit)}
    return [
        {
            "config": revision,
            "name": name,
            "generation": policy.generation if policy is not None else None,
            "mode": policy.mode if policy is not None else None,
            "digest": policy.digest if policy is not None else None,
        }
        for (revision, name), policy in found.items()
    ]


def _ran_document(ran: Ran | None) -> dict[str, str] | None:
    if ran is None:
        return None
    return {
        "saidBy": ran.witness,
        "site": ran.site,
        "candidate": ran.candidate,
        "jurisdiction": ran.place,
        "level": ran.level,
    }
