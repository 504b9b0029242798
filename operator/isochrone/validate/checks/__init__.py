"""Stage two: one file per concern, each a pure function from the world to findings.

A new check is a function in a file of its concern, its test, and one line in `CHECKS`.
"""

from collections.abc import Callable, Iterable
from typing import Final

from isochrone.validate.checks import (
    capacity,
    copies,
    cycles,
    duplicates,
    geography,
    lawful,
    policies,
    public_names,
    references,
    regional_hosts,
    rights,
    secrets,
    sites,
    tenants,
)
from isochrone.validate.finding import Finding
from isochrone.validate.world import World

Check = Callable[[World], Iterable[Finding]]

CHECKS: Final[tuple[Check, ...]] = (
    duplicates.same_object_twice,
    references.pools_to_sites,
    references.routes_to_backends,
    references.tenants_to_routes,
    cycles.routes_in_circles,
    rights.routes_to_backends,
    rights.tenants_to_routes,
    rights.used_by_nobody,
    rights.labels_not_known,
    secrets.secrets_and_keys,
    geography.sites,
    geography.distant_sites,
    geography.providers,
    regional_hosts.contradicted,
    regional_hosts.models_of_endpoints,
    geography.tenants,
    geography.policies,
    public_names.claimed_twice,
    sites.selectors,
    sites.gateways,
    sites.addresses,
    sites.shared_clusters,
    capacity.routes_without_pool,
    tenants.call_nothing,
    tenants.shared_keys,
    policies.nowhere,
    policies.contradictions,
    policies.without_place,
    policies.bind_nothing,
    lawful.routes,
    lawful.endpoints,
    lawful.callers,
    copies.forbidden,
)
"""Every check, in the order of the reference."""
