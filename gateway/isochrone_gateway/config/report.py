"""What one pod of a gateway says of its configuration: an annotation on its site's Lease, read by the operator.

    pod.isochrone.dev/POD    {"pod": POD, "at": ..., "running": {...}, "refused": {...}, "served": {...},
                              "demand": {...}, "evidence": {...}}

Each pod writes its own annotation, as a field manager of its own (server-side apply), and writes it again every half
minute or so. One whose `at` stays behind is of a pod that is gone; whoever applies nothing as that field manager
removes it.

The two may be of different versions, as with the config: a reader leaves out what it doesn't know.
"""

import datetime as dt
import functools
import hashlib
import re
from collections.abc import Mapping
from typing import Annotated, Final

import msgspec
from msgspec import Meta, inspect

from isochrone_gateway.config.errors import ConfigError, Problem, from_decoding
from isochrone_gateway.config.index import Revision
from isochrone_gateway.config.record import Instant, Record
from isochrone_gateway.config.tolerance import prune

PREFIX: Final = "pod.isochrone.dev/"
MAX_MESSAGE: Final = 300
"""Characters. All annotations of an object together may have 256 KiB."""

MAX_WORST: Final = 8
"""Routes that are told of one by one."""
MAX_DEMAND: Final = 4_096
"""Bytes that the routes of a Demand take. So forty pods fit on a Lease."""

_SOURCE: Final = "report"
_MANAGER: Final = "isochrone-gateway-"
_LONGEST: Final = 63
"""Characters of an annotation's name after its prefix."""
_DIGITS: Final = 8
_PLAIN: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_ELSE: Final = re.compile(r"[^-A-Za-z0-9_.]+")


class RefusedConfig(Record, frozen=True, kw_only=True):
    """The newest config that the gateway was given and doesn't run."""

    reason: Annotated[str, Meta(min_length=1, max_length=64)]
    message: Annotated[str, Meta(max_length=MAX_MESSAGE)] = ""
    revision: Revision | None = None
    """None where not even the index could be read."""


class RouteServed(Record, frozen=True, kw_only=True):
    """What became of the requests to one route."""

    route: Annotated[str, Meta(min_length=1, max_length=317)]
    answered: Annotated[int, Meta(ge=0)] = 0
    failed: Annotated[int, Meta(ge=0)] = 0


class Served(Record, frozen=True, kw_only=True):
    """What became of requests under the config that runs, over the last `seconds` at most.

    What clients, limits and the law have caused counts neither as answered nor as failed.
    """

    seconds: Annotated[int, Meta(ge=0)]
    answered: Annotated[int, Meta(ge=0)] = 0
    failed: Annotated[int, Meta(ge=0)] = 0
    """By the gateway's fault, or by that of whomever it asked."""
    worst: Annotated[tuple[RouteServed, ...], Meta(max_length=MAX_WORST)] = ()
    """Those with failures, most of them first; all of them if they are fewer than may be listed."""


class Demand(Record, frozen=True, kw_only=True):
    """Requests by route, and by where they come from: what is long ago counts less and less.

    A route is `namespace/name`. An origin is ISO 3166 codes, joined by commas where it may be any of several; it is
    empty where it isn't known, isn't for the hub to know, or was left out to keep this short.
    """

    seconds: Annotated[int, Meta(ge=0)]
    """Over how long, time that is long ago counting less in the same way: so requests by seconds are a rate."""
    routes: Mapping[str, Mapping[str, Annotated[int, Meta(ge=0)]]] = msgspec.field(default_factory=dict)


class Anchored(Record, frozen=True, kw_only=True):
    """Of the last checkpoint of this pod's evidence, whose instance has the pod's name."""

    n: Annotated[int, Meta(ge=0)]
    at: Annotated[float, Meta(ge=0)]
    """Seconds since the epoch."""
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    """SHA-256 of its line."""


class Copying(Record, frozen=True, kw_only=True):
    """Of copies of this pod's evidence to a bucket."""

    problem: Annotated[str, Meta(max_length=MAX_MESSAGE)] = ""
    """Why none may be made, or why they have failed for long; empty if all is well."""


class Evidence(Record, frozen=True, kw_only=True):
    """What there is to say of evidence where it is kept."""

    anchor: Anchored | None = None
    problem: Annotated[str, Meta(max_length=MAX_MESSAGE)] = ""
    """Why it can't be written or signed; empty if it can."""
    copying: Copying | None = None
    """None where none is copied."""


class PodReport(Record, frozen=True, kw_only=True):
    """One pod's word, as of `at`."""

    pod: Annotated[str, Meta(min_length=1, max_length=253)]
    at: Instant
    running: Revision | None = None
    refused: RefusedConfig | None = None
    served: Served | None = None
    """Under `running`. None from gateways that don't count it."""
    demand: Demand | None = None
    """None from gateways that don't count it."""
    evidence: Evidence | None = None
    """None where none is kept."""


def annotation(pod: str) -> str:
    """The annotation that is this pod's."""
    return PREFIX + _key(pod)


def field_manager(pod: str) -> str:
    """The field manager that this pod applies it as."""
    return _MANAGER + _key(pod)


def refused(reason: str, message: str, revision: Revision | None = None) -> RefusedConfig:
    """A refusal, its message made short enough."""
    return RefusedConfig(reason=reason, message=shortened(message), revision=revision)


def shortened(message: str) -> str:
    """Made short enough for a report."""
    text = message.encode(errors="replace").decode()
    return text if len(text) <= MAX_MESSAGE else f"{text[: MAX_MESSAGE - 3]}..."


def encode(report: PodReport) -> str:
    """The annotation's value: JSON in one line, its time in whole seconds of UTC."""
    at = report.at.astimezone(dt.UTC).replace(microsecond=0)
    return msgspec.json.encode(msgspec.structs.replace(report, at=at), order="deterministic").decode()


def decode(value: str) -> PodReport:
    """Read what a pod of any version said. Raises ConfigError."""
    try:
        found, _ = prune(msgspec.json.decode(value), _form())
        report: PodReport = msgspec.convert(found, PodReport)
    except msgspec.DecodeError as error:
        raise from_decoding(error, source=_SOURCE) from error
    except (UnicodeError, RecursionError) as error:
        raise ConfigError(Problem(source=_SOURCE, text=f"is not a JSON document ({error})")) from error
    return report


@functools.cache
def _form() -> inspect.Type:
    return inspect.type_info(PodReport)


def _key(pod: str) -> str:
    """The pod's name, or what is left of it with a hash of all of it."""
    if len(pod) <= _LONGEST and _PLAIN.fullmatch(pod):
        return pod
    digest = hashlib.sha256(pod.encode(errors="surrogatepass")).hexdigest()[:_DIGITS]
    head = _ELSE.sub("-", pod).strip("-_.")[: _LONGEST - _DIGITS - 1].rstrip("-_.")
    return f"{head}-{digest}" if head else digest
