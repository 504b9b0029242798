"""ModelProvider: an outside provider, where each of its endpoints processes data, and who may use it."""

import enum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from isochrone.api.conditions import Status
from isochrone.api.evidence_level import SHOWN, Evidence
from isochrone.api.inference_tenant import Limits
from isochrone.api.resource import AGE, READY, REASON, Column, KindInfo, Resource
from isochrone.api.scalars import HOSTNAME, PORT, Area, HttpUrl, Label, ModelName, Money, Text
from isochrone.api.schema import SET, Model, Rule, map_list
from isochrone.api.selectors import Namespaces, SecretKeyRef


class Dialect(enum.StrEnum):
    """The HTTP API that a provider speaks."""

    OPEN_AI = "OpenAI"
    ANTHROPIC = "Anthropic"


_BASE_URL = rf"^https?://({HOSTNAME}|\[[0-9a-f:.]+\])(:{PORT})?(/[A-Za-z0-9._~%:@-]+)*/?$"


_KEPT_BACK = (
    *("authorization", "api-key", "cookie", "token"),
    *("forwarded", "via", "x-real-ip"),
    *("host", "connection", "keep-alive", "te", "trailer", "upgrade", "expect"),
    *("content-length", "transfer-encoding", "content-encoding", "accept-encoding"),
)
"""Headers that say who asks, or that hold for one connection only (RFC 9110, section 7.6.1)."""

_WRITTEN = ("content-type", "user-agent", "x-request-id", "traceparent", "tracestate")
"""Headers that gateways write."""

_DECIDING = (
    *("model", "messages", "prompt", "input", "stream", "stream_options", "n", "best_of", "tools", "user", "store"),
    *("max_tokens", "max_completion_tokens", "metadata", "cache_salt", "web_search_options"),
    *("kv_transfer_params", "bootstrap_host", "bootstrap_port", "bootstrap_room"),
)
"""Members of a request body that gateways decide by, or that the request is made of."""

HeaderName = Annotated[str, Field(pattern="^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=64)]


class ModelHere(Model):
    """A model that an endpoint knows by a name of its own."""

    name: ModelName
    """Its name in `models` of the provider."""
    upstream_name: ModelName
    """The name that this endpoint knows it by, as in `eu.anthropic.claude-sonnet-4-5-20250929-v1:0`."""


class BodyMember(Model):
    """A member of the request body, set by the gateway."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule=f"!(self.name in {list(_DECIDING)})",
            message="gateways decide by this member, so an endpoint can't set it",
            field=".name",
        ),
    )

    name: Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$", max_length=64)]
    """Its key at the top level, as in `inference_geo`."""
    value: Annotated[str, Field(min_length=1, max_length=256)]
    """Its value, a text."""


class SetHeader(Model):
    """A request header, set by the gateway."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule=f"!(self.name in {[*_KEPT_BACK, *_WRITTEN]})"
            " && !self.name.startsWith('x-isochrone-') && !self.name.startsWith('x-forwarded-')"
            " && !self.name.startsWith('proxy-')"
            " && !self.name.endsWith('-api-key') && !self.name.endsWith('-token')",
            message="gateways write this header themselves; credentials belong in keys",
            field=".name",
        ),
    )

    name: HeaderName
    """Its name in lower case, as in `openai-project`."""
    value: Annotated[str, Field(pattern="^[!-~]([ -~]*[!-~])?$", min_length=1, max_length=256)]
    """Its value in ASCII. Not a secret: who may read the provider may read it."""


class Endpoint(Model):
    """One base URL of a provider, and where it processes what is sent to it."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule=f"self.url.matches(r'{_BASE_URL}')",
            message="url is a base URL, as in https://eu.api.example.com/v1: a host in lower case, then a port and a"
            " path if need be; no credentials, no query, no empty segment",
            field=".url",
        ),
        Rule(
            rule="!self.url.startsWith('http://') || self.plaintext == 'Allow'",
            message="the URL must be https; set plaintext to Allow for a service in a network of your own",
            field=".url",
        ),
        SHOWN,
    )

    name: Label
    """A name to tell endpoints apart."""
    url: HttpUrl
    """The base URL, with the version in its path if it has one, as in `https://eu.api.example.com/v1`."""
    plaintext: Literal["Deny", "Allow"] = "Deny"
    """Whether the URL may be plain http."""
    processes_in: Annotated[list[Area], Field(min_length=1, max_length=64), SET]
    """Every place where it may process a request: ISO 3166 codes or blocs. Lawful only if all of them are."""
    stores_in: Annotated[list[Area], Field(min_length=1, max_length=64), SET] | None = None
    """Every place where it may keep state (`store`, files, background); as `processesIn` when left out."""
    evidence: Evidence = Evidence.DECLARED
    """How well that is known."""
    evidence_ref: Text | None = None
    """The contract or attestation that shows it."""
    ca_secret_ref: SecretKeyRef | None = None
    """CA certificates to trust instead of the system's, in a Secret of isochrone-system."""
    models: Annotated[list[ModelHere], Field(max_length=256), map_list("name")] | None = None
    """Models that have another name here, as where the region is part of it (inference profiles, deployments)."""
    request_body: Annotated[list[BodyMember], Field(max_length=16), map_list("name")] | None = None
    """Members of every request's body by which the provider is told its region. Callers can't change them."""
    request_headers: Annotated[list[SetHeader], Field(max_length=16), map_list("name")] | None = None
    """Headers of every request by which the provider is told its region. Callers can't change them."""


class ProviderKey(Model):
    """One API key of a provider."""

    name: Label
    """A name to tell keys apart, in metrics and logs."""
    secret_ref: SecretKeyRef
    """Where the key is, in a Secret of isochrone-system."""


class Price(Model):
    """What a model costs, in US dollars per million tokens."""

    input: Money
    """Prompt tokens."""
    output: Money
    """Generated tokens."""
    cached_input: Money | None = None
    """Prompt tokens from the provider's cache; as `input` when left out."""


class ProviderModel(Model):
    """One model of a provider."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="!has(self.contextLength) || !has(self.maxOutputTokens) || self.maxOutputTokens <= self.contextLength",
            message="maxOutputTokens is above contextLength, which holds prompt and answer together",
            field=".maxOutputTokens",
        ),
    )

    name: ModelName
    """The name that ModelRoutes use."""
    upstream_name: ModelName | None = None
    """The name that the provider knows it by; `name` when left out."""
    price_per_million_tokens: Price
    """The price of the model in US dollars per million tokens."""
    context_length: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    """The most tokens of prompt and answer together."""
    max_output_tokens: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    """The most tokens of an answer."""


class ModelProviderSpec(Model):
    """What a provider offers."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule=f"!has(self.headers) || self.headers.all(h, !(h in {list(_KEPT_BACK)})"
            " && !h.startsWith('x-isochrone-') && !h.startsWith('x-forwarded-') && !h.startsWith('proxy-')"
            " && !h.endsWith('-api-key') && !h.endsWith('-token'))",
            message="credentials (also *-api-key, *-token), the client's address (forwarded, x-forwarded-*), connection"
            " and encoding headers and x-isochrone-* are never passed on",
            field=".headers",
        ),
        Rule(
            rule="!self.endpoints.exists(e, has(e.models)) || self.models.all(m, self.models.exists_one(n,"
            " (has(n.upstreamName) ? n.upstreamName : n.name) == (has(m.upstreamName) ? m.upstreamName : m.name)))",
            message="two models have one upstreamName, so an endpoint can't have a name of its own for each; tell them"
            " apart by upstreamName",
            field=".models",
        ),
    )

    dialect: Dialect = Dialect.OPEN_AI
    """The HTTP API that it speaks."""
    endpoints: Annotated[list[Endpoint], Field(min_length=1, max_length=32), map_list("name")]
    """Its base URLs, each with the places where it processes data."""
    keys: Annotated[list[ProviderKey], Field(max_length=16), map_list("name")] | None = None
    """Its API keys. Several are rotated when one is rate-limited or refused."""
    models: Annotated[list[ProviderModel], Field(min_length=1, max_length=256), map_list("name")]
    """The models that ModelRoutes may name, with their prices."""
    limits: Limits | None = None
    """How much each site may ask of it."""
    allowed_namespaces: Namespaces | None = None
    """Whose ModelRoutes may use it. Nobody's, unless this says so."""
    headers: Annotated[list[HeaderName], Field(max_length=16), SET] | None = None
    """Request headers of clients that are passed on, in lower case, beyond those of the dialect."""


class ModelProviderStatus(Status):
    """Where a provider is used."""

    processes_in: Annotated[list[Area], Field(max_length=256), SET] | None = None
    """Every place where one of its endpoints may process a request."""
    edge_nodes: Annotated[int, Field(ge=0)] | None = None
    """Sites that may call it."""
    routes: Annotated[int, Field(ge=0)] | None = None
    """ModelRoutes that name it."""


class ModelProvider(Resource):
    """An outside provider of models."""

    info: ClassVar[KindInfo] = KindInfo(
        plural="modelproviders",
        short_name="mprov",
        scope="Cluster",
        columns=(
            Column(name="Dialect", path=".spec.dialect"),
            Column(
                name="Processes-In",
                path=".status.processesIn",
                description="Places of all its endpoints",
            ),
            Column(name="Routes", path=".status.routes", type="integer", description="Routes that name it"),
            READY,
            REASON,
            AGE,
        ),
    )

    kind: Literal["ModelProvider"] = "ModelProvider"
    """Always ModelProvider."""
    spec: ModelProviderSpec
    """The endpoints of the provider, its keys, its models, and who may use them."""
    status: ModelProviderStatus | None = None
    """What the operator found: conditions, all places of its endpoints, and who uses it."""
