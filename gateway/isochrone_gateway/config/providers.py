"""Outside providers: endpoints with the place they process in, credentials as files, models with prices."""

import enum
from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from isochrone_gateway.config.rates import Rates
from isochrone_gateway.config.record import (
    BaseUrl,
    HeaderName,
    HeaderValue,
    Hostname,
    Index0,
    Name,
    Positive,
    Record,
    SecretFile,
    UpstreamModel,
    whole,
)
from isochrone_gateway.config.routes import ParameterName, Price

DIALECTS = frozenset({"OpenAI", "Anthropic"})
"""The dialects of version 1.0.

The field is open: a gateway that doesn't know a dialect leaves the provider's candidates out.
"""

Dialect = Annotated[str, whole("[A-Z][A-Za-z0-9]*", max_length=63)]
MemberValue = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]

OWN_MEMBERS: Final = frozenset(
    {
        "best_of", "bootstrap_host", "bootstrap_port", "bootstrap_room", "cache_salt", "input", "kv_transfer_params",
        "max_completion_tokens", "max_tokens", "messages", "metadata", "model", "n", "prompt", "store", "stream",
        "stream_options", "tools", "user", "web_search_options",
    }
)  # fmt: skip
"""Members of a body that an endpoint can't set: the gateway decides by them, or the request is made of them."""

OWN_HEADERS: Final = frozenset(
    {
        "accept-encoding", "api-key", "authorization", "connection", "content-encoding", "content-length",
        "content-type", "cookie", "expect", "forwarded", "host", "keep-alive", "te", "token", "traceparent",
        "tracestate", "trailer", "transfer-encoding", "upgrade", "user-agent", "via", "x-api-key", "x-real-ip",
        "x-request-id",
    }
)  # fmt: skip
"""Headers that an endpoint can't set: the gateway writes them, or they are secrets, which a config doesn't hold."""
OWN_HEADERS_BEGIN: Final = ("x-isochrone-", "x-forwarded-", "proxy-")
OWN_HEADERS_END: Final = ("-api-key", "-token")


class KeyRotation(enum.StrEnum):
    """How several credentials are used: in turn, or the next only when one is refused or limited."""

    ROUND_ROBIN = "RoundRobin"
    FAILOVER = "Failover"


class ProviderTls(Record, frozen=True, kw_only=True):
    """Where the public certificate authorities or the URL's own name don't fit."""

    ca_bundle: SecretFile | None = None
    server_name: Hostname | None = None


class Endpoint(Record, frozen=True, kw_only=True):
    """One address of a provider, and where it processes what is sent to it.

    `state_place` is where it keeps state, if that is elsewhere. `plaintext` permits http, inside a network of one's
    own. The last three are how a provider is told its region; no caller can change them.
    """

    name: Name
    base_url: BaseUrl
    place: Index0
    state_place: Index0 | None = None
    plaintext: bool = False
    tls: ProviderTls = ProviderTls()
    models: Mapping[UpstreamModel, UpstreamModel] = msgspec.field(default_factory=dict)
    """Names that differ here: the provider's -> this endpoint's."""
    body: Mapping[ParameterName, MemberValue] = msgspec.field(default_factory=dict)
    """Members at the top level of every request."""
    headers: Mapping[HeaderName, HeaderValue] = msgspec.field(default_factory=dict)
    """Headers of every request."""

    @property
    def is_told_its_region(self) -> bool:
        """Whether more than its address says what it is asked for."""
        return bool(self.models or self.body or self.headers)


class Credential(Record, frozen=True, kw_only=True):
    """One key, as a file below the secrets mount; its value is never in this config."""

    name: Name
    file: SecretFile


class ProviderModel(Record, frozen=True, kw_only=True):
    """A model by the provider's own name."""

    name: UpstreamModel
    price: Price | None = None
    context_length: Positive | None = None
    max_output_tokens: Positive | None = None


class Provider(Record, frozen=True, kw_only=True):
    """One ModelProvider. Only the request headers in `headers` are passed on from clients."""

    name: Name
    dialect: Dialect
    endpoints: tuple[Endpoint, ...]
    credentials: tuple[Credential, ...] = ()
    rotation: KeyRotation = KeyRotation.FAILOVER
    models: tuple[ProviderModel, ...] = ()
    limits: Rates = Rates()
    headers: frozenset[HeaderName] = frozenset()
