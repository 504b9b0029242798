"""Whom a gateway calls outside of its site: peers and endpoints of providers, by address, by name, or as a Service."""

import dataclasses
import functools
import ipaddress
import re
from collections.abc import Iterator
from typing import Final

from isochrone.api.model_provider import Endpoint
from isochrone.render.gateway.subject import Subject

_URL: Final = re.compile(r"(https?)://(\[[^\]]+\]|[^/:]+)(?::([0-9]+))?")
_PORTS: Final = {"http": 80, "https": 443}
_SERVICE: Final = re.compile(r"[^.]+\.([^.]+)\.svc(\..+)?")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A host and a port."""

    host: str
    port: int
    is_inside: bool
    """Whether it may be in a private network."""
    address: str | None = None
    """The host as a network, if it is an address."""
    namespace: str | None = None
    """The namespace, if it is a Service of this cluster."""

    @property
    def by_name(self) -> bool:
        """Whether nothing but its name is known."""
        return self.address is None and self.namespace is None


def of(subject: Subject) -> Iterator[Remote]:
    """All of them. A peer of the same cluster that is reached as a Service is found by its pods' labels instead."""
    for other in subject.others:
        advertise = other.spec.gateway.advertise
        is_beside = other.metadata.name in subject.beside
        if advertise is None or (is_beside and _SERVICE.fullmatch(advertise.host)):
            continue
        yield _remote(advertise.host, advertise.port, is_inside=True)
    for provider in subject.providers:
        yield from (_endpoint(endpoint) for endpoint in provider.spec.endpoints)


def split(address: str) -> tuple[str, int]:
    """`IP:port`, with brackets around an IPv6 address."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def block(host: str) -> str:
    """The network that is this address alone."""
    return str(ipaddress.ip_network(host))


def _endpoint(endpoint: Endpoint) -> Remote:
    found = _URL.match(endpoint.url)
    if found is None:  # pragma: no cover - the API admits no such URL
        raise ValueError(f"{endpoint.url} is no base URL")
    scheme, host, port = found.groups()
    is_inside = endpoint.plaintext == "Allow" or endpoint.ca_secret_ref is not None
    service = _SERVICE.fullmatch(host) if is_inside else None
    remote = _remote(host.strip("[]"), int(port or _PORTS[scheme]), is_inside=is_inside)
    return dataclasses.replace(remote, namespace=service[1]) if service else remote


@functools.lru_cache(maxsize=65_536)
def _remote(host: str, port: int, *, is_inside: bool) -> Remote:
    try:
        return Remote(host=host, port=port, is_inside=is_inside, address=block(host))
    except ValueError:
        return Remote(host=host, port=port, is_inside=is_inside)
