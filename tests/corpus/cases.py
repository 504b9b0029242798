"""The corpus: one small manifest per rule of the API and per way to get it wrong, with the API server's verdict.

A case is a file `<kind>/<name>.yaml`. Its head says why it exists and what a real API server answered
(`python -m tests.corpus.record` writes that part), one line per finding:

    # A site is somewhere.
    # reject spec.place: Invalid value: give either iata, or jurisdiction and coordinates
    apiVersion: isochrone.dev/v1alpha1
    ...

A file with two documents is a change: the first is stored, the verdict is about the second, its update.
"""

import dataclasses
import functools
from pathlib import Path
from typing import Any, Self

import yaml

from isochrone import manifests

HERE = Path(__file__).resolve().parent
CRDS = HERE.parent.parent / "crds"

ACCEPT = "# accept"
REJECT = "# reject "

Object = dict[str, Any]


@dataclasses.dataclass(frozen=True, order=True)
class Refusal:
    """One reason against an object, worded by the API server."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"

    @classmethod
    def parse(cls, text: str) -> Self:
        field, _, message = text.partition(": ")
        return cls(field, message)


BLOCKED = Refusal(
    "<nil>",
    "Invalid value: null: some validation rules were not checked because the object was invalid;"
    " correct the existing errors to complete validation",
)
"""The server adds it to every refusal that kept CEL rules from running. It says nothing new, so cases leave it out."""


@dataclasses.dataclass(frozen=True)
class Case:
    path: Path
    why: str
    expected: tuple[Refusal, ...] | None
    """Empty = accepted, None = not recorded yet."""
    documents: tuple[Object, ...]

    @property
    def id(self) -> str:
        return f"{self.path.parent.name}/{self.path.stem}"

    @property
    def accepted(self) -> bool:
        return self.expected == ()

    @property
    def kind(self) -> str:
        kind: str = self.new["kind"]
        return kind

    @property
    def old(self) -> Object | None:
        """What is stored before, where the case is a change."""
        return self.documents[0] if len(self.documents) > 1 else None

    @property
    def new(self) -> Object:
        return self.documents[-1]


def read(path: Path) -> Case:
    text = path.read_text(encoding="utf-8")
    head, _ = split(text)
    recorded = [line for line in head if _is_verdict(line)]
    why = " ".join(line.removeprefix("#").strip() for line in head if not _is_verdict(line))
    refusals = tuple(Refusal.parse(line.removeprefix(REJECT)) for line in recorded if line != ACCEPT)
    reading = manifests.parse(text.encode(), str(path))
    if reading.faults:
        raise ValueError(f"{path}: {reading.faults[0].message}")
    return Case(path, why, refusals if recorded else None, tuple(each.obj for each in reading.manifests))


def split(text: str) -> tuple[list[str], str]:
    """The comment lines at the top, and the rest."""
    lines = text.splitlines(keepends=True)
    size = next(index for index, line in enumerate(lines) if not line.startswith("#"))
    return [line.rstrip("\n") for line in lines[:size]], "".join(lines[size:])


def write(case: Case, refusals: tuple[Refusal, ...]) -> None:
    """Put the verdict into the head of the file; all else stays as it is."""
    head, body = split(case.path.read_text(encoding="utf-8"))
    kept = [line for line in head if not _is_verdict(line)]
    verdict = [f"{REJECT}{refusal}" for refusal in refusals] or [ACCEPT]
    case.path.write_text("\n".join([*kept, *verdict]) + "\n" + body, encoding="utf-8")


def _is_verdict(line: str) -> bool:
    return line == ACCEPT or line.startswith(REJECT)


@functools.cache
def load() -> tuple[Case, ...]:
    """All cases, in the order of their ids."""
    return tuple(sorted((read(path) for path in HERE.glob("*/*.yaml")), key=lambda case: case.id))


@functools.cache
def definitions() -> dict[str, Object]:
    """The committed CustomResourceDefinitions, by kind."""
    found = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(CRDS.glob("*.yaml"))]
    return {crd["spec"]["names"]["kind"]: crd for crd in found}


def version(crd: Object) -> Object:
    """A definition's only version."""
    (only,) = crd["spec"]["versions"]
    found: Object = only
    return found


def schema(crd: Object) -> Object:
    """The schema of a definition's only version."""
    found: Object = version(crd)["schema"]["openAPIV3Schema"]
    return found
