"""Model routes: the public name a client asks for, and the ordered candidates that may answer."""

import enum
from collections.abc import Mapping
from typing import Annotated

import msgspec

from isochrone_gateway.config.record import (
    Bytes,
    Count,
    DataClass,
    Index0,
    Milliseconds,
    ModelName,
    Money,
    Name,
    Percent,
    Positive,
    QualifiedName,
    Record,
    UpstreamModel,
    whole,
)

Scalar = bool | int | float | str
ParameterName = Annotated[str, whole("[a-z][a-z0-9_]*", max_length=64)]


class EngineTarget(Record, frozen=True, kw_only=True, tag_field="type", tag="Engine"):
    """An engine pool of this site."""

    pool: QualifiedName


class PeerTarget(Record, frozen=True, kw_only=True, tag_field="type", tag="Peer"):
    """The same route's pool at another site; that site's gateway runs exactly this pool on its own pods."""

    site: Name
    pool: QualifiedName


class ProviderTarget(Record, frozen=True, kw_only=True, tag_field="type", tag="Provider"):
    """An outside provider, at the endpoint whose place the law was checked for."""

    provider: Name
    endpoint: Name


Target = EngineTarget | PeerTarget | ProviderTarget


class Price(Record, frozen=True, kw_only=True):
    """US dollars per million tokens, as decimal strings.

    Cached prompt tokens cost as `input` if nothing else is said.
    """

    input: Money
    output: Money
    cached_input: Money | None = None


class Candidate(Record, frozen=True, kw_only=True):
    """One way to answer. `model` is the name sent upstream; `rtt_ms` is what the planner expects, not a measurement."""

    target: Target
    place: Index0
    model: UpstreamModel
    weight: Count = 1
    rtt_ms: Milliseconds = 0
    price: Price | None = None


class Tier(Record, frozen=True, kw_only=True):
    """Candidates of equal standing, best first; weights split the traffic between them.

    The next tier is the fallback.
    """

    candidates: tuple[Candidate, ...]


class Timeouts(Record, frozen=True, kw_only=True):
    """Of one attempt until the first byte of a streamed answer; between bytes; of the request with all its attempts.

    An engine sends no byte of an answer that isn't streamed before all of it is there. So `first_byte_ms` doesn't
    bound those, and until their first byte nothing but `total_ms` does.
    """

    first_byte_ms: Milliseconds = 30_000
    idle_ms: Milliseconds = 60_000
    total_ms: Milliseconds = 900_000


class RetryOn(enum.StrEnum):
    """Classes of failure after which another attempt may be made."""

    CONNECT_FAILURE = "ConnectFailure"
    RATE_LIMITED = "RateLimited"  # 429
    SERVER_ERROR = "ServerError"  # 5xx, before anything was sent to the client
    TIMEOUT = "Timeout"


class Retry(Record, frozen=True, kw_only=True):
    """Attempts in all; exponential backoff with jitter; retries as a share of requests, at most `budget_percent`."""

    attempts: Positive = 3
    backoff_base_ms: Milliseconds = 50
    backoff_max_ms: Milliseconds = 5_000
    jitter_percent: Percent = 50
    budget_percent: Percent = 20
    on: frozenset[RetryOn] = frozenset(RetryOn)


class Queue(Record, frozen=True, kw_only=True):
    """Requests wait here while no engine is ready. Both bounds hold; 0 means that none waits."""

    max_requests: Count = 100
    max_wait_ms: Milliseconds = 30_000


class Cache(Record, frozen=True, kw_only=True):
    """Exact-match cache, always inside one tenant and only where the Cache scope is lawful."""

    ttl_ms: Milliseconds
    max_entry_bytes: Bytes = 1_048_576


class Parameters(Record, frozen=True, kw_only=True):
    """Request parameters that are filled in where absent, and greatest values."""

    defaults: Mapping[ParameterName, Scalar] = msgspec.field(default_factory=dict)
    caps: Mapping[ParameterName, int | float] = msgspec.field(default_factory=dict)


class RouteEndpoint(enum.StrEnum):
    """Endpoints of the API that a route may answer."""

    CHAT_COMPLETIONS = "ChatCompletions"
    COMPLETIONS = "Completions"
    EMBEDDINGS = "Embeddings"


class Route(Record, frozen=True, kw_only=True):
    """One ModelRoute. Tiers may be empty: the route is known, but nothing may answer it here."""

    id: QualifiedName
    name: ModelName
    aliases: frozenset[ModelName] = frozenset()
    endpoints: frozenset[RouteEndpoint] = frozenset({RouteEndpoint.CHAT_COMPLETIONS, RouteEndpoint.COMPLETIONS})
    data_classes: frozenset[DataClass] = frozenset()
    parameters: Parameters = Parameters()
    timeouts: Timeouts = Timeouts()
    retry: Retry = Retry()
    queue: Queue = Queue()
    cache: Cache | None = None
    tiers: tuple[Tier, ...] = ()
