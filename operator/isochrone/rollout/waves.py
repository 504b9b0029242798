"""Which sites get their new bundle now: one first, then a tenth of all, then the rest.

A wave is over when every site of it runs what it was given, or can't be asked. While a gateway refuses its config,
nothing new goes anywhere but there, where it may be the remedy. What tightens the law goes everywhere at once, and so
does what a site gets that runs no gateway yet: nothing there can break.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Final

from isochrone.api.conditions import Reason
from isochrone.model import Held, Revision, SiteReport

_TENTH: Final = 10
CONFIRM_WITHIN: Final = 60
"""Seconds that a wave waits for a gateway that neither runs nor refuses what it was given."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A roll-out under way."""

    targets: Mapping[str, str]
    """Site -> the digest that it is to have in the end."""
    wave: int = 0
    sites: frozenset[str] = frozenset()
    """Those of the wave that is out."""
    since: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What a wave depends on, of one site."""

    name: str
    wanted: str
    """The digest of the bundle that is planned."""
    issued: Revision | None
    is_urgent: bool = False
    report: SiteReport | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """Which sites get their new bundle, why others wait, and what is to be remembered."""

    issue: tuple[str, ...] = ()
    held: Mapping[str, Held] = dataclasses.field(default_factory=dict)
    progress: Progress | None = None


def decide(sites: Iterable[Site], progress: Progress | None, *, now: int) -> Decided:
    """The next step of the roll-out, or the first of another."""
    known = {site.name: site for site in sites}
    pending = {name: site for name, site in known.items() if site.issued is None or site.issued.digest != site.wanted}
    free = {name for name, site in pending.items() if site.is_urgent or not _has_gateway(site)}
    waiting = sorted(pending.keys() - free)
    if not waiting:
        is_out = progress is not None and any(_is_open(known.get(name), now, progress) for name in progress.sites)
        return Decided(issue=tuple(sorted(free)), progress=progress if is_out else None)
    refusing = sorted(name for name, site in known.items() if refusal(site))
    if refusing:
        remedy = set(waiting) & set(refusing)
        held = _stopped(known[refusing[0]], waiting, refusing)
        return Decided(issue=tuple(sorted(free | remedy)), held=held, progress=progress)
    step = _step(known, waiting, progress, now=now)
    chosen = set(step.sites & pending.keys())
    rest = [name for name in waiting if name not in chosen]
    return Decided(issue=tuple(sorted(free | chosen)), held=_waits(rest, step), progress=step)


def _step(known: Mapping[str, Site], waiting: list[str], progress: Progress | None, *, now: int) -> Progress:
    targets = {name: known[name].wanted for name in waiting}
    if progress is None or any(progress.targets.get(name) != digest for name, digest in targets.items()):
        # Something else is to go out. What is out already is not taken for a trial of it.
        return Progress(targets=targets, wave=1, sites=frozenset(waiting[:1]), since=now)
    if any(_is_open(known.get(name), now, progress) for name in progress.sites):
        return progress
    size = max(1, len(known) // _TENTH) if progress.wave == 1 else len(waiting)
    return dataclasses.replace(progress, wave=progress.wave + 1, sites=frozenset(waiting[:size]), since=now)


def _stopped(first: Site, waiting: Iterable[str], refusing: Iterable[str]) -> dict[str, Held]:
    why = f"the gateway at {first.name} refuses its configuration: {refusal(first)}. Change it, or undo the change"
    return {name: Held(reason=Reason.CONFIG_REJECTED, message=why) for name in waiting if name not in refusing}


def _waits(names: Iterable[str], step: Progress) -> dict[str, Held]:
    out = ", ".join(sorted(step.sites)[:3]) + (f" and {len(step.sites) - 3} more" if len(step.sites) > 3 else "")  # noqa: PLR2004 - as many as one reads at a glance
    message = f"goes out in waves, and waits until the gateway runs it at {out}"
    return {name: Held(reason=Reason.PROGRESSING, message=message) for name in names}


def _has_gateway(site: Site) -> bool:
    return site.report is not None and bool(site.report.gateway_pods)


def refusal(site: Site) -> str:
    """Why a gateway refuses what was issued for its site; empty if none does."""
    if site.report is None or site.issued is None:
        return ""
    ours = (site.issued.epoch, site.issued.sequence)
    for pod in site.report.gateway_pods:
        if pod.refused is not None and (pod.refused.epoch, pod.refused.sequence) >= ours:
            return pod.refused_because or "without a word"
    return ""


def is_programmed(site: Site) -> bool:
    """Whether every pod of its gateway that speaks runs what was issued, or something newer."""
    if site.report is None or site.issued is None:
        return False
    ours = (site.issued.epoch, site.issued.sequence)
    said = (pod.running for pod in site.report.gateway_pods)
    return all(each is not None and (each.epoch, each.sequence) >= ours for each in said)


def _is_open(site: Site | None, now: int, progress: Progress) -> bool:
    """Whether a wave still waits for this site."""
    if site is None or site.report is None or not site.report.is_reachable:
        return False
    is_delivered = site.issued is not None and site.report.delivered == site.issued
    return not (is_delivered and is_programmed(site)) and now - progress.since < CONFIRM_WITHIN
