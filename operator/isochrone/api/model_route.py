"""ModelRoute: a public model name, and how it is answered."""

import enum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from isochrone.api.conditions import Reason, Status
from isochrone.api.gpu_pool import CapacityType
from isochrone.api.resource import AGE, READY, REASON, Column, KindInfo, Resource
from isochrone.api.scalars import DataClass, Decimal, Duration, Label, ModelName, ObjectName, comparing
from isochrone.api.schema import ATOMIC, SET, Model, Rule, map_list
from isochrone.api.selectors import LabelSelector, Namespaces
from isochrone.api.serving import Serving


class Strategy(enum.StrEnum):
    """What placement aims at, within law and capacity."""

    NEAREST = "Nearest"
    CHEAPEST = "Cheapest"
    BALANCED = "Balanced"


class LatencyObjective(Model):
    """How near the model should be to those who ask."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule=comparing(
                "duration(self.rtt) > duration('0s')",
                "rtt",
            ),
            message="no site is nearer than 0 ms: rtt is above 0",
            field=".rtt",
        ),
    )

    rtt: Duration
    """Network round trip from the caller to the site."""
    percentile: Annotated[int, Field(ge=1, le=100)] = 95
    """For how many of a hundred callers."""


class Placement(Model):
    """At which sites the model is served."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="!has(self.maxSites) || self.maxSites >= self.minSites",
            message="maxSites is below minSites",
            field=".maxSites",
        ),
    )

    strategy: Strategy = Strategy.BALANCED
    """Nearest, Cheapest, or Balanced between both."""
    latency_objective: LatencyObjective | None = None
    """How near it should be."""
    min_sites: Annotated[int, Field(ge=1, le=1000)] = 1
    """At how many sites, at least."""
    max_sites: Annotated[int, Field(ge=1, le=1000)] | None = None
    """At how many sites, at most; as many as the objective needs when left out."""
    edge_node_selector: LabelSelector | None = None
    """EdgeNodes to consider, by labels; all when left out."""
    pool_selector: LabelSelector | None = None
    """GPUPools to consider, by labels; all that allow it when left out."""
    capacity_types: Annotated[list[CapacityType], Field(min_length=1, max_length=3), SET] | None = None
    """Kinds of capacity to consider, of Reserved, OnDemand and Spot; all when left out."""


class ServingBackend(Model):
    """The route's own engines, at whichever site they are."""


class ProviderBackend(Model):
    """A model of an outside provider."""

    name: ObjectName
    """The ModelProvider."""
    model: ModelName
    """One of its models."""


class RouteBackend(Model):
    """Another ModelRoute."""

    namespace: Label | None = None
    """Its namespace; the same when left out."""
    name: Label
    """Its name."""


class Backend(Model):
    """One way to answer."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="(has(self.serving) ? 1 : 0) + (has(self.provider) ? 1 : 0) + (has(self.route) ? 1 : 0) == 1",
            message="a backend is exactly one of serving, provider, route",
        ),
    )

    serving: ServingBackend | None = None
    """`{}`: the route's own engines."""
    provider: ProviderBackend | None = None
    """A model of an outside provider."""
    route: RouteBackend | None = None
    """Another ModelRoute."""
    weight: Annotated[int, Field(ge=0, le=1000)] = 1
    """The share of the tier's requests that it gets."""


class Tier(Model):
    """Backends that share the requests by weight. The next tier is asked when this one can't answer."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="self.backends.exists(b, b.weight != 0)",
            message="every backend has weight 0: the tier would never answer",
            field=".backends",
        ),
        Rule(
            rule="self.backends.filter(b, has(b.serving)).size() <= 1",
            message="serving stands twice in one tier",
            field=".backends",
        ),
    )

    backends: Annotated[list[Backend], Field(min_length=1, max_length=16), ATOMIC]
    """The backends."""


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
    """Until the answer begins."""
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

    temperature: Decimal | None = None
    """Sampling temperature."""
    top_p: Decimal | None = None
    """Nucleus sampling."""
    max_tokens: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    """The most tokens of an answer."""


class ParameterCaps(Model):
    """The most that a client may ask for. More is a 400, never cut silently."""

    max_tokens: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    """The most tokens of an answer."""
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
    """Set where the client sets none."""
    caps: ParameterCaps | None = None
    """The most that a client may ask for."""


class ModelRouteSpec(Model):
    """A public model name, and how it is answered."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="has(self.serving) || has(self.tiers)",
            message="say how it is answered: serving for own GPUs, tiers for providers and other routes",
        ),
        Rule(
            rule="!has(self.tiers) || has(self.serving) || self.tiers.all(t, t.backends.all(b, !has(b.serving)))",
            message="a tier names serving, but spec.serving is missing",
            field=".tiers",
        ),
        Rule(
            rule="!has(self.tiers) || !has(self.serving) || self.tiers.exists(t, t.backends.exists(b, has(b.serving)))",
            message="no tier names serving: {}, so these GPUs would never answer; add it, or leave tiers out",
            field=".tiers",
        ),
        Rule(
            rule="has(self.modelName) == has(oldSelf.modelName)"
            " && (!has(self.modelName) || self.modelName == oldSelf.modelName)",
            message="clients use the name that it has: add the new one to aliases, or create another ModelRoute",
            field=".modelName",
        ),
        Rule(
            rule="!has(self.aliases) || !has(self.modelName) || self.aliases.all(a, a != self.modelName)",
            message="modelName stands among its own aliases",
            field=".aliases",
        ),
    )

    model_name: ModelName | None = None
    """The name that clients send as `model`; the object's name when left out."""
    aliases: Annotated[list[ModelName], Field(max_length=16), SET] | None = None
    """Further names for it."""
    endpoints: Annotated[
        list[Literal["ChatCompletions", "Completions", "Embeddings"]],
        Field(min_length=1, max_length=3),
        SET,
    ] = ["ChatCompletions", "Completions"]  # noqa: RUF012 - pydantic copies defaults
    """Which endpoints of the API it answers: ChatCompletions, Completions, Embeddings."""
    serving: Serving | None = None
    """How it is served on own GPUs."""
    placement: Placement = Placement()
    """Where it is served on own GPUs."""
    tiers: Annotated[list[Tier], Field(min_length=1, max_length=8), ATOMIC] | None = None
    """Who answers, in order. Own GPUs alone when left out."""
    allowed_namespaces: Namespaces | None = None
    """Whose InferenceTenants and ModelRoutes may use it, beyond its own namespace."""
    data_classes: Annotated[list[DataClass], Field(max_length=32), SET] | None = None
    """The classes of the data that it handles, in addition to those of the tenant."""
    retries: Retries = Retries()
    """When an attempt is made again."""
    timeouts: Timeouts = Timeouts()
    """How long an answer may take."""
    queue: Queue = Queue()
    """Who waits while no engine is ready."""
    cache: Cache = Cache()
    """Whether answers are given again."""
    parameters: Parameters | None = None
    """Defaults and caps of request parameters."""


class Counts(Model):
    """How many of something."""

    desired: Annotated[int, Field(ge=0)] = 0
    """Wanted."""
    ready: Annotated[int, Field(ge=0)] = 0
    """Ready."""


class RouteException(Model):
    """A site where something is not as it should be."""

    edge_node: Annotated[str, Field(max_length=253)]
    """The EdgeNode."""
    reason: Reason
    """Why, as one word."""
    message: Annotated[str, Field(max_length=1024)]
    """Why, and the way out."""


class ModelRouteStatus(Status):
    """How a route is doing. Counts, not lists: a network may have hundreds of sites."""

    model_name: ModelName | None = None
    """The name that clients send: `spec.modelName`, else the object's name."""
    url: Annotated[str, Field(max_length=512)] | None = None
    """Where applications in the cluster reach it."""
    sites: Counts | None = None
    """Sites that serve it."""
    replicas: Counts | None = None
    """Replicas of its engine."""
    serving: Annotated[str, Field(max_length=64)] | None = None
    """Ready replicas of those wanted and at how many sites, for people."""
    exceptions: Annotated[list[RouteException], Field(max_length=16), map_list("edgeNode")] | None = None
    """Sites where something is wrong, the first 16."""


class ModelRoute(Resource):
    """A public model name, and how it is answered: on own GPUs, by providers, by other routes."""

    info: ClassVar[KindInfo] = KindInfo(
        plural="modelroutes",
        short_name="mdr",
        scope="Namespaced",
        columns=(
            Column(name="Model", path=".status.modelName", description="The name that clients send"),
            Column(name="Engine", path=".spec.serving.engine.type"),
            Column(name="Serving", path=".status.serving", description="Ready replicas and sites"),
            Column(name="Strategy", path=".spec.placement.strategy", priority=1),
            Column(name="URL", path=".status.url", priority=1),
            READY,
            REASON,
            AGE,
        ),
    )
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$') && size(self.metadata.name) <= 56",
            message="the name becomes a Service's: at most 56 of a-z, 0-9 and '-', beginning with a letter",
            field=".metadata.name",
        ),
        Rule(
            rule="!has(self.spec.tiers) || self.spec.tiers.all(t, t.backends.all(b,"
            " !has(b.route) || has(b.route.__namespace__) || b.route.name != self.metadata.name))",
            message="a backend names this very route",
            field=".spec.tiers",
        ),
        Rule(
            rule="!has(self.spec.aliases) || has(self.spec.modelName)"
            " || self.spec.aliases.all(a, a != self.metadata.name)",
            message="without modelName the object's name is the model's, so it can't be an alias too",
            field=".spec.aliases",
        ),
    )

    kind: Literal["ModelRoute"] = "ModelRoute"
    """Always ModelRoute."""
    spec: ModelRouteSpec
    """What is wanted."""
    status: ModelRouteStatus | None = None
    """How it is doing."""
