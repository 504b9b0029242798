"""Engine pools of this site: which pods answer, how they are found and asked for their load."""

import enum

from isochrone_gateway.config.record import Address, Hostname, Name, Port, QualifiedName, Record, UrlPath


class EngineKind(enum.StrEnum):
    """Which engine it is. All speak the OpenAI API; the kind decides how metrics are named."""

    VLLM = "VLLM"
    SGLANG = "SGLang"
    LLAMA_CPP = "LlamaCpp"
    CUSTOM = "Custom"


class StaticEndpoints(Record, frozen=True, kw_only=True, tag_field="type", tag="Static"):
    """A fixed list of host:port."""

    addresses: frozenset[Address]


class DnsName(Record, frozen=True, kw_only=True, tag_field="type", tag="Dns"):
    """Every address that a name resolves to."""

    name: Hostname
    port: Port


class ServiceEndpoints(Record, frozen=True, kw_only=True, tag_field="type", tag="EndpointSlices"):
    """The ready endpoints of a Kubernetes Service, watched through its EndpointSlices."""

    namespace: Name
    service: Name
    port_name: Name


Discovery = StaticEndpoints | DnsName | ServiceEndpoints


class EnginePool(Record, frozen=True, kw_only=True):
    """Engines that are alike.

    `cache_salt` sends a salt per tenant, so that prefix caches aren't shared between tenants.
    """

    id: QualifiedName
    kind: EngineKind
    discovery: Discovery
    health_path: UrlPath = "/health"
    metrics_path: UrlPath | None = "/metrics"
    cache_salt: bool = False
