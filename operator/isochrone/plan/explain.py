"""Why a route is where it is, and why not elsewhere: worked out again from snapshot and plan, never stored.

Data only: codes, names and figures. Words are made where they are shown.
"""

import dataclasses
import decimal
import itertools
from collections.abc import Iterator, Mapping, Sequence

from isochrone import law
from isochrone.api.model_provider import Endpoint, ProviderModel
from isochrone.geo.areas import Area
from isochrone.law import Origin, Place, Policy, Question, Scope, Subject, Verdict
from isochrone.law.atlas import processing
from isochrone.model import Because, Candidate, Placement, Plan, RouteKey, Snapshot, ToPeer, WhyNot
from isochrone.plan import lawful, planner, why
from isochrone.plan.demand import demand
from isochrone.plan.filters import Ask, ask_of
from isochrone.plan.latency import UNREACHED
from isochrone.plan.planner import Near, Prepared
from isochrone.plan.routing import Routings
from isochrone.plan.tiers import Outside, tiers_of
from isochrone.plan.view import View
from isochrone.plan.wants import cost_of
from isochrone.plan.world import Route, Site

MICRO = 1_000_000
_ANSWERING = (Scope.INFERENCE, Scope.INGRESS)
"""What must be allowed where engines are, so that they answer."""
_PLACING = (*_ANSWERING, Scope.WEIGHTS)
"""And so that they are put there."""

Asked = tuple[Scope, Place]
Tiers = tuple[tuple[Candidate, ...], ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What the law says of a place, for the callers to whom it is kindest."""

    scope: Scope
    """The first scope that is refused; the first that was asked for if none is."""
    origin: Origin
    verdict: Verdict


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AtSite:
    """One site, for a route with engines of its own: exactly one of `because` and `why_not` is there."""

    site: str
    because: Because | None
    why_not: WhyNot | None
    pool: str | None
    """Where the engines are, or else the pool that comes nearest to taking them."""
    replicas: int
    rtt: int | None
    """Microseconds to those who ask and may be served from here, on average."""
    cost: decimal.Decimal | None
    """US dollars for a replica for an hour, with what it sends."""
    free: int | None
    """Devices of the pool here that neither others nor this plan hold."""
    devices: int | None
    """All devices of the pool here."""
    ruling: Ruling
    """Where engines are, on what they do: answer. Where none are, on the weights as well."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AtEndpoint:
    """One endpoint of a provider that a tier names."""

    provider: str
    endpoint: str
    model: str
    input: decimal.Decimal
    """US dollars per million tokens."""
    output: decimal.Decimal
    ruling: Ruling


@dataclasses.dataclass(frozen=True, slots=True)
class Refused:
    """A candidate of the entry that may not answer data of the origin, and why not."""

    candidate: Candidate
    ruling: Ruling


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A route at every site, at every endpoint, and as one site sees it."""

    route: RouteKey
    origin: Origin | None
    demand: Mapping[str, int]
    """Requests by origin as they were seen, a hundred in all; empty where the route is placed by where people live."""
    sites: tuple[AtSite, ...]
    """Those that serve it first, of them those that may, then by distance; none if it has no engines of its own."""
    endpoints: tuple[AtEndpoint, ...]
    entry: str | None
    """The site that is nearest to those who ask; None if there is no site."""
    tiers: Tiers
    """Who answers what comes in there, best first; for data of one origin only those who may."""
    door: Ruling | None
    """Whether data of the origin may come in there at all; None if no origin was asked for, or there is no site."""
    refused: tuple[Refused, ...]
    """Who else is in that site's tiers, in their order: those who may not answer data of the origin."""


def explain(
    snapshot: Snapshot,
    plan: Plan,
    route: RouteKey,
    *,
    now: int,
    origin: str | None = None,
    entry: str | None = None,
) -> Explanation | None:
    """Why here, why not there: for all who may call the route, or for data of one origin. None: no such route.

    `entry` is the site where requests come in; the nearest one when left out.
    """
    prepared = planner.prepare(snapshot, now=now)
    found = prepared.world.routes.get(route)
    if found is None:
        return None
    asked = Origin.of(origin) if origin else None
    return _Explaining(prepared, plan, found, policies=lawful.read(snapshot.policies), origin=asked).all(entry)


class _Explaining:
    """One route of one plan."""

    def __init__(
        self, prepared: Prepared, plan: Plan, route: Route, *, policies: tuple[Policy, ...], origin: Origin | None
    ) -> None:
        self._prepared, self._plan, self._route, self._origin = prepared, plan, route, origin
        self._policies = policies
        self._questions = tuple(_questions(prepared, route, origin))
        self._occupied = planner.occupied_by(prepared, plan.placements)
        self._view = _view(prepared, route, origin)
        self._ask = ask_of(prepared.world, route, prepared.laws[route.key])

    def all(self, entry: str | None) -> Explanation:
        world, key = self._prepared.world, self._route.key
        placed = {each.site: each for each in self._plan.placements if each.route == key}
        sites = [self._site(self._ask, site, placed.get(site.name)) for site in world.sites] if self._ask else []
        entry = entry if entry in world.site_index else self._nearest()
        tiers = Routings(self._prepared, self._plan).at(entry).routes[key] if entry else ()
        door, refused = self._coming_in(world.sites[world.site_index[entry]], tiers) if entry else (None, ())
        barred = {each.candidate for each in refused}
        lawful = (tuple(each for each in tier if each not in barred) for tier in tiers)
        return Explanation(
            route=key,
            origin=self._origin,
            demand=world.observed.demand.get(key, {}),
            sites=tuple(sorted(sites, key=_order)),
            endpoints=tuple(self._endpoints()),
            entry=entry,
            tiers=tuple(tier for tier in lawful if tier),
            door=door,
            refused=refused,
        )

    def _coming_in(self, entry: Site, tiers: Tiers) -> tuple[Ruling | None, tuple[Refused, ...]]:
        """What the law says at the door, and of whom it says no behind it, where it is asked for one origin."""
        if self._origin is None:
            return None, ()
        who = [pair for pair in self._questions if entry.is_open or pair[0].tenant is not None]
        door = (Scope.INGRESS, entry.place)
        refused = []
        for each in itertools.chain.from_iterable(tiers):
            ruling = self._ruling((door, *self._asked_of(each)), who)
            if not ruling.verdict.allowed:
                refused.append(Refused(each, ruling))
        return self._ruling((door,), who), tuple(refused)

    def _asked_of(self, candidate: Candidate) -> Iterator[Asked]:
        """What must be allowed, once requests are in, so that this one answers: a peer lets them in once more."""
        place = self._prepared.book.places[candidate.place]
        scopes = _ANSWERING if isinstance(candidate.target, ToPeer) else (Scope.INFERENCE,)
        return ((scope, place) for scope in scopes)

    def _site(self, ask: Ask, site: Site, placed: Placement | None) -> AtSite:
        world = self._prepared.world
        reason = self._why_not(ask, site) if placed is None else None
        name = placed.pool if placed else None
        pool = reason.pool if reason else world.pools[name] if name else None
        return AtSite(
            site=site.name,
            because=placed.because if placed else None,
            why_not=reason.why if reason else None,
            pool=pool.name if pool else None,
            replicas=placed.replicas if placed else 0,
            rtt=self._view.mean(site.index),
            cost=_dollars(cost_of(ask, site, pool)) if pool is not None or not ask.devices else None,
            free=self._occupied.bin(pool, site.index).free_devices() if pool else None,
            devices=pool.nodes * pool.kind.devices_per_node if pool else None,
            ruling=self._ruling([(scope, site.place) for scope in (_ANSWERING if placed else _PLACING)]),
        )

    def _why_not(self, ask: Ask, site: Site) -> why.Reason:
        world, key = self._prepared.world, self._route.key
        return why.reason(world, ask, site.index, route=key, occupied=self._occupied)

    def _endpoints(self) -> Iterator[AtEndpoint]:
        for tier in tiers_of(self._prepared.world, self._route):
            for who in tier:
                if isinstance(who, Outside):
                    provider = self._prepared.world.providers[who.provider]
                    model = next(model for model in provider.spec.models if model.name == who.model)
                    yield from (self._endpoint(who, each, model) for each in provider.spec.endpoints)

    def _endpoint(self, who: Outside, endpoint: Endpoint, model: ProviderModel) -> AtEndpoint:
        price = model.price_per_million_tokens
        return AtEndpoint(
            provider=who.provider,
            endpoint=endpoint.name,
            model=who.model,
            input=decimal.Decimal(price.input),
            output=decimal.Decimal(price.output),
            ruling=self._ruling([(Scope.INFERENCE, processing(endpoint))]),
        )

    def _ruling(self, asked: Sequence[Asked], who: Sequence[tuple[Subject, Origin]] = ()) -> Ruling:
        """Of these, or of all who ask if these are none, the one that the law lets go furthest."""
        rulings = (self._rule(subject, origin, asked) for subject, origin in who or self._questions)
        furthest, best = next(rulings)
        for rank, ruling in rulings:
            if furthest == len(asked):
                break
            if rank > furthest:
                furthest, best = rank, ruling
        return best

    def _rule(self, subject: Subject, origin: Origin, asked: Sequence[Asked]) -> tuple[int, Ruling]:
        default = self._prepared.world.settings.unbound
        verdicts = []
        for rank, (scope, place) in enumerate(asked):
            question = Question(subject=subject, origin=origin, scope=scope, place=place, default=default)
            verdict = law.evaluate(self._policies, question)
            if not verdict.allowed:
                return rank, Ruling(scope=scope, origin=origin, verdict=verdict)
            verdicts.append(verdict)
        return len(asked), Ruling(scope=asked[0][0], origin=origin, verdict=verdicts[0])

    def _nearest(self) -> str | None:
        """The site nearest to those who ask."""
        sites = self._prepared.world.sites
        ranked = [(rtt, site.name) for site in sites if (rtt := self._view.mean(site.index)) is not None]
        return min(ranked)[1] if ranked else sites[0].name if sites else None


def _questions(prepared: Prepared, route: Route, origin: Origin | None) -> list[tuple[Subject, Origin]]:
    """Who asks, with data from where: of one origin, everybody whose data it may be, or else everybody."""
    every = list(lawful.questions(prepared.world, prepared.book, prepared.callers, route))
    if origin is None:
        return every
    there = Area(origin.codes)
    mine = [pair for pair in every if pair[1].or_elsewhere or any(there.touches(code) for code in pair[1].codes)]
    subjects = {id(subject): subject for subject, _ in mine or every}
    return [(subject, origin) for subject in subjects.values()]


def _view(prepared: Prepared, route: Route, origin: Origin | None) -> View:
    """How far all sites are from those who ask, lawful or not."""
    world = prepared.world
    everywhere = ~0
    law_ = prepared.laws[route.key]
    origins = [origin] if origin else [each for each, _ in law_.reach]
    observed = {} if origin else world.observed.demand.get(route.key, {})
    asked = demand([(each, everywhere) for each in origins], observed, len(world.sites))
    return View(asked, Near(tuple(site.point for site in world.sites)).rtts)


def _dollars(micro: int) -> decimal.Decimal:
    return decimal.Decimal(micro) / MICRO


def _order(each: AtSite) -> tuple[bool, bool, int]:
    """By name otherwise, as they are."""
    serves = each.because is not None
    return (not serves, serves and not each.ruling.verdict.allowed, UNREACHED if each.rtt is None else each.rtt)
