"""Hosts that a gateway calls outside of its site, and what is known of each: an address, a Service, or a name."""

import dataclasses
import functools
import ipaddress
import re
from typing import Final

from isochrone.api.edge_node import Advertise
from isochrone.api.model_provider import Endpoint
from isochrone.api.object_storage import ObjectStorage

SERVICE: Final = re.compile(r"[^.]+\.([^.]+)\.svc(\..+)?")
"""The name of a Service in its own cluster; the group is its namespace."""
_URL: Final = re.compile(r"(https?)://(\[[^\]]+\]|[^/:]+)(?::([0-9]+))?")
_PORTS: Final = {"http": 80, "https": 443}


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


def of_peer(advertise: Advertise) -> Remote:
    """Another site's gateway."""
    return _remote(advertise.host, advertise.port, is_inside=True)


def of_endpoint(endpoint: Endpoint) -> Remote:
    """An endpoint of a provider."""
    is_inside = endpoint.plaintext == "Allow" or endpoint.ca_secret_ref is not None
    return _of_url(endpoint.url, is_inside=is_inside)


def of_bucket(bucket: ObjectStorage) -> Remote:
    """The store of a bucket."""
    return _of_url(bucket.endpoint, is_inside=bucket.plaintext == "Allow" or bucket.ca_secret_ref is not None)


def _of_url(url: str, *, is_inside: bool) -> Remote:
    found = _URL.match(url)
    if found is None:  # pragma: no cover - the API admits no such URL
        raise ValueError(f"{url} is no base URL")
    scheme, host, port = found.groups()
    service = SERVICE.fullmatch(host) if is_inside else None
    remote = _remote(host.strip("[]"), int(port or _PORTS[scheme]), is_inside=is_inside)
    return dataclasses.replace(remote, namespace=service[1]) if service else remote


def block(host: str) -> str:
    """The network that is this address alone."""
    return str(ipaddress.ip_network(host))


@functools.lru_cache(maxsize=65_536)
def _remote(host: str, port: int, *, is_inside: bool) -> Remote:
    try:
        return Remote(host=host, port=port, is_inside=is_inside, address=block(host))
    except ValueError:
        return Remote(host=host, port=port, is_inside=is_inside)
