"""How a ModelRoute treats requests: retries, timeouts, the queue, the cache, parameters.

These parts say nothing of where a model is served: gateways follow them, at every site alike.
"""

import enum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from isochrone.api.scalars import Decimal, Duration, comparing
from isochrone.api.schema import SET, Model, Rule


class RetryClass(enum.StrEnum):
    """What went wrong with an attempt."""

    CONNECT_FAILURE = "ConnectFailure"
    RATE_LIMITED = "RateLimited"
    SERVER_ERROR = "ServerError"
    TIMEOUT = "Timeout"


class Retries(Model):
    """When an attempt is made again. An answer that has begun is never retried."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule=comparing(
                "duration(self.maxBackoff) >= duration(self.backoff)",
                "maxBackoff",
                "backoff",
            ),
            message="maxBackoff is below backoff",
            field=".maxBackoff",
        ),
    )

    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    """Attempts in all, over all tiers."""
    on: Annotated[list[RetryClass], Field(min_length=1, max_length=4), SET] | None = None
    """After what; after everything listed when left out: ConnectFailure, RateLimited, ServerError, Timeout."""
    backoff: Duration = "50ms"
    """The first pause, doubled each time, with jitter. `Retry-After` is honoured."""
    max_backoff: Duration = "5s"
    """The longest pause."""
    budget_percent: Annotated[int, Field(ge=0, le=100)] = 20
    """Retries in a hundred requests, at most, so that a failing backend is not stormed."""


class Timeouts(Model):
    """How long each phase of an answer may take."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule=comparing(
                "duration(self.firstByte) > duration('0s') && duration(self.idle) > duration('0s')",
                "firstByte",
                "idle",
            ),
            message="firstByte and idle are above 0",
        ),
        Rule(
            rule=comparing(
                "duration(self.total) >= duration(self.firstByte) && duration(self.total) >= duration(self.idle)",
                "total",
                "firstByte",
                "idle",
            ),
            message="total is below firstByte or idle",
            field=".total",
        ),
    )

    first_byte: Duration = "30s"
    """Until a streamed answer begins. One that isn't streamed begins when it is complete, so only `total` bounds it."""
    idle: Duration = "60s"
    """Between two pieces of an answer."""
    total: Duration = "15m"
    """For all of it, retries included."""


class Queue(Model):
    """Requests that wait while no engine is ready."""

    max_requests: Annotated[int, Field(ge=0, le=100_000)] = 100
    """How many may wait at each gateway."""
    max_wait: Duration = "30s"
    """How long one may wait."""


class Cache(Model):
    """Answers that are given again. Never across tenants, never past the law."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule=comparing(
                "duration(self.ttl) > duration('0s') && duration(self.ttl) <= duration('720h')",
                "ttl",
            ),
            message="ttl is above 0 and at most 720h",
            field=".ttl",
        ),
    )

    mode: Literal["Off", "Exact"] = "Off"
    """Off, or Exact: the same request of the same tenant."""
    ttl: Duration = "5m"
    """How long an answer is kept."""


class ParameterDefaults(Model):
    """Request parameters that are set where the client sets none."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="!has(self.temperature) || !isQuantity(self.temperature)"
            " || quantity(self.temperature).compareTo(quantity('0')) >= 0"
            " && quantity(self.temperature).compareTo(quantity('2')) <= 0",
            message="temperature is a number from 0 to 2",
            field=".temperature",
        ),
        Rule(
            rule="!has(self.topP) || !isQuantity(self.topP)"
            " || quantity(self.topP).compareTo(quantity('0')) >= 0"
            " && quantity(self.topP).compareTo(quantity('1')) <= 0",
            message="topP is a number from 0 to 1",
            field=".topP",
        ),
    )

    temperature: Decimal | None = None
    """The sampling temperature, from 0 to 2."""
    top_p: Decimal | None = None
    """Nucleus sampling: the share of the probability that tokens are drawn from, from 0 to 1."""
    max_tokens: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    """The most tokens of an answer, where the client does not say."""


class ParameterCaps(Model):
    """The most that a client may ask for. More is a 400, never cut silently."""

    max_tokens: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    """The most tokens of an answer that a client may ask for."""
    choices: Annotated[int, Field(ge=1, le=128)] | None = None
    """The most answers to one request (`n`)."""


class Parameters(Model):
    """Defaults and caps of request parameters."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="!has(self.defaults) || !has(self.defaults.maxTokens) || !has(self.caps)"
            " || !has(self.caps.maxTokens) || self.defaults.maxTokens <= self.caps.maxTokens",
            message="defaults.maxTokens is above caps.maxTokens",
            field=".defaults",
        ),
    )

    defaults: ParameterDefaults | None = None
    """Values for parameters that the client does not set."""
    caps: ParameterCaps | None = None
    """The most that a client may ask for."""
