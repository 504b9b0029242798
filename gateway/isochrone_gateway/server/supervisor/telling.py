"""What the supervisor tells about itself: the body of `/status`, and its own metrics."""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any

from isochrone_gateway.config.index import Revision
from isochrone_gateway.ledger import exposition
from isochrone_gateway.ledger.metrics import Registry
from isochrone_gateway.route.mask import Age, age_of
from isochrone_gateway.server.supervisor.slices import ServiceReport
from isochrone_gateway.source.report import Refusal, Report, Running


def age_state(report: Report, age: float) -> Age:
    """How old the running config counts as. Without one, nothing is fresh."""
    if report.running is None:
        return Age.EXPIRED
    return age_of(age, report.running.complete.loaded.config.site.age)


def describe_config(report: Report, age: float) -> dict[str, Any]:
    """The `config` part of `/status`."""
    return {
        "source": report.source,
        "away": report.away,
        "running": None if report.running is None else _describe_running(report.running),
        "refused": None if report.refusal is None else _describe_refusal(report.refusal),
        "age": {"seconds": None if math.isinf(age) else round(age, 1), "state": age_state(report, age)},
        "storeProblem": report.store_problem,
    }


def _describe_running(running: Running) -> dict[str, Any]:
    index = running.complete.received.index
    return {
        "revision": _revision(index.revision),
        "installation": index.installation,
        "site": index.site,
        "version": index.version,
        "issuedAt": index.issued_at.isoformat(),
        "signedBy": list(running.complete.received.signed_by),
        "ignored": list(running.complete.loaded.ignored),
        "origin": running.origin,
        "since": _instant(running.since),
    }


def _describe_refusal(refusal: Refusal) -> dict[str, Any]:
    refused = refusal.refused
    return {
        "revision": None if refused.revision is None else _revision(refused.revision),
        "reason": refused.reason,
        "problems": list(refused.problems),
        "since": _instant(refusal.at),
        "attempts": refusal.attempts,
    }


def _revision(revision: Revision) -> dict[str, Any]:
    return {"epoch": revision.epoch, "sequence": revision.sequence, "digest": revision.digest}


def _instant(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, tz=dt.UTC).isoformat(timespec="seconds")


def describe_discovery(services: Sequence[ServiceReport], now: float) -> list[dict[str, Any]]:
    """The `discovery` part of `/status`: what is known of the engines behind Services."""
    return [
        {
            "service": service.name,
            "problem": service.problem,
            "readSecondsAgo": None if service.read_at is None else round(now - service.read_at, 1),
            "endpoints": dict(service.endpoints),
        }
        for service in services
    ]


def snapshots(
    report: Report, age: float, facts: Mapping[str, float], services: Sequence[ServiceReport]
) -> exposition.Snapshots:
    """The supervisor's metrics; `facts` are gauges and counters of the processes, by full name."""
    registry = Registry()
    _add_config(registry, report, age)
    _add_discovery(registry, services)
    for name, value in facts.items():
        text = _FACTS[name]
        make = registry.counter if name.endswith("_total") else registry.gauge
        make(name, text).child().set(value)
    return registry.snapshot()


_FACTS = {
    "isochrone_ready": "Whether requests should come: 1 or 0.",
    "isochrone_draining": "Whether the gateway is about to end: 1 or 0.",
    "isochrone_workers": "Worker processes that there should be.",
    "isochrone_workers_ready": "Worker processes that answer requests.",
    "isochrone_worker_restarts_total": "Worker processes that ended without being told to.",
    "isochrone_evidence_checkpoint_age_seconds": "Time since the last checkpoint of the evidence was signed.",
    "isochrone_evidence_checkpoint_failures_total": "Checkpoints of the evidence that could not be written.",
    "isochrone_evidence_uncopied_age_seconds": "Time since the oldest evidence that is not in the bucket was begun.",
    "isochrone_evidence_copies_total": "Files of evidence that were copied to the bucket.",
    "isochrone_evidence_copy_failures_total": "Tries to copy evidence to the bucket that failed.",
    "isochrone_events_dropped_total": "Lines of the event log that were dropped: its reader is too slow.",
}


def _add_discovery(registry: Registry, services: Sequence[ServiceReport]) -> None:
    """Not labelled `service` or `endpoint`: Prometheus gives such labels to what it scrapes."""
    up = registry.gauge(
        "isochrone_discovery_up", "Whether the EndpointSlices of a Service can be read: 1 or 0.", "engine_service"
    )
    ready = registry.gauge(
        "isochrone_discovery_endpoints", "Ready endpoints when they were last read.", "engine_service", "engine_port"
    )
    for service in services:
        up.child(service.name).set(service.problem is None)
        for port, count in service.endpoints.items():
            ready.child(service.name, port).set(count)


def _add_config(registry: Registry, report: Report, age: float) -> None:
    counts = report.counts
    if report.running is not None:
        revision = report.running.complete.revision
        registry.gauge("isochrone_config_epoch", "Epoch of the running config.").child().set(revision.epoch)
        registry.gauge("isochrone_config_sequence", "Sequence of the running config.").child().set(revision.sequence)
    age_gauge = registry.gauge(
        "isochrone_config_age_seconds", "Time since the source was read and held what runs; +Inf if never."
    )
    age_gauge.child().set(age)
    state = registry.gauge(
        "isochrone_config_state", "How old the running config counts as: 1 for one of them.", "state"
    )
    for each in Age:
        state.child(each).set(each is age_state(report, age))
    refused = registry.gauge("isochrone_config_refused", "1 if the source's config is refused, by why.", "reason")
    if report.refusal is not None:
        refused.child(report.refusal.refused.reason).set(1)
    registry.gauge("isochrone_config_source_up", "Whether the source can be read: 1 or 0.").child().set(
        report.away is None
    )
    registry.gauge("isochrone_config_store_up", "Whether the config could be kept on disk: 1 or 0.").child().set(
        report.store_problem is None
    )
    reads = registry.counter("isochrone_config_reads_total", "Readings of the source.", "result")
    reads.child("ok").set(counts.reads)
    reads.child("failed").set(counts.failed_reads)
    changes = registry.counter("isochrone_config_changes_total", "Configs that came from the source.", "result")
    changes.child("accepted").set(counts.accepted)
    changes.child("refused").set(counts.refused)
    registry.counter("isochrone_config_store_failures_total", "Failures to keep the config on disk.").child().set(
        counts.store_failures
    )
