"""What one gateway tells another beside a request: the headers of a hop (docs/decisions/0013-peer-hops.md).

| header                         | says                                                  | nothing  |
|--------------------------------|-------------------------------------------------------|----------|
| `x-isochrone-hop`              | the version of this protocol: `1`                     |          |
| `x-isochrone-hop-route`        | the route, NAMESPACE/NAME                             |          |
| `x-isochrone-hop-pool`         | the pool of engines that is to answer, NAMESPACE/NAME |          |
| `x-isochrone-hop-tenant`       | whose request it is, NAMESPACE/NAME                   | `-`      |
| `x-isochrone-hop-origin`       | where its data may come from; `*`: or from elsewhere  | `-`      |
| `x-isochrone-hop-data-classes` | the classes of its data                               | `-`      |
| `x-isochrone-hop-bound`        | whether a policy bound it at the entry: `yes`, `no`   |          |
| `x-isochrone-hop-deadline-ms`  | how long the answer may take                          |          |
| `x-isochrone-hop-affinity`     | how the prompt begins, as a number of 32 bits         | `-`      |
| `x-request-id`                 | the id of the request at the entry                    |          |

All of them are always there, and no other that begins with `x-isochrone-hop`: a header that was lost on the way, or
that is not understood, could only make the law laxer. What has one meaning has one spelling: lists are sorted, without
spaces and repetitions, and numbers have no leading zero. So whatever isn't said exactly like this is refused.
"""

import enum
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

VERSION: Final = "1"
HEALTH_PATH: Final = "/healthz"
"""What peers ask for to find out whether a gateway is well, and how far."""
REFUSAL: Final = b"x-isochrone-hop-refusal"
"""A header of the answer: the gateway itself refuses, and no engine was asked. Engines can't send it."""
MAX_DEADLINE_MS: Final = 31_622_400_000

_PREFIX: Final = b"x-isochrone-hop"
_NOTHING: Final = "-"
_ELSEWHERE: Final = "*"
_LABEL: Final = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_QUALIFIED: Final = re.compile(rf"{_LABEL}/{_LABEL}(?:\.{_LABEL})*")
_QUALIFIED_MAX: Final = 317
_CLASS: Final = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_CODE: Final = re.compile(r"[A-Z]{2}(?:-[A-Z0-9]{1,3})?|\*")
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,10}")
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_AFFINITY_END: Final = 1 << 32
_FLAGS: Final = {"yes": True, "no": False}


class Refused(enum.StrEnum):
    """Why a gateway refuses a hop: the value of the header `REFUSAL`."""

    UNLAWFUL = "residency_denied"
    UNKNOWN_PEER = "unknown_peer"
    BAD_HOP = "bad_hop"
    UNKNOWN_ROUTE = "unknown_route"
    UNKNOWN_POOL = "unknown_pool"
    NO_CAPACITY = "no_capacity"
    OVERLOADED = "overloaded"
    DRAINING = "draining"
    NO_EVIDENCE = "evidence_unavailable"


class Hop(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One request on its way from its entry gateway to the gateway of another site.

    `origin` is as the law takes it: canonical codes, the empty one for elsewhere, and none if nothing is known.
    """

    route: str
    pool: str
    tenant: str | None
    origin: frozenset[str]
    data_classes: frozenset[str]
    is_bound: bool
    deadline_ms: int
    affinity: int | None
    request_id: str


class BadHop(NamedTuple):
    """Headers that are none of a hop; `text` says which, and what is wrong with it."""

    text: str


class _UnreadableError(Exception):
    """One header's value is none that it may have."""


# Writing. What is the same for all attempts is written apart from what isn't.


def whose(
    *,
    route: str,
    pool: str,
    tenant: str | None,
    origin: Iterable[str],
    data_classes: Iterable[str],
    is_bound: bool,
) -> bytes:
    """The header lines that say what is asked for, and whose data it is.

    Classes that are spelt as none can be are left out: no policy names them, and callers may write anything.
    """
    classes = (each for each in data_classes if _CLASS.fullmatch(each))
    lines = (
        ("", VERSION),
        ("-route", route),
        ("-pool", pool),
        ("-tenant", tenant or _NOTHING),
        ("-origin", _joined(code or _ELSEWHERE for code in origin)),
        ("-data-classes", _joined(classes)),
        ("-bound", "yes" if is_bound else "no"),
    )
    return b"".join([b"%b%b: %b\r\n" % (_PREFIX, name.encode(), value.encode("ascii")) for name, value in lines])


def attempt(*, deadline_ms: int, affinity: int | None) -> bytes:
    """The header lines of one attempt."""
    alike = b"-" if affinity is None else b"%d" % (affinity % _AFFINITY_END)
    left = min(max(1, deadline_ms), MAX_DEADLINE_MS)
    return b"x-isochrone-hop-deadline-ms: %d\r\nx-isochrone-hop-affinity: %b\r\n" % (left, alike)


def _joined(values: Iterable[str]) -> str:
    return ",".join(sorted(set(values))) or _NOTHING


# Reading.


def parse(fields: Mapping[bytes, bytes]) -> Hop | BadHop:
    """Read the headers of a hop, or say what is wrong with them."""
    version = fields.get(_PREFIX)
    if version is None:
        return BadHop("This is no hop: x-isochrone-hop is missing.")
    if version != VERSION.encode():
        text = f"x-isochrone-hop is {version[:16].decode('latin-1')!r}; this gateway speaks version {VERSION}."
        return BadHop(text)
    unknown = [name for name in fields if name.startswith(_PREFIX) and name not in _KNOWN]
    if unknown:
        return BadHop(f"{unknown[0][:64].decode('latin-1')} is no header of version {VERSION}.")
    found: dict[str, Any] = {}
    for header, (field, read) in _READERS.items():
        name, value = header.decode(), fields.get(header)
        if value is None:
            return BadHop(f"{name} is missing.")
        try:
            found[field] = read(value.decode("latin-1"))
        except _UnreadableError as error:
            return BadHop(f"{name} is {value[:64].decode('latin-1')!r}, which is no {error}.")
    return Hop(**found)


def _qualified(text: str) -> str:
    if len(text) > _QUALIFIED_MAX or _QUALIFIED.fullmatch(text) is None:
        raise _UnreadableError("NAMESPACE/NAME")
    return text


def _tenant(text: str) -> str | None:
    return None if text == _NOTHING else _qualified(text)


def _origin(text: str) -> frozenset[str]:
    codes = _list(text, _CODE, "list of ISO 3166 codes")
    return frozenset("" if code == _ELSEWHERE else code for code in codes)


def _classes(text: str) -> frozenset[str]:
    return frozenset(_list(text, _CLASS, "list of data classes"))


def _list(text: str, pattern: re.Pattern[str], what: str) -> list[str]:
    """The items of a list, in the one order and spelling that it has."""
    if text == _NOTHING:
        return []
    items = text.split(",")
    if _joined(items) != text or not all(map(pattern.fullmatch, items)):
        raise _UnreadableError(what)
    return items


def _flag(text: str) -> bool:
    if text not in _FLAGS:
        raise _UnreadableError("yes or no")
    return _FLAGS[text]


def _deadline(text: str) -> int:
    if _NUMBER.fullmatch(text) is None or not 1 <= int(text) <= MAX_DEADLINE_MS:
        raise _UnreadableError("number of milliseconds")
    return int(text)


def _affinity(text: str) -> int | None:
    if text == _NOTHING:
        return None
    if _NUMBER.fullmatch(text) is None or int(text) >= _AFFINITY_END:
        raise _UnreadableError("number of 32 bits")
    return int(text)


def _request_id(text: str) -> str:
    if _REQUEST_ID.fullmatch(text) is None:
        raise _UnreadableError("id of a request")
    return text


_READERS: Final[Mapping[bytes, tuple[str, Callable[[str], Any]]]] = {
    b"x-isochrone-hop-route": ("route", _qualified),
    b"x-isochrone-hop-pool": ("pool", _qualified),
    b"x-isochrone-hop-tenant": ("tenant", _tenant),
    b"x-isochrone-hop-origin": ("origin", _origin),
    b"x-isochrone-hop-data-classes": ("data_classes", _classes),
    b"x-isochrone-hop-bound": ("is_bound", _flag),
    b"x-isochrone-hop-deadline-ms": ("deadline_ms", _deadline),
    b"x-isochrone-hop-affinity": ("affinity", _affinity),
    b"x-request-id": ("request_id", _request_id),
}
_KNOWN: Final = frozenset(_READERS) | {_PREFIX}
