"""Which sites get their new bundle now: one first, then a tenth of all, then the rest.

A wave is over when every site of it runs what it was given, or can't be asked, and has been watched for a while (see
`trial`). While a gateway refuses its config, or more requests fail since a site got its own, nothing new goes anywhere
but there, where it may be the remedy. What changes meanwhile goes to the first site again; when that has gone on for a
quarter of an hour, waves go on all the same, each with what is newest. What tightens the law goes everywhere at once,
and so does what a site gets that runs no gateway yet: nothing there can break.
"""

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from isochrone.api.conditions import Reason
from isochrone.model import Held, Revision, SiteReport
from isochrone.rollout import trial
from isochrone.rollout.errors import Watch
from isochrone.rollout.releases import Trial
from isochrone.rollout.trial import ALLOW_ERRORS

_TENTH: Final = 10
_LAST: Final = 3
_PATIENCE: Final = 900
"""Seconds for which changes that follow each other may hold up all sites but the first."""
_DEFAULT: Final = Watch()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A roll-out under way."""

    targets: Mapping[str, str]
    """Site -> the digest that it is to have in the end."""
    wave: int = 0
    """0 while what went out before is still being tried."""
    sites: frozenset[str] = frozenset()
    """Those of the wave that is out."""
    since: int = 0
    """When the first wave was out, of this or of what it is the successor of."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What a wave depends on, of one site."""

    name: str
    wanted: str
    """The digest of the bundle that is planned."""
    issued: Revision | None
    is_urgent: bool = False
    report: SiteReport | None = None
    trial: Trial | None = None
    """Of what was issued last."""
    allowed: str = ""
    """The revision with which errors may rise here."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """Which sites get their new bundle, why others wait, and what is to be remembered."""

    issue: tuple[str, ...] = ()
    held: Mapping[str, Held] = dataclasses.field(default_factory=dict)
    progress: Progress | None = None
    trials: Mapping[str, Trial] = dataclasses.field(default_factory=dict)
    """Of what is issued."""
    risen: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Site -> by how much more requests fail since it got what it has, where that holds up others."""
    is_watching: bool = False
    """Whether the next step may come without anything else changing."""


def decide(sites: Iterable[Site], progress: Progress | None, *, now: int, watch: Watch = _DEFAULT) -> Decided:
    """The next step of the roll-out, or the first of another."""
    known = {site.name: site for site in sites}
    decided = _decide(known, progress, watch, now)
    trials = {name: _trial(known[name], watch, now) for name in decided.issue}
    return dataclasses.replace(decided, trials={name: each for name, each in trials.items() if each is not None})


def _decide(known: Mapping[str, Site], progress: Progress | None, watch: Watch, now: int) -> Decided:
    pending = {name: site for name, site in known.items() if site.issued is None or site.issued.digest != site.wanted}
    free = {name for name, site in pending.items() if site.is_urgent or not _has_gateway(site)}
    waiting = sorted(pending.keys() - free)
    tried = {name for name, site in known.items() if _is_open(site, watch, now)}
    if not waiting:
        return Decided(issue=tuple(sorted(free)), progress=progress if tried else None)
    if refusing := sorted(name for name, site in known.items() if refusal(site)):
        remedy = set(waiting) & set(refusing)
        held = _stopped(known[refusing[0]], waiting, refusing)
        return Decided(issue=tuple(sorted(free | remedy)), held=held, progress=progress)
    if risen := {name: words for name in sorted(known) if (words := _risen(known[name], watch, now))}:
        issue = free | (set(waiting) & risen.keys())
        held = _failing(known, pending.keys() - issue, risen, issue)
        return Decided(issue=tuple(sorted(issue)), held=held, progress=progress, risen=risen)
    step = _step(known, waiting, progress, tried, now=now)
    chosen = set(step.sites & pending.keys())
    held = _waits([name for name in waiting if name not in chosen], step.sites or tried)
    return Decided(issue=tuple(sorted(free | chosen)), held=held, progress=step, is_watching=bool(tried))


def kept(site: Site, watch: Watch, *, now: int) -> Trial | None:
    """What becomes of a trial when only the law in what a site has is changed: it goes on, if it has not ended."""
    if site.trial is None or not _is_unresolved(site, watch, now):
        return None
    return Trial(at=now, before=site.trial.before, risen=_risen(site, watch, now))


def _trial(site: Site, watch: Watch, now: int) -> Trial | None:
    return trial.begun(site.trial, site.report, is_unresolved=_is_unresolved(site, watch, now), now=now)


def _is_unresolved(site: Site, watch: Watch, now: int) -> bool:
    return _is_open(site, watch, now) or bool(_risen(site, watch, now))


def _step(
    known: Mapping[str, Site], waiting: list[str], progress: Progress | None, tried: Collection[str], *, now: int
) -> Progress:
    targets = {name: known[name].wanted for name in waiting}
    is_other = progress is None or any(progress.targets.get(name) != digest for name, digest in targets.items())
    if progress is None or (is_other and progress.wave >= _LAST):
        return _first(waiting, targets, tried, since=now)
    if is_other and now - progress.since < _PATIENCE:
        return _first(waiting, targets, tried, since=progress.since)
    if is_other:
        progress = dataclasses.replace(progress, targets=targets, sites=frozenset())
    if tried:
        return progress
    size = {0: 1, 1: max(1, len(known) // _TENTH)}.get(progress.wave, len(waiting))
    return dataclasses.replace(progress, wave=progress.wave + 1, sites=frozenset(waiting[:size]))


def _first(waiting: list[str], targets: Mapping[str, str], tried: Collection[str], *, since: int) -> Progress:
    """Something else is to go out. What is out already is not taken for a trial of it."""
    again = [name for name in waiting if name in tried]
    first = again or ([] if tried else waiting)
    return Progress(targets=targets, wave=1 if first else 0, sites=frozenset(first[:1]), since=since)


def _stopped(first: Site, waiting: Iterable[str], refusing: Iterable[str]) -> dict[str, Held]:
    why = f"the gateway at {first.name} refuses its configuration: {refusal(first)}. Change it, or undo the change"
    return {name: Held(reason=Reason.CONFIG_REJECTED, message=why) for name in waiting if name not in refusing}


def _failing(
    known: Mapping[str, Site], waiting: Collection[str], risen: Mapping[str, str], issue: Collection[str]
) -> dict[str, Held]:
    """Why others wait, and the sites that are the cause, unless they get what may be the remedy."""
    if not waiting:
        return {}
    causes = {name: _cause(known[name], words) for name, words in risen.items()}
    others = f"{next(iter(causes.values()))}. This site waits meanwhile"
    held = {name: Held(reason=Reason.ERRORS_ROSE, message=others) for name in waiting}
    stay = {name: cause for name, cause in causes.items() if name not in issue}
    return held | {name: Held(reason=Reason.ERRORS_ROSE, message=each, is_cause=True) for name, each in stay.items()}


def _cause(site: Site, words: str) -> str:
    revision = _name(site)
    return (
        f"more requests fail at {site.name} since it got revision {revision}: {words}. Change what is wrong, or undo"
        f" the change; to go on all the same: kubectl annotate --overwrite edgenode {site.name}"
        f" {ALLOW_ERRORS}={revision}"
    )


def _name(site: Site) -> str:
    return site.issued.name if site.issued is not None else ""


def _waits(names: Iterable[str], sites: Iterable[str]) -> dict[str, Held]:
    shown = sorted(sites)
    out = ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")  # noqa: PLR2004 - as many as one reads at a glance
    message = f"goes out in waves, and waits until the gateway runs it at {out}, and requests there go well"
    return {name: Held(reason=Reason.PROGRESSING, message=message) for name in names}


def _has_gateway(site: Site) -> bool:
    return site.report is not None and bool(site.report.gateway_pods)


def _risen(site: Site, watch: Watch, now: int) -> str:
    is_allowed = bool(site.allowed) and site.allowed == _name(site)
    return "" if is_allowed else trial.risen(site.trial, site.issued, site.report, watch, now=now)


def _is_open(site: Site, watch: Watch, now: int) -> bool:
    return trial.is_open(site.trial, site.issued, site.report, watch, now=now)


def refusal(site: Site) -> str:
    """Why a gateway refuses what was issued for its site; empty if none does."""
    if site.report is None or site.issued is None:
        return ""
    for pod in site.report.gateway_pods:
        if pod.refused is not None and pod.refused.order >= site.issued.order:
            return pod.refused_because or "without a word"
    return ""
