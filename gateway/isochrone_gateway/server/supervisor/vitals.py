"""What a worker counts anyway, as metrics: connections, refused requests, dropped records and spans.

These are read when a snapshot is made, so they cost the request path nothing.
"""

from collections.abc import Mapping

from isochrone_gateway.ledger.metrics import Registry
from isochrone_gateway.ledger.otlp import Exporter
from isochrone_gateway.ledger.queue import RecordQueue
from isochrone_gateway.server.supervisor.ports import Port


class Vitals:
    """The counters of a worker's ports, of its record queue, and of its exporter of spans if there is one."""

    def __init__(
        self,
        registry: Registry,
        ports: Mapping[str, Port],
        records: RecordQueue,
        exporter: Exporter | None = None,
    ) -> None:
        self._ports = ports
        self._records = records
        self._spans = None if exporter is None else _SpanVitals(registry, exporter)
        self._open = registry.gauge("isochrone_connections", "Connections of clients that are open.", "port")
        self._accepted = registry.counter("isochrone_connections_total", "Connections that were accepted.", "port")
        self._lost = registry.counter(
            "isochrone_connections_lost_total", "Connections that ended before a request, by why.", "port", "why"
        )
        self._http = registry.counter("isochrone_http_requests_total", "Requests with a usable head.", "port")
        self._refused = registry.counter(
            "isochrone_http_refusals_total", "Requests that the HTTP server refused by itself.", "port", "code"
        )
        self._dropped = registry.counter(
            "isochrone_records_dropped_total", "Records of requests that were dropped: a consumer is too slow."
        )
        self._failed = registry.counter(
            "isochrone_record_batches_failed_total", "Batches of records that a consumer failed to take."
        )
        self._waiting = registry.gauge("isochrone_records_waiting", "Records that wait to be consumed.")

    def read(self) -> None:
        """Bring the metrics up to date."""
        for name, port in self._ports.items():
            self._read_port(name, port)
        self._dropped.child().set(self._records.dropped)
        self._failed.child().set(self._records.failed)
        self._waiting.child().set(len(self._records))
        if self._spans is not None:
            self._spans.read()

    def _read_port(self, name: str, port: Port) -> None:
        self._open.child(name).set(port.connections)
        self._lost.child(name, "handshake").set(port.acceptor.failed)
        self._lost.child(name, "exhausted").set(port.acceptor.exhausted)
        for why, count in port.acceptor.unknown.items():
            self._lost.child(name, why).set(count)
        listener = port.listener
        if listener is None:
            return
        counters = listener.counters
        self._accepted.child(name).set(counters.connections)
        self._http.child(name).set(counters.requests)
        self._lost.child(name, "timeout").set(counters.timeouts)
        for code, count in counters.refusals.items():
            self._refused.child(name, code).set(count)


class _SpanVitals:
    """The counters of an exporter."""

    def __init__(self, registry: Registry, exporter: Exporter) -> None:
        self._exporter = exporter
        self._exported = registry.counter("isochrone_spans_exported_total", "Spans that the collector took.")
        self._dropped = registry.counter("isochrone_spans_dropped_total", "Spans that were dropped, by why.", "why")
        self._failures = registry.counter(
            "isochrone_span_exports_failed_total", "Requests to the collector that failed; most are tried again."
        )
        self._waiting = registry.gauge("isochrone_span_records_waiting", "Requests whose spans wait to be sent.")

    def read(self) -> None:
        counts = self._exporter.counts
        self._exported.child().set(counts.exported)
        self._failures.child().set(counts.failures)
        self._waiting.child().set(len(self._exporter))
        for why in ("queue_full", "refused", "unreachable", "broken"):
            self._dropped.child(why).set(getattr(counts, why))
