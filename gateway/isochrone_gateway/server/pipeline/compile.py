"""A config -> its revision: everything that would be worked out for each request is worked out here, once.

Runs on a thread beside the requests of the revision before. It reads the credentials' files and touches nothing else.
"""

import hashlib
import ipaddress
import pathlib
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from isochrone_gateway.config import Config, Loaded
from isochrone_gateway.config.peers import Peer
from isochrone_gateway.config.places import Place
from isochrone_gateway.config.providers import Endpoint, Provider
from isochrone_gateway.config.rates import Rates
from isochrone_gateway.config.routes import Candidate, EngineTarget, PeerTarget, ProviderTarget, Route
from isochrone_gateway.config.routes import Timeouts as RouteTimeouts
from isochrone_gateway.config.tenants import Key, Tenant
from isochrone_gateway.route.breaker import Breaker
from isochrone_gateway.route.candidates import Picker
from isochrone_gateway.route.clients import forwarders
from isochrone_gateway.route.health import NOT_PROBED, Health
from isochrone_gateway.route.hold import HoldQueue
from isochrone_gateway.route.keys import KeyRing
from isochrone_gateway.route.limits import Meter
from isochrone_gateway.route.mask import Lawbook
from isochrone_gateway.route.origin import Origins
from isochrone_gateway.route.retry import RetryBudget
from isochrone_gateway.route.standing import PeerStanding, TargetStanding
from isochrone_gateway.server.pipeline import outgoing
from isochrone_gateway.server.pipeline.backends import Absent, Backend, EngineBackend, PeerBackend, RemoteBackend
from isochrone_gateway.server.pipeline.callers import ANYBODY, Caller, salt_of, salting
from isochrone_gateway.server.pipeline.engines import Engines, Watcher
from isochrone_gateway.server.pipeline.live import Roll
from isochrone_gateway.server.pipeline.peers import Identities, PeerSite
from isochrone_gateway.server.pipeline.regions import Regions
from isochrone_gateway.server.pipeline.revision import Own, Revision, RouteView, Way
from isochrone_gateway.server.pipeline.rulings import Rulings
from isochrone_gateway.upstream.addresses import ANYWHERE, PUBLIC, AddressRule
from isochrone_gateway.upstream.resolver import Resolver
from isochrone_gateway.upstream.target import Target, Timeouts, TlsSettings
from isochrone_gateway.wire.body import Shaping

_OURS: Final = "/v1"
_SPOKEN: Final = "OpenAI"
_MILLISECONDS: Final = 1_000
_CONNECT_S: Final = 3.0
_KEY_FILE_MAX: Final = 8_192
_UNLIMITED: Final = Rates()


class Compiler:
    """Compiles one config."""

    def __init__(
        self,
        loaded: Loaded,
        roll: Roll,
        *,
        secrets: pathlib.Path | None,
        resolver: Resolver,
        watcher: Watcher,
        meter: Callable[[str, Rates], Meter],
    ) -> None:
        self._loaded = loaded
        self._config: Config = loaded.config
        self._roll = roll
        self._secrets = secrets
        self._resolver = resolver
        self._watcher = watcher
        self._make_meter = meter
        self._pools = {pool.id: pool for pool in self._config.engines}
        self._providers = {provider.name: provider for provider in self._config.providers}
        self._peers = {peer.site: peer for peer in self._config.peers}
        self._jurisdictions = tuple(_jurisdiction(place) for place in self._config.places.places)

    def revision(self) -> Revision:
        config, site = self._config, self._config.site
        origins = Origins(config.places)
        country = config.places.places[site.place].country
        lawbook = Lawbook(config.law, config.places, site_country=country, unbound=site.unbound_traffic)
        routes = tuple(self._route(route) for route in config.routes)
        revision = self._loaded.index.revision
        return Revision(
            name=f"{revision.epoch}/{revision.sequence}",
            installation=self._loaded.index.installation,
            created=int(self._loaded.index.issued_at.timestamp()),
            site=site,
            site_lines=b"x-isochrone-site: %b\r\n" % site.name.encode(),
            callers=self._callers(origins),
            anybody=ANYBODY if site.anonymous_access else None,
            origins=origins,
            rulings=Rulings(lawbook, site.place, site.hub),
            age=site.age,
            routes=routes,
            route_classes={route.id: route.data_classes for route in routes},
            names={name: route for route in routes for name in (route.route.name, *route.route.aliases)},
            jurisdictions=self._jurisdictions,
            forwarders=forwarders(site.client_address),
            peers=Identities(config.peers),
            own={(route.id, way.pool): Own(route, way) for route in routes for way in route.ways if way.is_own},
            tenant_classes={tenant.id: tenant.data_classes for tenant in config.tenants.tenants},
        )

    # Callers.

    def _callers(self, origins: Origins) -> Mapping[bytes, Caller]:
        tenants = {tenant.id: tenant for tenant in self._config.tenants.tenants}
        meters = {tenant.id: self._meters(tenant) for tenant in tenants.values()}
        found = {}
        for digest, key in self._config.tenants.keys.items():
            tenant = tenants[key.tenant]
            raw = bytes.fromhex(digest)
            found[raw] = self._caller(raw, key, tenant, origins.of_tenant(tenant), meters[tenant.id])
        return found

    def _caller(  # noqa: PLR0917 - all are parts of one record
        self, digest: bytes, key: Key, tenant: Tenant, origin: frozenset[str], meters: tuple[Meter, ...]
    ) -> Caller:
        salt = salt_of(self._loaded.index.installation, tenant.id)
        return Caller(
            digest=digest,
            key_name=key.name or "",
            expires=None if key.expires is None else key.expires.timestamp(),
            tenant=tenant,
            tenant_id=tenant.id,
            origin=origin,
            data_classes=tenant.data_classes,
            routes=tenant.routes,
            meters=meters,
            salt=salt,
            salting=salting(salt),
            is_suspended=tenant.suspended,
            may_explain=tenant.explain,
        )

    def _meters(self, tenant: Tenant) -> tuple[Meter, ...]:
        rates = tenant.limits
        meter = self._roll.get(("tenant", tenant.id, rates), lambda: self._meter(f"tenant {tenant.id}", rates))
        return () if meter is None else (meter,)

    def _meter(self, name: str, rates: Rates) -> Meter | None:
        return None if rates == _UNLIMITED else self._make_meter(name, rates)

    # Routes.

    def _route(self, route: Route) -> RouteView:
        ways = tuple(self._way(candidate) for tier in route.tiers for candidate in tier.candidates)
        picker = Picker(route, [way.backend.standing for way in ways], hops=len(self._jurisdictions))
        timeouts = route.timeouts
        percent = route.retry.budget_percent
        return RouteView(
            route=route,
            id=route.id,
            endpoints=route.endpoints,
            data_classes=route.data_classes,
            picker=picker,
            ways=ways,
            regions=Regions(
                [(each.place_bit, self._set_at(each.candidate)) for each in picker.options if each.candidate.weight]
            ),
            state_places=tuple(sorted(set(self._state_places(route)))),
            shaping=Shaping(route.parameters.defaults, route.parameters.caps),
            timeouts=_timeouts(timeouts, first_byte_ms=timeouts.first_byte_ms),
            whole_timeouts=_timeouts(timeouts, first_byte_ms=timeouts.total_ms),
            retry=route.retry,
            budget=self._roll.get(("retries", route.id, percent), lambda: RetryBudget(percent)),
            hold=self._roll.get(("hold", route.id, route.queue), lambda: HoldQueue(route.queue)),
        )

    def _state_places(self, route: Route) -> list[int]:
        """Where providers would keep state; engines and peers' engines keep none."""
        return [
            endpoint.place if endpoint.state_place is None else endpoint.state_place
            for tier in route.tiers
            for candidate in tier.candidates
            if isinstance(candidate.target, ProviderTarget)
            for endpoint in self._providers[candidate.target.provider].endpoints
            if endpoint.name == candidate.target.endpoint
        ]

    def _set_at(self, candidate: Candidate) -> Mapping[str, str]:
        """What is set in the body of a request to it."""
        target = candidate.target
        return self._endpoint(target).body if isinstance(target, ProviderTarget) else {}

    def _endpoint(self, target: ProviderTarget) -> Endpoint:
        return next(each for each in self._providers[target.provider].endpoints if each.name == target.endpoint)

    def _way(self, candidate: Candidate) -> Way:
        match candidate.target:
            case EngineTarget(pool=pool):
                return self._engine_way(candidate, pool)
            case ProviderTarget(provider=name) as target:
                return self._provider_way(candidate, self._providers[name], self._endpoint(target))
            case PeerTarget(site=site, pool=pool):
                return self._peer_way(candidate, self._peers[site], pool)

    def _engine_way(self, candidate: Candidate, pool_id: str) -> Way:
        pool = self._pools[pool_id]
        engines = self._roll.get(("engines", pool), lambda: Engines(pool, self._resolver, self._watcher))
        return self._made(
            candidate,
            EngineBackend(engines),
            heads=outgoing.heads(_OURS, pool_id.replace("/", ".").encode()),
            label=f"engine:{pool_id}",
            provider=pool.kind.value.lower(),
            salts=pool.cache_salt,
            pool=pool_id,
        )

    def _provider_way(self, candidate: Candidate, provider: Provider, endpoint: Endpoint) -> Way:
        url = urllib.parse.urlsplit(endpoint.base_url)
        target = self._provider_target(provider, endpoint, url)
        return self._made(
            candidate,
            self._provider_backend(provider, endpoint, target),
            heads=outgoing.heads(url.path.rstrip("/"), target.authority, endpoint.headers),
            label=f"provider:{provider.name}/{endpoint.name}",
            provider=provider.name,
            passed=provider.headers - endpoint.headers.keys(),
            endpoint=endpoint,
        )

    def _peer_way(self, candidate: Candidate, peer: Peer, pool_id: str) -> Way:
        return self._made(
            candidate,
            self._peer_backend(peer, pool_id),
            heads=outgoing.heads(_OURS, peer.address.encode()),
            label=f"peer:{peer.site}",
            provider="isochrone",
            pool=pool_id,
            peer=peer.site,
        )

    def _made(  # noqa: PLR0913 - all are parts of one record
        self,
        candidate: Candidate,
        backend: Backend,
        *,
        heads: Mapping[outgoing.Asked, bytes],
        label: str,
        provider: str,
        passed: frozenset[str] = frozenset(),
        salts: bool = False,
        pool: str = "",
        peer: str = "",
        endpoint: Endpoint | None = None,
    ) -> Way:
        jurisdiction = self._jurisdictions[candidate.place]
        model = candidate.model if endpoint is None else endpoint.models.get(candidate.model, candidate.model)
        lines = b"x-isochrone-site: %b\r\nx-isochrone-backend: %b\r\nx-isochrone-jurisdiction: %b\r\n"
        return Way(
            backend=backend,
            model=model,
            model_json=msgspec.json.encode(model),
            model_change={"model": msgspec.json.encode(model)},
            set_members={} if endpoint is None else {k: msgspec.json.encode(v) for k, v in endpoint.body.items()},
            told=() if endpoint is None else _told(endpoint, model),
            heads=heads,
            passed=outgoing.passable(passed),
            salts=salts,
            lines=lines % ((peer or self._config.site.name).encode(), label.encode(), jurisdiction.encode()),
            place=candidate.place,
            label=label,
            provider=provider,
            jurisdiction=jurisdiction,
            level=self._config.places.places[candidate.place].evidence.value,
            pool=pool,
            peer=peer,
        )

    # Peers.

    def _peer_backend(self, peer: Peer, pool_id: str) -> Backend:
        trust = self._config.site.peer_trust
        if trust is None or (peer.server_name is None and peer.uri is None):
            return Absent("hops need mutual TLS: site.peerTrust, and the peer's serverName or uri")
        if self._secrets is None:
            return Absent(f"the certificate {trust.identity.certificate} is needed; say where, with --secrets")
        tls = TlsSettings(
            ca_bundle=self._secrets / trust.ca_bundle,
            certificate=self._secrets / trust.identity.certificate,
            key=self._secrets / trust.identity.key,
            server_name=peer.server_name,
            uri=peer.uri,
        )
        key = (peer.site, peer.address, tls)
        site = self._roll.get(("peer", key), lambda: PeerSite(peer, tls))
        breaker = self._roll.get(("peer's breaker", key, pool_id), Breaker)
        standing = PeerStanding(health=site.health, breaker=breaker, figures=site.figures)
        return PeerBackend(site.target, standing)

    # Providers.

    def _provider_backend(self, provider: Provider, endpoint: Endpoint, target: Target) -> Backend:
        if provider.dialect != _SPOKEN:
            return Absent(f"the dialect {provider.dialect} is not spoken here")
        values = self._credentials(provider)
        if provider.credentials and not values:
            return Absent("none of its keys can be read")
        proof = hashlib.sha256(b"\0".join(values)).hexdigest()
        rotation, limits = provider.rotation, provider.limits
        ring = self._roll.get(
            ("keys", provider.name, proof, rotation), lambda: KeyRing(len(values), rotation) if values else None
        )
        meter = self._roll.get(
            ("provider", provider.name, limits), lambda: self._meter(f"provider {provider.name}", limits)
        )
        whole = msgspec.json.encode(endpoint, order="deterministic")
        breaker = self._roll.get(("breaker", provider.name, whole, proof), Breaker)
        standing = self._roll.get(
            ("standing", provider.name, whole, proof, rotation, limits),
            lambda: TargetStanding(health=Health(NOT_PROBED), breaker=breaker, keys=ring, meter=meter),
        )
        return RemoteBackend(target, standing, [b"authorization: Bearer %b\r\n" % value for value in values])

    def _credentials(self, provider: Provider) -> list[bytes]:
        """The keys that can be read. Those that can't are left out, lest one lost file keep a tightened law away."""
        found = []
        for credential in provider.credentials:
            value = _read(self._secrets, credential.file)
            if value:
                found.append(value)
        return found

    def _provider_target(self, provider: Provider, endpoint: Endpoint, url: urllib.parse.SplitResult) -> Target:
        is_tls = url.scheme == "https"
        host = url.hostname or ""
        bundle = endpoint.tls.ca_bundle
        tls = TlsSettings(
            ca_bundle=None if bundle is None or self._secrets is None else self._secrets / bundle,
            server_name=endpoint.tls.server_name,
        )
        return Target(
            host=host,
            port=url.port or (443 if is_tls else 80),
            authority=url.netloc.encode(),
            name=provider.name,
            tls=tls if is_tls else None,
            addresses=_address_rule(endpoint, host),
        )


def _timeouts(configured: RouteTimeouts, *, first_byte_ms: int) -> Timeouts:
    return Timeouts(
        connect=_CONNECT_S,
        first_byte=first_byte_ms / _MILLISECONDS,
        idle=configured.idle_ms / _MILLISECONDS,
        total=configured.total_ms / _MILLISECONDS,
    )


def _told(endpoint: Endpoint, model: str) -> tuple[str, ...]:
    """What tells this endpoint its region, beside its address."""
    model_said = [f"model={model}"] if model in endpoint.models.values() else []
    members = [f"{name}={endpoint.body[name]}" for name in sorted(endpoint.body)]
    return (*model_said, *members, *(f"{name}: {endpoint.headers[name]}" for name in sorted(endpoint.headers)))


def _address_rule(endpoint: Endpoint, host: str) -> AddressRule:
    """A provider on the internet never leads into our own network; one that is declared to be inside may."""
    is_inside = endpoint.plaintext or endpoint.tls.ca_bundle is not None or _is_address(host)
    return ANYWHERE if is_inside else PUBLIC


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _read(folder: pathlib.Path | None, name: str) -> bytes:
    """The content of a secret file, or nothing. What could end a header line makes it unusable."""
    if folder is None:
        return b""
    try:
        with (folder / name).open("rb") as file:
            value = file.read(_KEY_FILE_MAX).strip()
    except OSError:
        return b""
    return value if value.isascii() and value.decode().isprintable() else b""


def _jurisdiction(place: Place) -> str:
    return ",".join(sorted(place.codes)) or "unknown"
