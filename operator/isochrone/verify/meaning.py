"""What a residency policy means, a second time: written from docs/decisions/0002-residency-law.md, from nothing else.

A policy is read from its `spec` as JSON. `decide` answers one question with its reason, as the record's tables do;
`Policy.row` answers for many places at once, as bits. Sections named below are the record's.
"""

import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from isochrone.verify import ground
from isochrone.verify.selecting import Labelled, NamespacesOf, Selector

Json = Mapping[str, Any]
SCOPES: Final = ("Ingress", "Inference", "Cache", "Logs", "Weights", "Metadata", "State")
EVIDENCE: Final = ("Declared", "Contracted", "Attested")
UNBOUND: Final = -1
"""A row that says: the policy doesn't bind this origin."""
UNKNOWN: Final = None
"""An origin of which nothing is known."""


class Place(NamedTuple):
    """Where something is handled: every jurisdiction that it may be in, and how well that is known."""

    codes: frozenset[str]
    evidence: str

    def __str__(self) -> str:
        return f"{'+'.join(sorted(self.codes)) or 'an unknown place'} ({self.evidence})"


class Subject(NamedTuple):
    """Whose data, asked for under which route, of which classes."""

    route: Labelled
    tenant: Labelled | None
    classes: frozenset[str]


class Question(NamedTuple):
    """One row of the record's tables. An origin of no codes is unknown."""

    subject: Subject
    origin: Sequence[str]
    scope: str
    place: Place
    default: str = "Allow"
    age: str = "Fresh"
    site_country: str | None = None


class Verdict(NamedTuple):
    """The answer, its reason, and whose it is."""

    allowed: bool
    reason: str
    policy: str | None
    bound: tuple[str, ...]
    audited: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Where a policy allows one scope (section 3)."""

    area: int
    origin_country: bool
    evidence: int

    def allowed(self, origin: str | None) -> tuple[int, ...]:
        """The areas, one of which must cover each jurisdiction of a place."""
        country = ground.country_of(origin) if self.origin_country and origin is not UNKNOWN else None
        return (self.area,) if country is None else (self.area, ground.territory(country))

    def refusal(self, place: Place, origin: str | None) -> str | None:
        """The first reason of section 4 that holds of the place; None if it is allowed."""
        if not place.codes or not all(map(ground.canonical, place.codes)):
            return "UnknownPlace"
        areas = self.allowed(origin)
        outside = [code for code in place.codes if not any(ground.covers(area, code) for area in areas)]
        if any(not any(ground.touches(area, code) for area in areas) for code in outside):
            return "PlaceNotAllowed"
        if outside:
            return "PlaceTooCoarse"
        return None if EVIDENCE.index(place.evidence) >= self.evidence else "EvidenceTooLow"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Policy:
    """One DataResidencyPolicy."""

    name: str
    enforces: bool
    origins: int | None
    """The origins that it binds; None: they don't matter."""
    classes: frozenset[str] | None
    namespaces: NamespacesOf | None
    routes: Selector | None
    tenants: Selector | None
    unknown_origin: str
    entries: Mapping[str, Entry]

    def entry(self, scope: str) -> Entry:
        return self.entries.get(scope) or self.entries["Inference"]

    def selects(self, subject: Subject) -> bool:
        """Whether all dimensions hold but the origin (section 2)."""
        holders = [subject.route, *([subject.tenant] if subject.tenant else [])]
        return (
            (self.classes is None or not self.classes.isdisjoint(subject.classes))
            and (self.namespaces is None or any(self.namespaces.has(each.namespace) for each in holders))
            and (self.routes is None or self.routes.matches(subject.route.labels))
            and (self.tenants is None or (subject.tenant is not None and self.tenants.matches(subject.tenant.labels)))
        )

    def binds(self, scope: str, origin: str | None) -> str:
        """The table of section 2, where the other dimensions hold: `binds`, `refuses`, or `no`."""
        if origin is not UNKNOWN:
            return "binds" if self.origins is None or ground.touches(self.origins, origin) else "no"
        if self.origins is None and not self.entry(scope).origin_country:
            return "binds"
        return {"Deny": "refuses", "Bind": "binds", "Ignore": "no"}[self.unknown_origin]

    def refusal(self, scope: str, place: Place, origin: str | None) -> str | None:
        """Why it refuses a place to data that it binds."""
        if self.binds(scope, origin) == "refuses":
            return "UnknownOrigin"
        return self.entry(scope).refusal(place, origin)

    def row(self, scope: str, origin: str | None, places: "Places") -> int:
        """The places that it allows, as bits; UNBOUND where it doesn't bind."""
        match self.binds(scope, origin):
            case "no":
                return UNBOUND
            case "refuses":
                return 0
            case _:
                entry = self.entry(scope)
                return places.allowed(entry.allowed(origin), entry.evidence)


class Places:
    """Some places in order: bit i of a row is the place at i. What was once worked out is kept."""

    def __init__(self, places: Sequence[Place]) -> None:
        self.places = tuple(places)
        self._grounds = [_whole(each) for each in self.places]
        self._allowed: dict[tuple[tuple[int, ...], int], int] = {}

    def allowed(self, areas: tuple[int, ...], evidence: int) -> int:
        """Those whose every jurisdiction is inside one of the areas, and that are known this well."""
        key = (areas, evidence)
        if key not in self._allowed:
            self._allowed[key] = sum(
                1 << bit
                for bit, (jurisdictions, shown) in enumerate(self._grounds)
                if jurisdictions and shown >= evidence and all(_inside(each, areas) for each in jurisdictions)
            )
        return self._allowed[key]


def _whole(place: Place) -> tuple[tuple[int, ...], int]:
    """The ground of each jurisdiction, none if one isn't known, and the evidence."""
    is_known = all(map(ground.canonical, place.codes))
    found = tuple(map(ground.territory, place.codes)) if is_known else ()
    return found, EVIDENCE.index(place.evidence)


def _inside(jurisdiction: int, areas: Iterable[int]) -> bool:
    return any(not jurisdiction & ~area for area in areas)


def read(name: str, spec: Json) -> Policy:
    """A policy out of its spec. What can't be read fails closed (section 7)."""
    binds: Json = spec.get("binds") or {}
    own = {bloc["name"]: tuple(bloc["members"]) for bloc in spec.get("blocs") or ()}
    unknown_origin = spec.get("unknownOrigin", "Deny")
    origins = None
    if binds.get("origins") is not None:
        origins = _area(binds["origins"], own)
        if origins is None:
            origins, unknown_origin = ground.anywhere(), "Bind" if unknown_origin == "Ignore" else unknown_origin
    return Policy(
        name=name,
        enforces=spec.get("mode", "Enforce") == "Enforce",
        origins=origins,
        classes=_set(binds.get("dataClasses")),
        namespaces=NamespacesOf.read(binds.get("namespaces")),
        routes=Selector.read(binds.get("routes")),
        tenants=Selector.read(binds.get("tenants")),
        unknown_origin=unknown_origin,
        entries={each["scope"]: _entry(each, own) for each in spec["allow"]},
    )


def _entry(said: Json, own: ground.Own) -> Entry:
    places = said.get("places")
    return Entry(
        area=(_area(places, own) or ground.NOWHERE) if places is not None else ground.NOWHERE,
        origin_country=said.get("originCountry") == "Allow",
        evidence=EVIDENCE.index(said.get("minEvidence", "Declared")),
    )


def _area(said: Json, own: ground.Own) -> int | None:
    try:
        return ground.area(said["include"], said.get("exclude") or (), own)
    except ground.Unreadable:
        return None


def _set(said: Iterable[str] | None) -> frozenset[str] | None:
    return None if said is None else frozenset(said)


# Sections 4 and 5


def decide(policies: Iterable[Policy], question: Question) -> Verdict:
    """One answer, with its reason."""
    scope, place = question.scope, question.place
    origins = jurisdictions(question.origin)
    selected = sorted((each for each in policies if each.selects(question.subject)), key=lambda each: each.name)
    bound = {each.name: [one for one in origins if each.binds(scope, one) != "no"] for each in selected}
    refusals = [
        (each, why) for each in selected for one in bound[each.name] if (why := each.refusal(scope, place, one))
    ]
    enforcing = [each.name for each in selected if each.enforces and bound[each.name]]
    said = functools.partial(
        Verdict,
        bound=tuple(enforcing),
        audited=tuple(dict.fromkeys(each.name for each, _ in refusals if not each.enforces)),
    )
    first = next(((each.name, why) for each, why in refusals if each.enforces), None)
    if first is not None:
        return said(allowed=False, reason=first[1], policy=first[0])
    if question.default == "Deny" and any(not _is_bound(one, enforcing, bound) for one in origins):
        return said(allowed=False, reason="DefaultDeny", policy=None)
    aged = _aged(question, is_bound=bool(enforcing))
    reason = aged or ("AllowedByPolicies" if enforcing else "NoPolicyBinds")
    return said(allowed=aged is None, reason=reason, policy=None)


def _is_bound(origin: str | None, enforcing: Iterable[str], bound: Mapping[str, Sequence[str | None]]) -> bool:
    return any(origin in bound[name] for name in enforcing)


def jurisdictions(origin: Iterable[str]) -> list[str | None]:
    """Each that data may come from, by code; an unknown one last if one can't be read, or none is given."""
    given = list(origin)
    known = sorted({code for each in given if (code := ground.canonical(each)) is not None})
    is_all = bool(given) and all(ground.canonical(each) is not None for each in given)
    return [*known] if is_all else [*known, UNKNOWN]


def _aged(question: Question, *, is_bound: bool) -> str | None:
    if question.age == "Expired" and is_bound:
        return "ConfigExpired"
    home = question.site_country
    is_home = (
        home is not None
        and ground.canonical(home) is not None
        and bool(question.place.codes)
        and all(ground.covers(ground.territory(home), code) for code in question.place.codes)
    )
    return None if question.age == "Fresh" or is_home else "ConfigStale"
