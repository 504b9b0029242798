"""The answer to "may this data be handled there?": one pure function of policies, subject, origin, scope and place."""

import dataclasses
import enum
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from isochrone.api.residency_policy import Mode, Scope
from isochrone.law.origin import Origin
from isochrone.law.policy import Place, Policy
from isochrone.law.reasons import VerdictReason
from isochrone.law.subject import Subject


class Age(enum.StrEnum):
    """How old the configuration is that decides (section 5)."""

    FRESH = "Fresh"
    STALE = "Stale"
    EXPIRED = "Expired"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """May data of this origin, about this subject, be handled in this scope at this place?

    `site_country` is where the gateway that asks stands; it counts once the configuration is no longer fresh.
    """

    subject: Subject
    origin: Origin
    scope: Scope
    place: Place
    age: Age = Age.FRESH
    site_country: str | None = None
    default: Literal["Allow", "Deny"] = "Allow"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer, why, and which policies had a say. Names are sorted."""

    allowed: bool
    reason: VerdictReason
    policy: str | None = None
    """The policy whose reason it is; None where no single one decided."""
    bound: tuple[str, ...] = ()
    """Enforce policies that bind, or refuse because the origin is unknown, for some jurisdiction of the origin."""
    audited: tuple[str, ...] = ()
    """Audit policies that would have refused."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Finding:
    """What one policy says about data of one origin (None: unknown)."""

    policy: Policy
    origin: str | None
    refusal: VerdictReason | None


def evaluate(policies: Iterable[Policy], question: Question) -> Verdict:
    """The law's answer. Total: every question has one."""
    selecting = [policy for policy in policies if policy.selects(question.subject)]
    origins = question.origin.each
    findings = [finding for origin in origins for finding in _findings(selecting, question, origin)]
    enforced = [finding for finding in findings if finding.policy.mode is Mode.ENFORCE]
    audited = (f for f in findings if f.policy.mode is Mode.AUDIT and f.refusal is not None)
    is_bound = [any(finding.origin == origin for finding in enforced) for origin in origins]
    return dataclasses.replace(
        _refused_by_policy(enforced) or _refused_otherwise(question, is_bound) or _allowed(is_bound),
        bound=_names(enforced),
        audited=_names(audited),
    )


def _findings(policies: Sequence[Policy], question: Question, origin: str | None) -> Iterator[_Finding]:
    """What each policy that binds data of one origin says; policies that don't bind say nothing."""
    for policy in policies:
        binds = policy.binds_origin(question.scope, origin)
        if binds is None:
            yield _Finding(policy, origin, VerdictReason.UNKNOWN_ORIGIN)
        elif binds:
            yield _Finding(policy, origin, policy.allowance(question.scope).refusal(question.place, origin))


def _refused_by_policy(enforced: Sequence[_Finding]) -> Verdict | None:
    """The refusal of the first policy by name, for the first origin that it refuses; origins come in order."""
    refusing = [finding for finding in enforced if finding.refusal is not None]
    first = min(refusing, key=lambda finding: finding.policy.name, default=None)
    if first is None or first.refusal is None:
        return None
    return Verdict(allowed=False, reason=first.refusal, policy=first.policy.name)


def _refused_otherwise(question: Question, is_bound: Sequence[bool]) -> Verdict | None:
    """What the default and the age of the configuration refuse, once no policy does."""
    if question.default == "Deny" and not all(is_bound):
        return Verdict(allowed=False, reason=VerdictReason.DEFAULT_DENY)
    if question.age is Age.FRESH:
        return None
    if question.age is Age.EXPIRED and any(is_bound):
        return Verdict(allowed=False, reason=VerdictReason.CONFIG_EXPIRED)
    if question.site_country is not None and question.place.lies_in(question.site_country):
        return None
    return Verdict(allowed=False, reason=VerdictReason.CONFIG_STALE)


def _allowed(is_bound: Sequence[bool]) -> Verdict:
    return Verdict(
        allowed=True, reason=VerdictReason.ALLOWED_BY_POLICIES if any(is_bound) else VerdictReason.NO_POLICY_BINDS
    )


def _names(findings: Iterable[_Finding]) -> tuple[str, ...]:
    return tuple(sorted({finding.policy.name for finding in findings}))
