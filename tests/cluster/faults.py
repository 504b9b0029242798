"""What goes wrong at an API server now and then, and how it says so. Pure.

https://kubernetes.io/docs/reference/using-api/api-concepts/, https://kubernetes.io/docs/concepts/cluster-administration/flow-control/
"""

import dataclasses
import enum
import json
import random
from dataclasses import dataclass


class Fault(enum.Enum):
    CONFLICT = "conflict"
    """409: somebody else wrote first, they say. Of updates alone: a create that isn't done is no AlreadyExists."""
    GONE = "gone"
    """410: of watches as an event, as the watch cache does it, and of the pages of a list that follow the first."""
    THROTTLED = "throttled"
    """429 with Retry-After."""
    FAILED = "failed"
    """500 or 503, and nothing was done."""
    LOST = "lost"
    """504, and it was done."""
    CUT = "cut"
    """The connection breaks before the answer or in it; what was asked for was done."""
    WATCH_ENDS = "watch_ends"
    """A watch ends after a while, as each does in the end."""
    SLOW = "slow"
    """The answer comes late."""
    UNAUTHORIZED = "unauthorized"
    """401: the token has expired; once at a time."""


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Of how many requests, from 0 to 1, that a fault can befall. Their sum is at most 1."""

    conflict: float = 0.0
    gone: float = 0.0
    throttled: float = 0.0
    failed: float = 0.0
    lost: float = 0.0
    cut: float = 0.0
    watch_ends: float = 0.0
    slow: float = 0.0
    unauthorized: float = 0.0

    def __post_init__(self) -> None:
        assert sum(dataclasses.astuple(self)) <= 1


ROUGH = Rates(
    conflict=0.03,
    gone=0.05,
    throttled=0.03,
    failed=0.04,
    lost=0.02,
    cut=0.04,
    watch_ends=0.3,
    slow=0.05,
    unauthorized=0.01,
)
"""Worse than any API server that anybody keeps."""

_REFUSALS = {Fault.CONFLICT, Fault.THROTTLED, Fault.FAILED, Fault.UNAUTHORIZED}
_WATCH = {Fault.GONE, Fault.THROTTLED, Fault.FAILED, Fault.CUT, Fault.WATCH_ENDS, Fault.SLOW, Fault.UNAUTHORIZED}
_READ = {Fault.THROTTLED, Fault.FAILED, Fault.LOST, Fault.CUT, Fault.SLOW, Fault.UNAUTHORIZED}
_STATUS = {
    Fault.CONFLICT: (
        409,
        "Conflict",
        "Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version",
    ),
    Fault.GONE: (410, "Expired", "too old resource version: 1 (2)"),
    Fault.THROTTLED: (429, "TooManyRequests", "too many requests, please try again later"),
    Fault.LOST: (504, "Timeout", "Timeout: request did not complete within requested timeout"),
    Fault.UNAUTHORIZED: (401, "Unauthorized", "Unauthorized"),
}
_FAILURES = (
    (500, "InternalError", "Internal error occurred: etcdserver: leader changed"),
    (503, "ServiceUnavailable", "apiserver is shutting down"),
)


@dataclass(frozen=True)
class Asked:
    """What decides which faults can befall a request."""

    method: str
    is_watch: bool
    is_further_page: bool

    @property
    def verb(self) -> str:
        return "WATCH" if self.is_watch else self.method


def possible(asked: Asked) -> set[Fault]:
    if asked.is_watch:
        return _WATCH
    if asked.method == "GET":
        return _READ | ({Fault.GONE} if asked.is_further_page else set())
    return _READ | ({Fault.CONFLICT} if asked.method != "POST" else set())


def choose(rates: Rates, asked: Asked, dice: random.Random) -> Fault | None:
    """Which fault befalls it. The dice are thrown once, whatever comes of it."""
    thrown, possibilities = dice.random(), possible(asked)
    for fault in Fault:
        rate: float = getattr(rates, fault.value)
        if thrown < rate:
            return fault if fault in possibilities else None
        thrown -= rate
    return None


def is_refused(fault: Fault | None, asked: Asked) -> bool:
    """Is that all that comes of the request? Else it is passed on."""
    return fault in _REFUSALS or (fault is Fault.GONE and not asked.is_watch)


def status(fault: Fault, dice: random.Random) -> tuple[int, bytes]:
    """The answer of an API server: code and body."""
    code, reason, message = dice.choice(_FAILURES) if fault is Fault.FAILED else _STATUS[fault]
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
    return code, json.dumps({**body, "reason": reason, "code": code}).encode()


def gone_event(dice: random.Random) -> bytes:
    """The last line of a watch that can't go on."""
    return b'{"type":"ERROR","object":%b}\n' % status(Fault.GONE, dice)[1]
