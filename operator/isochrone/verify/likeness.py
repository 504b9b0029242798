"""Whether a config says of the world what is declared: places, origins, classes, addresses, and what holds by default.

The law's tables are right only for the places that they are over, and for the data that is said to be whose. So each
thing of a config that a decision rests on is compared with what users declared, one by one.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from isochrone.geo import codes
from isochrone.verify import doors, ground, services
from isochrone.verify.declared import Declared, Endpoint, Provider
from isochrone.verify.finding import Rule, Severity
from isochrone.verify.gathered import EDGE_NODE, Found, SiteConfig
from isochrone.verify.meaning import Place
from isochrone.verify.tables import Said
from isochrone_gateway.config import Config
from isochrone_gateway.config import providers as contract
from isochrone_gateway.config.engines import EnginePool, ServiceEndpoints
from isochrone_gateway.config.peers import Peer
from isochrone_gateway.config.places import Places
from isochrone_gateway.config.routes import Route
from isochrone_gateway.config.site import PeerTrust, UnboundTraffic
from isochrone_gateway.config.tenants import Tenant

_SHOWN: Final = 3
_KEPT_OF_NAME: Final = 50
"""Characters of a route's name that are always in the names of its objects."""


Others = frozenset[tuple[str, str]]
"""Namespaces and names of Services."""


def place_at(config: Config, index: int) -> Place:
    """What a config says of a place."""
    said = config.places.places[index]
    return Place(said.codes, said.evidence.value)


# What is the same at many sites


def of_places(places: Places) -> Iterator[Said]:
    """Geography: a wrong alias would judge data of one country by another's row."""
    for index, each in enumerate(places.places):
        country = _country(each.codes)
        if each.country != country:
            text = f"places[{index}] is said to be in the country {each.country}; its codes say {country}"
            yield Said(Rule.WRONG_PLACE, text)
    for what, ought, found in (
        ("aliases", dict(codes.aliases()), dict(places.aliases)),
        ("within", _within(), dict(places.within)),
    ):
        wrong = sorted(code for code in {*ought, *found} if ought.get(code) != found.get(code))
        if wrong:
            text = (
                f"places.{what} is wrong about {', '.join(wrong[:_SHOWN])}: data from there is judged as from elsewhere"
            )
            yield Said(Rule.WRONG_PLACE, text, cases=len(wrong))


def _country(jurisdictions: frozenset[str]) -> str | None:
    """The one country that all of it lies in."""
    found: set[str] = set()
    for code in jurisdictions:
        found |= _countries(code)
    return found.pop() if len(found) == 1 else None


def _countries(code: str) -> set[str]:
    above = codes.parents(code)
    return {country for each in above for country in _countries(each)} if above else {code}


def _within() -> dict[str, frozenset[str]]:
    """What doesn't simply lie in the country that its code begins with."""
    found = {code: frozenset(codes.parents(code)) for code in ground.known() if "-" in code}
    return {code: above for code, above in found.items() if above != {code.partition("-")[0]}}


def of_tenants(declared: Declared, config: Config) -> Iterator[Said]:
    """Whose data it is, where it comes from, and of which classes."""
    for each in config.tenants.tenants:
        if each.id not in declared.tenants:
            yield Said(Rule.NOT_DECLARED, f"tenant {each.id} is not declared")
        else:
            yield from _of_tenant(declared, each)
    for digest, key in sorted(config.tenants.keys.items()):
        owner = declared.keys.get(digest)
        if owner != key.tenant:
            whose = f"is that of {owner}" if owner else "is nobody's"
            yield Said(Rule.WRONG_SUBJECT, f"the key {digest[:12]}… counts as one of tenant {key.tenant}, but {whose}")


def _of_tenant(declared: Declared, found: Tenant) -> Iterator[Said]:
    ought, name = declared.tenants[found.id], f"tenant {found.id}"
    said = frozenset(ground.canonical(code) or code for code in found.origins)
    if (said, found.or_elsewhere) != (ought.origins.codes, ought.origins.elsewhere):
        shown = ", ".join([*sorted(said), *(["elsewhere"] if found.or_elsewhere else [])]) or "unknown"
        text = f"{name}: its data is judged as from {_few(shown)}, but is declared as from {_few(str(ought.origins))}"
        yield Said(Rule.WRONG_SUBJECT, text)
    if found.origin_header != ought.trusts_origin:
        severity = Severity.ERROR if found.origin_header else Severity.WARNING
        text = f"{name}: the origin header is {_trusted(found.origin_header)}, against what is declared"
        yield Said(Rule.WRONG_SUBJECT, text, severity=severity)
    if found.data_class_header != ought.trusts_classes:
        is_laxer = not found.data_class_header or declared.unbound == "Deny"
        text = f"{name}: the data-class header is {_trusted(found.data_class_header)}, against what is declared"
        yield Said(Rule.WRONG_SUBJECT, text, severity=Severity.ERROR if is_laxer else Severity.WARNING)
    yield from _of_classes(declared, name, ought=ought.classes, found=found.data_classes)
    more = [
        id_
        for id_, route in declared.routes.items()
        if (found.routes is None or id_ in found.routes) and not ought.may_call(route)
    ]
    if more:
        yield Said(
            Rule.WRONG_SUBJECT, f"{name} may call {_few(', '.join(more))}, which it was not given", cases=len(more)
        )


def _few(text: str) -> str:
    parts = text.split(", ")
    return ", ".join(parts[:6]) + (f" and {len(parts) - 6} more" if len(parts) > 6 else "")  # noqa: PLR2004


def _trusted(is_trusted: bool) -> str:  # noqa: FBT001 - one word for each
    return "trusted" if is_trusted else "ignored"


def of_routes(declared: Declared, config: Config) -> Iterator[Said]:
    for each in config.routes:
        ought = declared.routes.get(each.id)
        if ought is None:
            yield Said(Rule.NOT_DECLARED, f"route {each.id} is not declared")
        else:
            yield from _of_names(declared, each)
            yield from _of_classes(declared, f"route {each.id}", ought=ought.classes, found=each.data_classes)


def _of_names(declared: Declared, found: Route) -> Iterator[Said]:
    """A request is judged as one for the route whose name it gives."""
    for name in (found.name, *sorted(found.aliases)):
        owner = declared.names.get(name)
        if owner != found.id:
            text = f"route {found.id} answers to the model name {name}, which is declared for {owner or 'no route'}"
            yield Said(Rule.WRONG_SUBJECT, text)


def _of_classes(declared: Declared, name: str, *, ought: frozenset[str], found: frozenset[str]) -> Iterator[Said]:
    if lost := sorted(ought - found):
        text = f"{name}: the data class {', '.join(lost)} is lost, so policies for it don't bind"
        yield Said(Rule.WRONG_SUBJECT, text)
    if more := sorted(found - ought):
        severity = Severity.ERROR if declared.unbound == "Deny" else Severity.WARNING
        text = f"{name}: has the data class {', '.join(more)}, which was not declared"
        yield Said(Rule.WRONG_SUBJECT, text, severity=severity)


def of_providers(declared: Declared, config: Config) -> Iterator[Said]:
    for each in config.providers:
        ought = declared.providers.get(each.name)
        if ought is None:
            yield Said(Rule.NOT_DECLARED, f"provider {each.name} is not declared")
            continue
        for endpoint in each.endpoints:
            yield from _of_endpoint(config, ought, endpoint)
        if more := sorted({model.name for model in each.models} - ought.models):
            # Some providers say by the model's name where it is run.
            text = f"provider {each.name} is asked for {', '.join(more)}, which is none of its models as declared"
            yield Said(Rule.WRONG_ADDRESS, text)
        if more := sorted(each.headers - ought.headers):
            text = f"provider {each.name} is sent the clients' headers {', '.join(more)}, which were not allowed"
            yield Said(Rule.WRONG_ADDRESS, text)
        yield from _of_credentials(each, ought)


def _of_credentials(found: contract.Provider, ought: Provider) -> Iterator[Said]:
    """A key belongs to an account, or to a project of one region."""
    declared = {name: _file(secret) for name, secret in ought.credentials.items()}
    given = {each.name: each.file for each in found.credentials}
    for name, file in sorted(given.items()):
        if declared.get(name) != file:
            text = (
                f"provider {found.name} is shown the key {name} of {file}, but {declared.get(name, 'none')} as declared"
            )
            yield Said(Rule.WRONG_ADDRESS, text)
    if lost := [name for name in declared if name not in given]:
        text = f"provider {found.name} is not shown the key {', '.join(lost)}, which is declared"
        yield Said(Rule.WRONG_ADDRESS, text, severity=Severity.WARNING)


def _file(secret: tuple[str, str]) -> str:
    """Where a key of a Secret is below a gateway's mount of secrets."""
    return "/".join(("providers", *secret))


def _of_endpoint(config: Config, provider: Provider, found: contract.Endpoint) -> Iterator[Said]:
    name = f"provider {provider.name}, endpoint {found.name}"
    ought: Endpoint | None = provider.endpoints.get(found.name)
    if ought is None:
        yield Said(Rule.NOT_DECLARED, f"{name} is not declared")
        return
    if found.base_url != ought.url:
        yield Said(Rule.WRONG_ADDRESS, f"{name} is called at {found.base_url}, but declared at {ought.url}")
    if found.tls.server_name is not None:
        text = f"{name} is believed to be whoever shows a certificate of {found.tls.server_name}"
        yield Said(Rule.WRONG_ADDRESS, text)
    authorities = None if ought.authorities is None else _file(ought.authorities)
    if found.tls.ca_bundle != authorities:
        text = f"{name} is believed by the authorities {_trust(found.tls.ca_bundle)}, not {_trust(authorities)}"
        yield Said(Rule.WRONG_ADDRESS, text)
    yield from _of_region(name, found, ought)
    store = found.place if found.state_place is None else found.state_place
    for what, index, true in (("processes", found.place, ought.place), ("keeps state", store, ought.store)):
        said = place_at(config, index)
        if said != true:
            text = f"{name}: {what} in {said} (places[{index}]) by the config, in {true} as declared"
            yield Said(Rule.WRONG_PLACE, text)


def _of_region(name: str, found: contract.Endpoint, ought: Endpoint) -> Iterator[Said]:
    """Providers are told by these where to process."""
    for what, told, declared in (
        ("asked for other models,", found.models, ought.models),
        ("sent other members of the body,", found.body, ought.body),
        ("sent other headers,", found.headers, ought.headers),
    ):
        if dict(told) != dict(declared):
            text = f"{name} is {what} {_pairs(told)}, than is declared, {_pairs(declared)}"
            yield Said(Rule.WRONG_ADDRESS, text)


def _trust(file: str | None) -> str:
    return file or "of the system"


def _pairs(found: Mapping[str, str]) -> str:
    return ", ".join(f"{name}: {found[name]}" for name in sorted(found)) or "none"


# One site


def of_site(declared: Declared, site: SiteConfig) -> Iterator[Said]:
    """The site itself, and what holds there by default."""
    config, ought = site.config, declared.sites[site.site]
    said = place_at(config, config.site.place)
    if said != ought.place:
        text = f"the site is in {said} (places[{config.site.place}]) by the config, in {ought.place} as declared"
        yield Said(Rule.WRONG_PLACE, text)
    yield from _of_hub(declared, config)
    is_allowed = config.site.unbound_traffic is UnboundTraffic.ALLOW
    if is_allowed != (declared.unbound == "Allow"):
        severity = Severity.ERROR if is_allowed else Severity.WARNING
        text = f"data that no policy binds meets {config.site.unbound_traffic}; declared is {declared.unbound}"
        yield Said(Rule.WRONG_SETTING, text, severity=severity)
    if config.site.anonymous_access and not ought.is_open:
        yield Said(Rule.WRONG_SETTING, "requests without a key are answered, which was not declared")
    yield from _of_age(config, max_age_ms=ought.max_age_ms, hard_max_age_ms=ought.hard_max_age_ms)


def _of_hub(declared: Declared, config: Config) -> Iterator[Said]:
    """Under the scope Metadata, gateways tell the hub only what may be known where it is: by the sites beside it."""
    found = {place_at(config, index) for index in config.site.hub}
    ought = {each.place for each in declared.sites.values() if each.is_beside_hub}
    if found != ought:
        text = f"the hub is {_any_of(found)} by the config, {_any_of(ought)} as declared"
        yield Said(Rule.WRONG_PLACE, text)


def _any_of(places: Iterable[Place]) -> str:
    return " or ".join(f"in {each}" for each in sorted(map(str, places))) or "at no known place"


def _of_age(config: Config, *, max_age_ms: int, hard_max_age_ms: int) -> Iterator[Said]:
    age = config.site.age
    for what, found, ought in (
        ("maxAge", age.max_age_ms, max_age_ms),
        ("hardMaxAge", age.hard_max_age_ms, hard_max_age_ms),
    ):
        if found != ought:
            severity = Severity.ERROR if found > ought else Severity.WARNING
            text = f"a config may be used for {found} ms ({what}), declared are {ought} ms"
            yield Said(Rule.WRONG_SETTING, text, severity=severity)


def of_peers(declared: Declared, site: SiteConfig) -> Iterator[Said]:
    """Whom it sends to, and takes for whom."""
    if (trust := site.config.site.peer_trust) is not None:
        yield from _of_trust(trust)
    for peer in site.config.peers:
        yield from _of_peer(declared, site.config, peer)


def _of_trust(found: PeerTrust) -> Iterator[Said]:
    """Who signs for peers, and what is shown to them, come from the site's own Secret for this."""
    for what, here, ought in (
        ("peers are believed by", found.ca_bundle, "peer/ca.crt"),
        ("peers are shown", found.identity.certificate, "peer/tls.crt"),
        ("peers are shown the certificate of", found.identity.key, "peer/tls.key"),
    ):
        if here != ought:
            yield Said(Rule.WRONG_ADDRESS, f"{what} {here}, not {ought}")


def _of_peer(declared: Declared, config: Config, peer: Peer) -> Iterator[Said]:
    ought = declared.sites.get(peer.site)
    if ought is None or ought.state == "Disabled":
        yield Said(Rule.NOT_DECLARED, f"peer {peer.site} is not declared, or Disabled")
        return
    said = place_at(config, peer.place)
    if said != ought.place:
        text = f"peer {peer.site} is in {said} (places[{peer.place}]) by the config, in {ought.place} as declared"
        yield Said(Rule.WRONG_PLACE, text)
    identity = f"spiffe://{declared.installation}/site/{peer.site}"
    if peer.uri != identity:
        yield Said(Rule.WRONG_ADDRESS, f"peer {peer.site} is taken to be whoever shows {peer.uri}, not {identity}")
    yield from doors.of_name(f"peer {peer.site}", peer.hostname, ought.hostname)
    host, _, port = peer.address.rpartition(":")
    if ought.advertise is not None and (host.strip("[]"), int(port)) != ought.advertise:
        text = f"peer {peer.site} is called at {peer.address}, but advertises {ought.advertise[0]}:{ought.advertise[1]}"
        yield Said(Rule.WRONG_ADDRESS, text)


def of_pools(
    declared: Declared, site: SiteConfig, objects: Mapping[tuple[str, str, str], Found], *, others: Others
) -> Iterator[Said]:
    """Engines are this site's own only if a Service of the site leads to them; `others` are other sites' Services."""
    for pool in site.config.engines:
        if pool.id not in declared.routes:
            yield Said(Rule.NOT_DECLARED, f"engine pool {pool.id} is of no route that is declared")
        elif (why := _astray(pool, site.site, objects, others)) is not None:
            yield Said(Rule.WRONG_ADDRESS, f"engine pool {pool.id} {why}")
        elif not _is_there(pool, objects):
            text = f"engine pool {pool.id} has no engines among this site's objects: nobody answers there"
            yield Said(Rule.WRONG_ADDRESS, text, severity=Severity.WARNING)


def _is_there(pool: EnginePool, objects: Mapping[tuple[str, str, str], Found]) -> bool:
    found = pool.discovery
    return isinstance(found, ServiceEndpoints) and ("Service", found.namespace, found.service) in objects


def _astray(pool: EnginePool, site: str, objects: Mapping[tuple[str, str, str], Found], others: Others) -> str | None:
    found = pool.discovery
    if not isinstance(found, ServiceEndpoints):
        return "is found by address, and nobody declared where that is"
    if found.namespace != pool.id.partition("/")[0]:
        return f"leads to the namespace {found.namespace}, not to its own"
    service = objects.get(("Service", found.namespace, found.service))
    if service is None:
        # Engines that are to go keep their name in the config for a while.
        is_its_own = found.service.startswith(pool.id.partition("/")[2][:_KEPT_OF_NAME])
        said = f"leads to the Service {found.namespace}/{found.service}, which is none of this site's objects"
        is_anothers = (found.namespace, found.service) in others
        return None if is_its_own and not is_anothers else said
    why = services.not_its_pods(service.item.get("spec") or {}, {EDGE_NODE: site})
    return why and f"leads to the Service {found.namespace}/{found.service}, which {why}"
