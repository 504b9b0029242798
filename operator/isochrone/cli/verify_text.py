"""A verifier's report as text for people, and as JSON for programs."""

import collections
import dataclasses
from collections.abc import Iterator
from typing import Any, Final

import click

from isochrone.model.words import count
from isochrone.verify import Egress, Finding, Report, Severity

_VERSION: Final = 1
_EGRESS: Final = {
    Egress.BY_NAME: "hosts by name",
    Egress.BY_ADDRESS: "addresses and pods alone",
    Egress.BY_PORT: "any address, by port",
    Egress.NONE: "not held at all",
}


def text(report: Report) -> str:
    """Findings first, then the sites, then what was proved."""
    return "\n".join([*_findings(report), *_sites(report), "", *_summary(report)])


def document(report: Report) -> dict[str, Any]:
    """The same for programs."""
    return {
        "version": _VERSION,
        "holds": report.holds,
        "summary": {
            "combinations": report.combinations,
            "sites": len(report.sites),
            "routes": report.routes,
            "tenants": report.tenants,
            "policies": report.policies,
            "origins": report.origins,
            "originClasses": report.classes,
            "errors": _count(report, Severity.ERROR),
            "warnings": _count(report, Severity.WARNING),
        },
        "sites": [_site(each) for each in report.sites],
        "findings": [_finding(each) for each in report.findings],
    }


def _site(said: Any) -> dict[str, Any]:
    found = dataclasses.asdict(said)
    return {
        "name": found["name"],
        "place": found["place"],
        "egress": found["egress"].value,
        "egressDetail": found["detail"],
        "signedBy": list(found["signed_by"]),
        "candidates": found["candidates"],
        "combinations": found["combinations"],
    }


def _finding(said: Finding) -> dict[str, Any]:
    return {
        "severity": said.severity.value,
        "rule": said.rule.value,
        "site": said.site,
        "where": said.where,
        "message": said.message,
        "path": list(said.path),
        "policy": said.policy,
        "cases": said.cases,
    }


def _findings(report: Report) -> Iterator[str]:
    for each in report.findings:
        colour = "red" if each.severity is Severity.ERROR else "yellow"
        head = click.style(f"{each.severity.value.lower()}: [{each.rule}]", fg=colour)
        yield f"{head} {each.site}: {each.message}" if each.site else f"{head} {each.message}"
        if each.path:
            yield f"    {' -> '.join(each.path)}"
        if each.where:
            yield f"    {each.where}" + (f"; {each.cases:,} cases like this" if each.cases > 1 else "")
    if report.findings:
        yield ""


def _sites(report: Report) -> Iterator[str]:
    rows = [
        ("SITE", "PLACE", "CANDIDATES", "EGRESS OF ITS GATEWAY", "CONFIG"),
        *(
            (
                each.name,
                each.place,
                str(each.candidates),
                f"{_EGRESS[each.egress]}: {each.detail}",
                f"signed by {', '.join(each.signed_by)}" if each.signed_by else "not signed",
            )
            for each in report.sites
        ),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _summary(report: Report) -> Iterator[str]:
    errors, warnings = _count(report, Severity.ERROR), _count(report, Severity.WARNING)
    said = (
        f"{report.combinations:,} combinations of site, route, caller and origin: {count(len(report.sites), 'site')},"
        f" {count(report.routes, 'route')}, {count(report.tenants, 'tenant')}, {report.origins:,} origins in"
        f" {report.classes} classes that nothing here tells apart, {_policies(report.policies)}"
    )
    levels = collections.Counter(each.egress for each in report.sites)
    yield said
    yield "egress: " + ", ".join(
        f"{_EGRESS[level]} at {count(levels[level], 'site')}" for level in Egress if levels[level]
    )
    if errors:
        yield click.style(f"NOT PROVED: {count(errors, 'error')}, {count(warnings, 'warning')}", fg="red", bold=True)
    else:
        yield click.style("PROVED: no request can get to where a policy forbids it", fg="green", bold=True) + (
            f"; {count(warnings, 'warning')}" if warnings else ""
        )


def _policies(number: int) -> str:
    return "1 policy" if number == 1 else f"{number} policies"


def _count(report: Report, severity: Severity) -> int:
    return sum(each.severity is severity for each in report.findings)
