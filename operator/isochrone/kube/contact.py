"""The Lease by which a site that pulls shows that it is in contact, and says what is new most often.

A report is long, and what changes in it when something was delivered is short. So that alone is on the Lease, which is
renewed anyway: all sites say it at once when the law has changed. Whoever looks sees there, too, whether there is a
report that he has not read, or a request for a certificate. What became of gateways' requests, and where those come
from, is on the Lease alone: it changes all the time, and is as new there as the sign of life.
"""

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from isochrone.kube import kinds, mailbox
from isochrone.kube.api import Api
from isochrone.kube.errors import NotFound
from isochrone.model import GatewayPod, Revision, RouteDemand, SiteReport, essence
from isochrone.render import rights

Json = Mapping[str, Any]
T = TypeVar("T")

LEASE: Final = rights.CONTACT
ACK: Final = "isochrone.dev/ack"
SERVED: Final = "isochrone.dev/served"
DEMAND: Final = "isochrone.dev/demand"


class Ack(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of the last report, and makes a new one of it."""

    report: str
    """Which report that is."""
    delivered: Revision | None = None
    running: Revision | None = None
    """What all pods of the gateway run; None where the report says it."""
    request: str = ""
    """Which request for a certificate has no answer; empty if none is open."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a site says of requests, and of evidence of them, with its sign of life."""

    pods: tuple[GatewayPod, ...] = ()
    """What became of them, under what the pods ran then, and how far evidence goes."""
    demand: Mapping[str, RouteDemand] | None = None
    """Where they come from."""


NONE: Final = Counts()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A site's Lease."""

    sign: str
    """Changes each time that the site's operator is in contact; empty if it never was."""
    ack: Ack | None
    """None from operators that do not say it yet."""
    counts: Counts = NONE


def ack_of(report: SiteReport, request: str = "") -> Ack:
    """What is on the Lease with this report."""
    running = _running(report)
    return Ack(report=name_of(report), delivered=report.delivered, running=running, request=request)


def name_of(report: SiteReport) -> str:
    """Equal for reports that an Ack can make of each other."""
    is_one = _running(report) is not None
    plain = dataclasses.replace(essence(report), delivered=None)
    if is_one:
        pods = tuple(dataclasses.replace(pod, running=None) for pod in plain.gateway_pods)
        plain = dataclasses.replace(plain, gateway_pods=pods)
    return digest(msgspec.json.encode([plain, is_one], order="deterministic"))


def acknowledged(report: SiteReport, ack: Ack) -> SiteReport:
    """The report as it is by now, if the Ack is of this report."""
    if name_of(report) != ack.report:
        return report
    pods = report.gateway_pods
    if ack.running is not None:
        pods = tuple(dataclasses.replace(pod, running=ack.running) for pod in pods)
    return dataclasses.replace(report, delivered=ack.delivered, gateway_pods=pods)


def counted(report: SiteReport, seen: Counts) -> SiteReport:
    """The report with what became of requests by now, as far as pods run what they ran then, whence they come, and how
    far evidence of them goes.
    """
    served = {(pod.pod, pod.running): pod.served for pod in seen.pods}
    # Of evidence only what is here counts: an anchor of the report would be older than what was told since.
    evidence = {pod.pod: pod.evidence for pod in seen.pods}
    known = (
        dataclasses.replace(pod, served=served.get((pod.pod, pod.running), pod.served), evidence=evidence.get(pod.pod))
        for pod in report.gateway_pods
    )
    return dataclasses.replace(report, gateway_pods=tuple(known), demand=seen.demand)


def digest(content: bytes) -> str:
    """Short: it only has to tell one thing from what was there before."""
    return hashlib.sha256(content).hexdigest()[:16]


async def show(
    api: Api, site: str, now: str, ack: Ack | None = None, *, counts: Counts = NONE, is_there: bool = False
) -> None:
    """Say to the hub that we are in contact; `now` is RFC 3339 with microseconds. Raises ApiError."""
    served = [pod for pod in counts.pods if pod.served is not None or pod.evidence is not None]
    notes = {
        ACK: msgspec.json.encode(ack).decode(),
        SERVED: msgspec.json.encode(served).decode(),
        DEMAND: msgspec.json.encode(counts.demand).decode(),
    }
    said = {} if ack is None else {"annotations": notes}
    metadata = {"name": LEASE, "namespace": mailbox.namespace_of(site), **said}
    spec = {"holderIdentity": site, "renewTime": now}
    item = {"apiVersion": kinds.LEASE.api_version, "kind": kinds.LEASE.name, "metadata": metadata, "spec": spec}
    await mailbox.write(api, item, {"metadata": said, "spec": spec}, is_there=is_there)


async def look(api: Api, site: str) -> Contact:
    """Raises ApiError."""
    try:
        lease = await api.get(kinds.LEASE.path(mailbox.namespace_of(site), LEASE))
    except NotFound:
        return Contact(sign="", ack=None)
    notes = lease["metadata"].get("annotations") or {}
    return Contact(
        sign=str((lease.get("spec") or {}).get("renewTime", "")),
        ack=_read(notes.get(ACK), Ack),
        counts=Counts(
            pods=_read(notes.get(SERVED), tuple[GatewayPod, ...]) or (),
            demand=_read(notes.get(DEMAND), dict[str, RouteDemand]),
        ),
    )


def _read(said: str | None, kind: type[T]) -> T | None:
    """None if it is not there, or of a version that we don't read."""
    try:
        return None if said is None else msgspec.json.decode(said, type=kind)
    except msgspec.DecodeError:
        return None


def _running(report: SiteReport) -> Revision | None:
    """What all pods run, if they run the same."""
    found = {pod.running for pod in report.gateway_pods}
    return found.pop() if len(found) == 1 else None
