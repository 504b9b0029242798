"""What the operator counts, for Prometheus. Names are `isochrone_operator_<noun>_<unit>`."""

from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary

from isochrone.api.conditions import Status
from isochrone.controller.passes import Pass
from isochrone.model import ObjectKey, SiteReport
from isochrone.status import families

_PASS_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """All of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._gauges: dict[str, Gauge] = {}
        self.leading = Gauge("isochrone_operator_leading", "1 while this replica leads", registry=registry)
        self.pass_seconds = Histogram(
            "isochrone_operator_pass_seconds", "Duration of a pass", buckets=_PASS_SECONDS, registry=registry
        )
        self._step_seconds = Summary(
            "isochrone_operator_step_seconds", "Duration of a step of a pass", ("step",), registry=registry
        )
        self.passes = Counter("isochrone_operator_passes", "Passes, by result", ("result",), registry=registry)
        self._sites = Gauge(
            "isochrone_operator_sites", "EdgeNodes, by what is known of them", ("state",), registry=registry
        )
        self._faults = Gauge("isochrone_operator_faults", "What can't be done", ("site", "reason"), registry=registry)
        self._held = Gauge(
            "isochrone_operator_sites_held", "Sites whose new bundle waits, by why", ("reason",), registry=registry
        )
        self._causes = Gauge(
            "isochrone_operator_sites_failing", "Sites where errors rose, for which others wait", registry=registry
        )
        self._placements = Gauge("isochrone_operator_placements", "Engines placed", registry=registry)
        self._shortfalls = Gauge("isochrone_operator_shortfalls", "Routes that want more", registry=registry)

    def told(self, found: Mapping[ObjectKey, Status]) -> None:
        """After statuses were made. What is gone is gone from the gauges too."""
        for family in families(found):
            gauge = self._gauges.get(family.name)
            if gauge is None:
                gauge = Gauge(family.name, family.help, family.labels, registry=self._registry)
                self._gauges[family.name] = gauge
            if family.labels:
                gauge.clear()
            for values, number in family.samples.items():
                (gauge.labels(*values) if values else gauge).set(number)

    def passed(self, made: Pass) -> None:
        """After a pass."""
        for step, seconds in made.seconds.items():
            self._step_seconds.labels(step).observe(seconds)
        reports = made.delivery.reports.values()
        held = made.delivery.held.values()
        self._causes.set(sum(each.is_cause for each in held))
        self._held.clear()
        for each in held:
            self._held.labels(str(each.reason)).inc(not each.is_cause)
        self._placements.set(len(made.plan.placements))
        self._shortfalls.set(len(made.plan.shortfalls))
        self._sites.labels("reachable").set(sum(report.is_reachable for report in reports))
        self._sites.labels("unreachable").set(sum(not report.is_reachable for report in reports))
        self._faults.clear()
        for site, reason in _faults(list(reports)):
            self._faults.labels(site, reason).inc()


def _faults(reports: list[SiteReport]) -> Iterator[tuple[str, str]]:
    for report in reports:
        for fault in report.faults:
            yield report.site, str(fault.reason)
