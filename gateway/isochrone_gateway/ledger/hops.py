"""Records of requests that peers sent here -> metrics of their own.

A request that hopped is recorded at both of its gateways. The metrics of requests, tokens and tenants (see `meter`)
count it at its entry, where the client was answered; so sums over all sites count everything once. What a gateway did
for its peers is counted here.
"""

from isochrone_gateway.ledger.metrics import Registry
from isochrone_gateway.ledger.record import Record


class HopMeter:
    """Counts what was done for peers in a registry."""

    def __init__(self, registry: Registry) -> None:
        self._requests = registry.counter(
            "isochrone_peer_requests_total",
            "Requests that came from peers, by how they ended here.",
            *("peer", "route", "outcome", "error"),
        )
        self._tokens = registry.counter(
            "isochrone_peer_tokens_total",
            "Tokens of requests that came from peers; their tenants' own metric counts them at their entry.",
            *("peer", "route", "gen_ai_token_type"),
        )

    def count(self, record: Record) -> None:
        """Count one request."""
        self._requests.child(record.peer, record.route, record.outcome, record.error).value += 1
        if record.usage is not None:
            self._tokens.child(record.peer, record.route, "input").value += record.usage.input_tokens
            self._tokens.child(record.peer, record.route, "output").value += record.usage.output_tokens
