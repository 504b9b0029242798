"""EndpointSlices: gateways find engines by those of a Service, whoever wrote them and whatever address is in them.

Kubernetes' own controller writes them out of the pods that the Service selects. It corrects and removes those that
carry its mark, so whoever writes one with it changes nothing; all others are addresses that nobody declared.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from isochrone.verify.finding import Finding, Rule
from isochrone.verify.gathered import SLICE, Found, SiteConfig
from isochrone.verify.workloads import namespace_of
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


def findings(site: SiteConfig, objects: Iterable[Found]) -> Iterator[Finding]:
    """Of all that is in the site's cluster, whosever it is."""
    known = pools(site)
    for each in objects:
        labels = each.item["metadata"].get("labels") or {}
        if each.item["kind"] != SLICE or _SERVICE not in labels or labels.get(_WRITER) == _CONTROLLER:
            continue
        key = (namespace_of(each.item), labels[_SERVICE])
        if key in known:
            text = (
                f"{_addresses(each)} are behind the Service {'/'.join(key)}, by which engines of {known[key]} are found"
            )
            yield Finding(rule=Rule.WRONG_ADDRESS, site=site.site, where=each.where, message=text)


def _addresses(found: Found) -> str:
    there = [str(address) for each in found.item.get("endpoints") or () for address in each.get("addresses") or ()]
    more = [f"{len(there) - _SHOWN} more"] if len(there) > _SHOWN else []
    return ", ".join([*there[:_SHOWN], *more]) or "addresses that may be added"
