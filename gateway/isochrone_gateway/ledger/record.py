"""One request, as metrics, logs, costs and evidence see it.

It holds names, counts and times. What a caller or a model said, keys, and headers as such have no field here, so no
consumer can leak them.
"""

import enum
from collections.abc import Mapping

import msgspec

from isochrone_gateway.wire.schema import Usage


class Word(enum.StrEnum):
    """Text that hashes as text: an enum's own hash is a Python call, which every request would pay for."""

    __hash__ = str.__hash__


class Operation(Word):
    """What was asked for, in the words of OpenTelemetry (`gen_ai.operation.name`)."""

    CHAT = "chat"
    TEXT_COMPLETION = "text_completion"
    EMBEDDINGS = "embeddings"
    MODELS = "models"
    UNKNOWN = "unknown"


class Outcome(Word):
    """How it ended."""

    ANSWERED = "Answered"
    PARTIAL = "Partial"
    """The answer was begun and broke off upstream; the client got an error frame."""
    REFUSED = "Refused"
    """By law, limits, rights, or as malformed: no upstream was asked."""
    FAILED = "Failed"
    """No candidate could answer."""
    CLIENT_GONE = "ClientGone"


class Times(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, rename="camel"):
    """Seconds since the request's head was complete; None where it didn't come to that."""

    total: float
    first_byte: float | None = None
    """Of the answer, from upstream."""
    first_token: float | None = None


class Try(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, rename="camel"):
    """One attempt to get an answer from a backend. Times are seconds since the request's head was complete."""

    span: str
    start: float
    end: float
    candidate: str = ""
    provider: str = ""
    model: str = ""
    jurisdiction: str = ""
    status: int = 0
    """Of the backend's answer; 0 if there was none."""
    fault: str = ""
    """Why it failed, if it did: a `route.retry.Fault`, or `Cancelled`."""


class Traced(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, rename="camel"):
    """What only those requests have whose spans are recorded. Ids are hexadecimal."""

    span: str
    parent: str = ""
    """The caller's span."""
    flags: int = 1
    method: str = ""
    tries: tuple[Try, ...] = ()


class Record(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    gc=False,
    omit_defaults=True,
    rename="camel",
    tag_field="log",
    tag="request",
):
    """One request. Empty text stands for what isn't known, as in a request that was refused before its route was."""

    id: str
    at: float
    """Seconds since 1970, when the head was complete."""
    outcome: Outcome
    status: int
    times: Times
    operation: Operation = Operation.UNKNOWN
    error: str = ""
    """The code of the error that the client got."""
    trace: str = ""
    """The id of the trace that it belongs to: the client's, or one of ours."""
    tenant: str = ""
    key: str = ""
    """The key's name in the config; not the key and not its hash."""
    route: str = ""
    model: str = ""
    """The public name that was asked for."""
    candidate: str = ""
    """Who answered last: `engine:POOL`, `provider:NAME/ENDPOINT` or `peer:SITE`."""
    provider: str = ""
    """In the words of OpenTelemetry (`gen_ai.provider.name`)."""
    upstream_model: str = ""
    attempts: int = 0
    jurisdiction: str = ""
    """Where the candidate processed it."""
    origin: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    """Those that bound."""
    audited: tuple[str, ...] = ()
    """Those in mode Audit that would have refused it, at any place that it came to."""
    revision: str = ""
    """EPOCH/SEQUENCE of the config that decided."""
    stream: bool = False
    cache: str = ""
    usage: Usage | None = None
    usage_partial: bool = False
    """The usage is what had been reported, or counted, when the answer broke off."""
    bytes_in: int = 0
    bytes_out: int = 0
    peer: str = ""
    """The site that the request came from or went to in a peer hop."""
    hosted: bool = False
    """It came from a peer, which has answered its client and has a record with the same id."""
    tags: Mapping[str, str] = msgspec.field(default_factory=dict)
    """For cost attribution, from the caller."""
    traced: Traced | None = None
    is_logged: bool = True
    """Whether the law lets a line of it be written here."""
