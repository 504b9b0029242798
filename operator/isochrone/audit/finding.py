"""What an audit says."""

import dataclasses
import enum
import pathlib
from collections.abc import Mapping
from typing import Final

from isochrone.audit.lines import Line


class Rule(enum.StrEnum):
    """What was found."""

    EDITED = "Edited"
    """A line isn't what its hash or signature says."""
    OUT_OF_ORDER = "OutOfOrder"
    """Lines are missing, doubled or swapped."""
    MISSING = "Missing"
    """A file or chain that something signed, anchored or linked speaks of isn't there, or ends too early."""
    NOT_AS_SIGNED = "NotAsSigned"
    """A chain fits together, but isn't the one of which a checkpoint speaks."""
    NOT_AS_ANCHORED = "NotAsAnchored"
    """A checkpoint isn't the one that was anchored."""
    OTHER_KEY = "OtherKey"
    """Signed by another key than the trusted one, or the key's file was changed."""
    MISPLACED = "Misplaced"
    """Evidence of another site, instance or worker than its folder says."""
    REMOVED_EARLY = "RemovedEarly"
    """Lines that were removed before they were as old as they had to be."""
    UNCLEAN = "UncleanBoot"
    """A worker ended without saying so: it was killed, or crashed."""
    TORN = "HalfALine"
    """The last line was being written when the worker ended, or when the files were copied."""
    LOST = "Lost"
    """Records that could not be written; the gateway says so itself."""
    WITHHELD = "Withheld"
    """Records that a policy forbids to be written at this place."""
    NO_OUTCOME = "NoOutcome"
    """Requests that were sent, and of whose end nothing is known."""
    RETENTION = "Retention"
    """Lines that were removed because they were old; a checkpoint says so."""
    NOT_SIGNED = "NotSigned"
    """Lines that lead to no checkpoint: it isn't due yet, or retention removed what held them to one.

    Whoever can write there could have written them.
    """
    NOT_ANCHORED = "NotAnchored"
    """Lines that were signed after the last anchor: a cut after it would not be seen."""
    STRANGE = "NotRead"
    """A file that is no part of evidence."""


NOT_TAMPERING: Final = frozenset(
    {
        Rule.UNCLEAN,
        Rule.TORN,
        Rule.LOST,
        Rule.WITHHELD,
        Rule.NO_OUTCOME,
        Rule.RETENTION,
        Rule.NOT_SIGNED,
        Rule.NOT_ANCHORED,
        Rule.STRANGE,
    }
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found. `line` counts from 1, `offset` is of its first byte; 0 where it is of a whole file."""

    rule: Rule
    path: pathlib.Path
    message: str
    line: int = 0
    offset: int = 0

    @property
    def is_tampering(self) -> bool:
        return self.rule not in NOT_TAMPERING


def of_line(line: Line, rule: Rule, message: str) -> Finding:
    """What was found at a line."""
    return Finding(rule=rule, path=line.path, line=line.number, offset=line.offset, message=message)


@dataclasses.dataclass(frozen=True, slots=True)
class Extent:
    """How far a chain goes: the number after that of its last line, and of the last line that a checkpoint signs.

    Before the line `start` nothing counts, as nothing holds it to its text.
    """

    end: int
    signed: int
    start: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that was found."""

    findings: tuple[Finding, ...]
    instances: int
    chains: int
    lines: int
    checkpoints: int
    anchored: int
    """Instances for which there is an anchor."""
    believed: tuple[str, ...]
    """Keys that were believed because they lie beside the evidence: `SITE/INSTANCE KEY-ID`."""
    extents: Mapping[pathlib.Path, Extent]
    """Of each chain's folder."""

    @property
    def loose(self) -> int:
        """Lines that nothing signs: whoever can write there could have written them."""
        return sum(max(0, each.end - each.signed) for each in self.extents.values())

    @property
    def bare(self) -> int:
        """Instances of which there is no anchor: what was cut off at their end may have gone unseen."""
        return self.instances - self.anchored

    @property
    def holds(self) -> bool:
        return not any(each.is_tampering for each in self.findings)
