"""How much at once, for tenants and for providers alike."""

from isochrone_gateway.config.record import Positive, Record


class Rates(Record, frozen=True, kw_only=True):
    """Bounds at one site. What is absent is not limited."""

    requests_per_minute: Positive | None = None
    tokens_per_minute: Positive | None = None
    concurrent_requests: Positive | None = None
