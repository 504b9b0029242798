"""What one record can't prove of itself: that references resolve, names are unique and bounds fit each other.

`find_problems` reports all of them, in a stable order. A reference that leads nowhere is never ignored: a policy
bound to a misspelt route would bind nothing.
"""

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from isochrone_gateway.config.census import Census, Subject, find_repeated, repeated_items, take_census
from isochrone_gateway.config.checks_law import check_law
from isochrone_gateway.config.checks_places import check_places
from isochrone_gateway.config.checks_routes import check_routes
from isochrone_gateway.config.document import Config, Kind
from isochrone_gateway.config.engines import StaticEndpoints
from isochrone_gateway.config.errors import Problem
from isochrone_gateway.config.peers import Peer
from isochrone_gateway.config.providers import (
    OWN_HEADERS,
    OWN_HEADERS_BEGIN,
    OWN_HEADERS_END,
    OWN_MEMBERS,
    Endpoint,
    Provider,
)
from isochrone_gateway.config.site import ClientAddress, ClientAddressSource, Listener, ObjectStorage, Site
from isochrone_gateway.config.tenants import Tenant

_MAX_PORT = 65_535


def find_problems(config: Config, kinds: Iterable[Kind] = tuple(Kind)) -> tuple[Problem, ...]:
    """All cross-reference problems of a config, or of some sections of it, in the order of the sections.

    A writer of many configs that share sections need look at those once, if what they refer to is shared too.
    """
    census = take_census(config)
    return tuple(problem for kind in kinds for problem in _CHECKS[kind](config, census))


def _check_site(config: Config, census: Census) -> Iterator[Problem]:
    site = config.site
    subject = Subject(kind=Kind.SITE, path="$.site")
    yield from subject.out_of_range(".place", site.place, length=census.places, what="places")
    for place in sorted(site.hub):
        yield from subject.out_of_range(".hub", place, length=census.places, what="places")
    if site.age.hard_max_age_ms < site.age.max_age_ms:
        yield subject.problem(".age", "has hardMaxAgeMs below maxAgeMs; raise it")
    if site.evidence is not None and site.evidence.objects is not None:
        yield from _check_objects(subject, site.evidence.objects, census)
    if find_repeated(f"{listener.host}:{listener.port}" for listener in _listeners(site)):
        yield subject.problem(".listeners", "use one port twice; give each its own")
    yield from _check_client_address(subject, site.client_address)


def _check_objects(subject: Subject, objects: ObjectStorage, census: Census) -> Iterator[Problem]:
    here = ".evidence.objects"
    yield from subject.out_of_range(f"{here}.place", objects.place, length=census.places, what="places")
    if objects.endpoint.startswith("http://") and not objects.plaintext:
        yield subject.problem(f"{here}.endpoint", "is not https; use https, or set plaintext")


def _check_client_address(subject: Subject, address: ClientAddress) -> Iterator[Problem]:
    where = ".clientAddress.trustedProxies"
    if address.source is not ClientAddressSource.CONNECTION and not address.trusted_proxies:
        yield subject.problem(where, f"is empty, so anybody could forge {address.source}; name the proxies")
    for cidr in sorted(address.trusted_proxies):
        if not _is_network(cidr):
            yield subject.problem(where, f"has {cidr!r}, which is no network; write one such as 10.0.0.0/8")


def _check_engines(config: Config, _: Census) -> Iterator[Problem]:
    yield from repeated_items(Kind.ENGINES, "engines", (pool.id for pool in config.engines))
    for pool in config.engines:
        if isinstance(pool.discovery, StaticEndpoints):
            subject = Subject(kind=Kind.ENGINES, key=pool.id, path=f'$.engines["{pool.id}"].discovery.addresses')
            for address in sorted(pool.discovery.addresses):
                if not _has_port(address):
                    yield subject.problem("", f"has {address!r}; ports go from 1 to {_MAX_PORT}")
            if not pool.discovery.addresses:
                yield subject.problem("", "is empty; name an engine or leave the pool out")


def _check_providers(config: Config, census: Census) -> Iterator[Problem]:
    yield from repeated_items(Kind.PROVIDERS, "providers", (provider.name for provider in config.providers))
    for provider in config.providers:
        yield from _check_provider(provider, census)


def _check_provider(provider: Provider, census: Census) -> Iterator[Problem]:
    subject = Subject(kind=Kind.PROVIDERS, key=provider.name, path=f'$.providers["{provider.name}"]')
    lists = {
        "endpoints": [endpoint.name for endpoint in provider.endpoints],
        "credentials": [credential.name for credential in provider.credentials],
        "models": [model.name for model in provider.models],
    }
    for where, names in lists.items():
        for name in find_repeated(names):
            yield subject.problem(f".{where}", f"have {name!r} twice; keep one")
    for index, endpoint in enumerate(provider.endpoints):
        here = f".endpoints[{index}]"
        yield from subject.out_of_range(f"{here}.place", endpoint.place, length=census.places, what="places")
        if endpoint.state_place is not None:
            where = f"{here}.statePlace"
            yield from subject.out_of_range(where, endpoint.state_place, length=census.places, what="places")
        if endpoint.base_url.startswith("http://") and not endpoint.plaintext:
            yield subject.problem(f"{here}.baseUrl", "is not https; use https, or set plaintext")
        yield from _check_region(subject, here, endpoint, known=set(lists["models"]))


def _check_region(subject: Subject, where: str, endpoint: Endpoint, *, known: set[str]) -> Iterator[Problem]:
    """What is sent to an endpoint by itself must not stand in for what is decided for each request."""
    for name in sorted(endpoint.models.keys() - known):
        yield subject.problem(f"{where}.models", f"have {name!r}, which the provider doesn't list; list it")
    for name in sorted(endpoint.body.keys() & OWN_MEMBERS):
        yield subject.problem(f"{where}.body", f"sets {name!r}, which the gateway decides by; leave it out")
    for name in sorted(filter(_is_own_header, endpoint.headers)):
        yield subject.problem(f"{where}.headers", f"set {name!r}, which is the gateway's own; leave it out")


def _is_own_header(name: str) -> bool:
    return name in OWN_HEADERS or name.startswith(OWN_HEADERS_BEGIN) or name.endswith(OWN_HEADERS_END)


def _check_tenants(config: Config, census: Census) -> Iterator[Problem]:
    yield from repeated_items(Kind.TENANTS, "tenants.tenants", (tenant.id for tenant in config.tenants.tenants))
    lost = [key_hash for key_hash, key in config.tenants.keys.items() if key.tenant not in census.tenants]
    for key_hash in sorted(lost):
        subject = Subject(kind=Kind.TENANTS, key=key_hash, path=f'$.tenants.keys["{key_hash}"].tenant')
        yield subject.problem("", f"is {config.tenants.keys[key_hash].tenant!r}, which is no tenant")
    for tenant in config.tenants.tenants:
        yield from _check_tenant(tenant, census)


def _check_tenant(tenant: Tenant, census: Census) -> Iterator[Problem]:
    if tenant.routes is not None and not tenant.routes <= census.routes:
        missing = ", ".join(sorted(tenant.routes - census.routes))
        yield _tenant(tenant).problem(".routes", f"has {missing}: no such route")
    if len(tenant.budgets) > 1:
        for window in find_repeated(budget.window for budget in tenant.budgets):
            yield _tenant(tenant).problem(".budgets", f"has {window} twice; keep one")


def _tenant(tenant: Tenant) -> Subject:
    return Subject(kind=Kind.TENANTS, key=tenant.id, path=f'$.tenants.tenants["{tenant.id}"]')


def _check_peers(config: Config, census: Census) -> Iterator[Problem]:
    yield from repeated_items(Kind.PEERS, "peers", (peer.site for peer in config.peers))
    for peer in config.peers:
        subject = Subject(kind=Kind.PEERS, key=peer.site, path=f'$.peers["{peer.site}"]')
        yield from subject.out_of_range(".place", peer.place, length=census.places, what="places")
        if peer.site == config.site.name:
            yield subject.problem("", "is this site itself; leave it out")
        if not _has_port(peer.address):
            yield subject.problem(".address", f"is {peer.address!r}; ports go from 1 to {_MAX_PORT}")
        elif not _is_authentic(peer, config.site):
            text = "is reached without mutual TLS; give serverName or uri, and site.peerTrust"
            yield subject.problem("", text)
    for peer, other in _find_alike(config.peers):
        subject = Subject(kind=Kind.PEERS, key=peer.site, path=f'$.peers["{peer.site}"]')
        yield subject.problem("", f"shows all that {other.site} must show; give each a uri or serverName of its own")


def _find_alike(peers: Iterable[Peer]) -> Iterator[tuple[Peer, Peer]]:
    """Peers whose certificate would do for another one as well, which is named too."""
    claims: dict[tuple[str | None, str | None], Peer] = {}
    for peer in peers:
        claims.setdefault((peer.server_name, peer.uri), peer)
    for peer in peers:
        shown = ((peer.server_name, peer.uri), (peer.server_name, None), (None, peer.uri))
        others = (claims.get(each) for each in dict.fromkeys(shown) if each != (None, None))
        yield from ((peer, other) for other in others if other is not None and other.site != peer.site)


def _is_authentic(peer: Peer, site: Site) -> bool:
    """Plain text is for peers on the same machine only."""
    named = peer.server_name is not None or peer.uri is not None
    return (named and site.peer_trust is not None) or _is_loopback(peer.address)


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listeners(site: Site) -> Iterator[Listener]:
    return (each for each in (site.listeners.data, site.listeners.admin, site.listeners.peer) if each is not None)


def _is_network(cidr: str) -> bool:
    try:
        ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return False
    return True


def _has_port(address: str) -> bool:
    return 1 <= int(address.rpartition(":")[2]) <= _MAX_PORT


_CHECKS: Final[Mapping[Kind, Callable[[Config, Census], Iterator[Problem]]]] = {
    Kind.SITE: _check_site,
    Kind.PLACES: check_places,
    Kind.LAW: check_law,
    Kind.ROUTES: check_routes,
    Kind.ENGINES: _check_engines,
    Kind.PROVIDERS: _check_providers,
    Kind.TENANTS: _check_tenants,
    Kind.PEERS: _check_peers,
}
