"""What a chain can say. Times are seconds since 1970; what is at its default is left out of a line."""

from collections.abc import Mapping
from typing import Final

import msgspec

VERSION: Final = 1


class Line(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, rename="camel", tag_field="kind", tag=True
):
    """One line of a chain, but for its number and its hash."""

    at: float


class Boot(Line, frozen=True, kw_only=True, tag=True):
    """The first line of a chain: whose it is, and what was found of this writer's chain before."""

    version: int
    site: str
    instance: str
    writer: str
    boot: str
    place: str = ""
    revision: str = ""
    """EPOCH/SEQUENCE."""
    after: str = ""
    """The name of the chain before; empty if there is none."""
    after_count: int = 0
    after_hash: str = ""
    clean: bool = False
    """Whether it ended with `End`."""
    torn: int = 0
    """Bytes of a half-written line that were cut off from its end."""
    copied_to: str = ""
    """The jurisdiction of a bucket that may have a copy of what follows; empty: nobody may."""


class Policy(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, rename="camel"):
    """Which version of a policy was in force."""

    generation: int = 0
    digest: str = ""
    mode: str = ""


class Config(Line, frozen=True, kw_only=True, tag=True):
    """A config that is in force from here on. One with many policies takes several lines of the same revision."""

    revision: str
    digest: str
    policies: Mapping[str, Policy] = msgspec.field(default_factory=dict)
    copied_to: str = ""
    """As of `Boot`, from here on. If it is another one than before, this line is the first of a file."""


class Sent(Line, frozen=True, kw_only=True, tag="Intent"):
    """What of an intent is another one each time."""

    id: str
    attempt: int = msgspec.field(name="try")
    """From 1."""


class Intent(Sent, frozen=True, kw_only=True, tag=True):
    """A request is about to be sent to a candidate."""

    tenant: str = ""
    key: str = ""
    """The key's name."""
    route: str = ""
    model: str = ""
    operation: str = ""
    data_classes: tuple[str, ...] = ()
    origin: tuple[str, ...] = ()
    """Codes; empty if it isn't known."""
    origin_from: str = ""
    policies: tuple[str, ...] = ()
    """Those that bind."""
    scope: str = ""
    candidate: str = ""
    """`engine:POOL`, `provider:NAME/ENDPOINT` or `peer:SITE`."""
    jurisdiction: str = ""
    level: str = ""
    told: tuple[str, ...] = ()
    """What told a provider its region, beside its address: `model=`, a member of the body, a header."""
    revision: str = ""
    age: str = ""
    hosted: bool = False
    """It came from a peer."""


class Outcome(Line, frozen=True, kw_only=True, tag=True):
    """How a try ended, or a request that was refused before any (its `try` is 0)."""

    id: str
    attempt: int = msgspec.field(name="try")
    outcome: str
    status: int = 0
    error: str = ""
    reason: str = ""
    policy: str = ""
    scope: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    bytes_out: int = 0
    upstream_model: str = ""
    tenant: str = ""
    route: str = ""
    origin: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()


class Lost(Line, frozen=True, kw_only=True, tag=True):
    """So many records could not be written."""

    count: int
    since: float
    why: str
    """`QueueFull`, `DiskFull` or `WriteFailed`; or `Withheld`: a policy forbids to write them here."""


class End(Line, frozen=True, kw_only=True, tag=True):
    """The writer ended as it should."""

    reason: str


class Last(msgspec.Struct):
    """What is read of a line to go on after it."""

    n: int
    kind: str
    hash: str
