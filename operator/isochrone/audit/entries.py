"""What lines say of requests: all that an auditor is shown. `chain`, which proves lines, looks at little of them."""

from collections.abc import Mapping
from typing import Final

import msgspec

from isochrone.audit import lines


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel", tag_field="kind", tag=True):
    """A line: its number in its chain, and seconds since 1970."""

    n: int
    at: float


class Boot(Entry, frozen=True, kw_only=True, gc=False, tag=True):
    place: str = ""
    """Of the gateway: a code, or empty."""


class Policy(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Which version of a policy was in force."""

    generation: int = 0
    digest: str = ""
    mode: str = ""


class Config(Entry, frozen=True, kw_only=True, gc=False, tag=True):
    revision: str = ""
    digest: str = ""
    policies: Mapping[str, Policy] = {}


class Intent(Entry, frozen=True, kw_only=True, gc=False, tag=True):
    """A request is about to be sent to a candidate."""

    id: str
    attempt: int = msgspec.field(name="try", default=0)
    tenant: str = ""
    key: str = ""
    route: str = ""
    model: str = ""
    operation: str = ""
    data_classes: tuple[str, ...] = ()
    origin: tuple[str, ...] = ()
    origin_from: str = ""
    policies: tuple[str, ...] = ()
    scope: str = ""
    candidate: str = ""
    jurisdiction: str = ""
    level: str = ""
    told: tuple[str, ...] = ()
    """What told a provider its region, beside its address."""
    revision: str = ""
    age: str = ""
    hosted: bool = False


class Outcome(Entry, frozen=True, kw_only=True, gc=False, tag=True):
    """How a try or a request ended."""

    id: str
    outcome: str = ""
    attempt: int = msgspec.field(name="try", default=0)
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


class Lost(Entry, frozen=True, kw_only=True, gc=False, tag=True):
    count: int = 0
    since: float = 0.0
    why: str = ""


class End(Entry, frozen=True, kw_only=True, gc=False, tag=True):
    reason: str = ""


Kind = Boot | Config | Intent | Outcome | Lost | End
_DECODER: Final[msgspec.json.Decoder[Kind]] = msgspec.json.Decoder(Kind)


def read(data: bytes) -> Kind | None:
    """What a line says; None for one that is no line of evidence, or of a kind that isn't known."""
    try:
        return _DECODER.decode(data)
    except lines.UNREADABLE:
        return None
