"""The law's answers for one kind of request, put together and remembered until the config changes.

Ingress is asked twice. Before the body is read the model isn't known: then a request is refused if no route that the
caller may use would let it in here, with the data classes that each of them adds. Once the model is known, its own
route is asked.

A peer's gateway sees the request too, so what is sent to a peer must be lawful at its place in both scopes, Ingress and
Inference. For an engine here or a provider Inference is enough, though a provider may be at a peer's very place. So a
mask of candidates has each place twice: bit i is for whoever answers at place i itself, and bit n + i, of n places, for
a peer at place i. Which of them a candidate needs is worked out with its route (`route.candidates.Option`), so a
request pays nothing for it.

What is written of a request is data like any other, so scope Logs is asked too: a line is written here only where this
site's place is lawful, and spans go to a collector, whose place nobody declares, only where no policy binds them.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from isochrone_gateway.config.law import Scope
from isochrone_gateway.route.mask import Age, Lawbook, Mask, Question
from isochrone_gateway.server.pipeline.callers import Caller
from isochrone_gateway.wire.errors import ApiError, residency_denied
from isochrone_gateway.wire.remote import Listed

_REMEMBERED: Final = 65_536
_NO_ROUTE: Final = ""


class Standpoint(NamedTuple):
    """From where a request is judged: whose data of which classes, from where, by how old a config."""

    tenant: str | None
    origin: frozenset[str]
    data_classes: frozenset[str]
    age: Age

    def on(self, data_classes: frozenset[str]) -> "Standpoint":
        """The same on a route of these data classes."""
        if data_classes <= self.data_classes:
            return self
        return self._replace(data_classes=self.data_classes | data_classes)


class Writing(NamedTuple):
    """What may be written of a request: a line of this site's log, spans to the collector."""

    is_logged: bool
    is_traced: bool


ANYTHING: Final = Writing(is_logged=True, is_traced=True)
"""Of a request that tells nothing of anybody: its caller, route and origin are not known."""


class Ruling(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the law says about one kind of request on one route."""

    entry: ApiError | None
    """Why it may not be here, if it may not."""
    lawful: Mask
    """Which candidates may answer."""
    listed: Listed | None
    """What of the body is allowed; None: no policy binds, so anything is."""
    policies: tuple[str, ...]
    is_told: bool
    """Whether the hub may know where these requests come from."""
    writing: Writing
    audited: tuple[str, ...]
    """The Audit policies that would not have it come in, or be logged, here."""

    @property
    def is_audited(self) -> bool:
        """Whether any Audit policy binds what answers."""
        return bool(self.lawful.audits)

    def audited_with(self, bit: int) -> tuple[str, ...]:
        """The Audit policies that would refuse it, if this candidate answers."""
        return tuple(sorted({*self.audited, *self.lawful.audited(bit)}))


class Rulings:
    """Ask the law once for each kind of request."""

    def __init__(self, lawbook: Lawbook, place: int, hub: frozenset[int] = frozenset()) -> None:
        self.lawbook = lawbook
        self._place = place
        self._hub = hub
        self._rulings: dict[tuple[str, Standpoint, tuple[int, ...]], Ruling] = {}
        self._entries: dict[tuple[Standpoint, frozenset[str] | None], ApiError | None] = {}
        self._unrouted: dict[tuple[Standpoint, frozenset[str] | None], Writing] = {}

    def entry(self, standpoint: Standpoint, caller: Caller, routes: Mapping[str, frozenset[str]]) -> ApiError | None:
        """Why a request may not come in here, whatever it asks for of these routes; each adds its data classes."""
        key = (standpoint, caller.routes)
        if key not in self._entries:
            if len(self._entries) >= _REMEMBERED:
                self._entries.clear()
            found = [self._entry(here, route) for route, here in _on_each(standpoint, caller, routes)]
            self._entries[key] = None if None in found else found[0]
        return self._entries[key]

    def of(self, route: str, standpoint: Standpoint, state_places: tuple[int, ...]) -> Ruling:
        """What the law says. `state_places` are where the route's providers would keep state."""
        key = (route, standpoint, state_places)
        found = self._rulings.get(key)
        if found is None:
            if len(self._rulings) >= _REMEMBERED:
                self._rulings.clear()
            found = self._rulings[key] = self._rule(route, standpoint, state_places)
        return found

    def unrouted(self, standpoint: Standpoint, caller: Caller, routes: Mapping[str, frozenset[str]]) -> Writing:
        """What may be written of a request whose route isn't known: what may be of all that the caller may use."""
        key = (standpoint, caller.routes)
        found = self._unrouted.get(key)
        if found is None:
            if len(self._unrouted) >= _REMEMBERED:
                self._unrouted.clear()
            each = [self._writing(route, here) for route, here in _on_each(standpoint, caller, routes)]
            found = Writing(all(one.is_logged for one in each), all(one.is_traced for one in each))
            self._unrouted[key] = found
        return found

    def peers_refusal(self, route: str, standpoint: Standpoint, place: int) -> ApiError:
        """Why a peer at this place is not lawful."""
        is_inference = self.lawbook.mask(_question(route, standpoint, "Inference")).permits(place)
        return self.refusal(route, standpoint, place, "Ingress" if is_inference else "Inference")

    def refusal(self, route: str, standpoint: Standpoint, place: int, scope: Scope = "Inference") -> ApiError:
        """Why a place is not lawful."""
        verdict = self.lawbook.explain(_question(route, standpoint, scope), place)
        return residency_denied(
            reason=verdict.reason,
            scope=scope,
            origin=standpoint.origin,
            policy=verdict.policy,
            way_out=verdict.refusal.way_out,
            hostnames=verdict.refusal.hostnames,
        )

    def _rule(self, route: str, standpoint: Standpoint, state_places: tuple[int, ...]) -> Ruling:
        inference = self.lawbook.mask(_question(route, standpoint, "Inference"))
        ingress = self.lawbook.mask(_question(route, standpoint, "Ingress"))
        state = self.lawbook.mask(_question(route, standpoint, "State"))
        is_bound = bool(inference.bound or state.bound)
        keeps = all(state.permits(place) for place in state_places)
        return Ruling(
            entry=self._entry(standpoint, route),
            lawful=with_hops(inference, ingress, self.lawbook.places),
            listed=Listed(state=keeps) if is_bound else None,
            policies=inference.bound,
            is_told=self._is_told(standpoint, route),
            writing=self._writing(route, standpoint),
            audited=self._audited(route, standpoint),
        )

    def _audited(self, route: str, standpoint: Standpoint) -> tuple[str, ...]:
        scopes: tuple[Scope, ...] = ("Ingress", "Logs")
        masks = [self.lawbook.mask(_question(route, standpoint, scope)) for scope in scopes]
        return tuple(sorted({name for mask in masks for name in mask.audited(self._place)}))

    def _writing(self, route: str, standpoint: Standpoint) -> Writing:
        """An unknown place is lawful where every place is and nothing binds: the config's age counts, too."""
        logs = self.lawbook.mask(_question(route, standpoint, "Logs"))
        is_everywhere = logs.allowed == (1 << self.lawbook.places) - 1
        return Writing(is_logged=logs.permits(self._place), is_traced=is_everywhere and not logs.bound)

    def _is_told(self, standpoint: Standpoint, route: str) -> bool:
        """Where the hub is not known to be, nothing is told that any policy binds."""
        metadata = self.lawbook.mask(_question(route, standpoint, "Metadata"))
        return all(metadata.permits(place) for place in self._hub) if self._hub else not metadata.bound

    def _entry(self, standpoint: Standpoint, route: str) -> ApiError | None:
        if self.lawbook.mask(_question(route, standpoint, "Ingress")).permits(self._place):
            return None
        return self.refusal(route, standpoint, self._place, "Ingress")


def with_hops(inference: Mask, ingress: Mask, places: int) -> Mask:
    """Which candidates may answer: by what is lawful where, of so many places."""
    hops = (inference.allowed & ingress.allowed) << places
    return Mask(inference.allowed | hops, inference.bound, _audits_with_hops(inference, ingress, places))


def _audits_with_hops(inference: Mask, ingress: Mask, places: int) -> tuple[tuple[str, int], ...]:
    """What each Audit policy would allow. One that doesn't bind a scope allows all of it."""
    every = (1 << places) - 1
    direct, seen = dict(inference.audits), dict(ingress.audits)
    return tuple(
        (name, direct.get(name, every) | (direct.get(name, every) & seen.get(name, every)) << places)
        for name in sorted({*direct, *seen})
    )


def _on_each(
    standpoint: Standpoint, caller: Caller, routes: Mapping[str, frozenset[str]]
) -> list[tuple[str, Standpoint]]:
    """The routes that a caller may use, each with the standpoint on it; no route, where there is none."""
    usable = [route for route in routes if caller.may_use(route)] or [_NO_ROUTE]
    return [(route, standpoint.on(routes.get(route, frozenset()))) for route in usable]


def _question(route: str, standpoint: Standpoint, scope: Scope) -> Question:
    tenant, origin, data_classes, age = standpoint
    return Question(route, tenant, data_classes, origin, scope, age)
