"""Outside providers: endpoints with the place they process in, credentials as files, models with prices."""

import enum
from typing import Annotated

from isochrone_gateway.config.rates import Rates
from isochrone_gateway.config.record import (
    BaseUrl,
    HeaderName,
    Hostname,
    Index0,
    Name,
    Positive,
    Record,
    SecretFile,
    UpstreamModel,
    whole,
)
from isochrone_gateway.config.routes import Price

DIALECTS = frozenset({"OpenAI", "Anthropic"})
"""The dialects of version 1.0.

The field is open: a gateway that doesn't know a dialect leaves the provider's candidates out.
"""

Dialect = Annotated[str, whole("[A-Z][A-Za-z0-9]*", max_length=63)]


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
    own.
    """

    name: Name
    base_url: BaseUrl
    place: Index0
    state_place: Index0 | None = None
    plaintext: bool = False
    tls: ProviderTls = ProviderTls()


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
