"""Findings as text for people and as JSON for programs. The JSON is a contract: docs/reference/validate.md."""

import dataclasses
import itertools
import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

import click

from isochrone.cli.text import printable
from isochrone.model.words import count
from isochrone.validate import Finding, Severity

VERSION: Final = 1
"""Of the JSON; it rises when a program that reads it could break."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How much was found in how much."""

    errors: int
    warnings: int
    objects: int
    passed_over: int

    @classmethod
    def of(cls, findings: Iterable[Finding], *, objects: int, passed_over: int) -> "Summary":
        """Counts the findings."""
        severities = [finding.severity for finding in findings]
        return cls(
            errors=severities.count(Severity.ERROR),
            warnings=severities.count(Severity.WARNING),
            objects=objects,
            passed_over=passed_over,
        )


def as_text(findings: Sequence[Finding], summary: Summary) -> str:
    """The findings by file, and a summary; with colours, which the printer may drop."""
    groups = ["".join(map(_lines, group)) for _, group in itertools.groupby(findings, key=lambda each: each.file)]
    return "\n".join([*groups, _sum(summary)])


def as_json(findings: Iterable[Finding], summary: Summary) -> str:
    """One document: version, summary, findings."""
    document = {
        "version": VERSION,
        "summary": {
            "errors": summary.errors,
            "warnings": summary.warnings,
            "objects": summary.objects,
            "passedOver": summary.passed_over,
        },
        "findings": [_entry(finding) for finding in findings],
    }
    return json.dumps(document, indent=2)


def _lines(finding: Finding) -> str:
    severity = finding.severity.value.lower()
    tone = "red" if finding.severity is Severity.ERROR else "yellow"
    parts = [str(finding.object) if finding.object else "", finding.field, finding.message]
    said = ": ".join(printable(part) for part in parts if part)
    place = click.style(printable(f"{finding.file}:{finding.line}"), bold=True)
    first = f"{place}: {click.style(severity, fg=tone, bold=True)}: [{finding.rule.value}] {said}\n"
    return f"{first}    {printable(finding.way_out)}\n" if finding.way_out else first


def _sum(summary: Summary) -> str:
    found = [count(summary.errors, "error")] if summary.errors or not summary.warnings else []
    found += [count(summary.warnings, "warning")] if summary.warnings else []
    others = f", {summary.passed_over} of other API groups passed over" if summary.passed_over else ""
    return f"{' and '.join(found)}; {count(summary.objects, 'object')} checked{others}"


def _entry(finding: Finding) -> dict[str, Any]:
    key = finding.object
    return {
        "severity": finding.severity.value,
        "rule": finding.rule.value,
        "file": finding.file,
        "line": finding.line,
        "object": {"kind": key.kind, "namespace": key.namespace or None, "name": key.name} if key else None,
        "field": finding.field,
        "message": finding.message,
        "wayOut": finding.way_out,
    }
