"""The site itself: who it is, where it listens, what it admits, how it drains."""

import enum
from collections.abc import Mapping
from typing import Annotated

import msgspec

from isochrone_gateway.config.record import (
    Area,
    BaseUrl,
    Bytes,
    Cidr,
    Hostname,
    Index0,
    Milliseconds,
    Money,
    Name,
    Percent,
    Port,
    Positive,
    Record,
    SecretFile,
    WebOrigin,
    whole,
)


class UnboundTraffic(enum.StrEnum):
    """What happens to a request that no policy binds."""

    ALLOW = "Allow"
    DENY = "Deny"


class LogLevel(enum.StrEnum):
    """The least severity that is written."""

    DEBUG = "Debug"
    INFO = "Info"
    WARNING = "Warning"
    ERROR = "Error"


class TlsFiles(Record, frozen=True, kw_only=True):
    """A certificate and its key, as files below the secrets mount."""

    certificate: SecretFile
    key: SecretFile


class Listener(Record, frozen=True, kw_only=True):
    """One listening socket. An empty `host` means every address; no `tls` means that something in front ends TLS."""

    port: Port
    host: Annotated[str, whole("[0-9a-f.:]*", max_length=45)] = ""
    tls: TlsFiles | None = None


class Listeners(Record, frozen=True, kw_only=True):
    """Clients, administrators and peer gateways come in on different ports."""

    data: Listener
    admin: Listener
    peer: Listener | None = None


class PeerTrust(Record, frozen=True, kw_only=True):
    """Mutual TLS between gateways: whom this site trusts, and what it shows."""

    ca_bundle: SecretFile
    identity: TlsFiles


class Age(Record, frozen=True, kw_only=True):
    """How long this config may be used after its source was last read.

    Past `max_age_ms` only candidates in the site's own country remain; past `hard_max_age_ms` policy-bound traffic is
    refused.
    """

    max_age_ms: Milliseconds
    hard_max_age_ms: Milliseconds


class Limits(Record, frozen=True, kw_only=True):
    """What one gateway process accepts from clients."""

    header_bytes: Bytes = 32_768
    body_bytes: Bytes = 33_554_432
    body_memory_bytes: Bytes = 268_435_456
    connections: Positive = 10_000
    header_timeout_ms: Milliseconds = 10_000
    body_timeout_ms: Milliseconds = 60_000
    keep_alive_timeout_ms: Milliseconds = 75_000
    write_stall_timeout_ms: Milliseconds = 30_000


class Drain(Record, frozen=True, kw_only=True):
    """Not ready but still accepting for `announce_ms`; streams then have until `max_ms`."""

    announce_ms: Milliseconds = 5_000
    max_ms: Milliseconds = 300_000


class ClientAddressSource(enum.StrEnum):
    """Where a client's address is taken from."""

    CONNECTION = "Connection"
    PROXY_PROTOCOL = "ProxyProtocol"
    X_FORWARDED_FOR = "XForwardedFor"


class ClientAddress(Record, frozen=True, kw_only=True):
    """The connection itself, or the word of a trusted proxy."""

    source: ClientAddressSource = ClientAddressSource.CONNECTION
    trusted_proxies: frozenset[Cidr] = frozenset()


class Cors(Record, frozen=True, kw_only=True):
    """Browsers from these origins may call. Absent: none may."""

    origins: frozenset[WebOrigin]
    max_age_ms: Milliseconds = 600_000


class Logs(Record, frozen=True, kw_only=True):
    """What is logged. Prompts and answers never are; no setting says otherwise."""

    level: LogLevel = LogLevel.INFO
    requests: bool = True
    trace_percent: Percent = 0


class OnFailure(enum.StrEnum):
    """What happens to requests while their evidence can't be written."""

    REFUSE = "Refuse"
    """Those that a policy binds are refused."""
    COUNT = "Count"
    """They are answered, and those without evidence are counted."""


class ObjectStorage(Record, frozen=True, kw_only=True):
    """A bucket of an S3-compatible store, and where it is. `prefix` is what keys begin with, without a `/` at its end.

    A file is closed `close_after_s` after its first line at the latest, and copied then.
    """

    endpoint: BaseUrl
    plaintext: bool = False
    bucket: Annotated[str, whole("[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")]
    prefix: Annotated[str, whole("([A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)?", max_length=256)] = (
        ""
    )
    region: Annotated[str, whole("[a-z0-9-]{1,64}")] = "us-east-1"
    place: Index0
    access_key: SecretFile
    secret_key: SecretFile
    ca_bundle: SecretFile | None = None
    close_after_s: Positive = 300


class EvidenceKeeping(Record, frozen=True, kw_only=True):
    """Evidence of where requests are processed is kept on disk, where the gateway's command line says.

    What is older than `retention_s` is removed; absent: nothing is. `objects` is where it is copied to.
    """

    on_failure: OnFailure = OnFailure.REFUSE
    retention_s: Positive | None = None
    objects: ObjectStorage | None = None


class Site(Record, frozen=True, kw_only=True):
    """The site that this config is for.

    `jurisdictions` names the front-door host name of each area, so that a refusal can point at a lawful one.
    `hostname` is the site's own public name; a site that only peers send to may have none.
    `hub` is where requests may be known to come from: the hub is at one of these places, or it isn't known where.
    A request without a key, where `anonymous_access` lets it in, has no tenant and an unknown origin.
    """

    name: Name
    place: Index0
    hub: frozenset[Index0] = frozenset()
    hostname: Hostname | None = None
    listeners: Listeners
    age: Age
    jurisdictions: Mapping[Area, Hostname] = msgspec.field(default_factory=dict)
    unbound_traffic: UnboundTraffic = UnboundTraffic.ALLOW
    anonymous_access: bool = False
    limits: Limits = Limits()
    drain: Drain = Drain()
    client_address: ClientAddress = ClientAddress()
    egress_price_per_gib: Money = "0"
    cors: Cors | None = None
    logs: Logs = Logs()
    peer_trust: PeerTrust | None = None
    evidence: EvidenceKeeping | None = None
