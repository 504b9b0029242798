"""The answer to "may this data be handled there?": one pure function of policies, subject, origin, scope and place."""

import dataclasses
import enum
from collections.abc import Iterable, Sequence
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
    policy: Policy
    refusal: VerdictReason | None


def evaluate(policies: Iterable[Policy], question: Question) -> Verdict:
    """The law's answer. Total: every question has one."""
    selecting = sorted((p for p in policies if p.selects(question.subject)), key=lambda policy: policy.name)
    origins: list[str | None] = [*sorted(question.origin.codes)] or [None]
    by_origin = [_findings(selecting, question, origin) for origin in origins]
    enforced = [[f for f in findings if f.policy.mode is Mode.ENFORCE] for findings in by_origin]
    verdict = next(
        (refused for refused in (_decide(findings, question) for findings in enforced) if not refused.allowed),
        _decide([finding for findings in enforced for finding in findings], question),
    )
    return dataclasses.replace(
        verdict,
        bound=_names(finding for findings in enforced for finding in findings),
        audited=_names(
            f for findings in by_origin for f in findings if f.policy.mode is Mode.AUDIT and f.refusal is not None
        ),
    )


def _findings(policies: Sequence[Policy], question: Question, origin: str | None) -> list[_Finding]:
    """What each policy that binds data of one origin says; policies that don't bind say nothing."""
    found = []
    for policy in policies:
        binds = policy.binds_origin(question.scope, origin)
        if binds is None:
            found.append(_Finding(policy, VerdictReason.UNKNOWN_ORIGIN))
        elif binds:
            found.append(_Finding(policy, policy.allowance(question.scope).refusal(question.place, origin)))
    return found


def _decide(findings: Sequence[_Finding], question: Question) -> Verdict:
    """The answer for one origin, from the Enforce policies that bind it."""
    refusing = next((finding for finding in findings if finding.refusal is not None), None)
    if refusing is not None and refusing.refusal is not None:
        return Verdict(allowed=False, reason=refusing.refusal, policy=refusing.policy.name)
    if not findings and question.default == "Deny":
        return Verdict(allowed=False, reason=VerdictReason.DEFAULT_DENY)
    if (aged := _aged(question, bound=bool(findings))) is not None:
        return Verdict(allowed=False, reason=aged)
    if findings:
        return Verdict(allowed=True, reason=VerdictReason.ALLOWED_BY_POLICIES)
    return Verdict(allowed=True, reason=VerdictReason.NO_POLICY_BINDS)


def _aged(question: Question, *, bound: bool) -> VerdictReason | None:
    """What age alone refuses."""
    if question.age is Age.FRESH:
        return None
    if question.age is Age.EXPIRED and bound:
        return VerdictReason.CONFIG_EXPIRED
    at_home = question.site_country is not None and question.place.lies_in(question.site_country)
    return None if at_home else VerdictReason.CONFIG_STALE


def _names(findings: Iterable[_Finding]) -> tuple[str, ...]:
    return tuple(sorted({finding.policy.name for finding in findings}))
