"""What is not written of requests because the law doesn't let it be: counted, so that what is missing is no riddle.

Nothing is left of such a line: its time and id would still be a record of the request, at a place where none may be.
The client has the id, and the numbers are in the metrics.
"""

from isochrone_gateway.ledger.metrics import Family, Registry, Value


def audited_in(registry: Registry) -> Family[Value]:
    """Make the counters of what policies in mode Audit would have refused."""
    text = "Requests that a policy in mode Audit would have refused, counted at their entry."
    return registry.counter("isochrone_audited_requests_total", text, "policy")


class Withheld:
    """Counts requests whose line or spans are left out, in a registry."""

    def __init__(self, registry: Registry) -> None:
        family = registry.counter(
            "isochrone_records_withheld_total",
            "Requests of which something was not written, since the law doesn't allow it: a line of the log, or spans.",
            "what",
        )
        self._logs = family.child("log")
        self._spans = family.child("spans")

    def count(self, *, is_logged: bool, has_lost_spans: bool) -> None:
        """Count one request."""
        if not is_logged:
            self._logs.value += 1
        if has_lost_spans:
            self._spans.value += 1
