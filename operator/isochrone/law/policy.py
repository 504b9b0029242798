"""One policy, ready to be asked: names resolved to areas, selectors kept as they are.

`read` makes it from the API's DataResidencyPolicy. What can't be resolved fails closed (decision record 2, section 7),
and is returned as a problem beside the policy, so that whoever reports it and whoever enforces it see the same thing.
"""

import dataclasses
from collections.abc import Iterable, Mapping

from isochrone.api.evidence_level import Evidence
from isochrone.api.residency_policy import Allowance as AllowanceSpec
from isochrone.api.residency_policy import Areas, DataResidencyPolicy, Mode, Scope, UnknownOrigin
from isochrone.api.selectors import Namespaces, PositiveSelector
from isochrone.geo import blocs, codes
from isochrone.geo.areas import EVERYWHERE, NOWHERE, Area, expand
from isochrone.geo.blocs import Own, Problem
from isochrone.law.origin import Origin
from isochrone.law.reasons import VerdictReason
from isochrone.law.subject import Subject, admits, matches

EVIDENCE_ORDER: Mapping[Evidence, int] = {level: rank for rank, level in enumerate(Evidence)}


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where something is handled: every jurisdiction that it may be in, and how well that is known."""

    codes: frozenset[str]
    evidence: Evidence = Evidence.DECLARED

    @property
    def is_known(self) -> bool:
        """Whether each of its jurisdictions is one, and there is at least one."""
        return bool(self.codes) and all(codes.is_code(code) for code in self.codes)

    def lies_in(self, country: str) -> bool:
        """Whether all of it is surely in this country or territory; what lies within two is in neither."""
        return (
            self.is_known
            and codes.is_country(country)
            and all(Area(frozenset({country})).covers(c) for c in self.codes)
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """Where one scope is allowed (section 3)."""

    area: Area
    origin_country: bool
    min_evidence: Evidence

    def refusal(self, place: Place, origin: str | None) -> VerdictReason | None:
        """Why the place is not allowed for data of this origin (None: unknown), or None if it is."""
        if not place.is_known:
            return VerdictReason.UNKNOWN_PLACE
        areas = self._areas(origin)
        outside = [code for code in place.codes if not any(area.covers(code) for area in areas)]
        if outside:
            near = all(any(area.touches(code) for area in areas) for code in outside)
            return VerdictReason.PLACE_TOO_COARSE if near else VerdictReason.PLACE_NOT_ALLOWED
        if EVIDENCE_ORDER[place.evidence] < EVIDENCE_ORDER[self.min_evidence]:
            return VerdictReason.EVIDENCE_TOO_LOW
        return None

    def _areas(self, origin: str | None) -> tuple[Area, ...]:
        """What is allowed for data of this origin: the places, and its own country if that is allowed."""
        home = codes.country_of(origin) if origin is not None and self.origin_country else None
        return (self.area, Area(frozenset({home}))) if home is not None else (self.area,)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A DataResidencyPolicy with everything resolved that can be."""

    name: str
    generation: int = 0
    mode: Mode = Mode.ENFORCE
    origins: Area | None = None
    data_classes: frozenset[str] | None = None
    namespaces: Namespaces | None = None
    routes: PositiveSelector | None = None
    tenants: PositiveSelector | None = None
    unknown_origin: UnknownOrigin = UnknownOrigin.DENY
    allowances: Mapping[Scope, Allowance]
    way_out: str = ""

    def allowance(self, scope: Scope) -> Allowance:
        """The entry of a scope: its own, else that of Inference."""
        return self.allowances.get(scope, self.allowances[Scope.INFERENCE])

    def selects(self, subject: Subject) -> bool:
        """Whether every dimension but the origin holds (section 2)."""
        return (
            (self.data_classes is None or not self.data_classes.isdisjoint(subject.data_classes))
            and (self.namespaces is None or any(admits(self.namespaces, ns) for ns in subject.namespaces))
            and (self.routes is None or matches(self.routes, subject.route.labels))
            and (self.tenants is None or (subject.tenant is not None and matches(self.tenants, subject.tenant.labels)))
        )

    def origin_matters(self, scope: Scope) -> bool:
        """Whether the answer for this scope can depend on the origin."""
        return self.origins is not None or self.allowance(scope).origin_country

    def binds_origin(self, scope: Scope, origin: str | None) -> bool | None:
        """Whether data of this origin is bound, once `selects` holds; None: refused, because it is unknown."""
        if origin is not None:
            return self.origins is None or self.origins.touches(origin)
        if not self.origin_matters(scope):
            return True
        match self.unknown_origin:
            case UnknownOrigin.DENY:
                return None
            case UnknownOrigin.BIND:
                return True
            case UnknownOrigin.IGNORE:
                return False


def read(resource: DataResidencyPolicy) -> tuple[Policy, tuple[Problem, ...]]:
    """The policy that a resource declares, and what of it can't be resolved."""
    spec = resource.spec
    own: Own = {bloc.name: tuple(bloc.members) for bloc in spec.blocs or ()}
    problems: set[Problem] = set()
    origins = _area(spec.binds.origins, own, problems) if spec.binds.origins else None
    # Who wrote a name that can't be read meant to bind somebody: then everybody is bound, known or not.
    is_unreadable = spec.binds.origins is not None and origins is None
    ignores_unknown = spec.unknown_origin is UnknownOrigin.IGNORE
    policy = Policy(
        name=resource.metadata.name,
        generation=resource.metadata.generation,
        mode=spec.mode,
        origins=EVERYWHERE if is_unreadable else origins,
        data_classes=frozenset(spec.binds.data_classes) if spec.binds.data_classes else None,
        namespaces=spec.binds.namespaces,
        routes=spec.binds.routes,
        tenants=spec.binds.tenants,
        unknown_origin=UnknownOrigin.BIND if is_unreadable and ignores_unknown else spec.unknown_origin,
        allowances={entry.scope: _allowance(entry, own, problems) for entry in spec.allow},
        way_out=spec.way_out or "",
    )
    return policy, tuple(sorted(problems))


def origins_of(declared: Iterable[str]) -> tuple[Origin, tuple[Problem, ...]]:
    """The origin that a tenant's `origins` name, and which names can't be resolved: those may be anywhere."""
    known, problems = blocs.resolve(declared)
    return Origin.of(*known, *(problem.name for problem in problems)), problems


def _allowance(entry: AllowanceSpec, own: Own, problems: set[Problem]) -> Allowance:
    area = _area(entry.places, own, problems) if entry.places else None
    return Allowance(
        area=area or NOWHERE, origin_country=entry.origin_country == "Allow", min_evidence=entry.min_evidence
    )


def _area(areas: Areas, own: Own, problems: set[Problem]) -> Area | None:
    """The area, or None and its problems."""
    area = expand(areas.include, areas.exclude or (), own)
    if isinstance(area, Area):
        return area
    problems.update(area)
    return None
