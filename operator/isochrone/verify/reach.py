"""Where data can get from one site: each candidate that the gateway's own mask lets through must be lawful.

First all callers and origins of a route are put together: which places does the mask let through, for anybody, that
the law forbids? Mostly none, which proves every candidate of the route at every site. Only where a candidate is among
these places is each caller and origin looked at by itself, to tell the path.
"""

import collections
import dataclasses
import operator
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from isochrone.verify import meaning
from isochrone.verify.book import Book, Selected
from isochrone.verify.callers import NOBODY, Caller, Callers, subject_of
from isochrone.verify.declared import Declared
from isochrone.verify.finding import Finding, Rule
from isochrone.verify.gathered import SiteConfig
from isochrone.verify.meaning import Place, Question
from isochrone.verify.tables import origin_text
from isochrone_gateway.config.providers import Endpoint
from isochrone_gateway.config.routes import Candidate, EngineTarget, PeerTarget, ProviderTarget, Route, Target

_NONE: Final = 0
_EXPIRED: Final = "ConfigExpired"


class Bad(NamedTuple):
    """Places, as bits, that are let through and not lawful, for some caller and origin."""

    entry: int = _NONE
    direct: int = _NONE
    hop: int = _NONE
    logs: int = _NONE
    logs_of_hop: int = _NONE
    """Where a record at a peer would be against the law: whether one is written is for the peer's config to say."""
    cache: int = _NONE
    state: int = _NONE
    aged: int = _NONE

    def __or__(self, other: "Bad") -> "Bad":
        return Bad(*map(operator.or_, self, other))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that can happen to data, at a place that the config names by its number."""

    scope: str
    index: int
    true: Place
    """Where that really is, as declared."""
    is_hop: bool
    words: tuple[str, ...]
    """The path from the route on."""
    after: int | None = None
    """Where the data must be let through to before."""


class Reach:
    """The sites whose configs have law, places, tenants and routes in common."""

    def __init__(self, declared: Declared, first: SiteConfig) -> None:
        self.declared = declared
        self.book = Book(declared, first.config)
        self.callers = Callers(self.book, first.config)
        self._bad: dict[tuple[Selected, str | None], Bad] = {}
        self._bad_of_route: dict[tuple[str, bool], Bad] = {}
        self._count: dict[tuple[str, bool], int] = {}

    def combinations(self, site: SiteConfig) -> int:
        """Routes x callers x origins."""
        is_open = site.config.site.anonymous_access
        return sum(self._counted(route, is_open=is_open) for route in site.config.routes)

    def _counted(self, route: Route, *, is_open: bool) -> int:
        key = (route.id, is_open)
        if key not in self._count:
            self._count[key] = sum(each.codes for each in self._calling(route, is_open=is_open))
        return self._count[key]

    def _calling(self, route: Route, *, is_open: bool) -> Iterator[Caller]:
        return (each for each in self.callers.of(route) if is_open or each.tenant is not NOBODY)

    def bad(self, route: Route, *, is_open: bool) -> Bad:
        """For anybody who may call the route."""
        key = (route.id, is_open)
        found = self._bad_of_route.get(key)
        if found is None:
            found = Bad()
            for caller in self._calling(route, is_open=is_open):
                for origin, _ in caller.origins:
                    found |= self._of(caller.selected, self.book.class_of[origin])
            self._bad_of_route[key] = found
        return found

    def _of(self, selected: Selected, origin: str | None) -> Bad:
        key = (selected, origin)
        found = self._bad.get(key)
        if found is None:
            found = self._bad[key] = self._worked_out(selected, origin)
        return found

    def _worked_out(self, selected: Selected, origin: str | None) -> Bad:
        inference, ingress, logs, cache, state = (
            self.book.both(scope, selected, origin) for scope in ("Inference", "Ingress", "Logs", "Cache", "State")
        )
        is_laxer_with_age = inference.ought_to_be_bound and not inference.is_bound
        return Bad(
            entry=ingress.bad,
            direct=inference.bad,
            hop=inference.compiled & ingress.compiled & ~(inference.lawful & ingress.lawful),
            logs=ingress.compiled & logs.bad,
            logs_of_hop=ingress.compiled & ~logs.lawful,
            cache=ingress.compiled & cache.bad,
            state=state.bad,
            aged=inference.compiled if is_laxer_with_age else _NONE,
        )


def findings(reach: Reach, site: SiteConfig, others: Mapping[str, tuple[Reach, SiteConfig]]) -> Iterator[Finding]:
    """All that can go wrong at one site. `others` are all sites, this one too."""
    steps = _Steps(reach.declared, site)
    is_open = site.config.site.anonymous_access
    for route in site.config.routes:
        bad = reach.bad(route, is_open=is_open)
        suspects = [each for each in steps.of(route) if _is_suspect(reach, bad, each)]
        if suspects:
            look = _Look(reach, site, others, route)
            for each in suspects:
                yield from look.findings(each)


def _is_suspect(reach: Reach, bad: Bad, step: Step) -> bool:
    """Whether the place is among the bad ones, or isn't what the config takes it for."""
    places = {
        "Ingress": bad.hop if step.is_hop else bad.entry,
        "Inference": bad.aged | (bad.hop if step.is_hop else bad.direct),
        "Logs": bad.logs_of_hop if step.is_hop else bad.logs,
        "Cache": bad.cache,
        "State": bad.state,
    }[step.scope]
    return bool(places >> step.index & 1) or reach.book.places[step.index] != step.true


class _Steps:
    """What can happen to data that comes in at a site."""

    def __init__(self, declared: Declared, site: SiteConfig) -> None:
        self._declared = declared
        self._site = site
        config = site.config
        self._here = config.site.place
        self._home = declared.sites[site.site].place
        self._endpoints = {(each.name, end.name): end for each in config.providers for end in each.endpoints}
        self._made: dict[Target, tuple[Step, ...]] = {}

    def of(self, route: Route) -> Iterator[Step]:
        yield self._at_home("Ingress", "comes in at its gateway")
        if self._site.config.site.logs.requests:
            yield self._at_home("Logs", "a record of the request is written")
        if route.cache is not None:
            yield self._at_home("Cache", "the answer is kept in its cache")
        for tier in route.tiers:
            for candidate in tier.candidates:
                if candidate.target not in self._made:
                    self._made[candidate.target] = tuple(self._of_candidate(candidate))
                yield from self._made[candidate.target]

    def _at_home(self, scope: str, what: str) -> Step:
        return Step(scope=scope, index=self._here, true=self._home, is_hop=False, words=(what,))

    def _of_candidate(self, candidate: Candidate) -> Iterator[Step]:
        match candidate.target:
            case EngineTarget(pool=pool):
                yield Step(
                    scope="Inference",
                    index=candidate.place,
                    true=self._home,
                    is_hop=False,
                    words=(f"engines {pool} at {self._site.site}",),
                )
            case PeerTarget(site=name, pool=pool):
                words = (f"peer {name}", f"engines {pool} at {name}")
                true = (
                    self._declared.sites[name].place if name in self._declared.sites else Place(frozenset(), "Declared")
                )
                for scope in ("Ingress", "Inference", "Logs"):
                    shown = words if scope == "Inference" else words[:1]
                    yield Step(scope=scope, index=candidate.place, true=true, is_hop=True, words=shown)
            case ProviderTarget(provider=provider, endpoint=endpoint):
                yield from self._of_provider(candidate, provider, endpoint)

    def _of_provider(self, candidate: Candidate, provider: str, endpoint: str) -> Iterator[Step]:
        end: Endpoint = self._endpoints[provider, endpoint]
        owner = self._declared.providers.get(provider)
        ought = owner.endpoints.get(endpoint) if owner else None
        nowhere = Place(frozenset(), "Declared")
        words = (f"provider {provider}, endpoint {endpoint} ({end.base_url})",)
        true = ought.place if ought else nowhere
        yield Step(scope="Inference", index=candidate.place, true=true, is_hop=False, words=words)
        store = end.place if end.state_place is None else end.state_place
        kept = ought.store if ought else nowhere
        yield Step(
            scope="State", index=store, true=kept, is_hop=False, words=(*words, "keeps state"), after=candidate.place
        )


class _Look:
    """One route at one site, each caller and origin by itself."""

    def __init__(
        self, reach: Reach, site: SiteConfig, others: Mapping[str, tuple[Reach, SiteConfig]], route: Route
    ) -> None:
        self._reach = reach
        self._site = site
        self._others = others
        self._route = route
        self._is_open = site.config.site.anonymous_access

    def findings(self, step: Step) -> Iterator[Finding]:
        """For each policy that forbids the step, the first case in which it is taken all the same."""
        first: dict[str | None, tuple[Caller, str | None, meaning.Verdict]] = {}
        count: collections.Counter[str | None] = collections.Counter()
        for caller in self._reach.callers.of(self._route):
            if self._is_open or caller.tenant is not NOBODY:
                for origin, alike in caller.origins:
                    verdict = self._verdict(step, caller, origin)
                    if not verdict.allowed and self._is_taken(step, caller, origin):
                        first.setdefault(verdict.policy, (caller, origin, verdict))
                        count[verdict.policy] += alike
        for policy, case in first.items():
            yield self._finding(step, *case, cases=count[policy])

    def _finding(
        self, step: Step, caller: Caller, origin: str | None, verdict: meaning.Verdict, *, cases: int
    ) -> Finding:
        law = f"policy {verdict.policy}" if verdict.policy else "the default"
        data = f"data from {origin_text(origin)} of {caller} on route {self._route.id}"
        says = f"can get to {step.true} in scope {step.scope}: {law} forbids it ({verdict.reason})"
        if verdict.reason == _EXPIRED:
            says = (
                f"would be answered at {step.true} in scope {step.scope} although the config is too old: nothing binds"
                f" it here, and by {law} it is refused past hardMaxAge ({verdict.reason})"
            )
        return Finding(
            rule=Rule.UNLAWFUL,
            site=self._site.site,
            where=f"{self._site.where} (shard {self._site.shard_names['Routes']})",
            message=f"{data} {says}",
            path=(
                f"site {self._site.site}",
                f"route {self._route.id}",
                f"{caller}, from {origin_text(origin)}",
                *step.words,
                f"place {step.true}",
            ),
            policy=verdict.policy,
            cases=cases,
        )

    def _is_laxer_with_age(self, step: Step, caller: Caller, origin: str | None) -> bool:
        both = self._reach.book.both(step.scope, caller.selected, origin)
        return step.scope == "Inference" and both.ought_to_be_bound and not both.is_bound

    def _verdict(self, step: Step, caller: Caller, origin: str | None) -> meaning.Verdict:
        declared = self._reach.declared
        question = Question(
            subject=subject_of(self._reach.book, self._route.id, caller.tenant, caller.added),
            origin=() if origin is None else (origin,),
            scope=step.scope,
            place=step.true,
            default=declared.unbound,
        )
        verdict = meaning.decide(declared.policies, question)
        if verdict.allowed and self._is_laxer_with_age(step, caller, origin):
            return verdict._replace(allowed=False, reason=_EXPIRED, policy=verdict.bound[0])
        return verdict

    def _is_taken(self, step: Step, caller: Caller, origin: str | None) -> bool:
        """Whether the gateways' masks let it through, the way there included."""
        book, here = self._reach.book, self._site.config.site.place
        if not self._lets(book, "Ingress", caller, origin, place=here):
            return False
        if step.after is not None:
            is_sent = self._lets(book, "Inference", caller, origin, place=step.after)
            return is_sent and self._keeps(caller, origin)
        if not step.is_hop:
            return self._lets(book, step.scope, caller, origin, place=step.index)
        is_sent = all(self._lets(book, each, caller, origin, place=step.index) for each in ("Inference", "Ingress"))
        return is_sent and (step.scope == "Ingress" or self._is_taken_in(step, caller, origin))

    def _is_taken_in(self, step: Step, caller: Caller, origin: str | None) -> bool:
        """The peer judges anew, by its own config, if that is known."""
        name = step.words[0].removeprefix("peer ")
        if name not in self._others:
            return True
        reach, site = self._others[name]
        route = next((each for each in site.config.routes if each.id == self._route.id), None)
        if route is None:
            return False
        match = next(
            (each for each in reach.callers.of(route) if (each.tenant, each.added) == (caller.tenant, caller.added)),
            None,
        )
        if match is None:
            return False
        place = site.config.site.place
        asked = ("Inference", "Ingress", "Logs") if step.scope == "Logs" else ("Inference", "Ingress")
        return all(self._lets(reach.book, each, match, origin, place=place) for each in asked)

    def _keeps(self, caller: Caller, origin: str | None) -> bool:
        """`store` is passed on only where all of the route's providers may keep state."""
        places = {
            end.place if end.state_place is None else end.state_place
            for each in self._site.config.providers
            for end in each.endpoints
            for tier in self._route.tiers
            for candidate in tier.candidates
            if candidate.target == ProviderTarget(provider=each.name, endpoint=end.name)
        }
        return all(self._lets(self._reach.book, "State", caller, origin, place=place) for place in places)

    @staticmethod
    def _lets(book: Book, scope: str, caller: Caller, origin: str | None, *, place: int) -> bool:
        return bool(book.both(scope, caller.selected, origin).compiled >> place & 1)
