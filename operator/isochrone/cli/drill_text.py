"""A drill's report as text: who went where when each site was lost, and what was wrong with it."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

import click

from isochrone.cli.text import columns, printable
from isochrone.drill import Report, Row, Step
from isochrone.model.words import count

_MOST_ORIGINS = 6
_Key = tuple[str, str, str]


def text(report: Report) -> str:
    """The network as it is, then each loss with what changed by it, then what was wrong, and the sum."""
    first, *others = report.steps
    lines = [click.style("As declared:", bold=True), *_table(first.rows, {})]
    before = report.before()
    for down, steps in itertools.groupby(others, key=lambda step: step.down):
        lines += ["", click.style(f"Without {printable(', '.join(down))}:", bold=True), *_loss(list(steps), before)]
    return "\n".join([*lines, "", *_wrong(report), *_sum(report)])


def _loss(steps: Sequence[Step], before: Mapping[_Key, Row]) -> Iterator[str]:
    """What changed in the seconds after it, and what else by what the hub did then."""
    shown: Mapping[_Key, Row] = before
    for step in steps:
        rows = [row for row in step.rows if row.went != shown[row.key].went]
        said = "within seconds" if step.after == "failure" else "once it is planned anew"
        if rows:
            yield f"  {said}:"
            yield from _table(rows, before)
        else:
            yield f"  {said}: nothing {'changes' if step.after == 'failure' else 'more'}"
        shown = {row.key: row for row in step.rows}


def _table(rows: Iterable[Row], before: Mapping[_Key, Row]) -> list[str]:
    """A line for all that went the same way, by tenant and route."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        was = before.get(row.key)
        came = "" if was is None or was.entered == row.entered else f" (was {was.entered})"
        key = (row.tenant or "without a key", row.route, f"enters {row.entered or 'nowhere'}{came}", _end(row))
        groups.setdefault(key, []).append(row.origin)
    cells = [(tenant, route, _origins(found), enters, end) for (tenant, route, enters, end), found in groups.items()]
    return columns([[printable(cell) if "\x1b" not in cell else cell for cell in row] for row in cells], indent="    ")


def _origins(codes: Sequence[str]) -> str:
    if len(codes) <= _MOST_ORIGINS:
        return ", ".join(codes)
    return f"{', '.join(codes[: _MOST_ORIGINS - 1])} and {len(codes) - _MOST_ORIGINS + 1} more"


def _end(row: Row) -> str:
    if row.by:
        return f"answered by {row.by}, {row.at or 'unknown'}"
    if not row.entered:
        return "no site is up"
    policy = f" by {row.policy}" if row.policy else ""
    return f"refused: {row.status} {row.code}{policy}"


def _wrong(report: Report) -> Iterator[str]:
    for step, row in report.rows():
        when = f"without {', '.join(step.down)}, after {step.after}" if step.down else "as declared"
        who = f"{row.tenant or 'without a key'}, {row.route}, from {row.origin}, {when}"
        for each in row.outside:
            yield f"{click.style('outside the law', fg='red', bold=True)}: {printable(f'{who}: {each}')}"
        if row.lost:
            said = f"{who}: {row.status} {row.code}, though {row.lost} could answer"
            yield f"{click.style('lost', fg='red', bold=True)}: {printable(said)}"


def _sum(report: Report) -> Iterator[str]:
    rows = [row for _, row in report.rows()]
    outside, lost = sum(bool(row.outside) for row in rows), sum(bool(row.lost) for row in rows)
    refused = sum(not row.by and not row.lost for row in rows)
    drills = len({step.down for step in report.steps if step.down})
    taken = "once" if drills == 1 else f"{drills} times"
    asked = f"{count(len(rows), 'decision')}; a site was taken down {taken}"
    if report.passed:
        said = f"Nothing went outside the law, and nothing was lost that could be answered: {asked}."
        yield click.style(said, fg="green")
    else:
        yield click.style(f"{outside} outside the law, {lost} lost: {asked}.", fg="red", bold=True)
    if refused:
        yield f"{count(refused, 'decision')} refused, where nobody lawful was left."
