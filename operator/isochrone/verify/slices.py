"""EndpointSlices: whoever calls a Service gets to the addresses in them, whoever wrote them and whatever they are.

Kubernetes' own controller writes them out of the pods that the Service selects. It corrects and removes those that
carry its mark, so whoever writes one with it changes nothing; all others are addresses that nobody declared.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from isochrone.verify.gathered import Found, SiteConfig
from isochrone_gateway.config.engines import ServiceEndpoints

_SERVICE: Final = "kubernetes.io/service-name"
_WRITER: Final = "endpointslice.kubernetes.io/managed-by"
_CONTROLLER: Final = "endpointslice-controller.k8s.io"
_SHOWN: Final = 3


def pools(site: SiteConfig) -> Mapping[tuple[str, str], str]:
    """Namespace and name of each Service by which the site's gateway finds engines -> the pool."""
    return {
        (pool.discovery.namespace, pool.discovery.service): pool.id
        for pool in site.config.engines
        if isinstance(pool.discovery, ServiceEndpoints)
    }


def service_of(found: Found) -> str:
    """The name of the Service that an EndpointSlice is of; empty if it is of none."""
    name: str = _labels(found).get(_SERVICE) or ""
    return name


def strange(objects: Iterable[Found]) -> Iterator[tuple[Found, str]]:
    """EndpointSlices that Kubernetes' own controller doesn't own, each with addresses in it."""
    return ((each, _addresses(each)) for each in objects if _labels(each).get(_WRITER) != _CONTROLLER)


def _labels(found: Found) -> Mapping[str, str]:
    return found.item["metadata"].get("labels") or {}


def _addresses(found: Found) -> str:
    there = [str(address) for each in found.item.get("endpoints") or () for address in each.get("addresses") or ()]
    more = [f"{len(there) - _SHOWN} more"] if len(there) > _SHOWN else []
    return ", ".join([*there[:_SHOWN], *more]) or "addresses that may be added"
