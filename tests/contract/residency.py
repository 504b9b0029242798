"""Reads `residency_table.json`: the cases that every part which decides must answer alike."""

import dataclasses
import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from isochrone import law
from isochrone.api import DataResidencyPolicy

FILE = pathlib.Path(__file__).with_name("residency_table.json")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """One question with the answer that the law gives."""

    id: str
    policies: tuple[law.Policy, ...]
    question: law.Question
    expected: law.Verdict


def cases() -> Iterator[Case]:
    """All cases, in the order of the file."""
    table = json.loads(FILE.read_text())
    policies = {name: policy(name, spec) for name, spec in table["policies"].items()}
    for group in table["groups"]:
        chosen = tuple(policies[name] for name in group["policies"])
        for number, row in enumerate(group["cases"], start=1):
            yield Case(
                id=f"section {group['section']}: {group['name']} #{number}",
                policies=chosen,
                question=question(row, table["subjects"]),
                expected=_verdict(row["expect"]),
            )


def policy(name: str, spec: Mapping[str, Any]) -> law.Policy:
    """A policy from its spec; names that can't be resolved are part of some cases."""
    resource = DataResidencyPolicy.model_validate({"metadata": {"name": name}, "spec": spec})
    return law.read(resource)[0]


def question(row: Mapping[str, Any], subjects: Mapping[str, Any]) -> law.Question:
    """The question of one row."""
    return law.Question(
        subject=_subject(subjects[row["subject"]]),
        origin=law.Origin.of(*row["origin"]),
        scope=law.Scope(row["scope"]),
        place=law.Place(frozenset(row["place"]["codes"]), law.Evidence(row["place"]["evidence"])),
        age=law.Age(row.get("age", "Fresh")),
        site_country=row.get("siteCountry"),
        default=row.get("default", "Allow"),
    )


def _subject(row: Mapping[str, Any]) -> law.Subject:
    tenant = row.get("tenant")
    return law.Subject(
        route=_labelled(row["route"]),
        route_namespace=_labelled(row["route"]["namespace"]),
        tenant=_labelled(tenant) if tenant else None,
        tenant_namespace=_labelled(tenant["namespace"]) if tenant else None,
        data_classes=frozenset(row.get("dataClasses", ())),
    )


def _labelled(row: Mapping[str, Any]) -> law.Labelled:
    return law.Labelled(row["name"], row.get("labels", {}))


def _verdict(row: Mapping[str, Any]) -> law.Verdict:
    return law.Verdict(
        allowed=row["allowed"],
        reason=law.VerdictReason(row["reason"]),
        policy=row["policy"],
        bound=tuple(row["bound"]),
        audited=tuple(row["audited"]),
    )
