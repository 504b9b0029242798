"""What is told about the configuration, to people (`/status`, logs) and to programs (metrics, the operator)."""

import dataclasses
import enum
from typing import Final, Protocol

from isochrone_gateway.source.contact import Contact
from isochrone_gateway.source.judging import Complete, Refused


class Origin(enum.StrEnum):
    """Where the running config was read from."""

    SOURCE = "Source"
    DISK = "Disk"


class Happening(enum.StrEnum):
    """What is worth a log line."""

    ACCEPTED = "ConfigAccepted"
    REFUSED = "ConfigRefused"
    SOURCE_AWAY = "ConfigSourceAway"
    SOURCE_BACK = "ConfigSourceBack"
    NOT_STORED = "ConfigNotStored"
    STORED_UNUSABLE = "StoredConfigUnusable"
    REPORTED = "ConfigReported"
    NOT_REPORTED = "ConfigNotReported"


GOOD: Final = frozenset({Happening.ACCEPTED, Happening.SOURCE_BACK, Happening.REPORTED})


@dataclasses.dataclass(slots=True)
class Counts:
    """Totals since the start."""

    reads: int = 0
    failed_reads: int = 0
    accepted: int = 0
    refused: int = 0
    store_failures: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Running:
    """What runs, since when (seconds since 1970) and from where."""

    complete: Complete
    origin: Origin
    since: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Refusal:
    """What doesn't run, and when that was found. `attempts` to run the very same."""

    refused: Refused
    at: float
    attempts: int = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report:
    """All there is to say. `refusal` is the source's newest candidate where that is not what runs."""

    source: str
    running: Running | None
    refusal: Refusal | None
    away: str | None
    store_problem: str | None
    contact: Contact | None
    counts: Counts


class Owner(Protocol):
    """Whoever runs the config."""

    async def apply(self, complete: Complete) -> tuple[str, ...]:
        """Run it everywhere, or nowhere and say why not."""

    def confirmed(self, contact: Contact) -> None:
        """What runs is what the source holds, as of this contact."""

    def happened(self, what: Happening, detail: str) -> None:
        """Something for the log."""
