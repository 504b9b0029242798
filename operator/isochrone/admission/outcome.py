"""What validating one value against one schema found, and how many checks it passed.

`passed` exists for anyOf and oneOf: of several alternatives that fail, the server reports the errors of the one that
passed most checks. Spec: k8s.io/kube-openapi/pkg/validation/validate/result.go (release 1.37).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from isochrone.admission import gotext
from isochrone.admission.finding import Finding, Kind, finding, invalid


@dataclass(frozen=True, slots=True)
class Fault:
    """`text` identifies it: the server reports two faults of one text once."""

    text: str
    finding: Finding


@dataclass(slots=True)
class Outcome:
    faults: list[Fault] = field(default_factory=list)
    passed: int = 0

    @property
    def valid(self) -> bool:
        return not self.faults

    def add(self, faults: Iterable[Fault]) -> None:
        known = {fault.text for fault in self.faults}
        for fault in faults:
            if fault.text not in known:
                known.add(fault.text)
                self.faults.append(fault)

    def merge(self, other: "Outcome") -> None:
        self.add(other.faults)
        self.passed += other.passed


def fault(path: str, value: Any, complaint: str) -> Fault:
    """A value out of its bounds; `complaint` follows "PATH in body"."""
    text = f"{path} in body {complaint}"
    return Fault(text, invalid(path, value, text))


def plain(text: str) -> Fault:
    """The server reports these without the field that they are about."""
    return Fault(text, invalid("", "", text))


def mistyped(path: str, expected: str, actual: str) -> Fault:
    text = f"{path} in body must be of type {expected}: {gotext.quote(actual)}"
    return Fault(text, finding(Kind.TYPE_INVALID, path, actual, text))
