"""What reading yields: objects that know where they stand, and faults of the text."""

import dataclasses
from collections.abc import Callable
from typing import Any

from isochrone.manifests import positions
from isochrone.manifests.nodes import Node, Scalar


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Source:
    """A line of a file, from 1. The file is named as it was asked for; `-` is standard input."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a text can't be read, or not without a loss."""

    source: Source
    reason: str
    """`MalformedText`, `DuplicateKey` or `NotAnObject`."""
    message: str
    way_out: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Manifest:
    """One object. Its lines are looked up when asked for."""

    obj: dict[str, Any]
    source: Source
    tree: Callable[[], Node]

    @property
    def api_version(self) -> str:
        """`apiVersion`; empty where it is missing or no string."""
        return _text(self.obj.get("apiVersion"))

    @property
    def kind(self) -> str:
        """`kind`; empty where it is missing or no string."""
        return _text(self.obj.get("kind"))

    @property
    def name(self) -> str:
        """`metadata.name`; empty where it is missing or no string."""
        return self._metadata("name")

    @property
    def namespace(self) -> str:
        """`metadata.namespace`; empty where it is missing or no string."""
        return self._metadata("namespace")

    def line_of(self, path: str) -> int:
        """The line of a field such as `spec.tiers[0].name`, `metadata.labels[a.b/c]`; of what holds it, if missing."""
        return positions.find(self.tree(), path).line

    def written(self, path: str) -> str | None:
        """The text of a scalar that stands there without quotes, as in `NO`; None for all else."""
        spot = positions.find(self.tree(), path)
        match spot.node:
            case Scalar(text=text, is_plain=True) if spot.is_exact:
                return text
            case _:
                return None

    def quoted(self, path: str) -> str | None:
        """The text of a scalar that stands there in quotes, as in `"1"`; None for all else."""
        spot = positions.find(self.tree(), path)
        match spot.node:
            case Scalar(is_plain=False, value=str(value)) if spot.is_exact:
                return value
            case _:
                return None

    def _metadata(self, field: str) -> str:
        metadata = self.obj.get("metadata")
        return _text(metadata.get(field)) if isinstance(metadata, dict) else ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All that was read, in order."""

    manifests: tuple[Manifest, ...] = ()
    faults: tuple[Fault, ...] = ()

    def __add__(self, other: "Reading") -> "Reading":
        return Reading(manifests=self.manifests + other.manifests, faults=self.faults + other.faults)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
