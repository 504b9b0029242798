"""ModelRoute: a public model name, and how it is answered."""

import enum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from isochrone.api.conditions import Status
from isochrone.api.gpu_pool import CapacityType
from isochrone.api.resource import AGE, READY, REASON, Column, KindInfo, Resource
from isochrone.api.route_policy import Cache, Parameters, Queue, Retries, Timeouts
from isochrone.api.scalars import DataClass, Duration, Label, ModelName, ObjectName, comparing
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
    """How near the model should be to callers, by network round trip."""
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
    """The name of the ModelProvider."""
    model: ModelName
    """One of the provider's models, by the name that its `models` give it."""


class RouteBackend(Model):
    """Another ModelRoute."""

    namespace: Label | None = None
    """The other ModelRoute's namespace; this route's own when left out."""
    name: Label
    """The other ModelRoute's name."""


class Backend(Model):
    """One way to answer."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="(has(self.serving) ? 1 : 0) + (has(self.provider) ? 1 : 0) + (has(self.route) ? 1 : 0) == 1",
            message="a backend is exactly one of serving, provider, route",
        ),
    )

    serving: ServingBackend | None = None
    """Write `{}`: the route's own engines answer, at whichever site they are."""
    provider: ProviderBackend | None = None
    """A model of an outside provider, by the name of its ModelProvider."""
    route: RouteBackend | None = None
    """Another ModelRoute, whose own tiers answer."""
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
    """Who shares the requests: `serving: {}`, a provider's model or another route, each with its weight."""


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
            rule="!has(self.aliases) || !has(self.modelName) || self.aliases.all(a, a != self.modelName)",
            message="modelName stands among its own aliases",
            field=".aliases",
        ),
    )

    model_name: ModelName | None = None
    """The name that clients send as `model`; the object's name when left out."""
    aliases: Annotated[list[ModelName], Field(max_length=16), SET] | None = None
    """Further names that clients may send as `model`."""
    endpoints: Annotated[
        list[Literal["ChatCompletions", "Completions", "Embeddings"]],
        Field(min_length=1, max_length=3),
        SET,
    ] = ["ChatCompletions", "Completions"]  # noqa: RUF012 - pydantic copies defaults
    """Which endpoints of the API it answers: ChatCompletions, Completions, Embeddings."""
    serving: Serving | None = None
    """The route's own engines: program, weights, resources and replicas. Leave it out for providers alone."""
    placement: Placement = Placement()
    """At which sites the route's own engines run, within law and capacity."""
    tiers: Annotated[list[Tier], Field(min_length=1, max_length=8), ATOMIC] | None = None
    """Who answers, in order. Own GPUs alone when left out."""
    allowed_namespaces: Namespaces | None = None
    """Whose InferenceTenants and ModelRoutes may use it, beyond its own namespace."""
    data_classes: Annotated[list[DataClass], Field(max_length=32), SET] | None = None
    """The classes of the data that it handles, in addition to those of the tenant."""
    retries: Retries = Retries()
    """When an attempt that failed is made again, and how often."""
    timeouts: Timeouts = Timeouts()
    """How long each phase of an answer may take."""
    queue: Queue = Queue()
    """How many requests wait, and how long, while no engine is ready."""
    cache: Cache = Cache()
    """Whether a gateway gives an answer again to the same request of the same tenant."""
    parameters: Parameters | None = None
    """Defaults for request parameters that clients leave out, and caps on what they may ask for."""


class Counts(Model):
    """How many of something."""

    desired: Annotated[int, Field(ge=0)] = 0
    """How many the spec and the placement ask for."""
    ready: Annotated[int, Field(ge=0)] = 0
    """How many of them can answer now."""


class RouteException(Model):
    """A site where something is not as it should be."""

    edge_node: Annotated[str, Field(max_length=253)]
    """The EdgeNode where something is not as it should be."""
    reason: Annotated[str, Field(pattern="^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$", max_length=1024)]
    """Why, as one CamelCase word for programs, as in a condition."""
    message: Annotated[str, Field(max_length=1024)]
    """The first difference and the way out, for people."""


class ModelRouteStatus(Status):
    """How a route is doing. Counts, not lists: a network may have hundreds of sites."""

    model_name: ModelName | None = None
    """The name that clients send: `spec.modelName`, else the object's name."""
    url: Annotated[str, Field(max_length=512)] | None = None
    """Where applications in the cluster reach it."""
    sites: Counts | None = None
    """At how many sites it is to be served, and at how many it is."""
    replicas: Counts | None = None
    """How many replicas of its engine are wanted over all sites, and how many are ready."""
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
            rule="(has(self.spec.modelName) ? self.spec.modelName : self.metadata.name)"
            " == (has(oldSelf.spec.modelName) ? oldSelf.spec.modelName : oldSelf.metadata.name)",
            message="clients use the name that it has: add the new one to aliases, or create another ModelRoute",
            field=".spec.modelName",
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
    """The model's public name, its own engines if any, and who answers in which order."""
    status: ModelRouteStatus | None = None
    """Where the operator says at how many sites it runs, and what is wrong."""
