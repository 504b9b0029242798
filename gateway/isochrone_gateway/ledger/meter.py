"""Records -> metrics.

Names and buckets are those of OpenTelemetry's semantic conventions for generative AI where they have one, in
Prometheus' spelling (dots become underscores, the unit a suffix); attributes become labels alike. Source:
https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/. What they have no name for begins with `isochrone_`.

One route has few combinations of labels, so the children are looked up once for each and kept.
"""

from collections.abc import Mapping
from typing import Final

from isochrone_gateway.ledger.metrics import Histogram, Registry, Value
from isochrone_gateway.ledger.record import Outcome, Record
from isochrone_gateway.wire.schema import Usage

_DURATION: Final[tuple[float, ...]] = (
    0.01,
    0.02,
    0.04,
    0.08,
    0.16,
    0.32,
    0.64,
    1.28,
    2.56,
    5.12,
    10.24,
    20.48,
    40.96,
    81.92,
)
_FIRST_TOKEN: Final[tuple[float, ...]] = (
    0.001,
    0.005,
    0.01,
    0.02,
    0.04,
    0.06,
    0.08,
    0.1,
    0.25,
    0.5,
    0.75,
    1.0,
    2.5,
    5.0,
    7.5,
    10.0,
)
_PER_TOKEN: Final[tuple[float, ...]] = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
_TOKENS: Final = tuple(4.0**power for power in range(14))
_REMEMBERED: Final = 4_096
_GEN_AI: Final = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model")


class Children:
    """All that one kind of request counts in."""

    __slots__ = (
        "attempts", "bytes_in", "bytes_out", "cached", "duration", "first_token", "input", "is_answered", "is_refused",
        "output", "per_token", "reasoning", "requests",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913 - as many as there are metrics
        self,
        outcome: Outcome,
        *,
        requests: Value,
        duration: Histogram,
        first_token: Histogram,
        per_token: Histogram,
        attempts: Value,
        bytes_in: Value,
        bytes_out: Value,
        input: Histogram,  # noqa: A002 - as OpenTelemetry calls it
        output: Histogram,
        cached: Histogram,
        reasoning: Histogram,
    ) -> None:
        self.is_refused = outcome is Outcome.REFUSED
        self.is_answered = outcome is Outcome.ANSWERED
        self.requests = requests
        self.duration = duration
        self.first_token = first_token
        self.per_token = per_token
        self.attempts = attempts
        self.bytes_in = bytes_in
        self.bytes_out = bytes_out
        self.input = input
        self.output = output
        self.cached = cached
        self.reasoning = reasoning


class Totals:
    """Tokens of one tenant."""

    __slots__ = ("made", "sent")

    def __init__(self, sent: Value, made: Value) -> None:
        self.sent = sent
        self.made = made


class Meter:
    """Counts requests in a registry."""

    def __init__(self, registry: Registry) -> None:
        self._requests = registry.counter(
            "isochrone_requests_total",
            "Requests by how they ended.",
            *("route", "outcome", "error", "jurisdiction"),
        )
        self._attempts = registry.counter(
            "isochrone_upstream_attempts_total",
            "Attempts to get an answer, by who answered last.",
            "route",
            "candidate",
        )
        self._bytes = registry.counter("isochrone_body_bytes_total", "Bytes of bodies.", "route", "direction")
        self._duration = registry.histogram(
            "gen_ai_server_request_duration_seconds",
            "Time from a request's head to the end of its answer.",
            *(*_GEN_AI, "error_type"),
            bounds=_DURATION,
        )
        self._first_token = registry.histogram(
            "gen_ai_server_time_to_first_token_seconds",
            "Time from a request's head to the first token of a streamed answer.",
            *_GEN_AI,
            bounds=_FIRST_TOKEN,
        )
        self._per_token = registry.histogram(
            "gen_ai_server_time_per_output_token_seconds",
            "Time per token after the first, of answers whose usage is known.",
            *_GEN_AI,
            bounds=_PER_TOKEN,
        )
        self._tokens = registry.histogram(
            "gen_ai_client_token_usage",
            "Tokens of one request; cached_input is part of input, reasoning part of output.",
            *(*_GEN_AI, "gen_ai_token_type"),
            bounds=_TOKENS,
        )
        # Tenants can be many: a label of their own metric only, so that their number blurs no other.
        self._tenant_tokens = registry.counter(
            "isochrone_tenant_tokens_total", "Tokens by tenant.", "tenant", "gen_ai_token_type"
        )
        self._tag_tokens = registry.counter(
            "isochrone_tag_tokens_total",
            "Tokens by what callers tag their requests with.",
            *("tag", "value"),
            "gen_ai_token_type",
        )
        self._children: dict[tuple[str, ...], Children] = {}
        self._tenants: dict[str, Totals] = {}

    def count(self, record: Record) -> None:
        """Count one request."""
        times = record.times
        self.count_in(
            self.children_of(record),
            tenant=record.tenant,
            total=times.total,
            first_token=times.first_token,
            attempts=record.attempts,
            bytes_in=record.bytes_in,
            bytes_out=record.bytes_out,
            usage=record.usage,
        )

    def count_in(  # noqa: PLR0913 - one for each metric
        self,
        children: Children,
        *,
        tenant: str,
        total: float,
        first_token: float | None,
        attempts: int,
        bytes_in: int,
        bytes_out: int,
        usage: Usage | None,
    ) -> None:
        """Count one request of a kind whose children are known; `total` and `first_token` are seconds."""
        children.requests.value += 1
        children.attempts.value += attempts
        children.bytes_in.value += bytes_in
        children.bytes_out.value += bytes_out
        if not children.is_refused:
            children.duration.observe(total)
        if first_token is not None:
            children.first_token.observe(first_token)
        if usage is None:
            return
        made = usage.output_tokens
        self._count_tokens(children, tenant, usage.input_tokens, made)
        if usage.cached_tokens:
            children.cached.observe(usage.cached_tokens)
        if usage.reasoning_tokens:
            children.reasoning.observe(usage.reasoning_tokens)
        if first_token is not None and made > 1 and children.is_answered:
            children.per_token.observe((total - first_token) / (made - 1))

    def count_tags(self, tags: Mapping[str, str], usage: Usage) -> None:
        """Count the tokens of one request by its tags."""
        for tag, value in tags.items():
            self._tag_tokens.child(tag, value, "input").add(usage.input_tokens)
            self._tag_tokens.child(tag, value, "output").add(usage.output_tokens)

    def _count_tokens(self, children: Children, tenant: str, sent: int, made: int) -> None:
        totals = self._tenants.get(tenant) or self._new_tenant(tenant)
        totals.sent.value += sent
        totals.made.value += made
        children.input.observe(sent)
        children.output.observe(made)

    def _new_tenant(self, tenant: str) -> "Totals":
        if len(self._tenants) >= _REMEMBERED:
            self._tenants.clear()
        child = self._tenant_tokens.child
        found = self._tenants[tenant] = Totals(child(tenant, "input"), child(tenant, "output"))
        return found

    def children_of(self, record: Record) -> Children:
        """What a request counts in. Those of its route, candidate, model and ending count in the same."""
        key = (
            *(record.route, record.outcome, record.error, record.jurisdiction),
            *(record.candidate, record.operation, record.provider, record.model),
        )
        found = self._children.get(key)
        if found is None:
            if len(self._children) >= _REMEMBERED:
                self._children.clear()  # They are found again by their labels; the counts are not here.
            found = self._children[key] = self._make_children(record)
        return found

    def _make_children(self, record: Record) -> Children:
        gen_ai = _gen_ai_labels(record)
        return Children(
            record.outcome,
            requests=self._requests.child(record.route, record.outcome, record.error, record.jurisdiction),
            duration=self._duration.child(*gen_ai, record.error),
            first_token=self._first_token.child(*gen_ai),
            per_token=self._per_token.child(*gen_ai),
            attempts=self._attempts.child(record.route, record.candidate),
            bytes_in=self._bytes.child(record.route, "in"),
            bytes_out=self._bytes.child(record.route, "out"),
            input=self._tokens.child(*gen_ai, "input"),
            output=self._tokens.child(*gen_ai, "output"),
            cached=self._tokens.child(*gen_ai, "cached_input"),
            reasoning=self._tokens.child(*gen_ai, "reasoning"),
        )


def _gen_ai_labels(record: Record) -> tuple[str, str, str]:
    return (record.operation, record.provider, record.model)
