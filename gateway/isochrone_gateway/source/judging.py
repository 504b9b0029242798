"""An index and its shards, judged: may they run?

Two steps, because an index alone decides most of it: only what passes the fence is fetched. Both are pure and take
long for a big config (0.1 s), so they run on a thread.
"""

import dataclasses
import enum
from collections.abc import Mapping
from typing import Final

from isochrone_gateway.config import (
    Accept,
    ConfigError,
    Loaded,
    Owner,
    Problem,
    Received,
    Verify,
    assemble,
    newer,
    read_index,
)
from isochrone_gateway.config.fencing import RefusalReason
from isochrone_gateway.config.index import Revision


class Why(enum.StrEnum):
    """Why a candidate doesn't run, where it isn't for a reason of the fence."""

    INVALID_INDEX = "InvalidIndex"
    INVALID_CONFIG = "InvalidConfig"
    INCOMPLETE = "Incomplete"
    NOT_APPLIED = "NotApplied"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trust:
    """Whose config may run here: of which installation and site, as far as the gateway was told, and who signed it.

    It must be told from outside. What ran first, or lies on the disk, is whose it says it is: a state folder from
    another site, or a mount of another site's ConfigMap, would make itself at home.
    """

    owner: Owner | None = None
    verify: Verify | None = None


ANYBODY: Final = Trust()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Refused:
    """A candidate that doesn't run. `revision` is None where not even the index could be read."""

    reason: Why | RefusalReason
    problems: tuple[str, ...]
    revision: Revision | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Complete:
    """A config with all that it was made from, so that it can be kept and handed on."""

    received: Received
    loaded: Loaded
    index: bytes
    blobs: Mapping[str, bytes]

    @property
    def revision(self) -> Revision:
        return self.received.index.revision


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The index may replace what runs; these are its shards."""

    received: Received

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(entry.name for entry in self.received.index.shards)


@dataclasses.dataclass(frozen=True)
class Unchanged:
    """The index is that of the running revision."""


def judge_index(index: bytes, running: Received | None, trust: Trust = ANYBODY) -> Wanted | Unchanged | Refused:
    """Read the index and ask the fence."""
    try:
        received = read_index(index, verify=trust.verify)
    except ConfigError as error:
        return Refused(reason=Why.INVALID_INDEX, problems=lines(error.problems))
    verdict = newer(running, received, expected=trust.owner)
    if not isinstance(verdict, Accept):
        return Refused(reason=verdict.reason, problems=(verdict.message,), revision=received.index.revision)
    return Unchanged() if verdict.unchanged else Wanted(received)


def load(index: bytes, wanted: Wanted, blobs: Mapping[str, bytes]) -> Complete | Refused:
    """Load the whole config, or say all that is wrong with it."""
    revision = wanted.received.index.revision
    needed = {name: blobs[name] for name in wanted.names if name in blobs}
    try:
        loaded = assemble(wanted.received, needed)
    except ConfigError as error:
        reason = Why.INCOMPLETE if len(needed) < len(wanted.names) else Why.INVALID_CONFIG
        return Refused(reason=reason, problems=lines(error.problems), revision=revision)
    return Complete(received=wanted.received, loaded=loaded, index=index, blobs=needed)


def lines(problems: tuple[Problem, ...], *, most: int = 20) -> tuple[str, ...]:
    """The problems as text, the first twenty and how many more."""
    shown = [str(problem) for problem in problems[:most]]
    if len(problems) > most:
        shown.append(f"and {len(problems) - most} more")
    return tuple(shown)
