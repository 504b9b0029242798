"""Everything put together: what is declared, what all sites are to run, and what follows."""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping

from isochrone.verify import (
    copies,
    doors,
    egress,
    entries,
    ground,
    likeness,
    pods,
    reach,
    reading,
    services,
    tables,
    twice,
    ways_in,
)
from isochrone.verify.declared import Declared
from isochrone.verify.engines import Standing, is_engine
from isochrone.verify.finding import Finding, Report, Rule, SiteSummary
from isochrone.verify.gathered import SERVICE, Found, Gathered, SiteConfig, gather
from isochrone.verify.tables import Said
from isochrone.verify.workloads import identity, key_of
from isochrone_gateway.config import Kind, Verify
from isochrone_gateway.config.routes import ProviderTarget

_Group = tuple[object, ...]


def verify(declared: Declared, clusters: Mapping[str, Iterable[Found]], *, trusted: Verify | None = None) -> Report:
    """Prove it, or say where it fails. `clusters` are the objects of each; with `trusted`, indexes must be signed."""
    given = {cluster: tuple(found) for cluster, found in clusters.items()}
    gathered = gather(given, installation=declared.installation, verify=trusted)
    return _Proof(declared, gathered, twice.findings(declared, gathered.configs, given)).report()


class _Proof:
    def __init__(self, declared: Declared, gathered: Gathered, differing: Iterable[Finding]) -> None:
        self._declared = declared
        self._gathered = gathered
        self._differing = differing
        self._standing = Standing(declared)
        self._reaches: dict[_Group, reach.Reach] = {}
        self._reached = {
            name: (self._reach(site), site)
            for name, site in sorted(gathered.configs.items())
            if _is_run(declared, name)
        }
        self._leading = _leading(site for _, site in self._reached.values())
        self._services = _services(gathered)
        self._names = {cluster: services.Names(found) for cluster, found in gathered.found.items()}
        self._elsewhere = _by_site(gathered.strays)
        self._said: dict[tuple[Kind, Said], list[SiteConfig]] = {}
        self._compared: dict[_Group, tuple[Said, ...]] = {}

    @functools.cached_property
    def _all_names(self) -> services.Names:
        """Of all clusters; asked for only where a site may share one."""
        return services.Names(itertools.chain(*self._gathered.found.values()))

    def _reach(self, site: SiteConfig) -> reach.Reach:
        """Configs with equal sections give equal answers, so they are asked once."""
        classes = tuple((route.id, route.data_classes) for route in site.config.routes)
        key = (*_sections(site, (Kind.LAW, Kind.PLACES, Kind.TENANTS)), classes, site.config.site.unbound_traffic)
        if key not in self._reaches:
            self._reaches[key] = reach.Reach(self._declared, site)
        return self._reaches[key]

    def report(self) -> Report:
        sites: list[SiteSummary] = []
        findings = [*self._gathered.findings, *self._differing, *self._presence(), *self._strays()]
        findings += entries.findings(self._declared, self._gathered.configs.values(), self._gathered.found)
        for name in self._reached:
            summary, found = self._site(name)
            sites.append(summary)
            findings += found
        findings += itertools.starmap(_of_sites, self._said.items())
        findings += ways_in.findings(self._gathered)
        return Report(
            findings=tuple(sorted(findings, key=Finding.order)),
            sites=tuple(sites),
            policies=len(self._declared.policies),
            routes=len(self._declared.routes),
            tenants=len(self._declared.tenants),
            origins=len(ground.known()),
            classes=max((len(each.book.origins) for each in self._reaches.values()), default=0),
        )

    def _presence(self) -> Iterator[Finding]:
        """Every site has a config, and no other has."""
        broken = {each.site for each in self._gathered.findings}
        for name in self._declared.sites:
            if _is_run(self._declared, name) and name not in self._gathered.configs and name not in broken:
                text = "there is no config of this site, so nothing is known of what it would do"
                yield Finding(rule=Rule.MISSING_CONFIG, site=name, where="", message=text)
        for name, site in self._gathered.configs.items():
            if name not in self._reached:
                text = f"a gateway of {name} is to run, which is not declared, or Disabled"
                yield Finding(rule=Rule.NOT_DECLARED, site=name, where=site.where, message=text)

    def _strays(self) -> Iterator[Finding]:
        """Pods that carry a site's name where nothing is known of the site. That it has no config at all is said."""
        for site, each in self._gathered.strays:
            is_missing = _is_run(self._declared, site) and site not in self._gathered.configs
            if not is_missing and (pods.is_gateway(each) or is_engine(each)):
                text = "pods of this site are in a cluster without a sound config of it: nothing says where they stand"
                yield Finding(rule=Rule.WRONG_PLACE, site=site, where=each.where, message=text)

    def _site(self, name: str) -> tuple[SiteSummary, list[Finding]]:
        reached, site = self._reached[name]
        declared = self._declared.sites[name]
        objects = self._gathered.objects[name]
        self._compare(reached, site, objects)
        # Some of a cluster's nodes: what other folders hold may be of the same cluster.
        about = (*objects, *self._gathered.nearby[name]) if declared.nodes else objects
        names = self._all_names if declared.nodes else self._names[site.cluster]
        elsewhere = self._elsewhere.get(name, ()) if declared.nodes else ()
        held, too_wide = egress.of_gateway(self._declared, site, about)
        summary = SiteSummary(
            name=name,
            place=str(declared.place),
            egress=held.level,
            detail=held.detail,
            signed_by=tuple(each.key_id for each in site.index.signatures),
            candidates=sum(len(tier.candidates) for route in site.config.routes for tier in route.tiers),
            combinations=reached.combinations(site),
        )
        return summary, [
            *reach.findings(reached, site, self._reached),
            *self._standing.findings(declared, objects, leading=self._leading),
            *too_wide,
            *pods.findings(declared, site, objects),
            *services.findings(declared, site, objects, names, elsewhere=elsewhere),
            *reading.findings(declared, site, objects),
            *egress.of_engines(self._declared, name, about),
        ]

    def _compare(self, reached: reach.Reach, site: SiteConfig, objects: Iterable[Found]) -> None:
        declared, config = self._declared, site.config
        named = {identity(each.item): each for each in objects}
        self._say(Kind.SITE, site, likeness.of_site(declared, site))
        self._say(Kind.SITE, site, doors.of_site(declared, site))
        self._say(Kind.SITE, site, copies.of_site(reached.book, declared, site))
        self._say(Kind.PEERS, site, likeness.of_peers(declared, site))
        self._say(Kind.ENGINES, site, likeness.of_pools(declared, site, named, others=self._services[site.cluster]))
        shared: tuple[tuple[Kind, _Group, Callable[[], Iterable[Said]]], ...] = (
            (Kind.LAW, (id(reached),), lambda: tables.differences(reached.book, config)),
            (Kind.LAW, _sections(site, (Kind.LAW,)), lambda: doors.of_law(declared, config)),
            (Kind.PLACES, _sections(site, (Kind.PLACES,)), lambda: likeness.of_places(config.places)),
            (Kind.TENANTS, _sections(site, (Kind.TENANTS,)), lambda: likeness.of_tenants(declared, config)),
            (
                Kind.ROUTES,
                tuple((each.id, each.name, each.aliases, each.data_classes) for each in config.routes),
                lambda: likeness.of_routes(declared, config),
            ),
            (
                Kind.PROVIDERS,
                _sections(site, (Kind.PROVIDERS, Kind.PLACES)),
                lambda: likeness.of_providers(declared, config),
            ),
        )
        for kind, key, compare in shared:
            if (kind, key) not in self._compared:
                self._compared[kind, key] = tuple(compare())
            self._say(kind, site, self._compared[kind, key])

    def _say(self, kind: Kind, site: SiteConfig, found: Iterable[Said]) -> None:
        for each in found:
            self._said.setdefault((kind, each), []).append(site)


def _is_run(declared: Declared, site: str) -> bool:
    return site in declared.sites and declared.sites[site].state != "Disabled"


def _sections(site: SiteConfig, kinds: Iterable[Kind]) -> _Group:
    return tuple(site.sections[kind] for kind in kinds)


def _services(gathered: Gathered) -> Mapping[str, frozenset[tuple[str, str]]]:
    """Cluster -> all its Services, whosever they are."""
    return {
        cluster: frozenset(key_of(each.item) for each in found if each.item["kind"] == SERVICE)
        for cluster, found in gathered.found.items()
    }


def _by_site(strays: Iterable[tuple[str, Found]]) -> Mapping[str, list[Found]]:
    found: dict[str, list[Found]] = {}
    for site, each in strays:
        found.setdefault(site, []).append(each)
    return found


def _leading(sites: Iterable[SiteConfig]) -> Mapping[str, frozenset[str]]:
    """Engine pool -> the routes that it answers for anywhere."""
    found: dict[str, set[str]] = {}
    for site in sites:
        for route in site.config.routes:
            for tier in route.tiers:
                for each in tier.candidates:
                    if not isinstance(each.target, ProviderTarget):
                        found.setdefault(each.target.pool, set()).add(route.id)
    return {pool: frozenset(routes) for pool, routes in found.items()}


def _of_sites(said: tuple[Kind, Said], sites: list[SiteConfig]) -> Finding:
    """One finding for all sites of which it is true."""
    kind, what = said
    first = sites[0]
    more = f" (and the same at {len(sites) - 1} more of {len(sites)} sites)" if len(sites) > 1 else ""
    return Finding(
        rule=what.rule,
        site=first.site,
        where=f"{first.where} (shard {first.shard_names[kind]})",
        message=f"{what.message}{more}",
        path=(f"site {first.site}", f"{kind} section of its config"),
        policy=what.policy,
        severity=what.severity,
        cases=what.cases,
    )
