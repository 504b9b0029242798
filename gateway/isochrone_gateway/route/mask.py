"""Which places are lawful: the law's tables, as integers.

docs/decisions/0002-residency-law.md is the law; the operator has compiled it into tables (its section 8), and this
reads them. A set of places is an integer, bit i for place i. For one question the rows of the Enforce policies that
bind are intersected, over every jurisdiction that the data may come from; the answer is remembered until the config
changes.

The tables don't say why a row lacks a place, so three reasons of the record are one here: PlaceNotAllowed also stands
for PlaceTooCoarse and EvidenceTooLow. The operator's `explain` tells them apart.
"""

import enum
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from isochrone_gateway.config.law import Law, Mode, Policy, Refusal, Scope, Table, decode_row
from isochrone_gateway.config.places import Places
from isochrone_gateway.config.site import Age as AgeLimits
from isochrone_gateway.config.site import UnboundTraffic

_NOT_BOUND: Final = -1
_REFUSED: Final = -2
_REMEMBERED: Final = 65_536
"""Answers kept. Tenants with trusted headers can ask many questions; the bound keeps memory flat."""


class Age(enum.StrEnum):
    """How old the config is that decides (section 5)."""

    FRESH = "Fresh"
    STALE = "Stale"
    EXPIRED = "Expired"


class Reason(enum.StrEnum):
    """Why yes or no, in the words of the record."""

    NO_POLICY_BINDS = "NoPolicyBinds"
    ALLOWED_BY_POLICIES = "AllowedByPolicies"
    DEFAULT_DENY = "DefaultDeny"
    UNKNOWN_ORIGIN = "UnknownOrigin"
    UNKNOWN_PLACE = "UnknownPlace"
    PLACE_NOT_ALLOWED = "PlaceNotAllowed"
    CONFIG_STALE = "ConfigStale"
    CONFIG_EXPIRED = "ConfigExpired"


_ALLOWING: Final = frozenset({Reason.NO_POLICY_BINDS, Reason.ALLOWED_BY_POLICIES})


class Question(NamedTuple):
    """May data be handled in this scope: for this route and tenant (None: anonymous), of these classes, from there?

    `origin` is as module `origin` makes it: canonical codes, all of which must be allowed. `data_classes` are those of
    route, tenant and request together.
    """

    route: str
    tenant: str | None
    data_classes: frozenset[str]
    origin: frozenset[str]
    scope: Scope
    age: Age = Age.FRESH


class Mask(msgspec.Struct, frozen=True, gc=False):
    """The answer for all places at once.

    `bound` are the Enforce policies that bind, or refuse because the origin is unknown. `audits` are the Audit policies
    that bind, each with the places that it would allow.
    """

    allowed: int
    bound: tuple[str, ...]
    audits: tuple[tuple[str, int], ...]

    def permits(self, place: int) -> bool:
        """Whether this place is lawful."""
        return bool(self.allowed >> place & 1)

    def audited(self, place: int) -> tuple[str, ...]:
        """The Audit policies that would have refused this place."""
        return tuple(name for name, places in self.audits if not places >> place & 1)


class Verdict(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The answer for one place with its reason. `policy` is the one whose reason it is, if it is one's."""

    allowed: bool
    reason: Reason
    policy: str | None = None
    refusal: Refusal = Refusal()


class _Rows(NamedTuple):
    """One table with its rows in place of their numbers."""

    rows: Mapping[str, int]
    otherwise: int
    unknown: int

    def row(self, origin: str | None) -> int:
        if origin is None:
            return self.unknown
        exact = self.rows.get(origin)
        return exact if exact is not None else self.rows.get(origin[:2], self.otherwise)


class _Finding(NamedTuple):
    policy: Policy
    row: int

    @property
    def places(self) -> int:
        return max(self.row, 0)


class Lawbook:
    """The law of one config revision. Ask it with `mask`; `explain` is for refusals and debugging."""

    def __init__(
        self, law: Law, places: Places, *, site_country: str | None, unbound: UnboundTraffic = UnboundTraffic.ALLOW
    ) -> None:
        sets = [decode_row(row) for row in law.rows]
        self._tables = [_rows(table, sets) for table in law.tables]
        self._policies = law.policies
        self._places = places.places
        self._all = (1 << len(places.places)) - 1
        self._home = sum(
            1 << bit
            for bit, place in enumerate(places.places)
            if site_country is not None and place.country == site_country
        )
        self._unbound = self._all if unbound is UnboundTraffic.ALLOW else 0
        self._answers: dict[Question, Mask] = {}

    @property
    def places(self) -> int:
        """How many places there are."""
        return len(self._places)

    def mask(self, question: Question) -> Mask:
        """The lawful places, remembered."""
        found = self._answers.get(question)
        if found is None:
            if len(self._answers) >= _REMEMBERED:
                self._answers.clear()
            found = self._answers[question] = self._decide(question)
        return found

    def explain(self, question: Question, place: int) -> Verdict:
        """Why one place is lawful or not: a policy refuses first, then the default, then age (section 4)."""
        by_origin = [
            [finding for finding in findings if finding.policy.mode is Mode.ENFORCE]
            for findings in self._findings(question)
        ]
        refusing = [f for findings in by_origin for f in findings if not f.places >> place & 1]
        if refusing:
            policy = min((finding.policy for finding in refusing), key=lambda each: each.name)
            reason = self._reason([row for other, row in refusing if other is policy], place)
            return Verdict(allowed=False, reason=reason, policy=policy.name, refusal=policy.refusal)
        is_bound = [bool(findings) for findings in by_origin]
        reason = self._reason_otherwise(question.age, is_bound, place)
        return Verdict(allowed=reason in _ALLOWING, reason=reason)

    def _decide(self, question: Question) -> Mask:
        allowed = self._all
        bound: set[str] = set()
        audits: dict[str, int] = {}
        for findings in self._findings(question):
            places = self._all
            names = set()
            for policy, row in findings:
                if policy.mode is Mode.AUDIT:
                    audits[policy.name] = audits.get(policy.name, self._all) & max(row, 0)
                else:
                    names.add(policy.name)
                    places &= max(row, 0)
            bound |= names
            allowed &= self._aged(places if names else self._unbound, question.age, is_bound=bool(names))
        return Mask(allowed, tuple(sorted(bound)), tuple(sorted(audits.items())))

    def _aged(self, places: int, age: Age, *, is_bound: bool) -> int:
        if age is Age.FRESH:
            return places
        return 0 if is_bound and age is Age.EXPIRED else places & self._home

    def _findings(self, question: Question) -> list[list[_Finding]]:
        """For each jurisdiction of the origin, the policies that bind, with their rows."""
        selecting = [policy for policy in self._policies if _selects(policy, question)]
        origins: list[str | None] = [code or None for code in question.origin] or [None]
        return [
            [
                _Finding(policy, row)
                for policy in selecting
                if (row := self._tables[policy.table(question.scope)].row(origin)) != _NOT_BOUND
            ]
            for origin in origins
        ]

    def _reason_otherwise(self, age: Age, is_bound: list[bool], place: int) -> Reason:
        """The reason once no policy refuses."""
        if not self._unbound and not all(is_bound):
            return Reason.DEFAULT_DENY
        if age is Age.EXPIRED and any(is_bound):
            return Reason.CONFIG_EXPIRED
        if age is not Age.FRESH and not self._home >> place & 1:
            return Reason.CONFIG_STALE
        return Reason.ALLOWED_BY_POLICIES if any(is_bound) else Reason.NO_POLICY_BINDS

    def _reason(self, rows: list[int], place: int) -> Reason:
        """Of one policy's refusals that for an unknown origin is told first."""
        if _REFUSED in rows:
            return Reason.UNKNOWN_ORIGIN
        return Reason.PLACE_NOT_ALLOWED if self._places[place].codes else Reason.UNKNOWN_PLACE


def age_of(seconds: float, limits: AgeLimits) -> Age:
    """The age of a config whose source was last read so many seconds ago."""
    milliseconds = seconds * 1_000
    if milliseconds <= limits.max_age_ms:
        return Age.FRESH
    return Age.STALE if milliseconds <= limits.hard_max_age_ms else Age.EXPIRED


def _selects(policy: Policy, question: Question) -> bool:
    """Whether every dimension holds that isn't in the tables (section 2)."""
    binds = policy.binds
    return (
        (binds.routes is None or question.route in binds.routes)
        and (binds.tenants is None or question.tenant in binds.tenants)
        and (binds.data_classes is None or not binds.data_classes.isdisjoint(question.data_classes))
        and (binds.namespaces is None or not binds.namespaces.isdisjoint(_namespaces(question)))
    )


def _namespaces(question: Question) -> tuple[str, ...]:
    """That of the route, and that of the tenant if there is one."""
    ids = (question.route,) if question.tenant is None else (question.route, question.tenant)
    return tuple(each.partition("/")[0] for each in ids)


def _rows(table: Table, sets: list[int]) -> _Rows:
    def row(index: int) -> int:
        return _NOT_BOUND if index < 0 else sets[index]

    match table.unknown:
        case "Deny":
            unknown = _REFUSED
        case "Unbound":
            unknown = _NOT_BOUND
        case index:
            unknown = row(index)
    return _Rows({origin: row(index) for origin, index in table.rows.items()}, row(table.otherwise), unknown)
