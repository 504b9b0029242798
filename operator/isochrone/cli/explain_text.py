"""An explanation as text for people and as JSON for programs. The JSON is a contract: docs/reference/explain.md."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import click

from isochrone.api import ModelRoute
from isochrone.cli.plan_text import where
from isochrone.cli.text import columns
from isochrone.cli.words import VERDICT
from isochrone.law import Origin, Scope
from isochrone.model import Candidate, RouteKey, Snapshot, ToEngine, ToPeer, ToProvider, WhyNot
from isochrone.model.declared import key_of
from isochrone.model.words import WHY_NOT, because, count
from isochrone.plan.explain import AtEndpoint, AtSite, Explanation, Ruling

VERSION: Final = 1
"""Of the JSON; it rises when a program that reads it could break."""

_MOST: Final = 8
"""Origins that are named."""
_UNLAWFUL: Final = frozenset({WhyNot.UNLAWFUL_INFERENCE, WhyNot.UNLAWFUL_WEIGHTS})


def text(snapshot: Snapshot, explained: Explanation) -> str:
    """Sites, then endpoints, then who is asked in which order."""
    parts = [_heading(snapshot, explained), ""]
    parts += [*_sites(snapshot, explained), *_endpoints(explained), *_tiers(explained), *_refused(explained)]
    return "\n".join(parts).rstrip()


def document(snapshot: Snapshot, explained: Explanation) -> dict[str, Any]:
    """The explanation as one JSON document."""
    places = {edge.metadata.name: where(edge) for edge in snapshot.edge_nodes}
    return {
        "version": VERSION,
        "route": str(explained.route),
        "origin": _codes(explained.origin) if explained.origin else None,
        "demand": dict(explained.demand),
        "sites": [{"place": places[each.site], **_site_entry(each)} for each in explained.sites],
        "endpoints": [_endpoint_entry(each) for each in explained.endpoints],
        "entry": explained.entry,
        "entryLaw": _ruling_entry(explained.door) if explained.door else None,
        "tiers": [[_candidate_entry(each) for each in tier] for tier in explained.tiers],
        "refused": [
            {**_candidate_entry(each.candidate), "law": _ruling_entry(each.ruling)} for each in explained.refused
        ],
    }


def _heading(snapshot: Snapshot, explained: Explanation) -> str:
    route = _route(snapshot, explained)
    model = f" ({route.spec.model_name})" if route.spec.model_name else ""
    whose = f", for data from {' and '.join(_codes(explained.origin))}" if explained.origin else ""
    return click.style(str(explained.route), bold=True) + model + whose


def _route(snapshot: Snapshot, explained: Explanation) -> ModelRoute:
    return next(each for each in snapshot.routes if key_of(each) == explained.route)


def _sites(snapshot: Snapshot, explained: Explanation) -> Iterator[str]:
    if not explained.sites:
        yield "It has no engines of its own.\n"
        return
    route = _route(snapshot, explained)
    places = {edge.metadata.name: where(edge) for edge in snapshot.edge_nodes}
    of_one = explained.origin is not None
    laws = ("LAW",) if of_one else ()
    heading = ("SITE", "PLACE", "ENGINES", "POOL", "FREE", "RTT", "USD/HOUR", *laws, "WHY")
    sites = ((*_site(places[each.site], each), *_reasons(route, each, apart=of_one)) for each in explained.sites)
    yield from columns([heading, *sites])
    yield ""
    which = " LAW is what it says to the caller whom it allows most." if of_one else ""
    yield f"FREE is after this plan. RTT is to those who ask, on average; USD/HOUR is for one replica.{which}\n"
    if explained.demand:
        yield f"Its requests come from {_demand(explained.demand)}.\n"


def _demand(percent: Mapping[str, int]) -> str:
    most = sorted(percent.items(), key=lambda each: (-each[1], each[0]))
    said = [f"{origin.replace(',', ' or ') or 'somewhere'} ({share} %)" for origin, share in most]
    return ", ".join(said if len(said) <= _MOST else [*said[:_MOST], "and elsewhere"])


def _site(place: str, each: AtSite) -> tuple[str, ...]:
    engines = click.style(count(each.replicas, "replica"), fg="green") if each.because else "-"
    free = f"{each.free} of {each.devices}" if each.free is not None else "-"
    rtt = _milliseconds(each.rtt) if each.rtt is not None else "-"
    cost = f"{each.cost:.2f}" if each.cost is not None else "-"
    return (each.site, place, engines, each.pool or "-", free, rtt, cost)


def _reasons(route: ModelRoute, each: AtSite, *, apart: bool) -> tuple[str, ...]:
    """What the law says, and why engines are there or not: apart, or the law only where it is why they aren't."""
    why = _why(route, each)
    if apart:
        return (_ruling(each.ruling, of_one=True), why)
    return (f"{why}: {_ruling(each.ruling)}" if each.why_not in _UNLAWFUL and not each.ruling.verdict.allowed else why,)


def _why(route: ModelRoute, each: AtSite) -> str:
    if each.because is not None:
        return because(each.because, route)
    if each.why_not is None:
        return ""
    said = f"{WHY_NOT[each.why_not]} ({each.why_not.value})"
    if each.why_not not in _UNLAWFUL or not each.ruling.verdict.allowed:
        return said
    return f"{said}; data {_from(each.ruling.origin)} might be, but no caller has any"


def _endpoints(explained: Explanation) -> Iterator[str]:
    if not explained.endpoints:
        return
    of_one = explained.origin is not None
    rows = [("PROVIDER", "ENDPOINT", "MODEL", "USD/M TOKENS IN", "OUT", "LAW")]
    rows += [
        (
            each.provider,
            each.endpoint,
            each.model,
            str(each.input),
            str(each.output),
            _ruling(each.ruling, of_one=of_one),
        )
        for each in explained.endpoints
    ]
    yield from columns(rows)
    yield ""


def _ruling(ruling: Ruling, *, of_one: bool = False) -> str:
    """Whose data is refused goes without saying where one origin is asked for."""
    verdict = ruling.verdict
    if verdict.allowed:
        return click.style("allowed", fg="green") + (f" by {', '.join(verdict.bound)}" if verdict.bound else "")
    whose = "" if of_one else f" for data {_from(ruling.origin)}"
    return f"{click.style('refused', fg='red')}{whose}: {_refusal(ruling)}"


def _refusal(ruling: Ruling) -> str:
    verdict = ruling.verdict
    policy = f"{verdict.policy}: " if verdict.policy else ""
    scope = "" if ruling.scope is Scope.INFERENCE else f", scope {ruling.scope.value}"
    return f"{policy}{VERDICT[verdict.reason]} ({verdict.reason.value}{scope})"


def _from(origin: Origin) -> str:
    known = ", ".join(sorted(origin.codes)[:_SHOWN])
    more = len(origin.codes) - _SHOWN
    listed = f"from {known}" + (f" and {more} more" if more > 0 else "")
    if not origin.or_elsewhere:
        return listed
    return f"{listed} or of unknown origin" if known else "of unknown origin"


_SHOWN: Final = 3


def _tiers(explained: Explanation) -> Iterator[str]:
    if explained.entry is None:
        yield "There is no site, so nobody answers."
        return
    yield f"What comes in at {click.style(explained.entry, bold=True)} is answered by"
    if not explained.tiers:
        yield f"  {click.style('nobody', fg='red')}: {_nobody(explained)}"
    for number, tier in enumerate(explained.tiers):
        if number:
            yield "and if none of them can, by"
        yield from _tier(tier)


def _nobody(explained: Explanation) -> str:
    if explained.door is None or explained.door.verdict.allowed:
        return "no candidate is left that may answer"
    return f"data {_from(explained.door.origin)} may not come in there: {_refusal(explained.door)}"


def _refused(explained: Explanation) -> Iterator[str]:
    """Who else would be asked. Where the door is closed, that has said it all."""
    if not explained.refused or (explained.door is not None and not explained.door.verdict.allowed):
        return
    yield ""
    yield f"The law refuses, for data {_from(explained.refused[0].ruling.origin)}"
    yield from columns([(_candidate(each.candidate), _refusal(each.ruling)) for each in explained.refused], indent="  ")


def _tier(tier: Sequence[Candidate]) -> Iterator[str]:
    """Weights split the requests between backends; within one, the nearest that can answers."""
    backends: dict[RouteKey | tuple[str, str], list[Candidate]] = {}
    for each in tier:
        backends.setdefault(_backend(each), []).append(each)
    total = sum(among[0].weight for among in backends.values())
    for among in backends.values():
        if len(backends) > 1:
            yield f"  for {among[0].weight} of {total} requests"
        rows = [(_candidate(each), _milliseconds(each.rtt) if each.rtt else "") for each in among]
        yield from columns(rows, indent="    " if len(backends) > 1 else "  ")


def _backend(each: Candidate) -> RouteKey | tuple[str, str]:
    match each.target:
        case ToEngine(route=route) | ToPeer(route=route):
            return route
        case ToProvider(provider=provider, model=model):
            return (provider, model)


def _candidate(each: Candidate) -> str:
    match each.target:
        case ToEngine():
            return "engines at this site"
        case ToPeer(site=site):
            return f"engines at {site}"
        case ToProvider(provider=provider, endpoint=endpoint, model=model):
            return f"{model} of {provider}, at its endpoint {endpoint}"


def _milliseconds(micros: int) -> str:
    return f"{micros / 1000:.0f} ms"


def _codes(origin: Origin | None) -> list[str]:
    return sorted(origin.codes) if origin else []


def _site_entry(each: AtSite) -> dict[str, Any]:
    return {
        "site": each.site,
        "because": each.because.value if each.because else None,
        "whyNot": each.why_not.value if each.why_not else None,
        "replicas": each.replicas,
        "pool": each.pool,
        "free": each.free,
        "devices": each.devices,
        "rttMicros": each.rtt,
        "usdPerHour": str(each.cost) if each.cost is not None else None,
        "law": _ruling_entry(each.ruling),
    }


def _endpoint_entry(each: AtEndpoint) -> dict[str, Any]:
    return {
        "provider": each.provider,
        "endpoint": each.endpoint,
        "model": each.model,
        "usdPerMillionTokens": {"input": str(each.input), "output": str(each.output)},
        "law": _ruling_entry(each.ruling),
    }


def _ruling_entry(ruling: Ruling) -> dict[str, Any]:
    verdict = ruling.verdict
    return {
        "allowed": verdict.allowed,
        "scope": ruling.scope.value,
        "reason": verdict.reason.value,
        "policy": verdict.policy,
        "bound": list(verdict.bound),
        "origin": _codes(ruling.origin),
        "originUnknown": ruling.origin.or_elsewhere,
    }


def _candidate_entry(each: Candidate) -> dict[str, Any]:
    entry: dict[str, Any] = {"weight": each.weight, "rttMicros": each.rtt}
    match each.target:
        case ToEngine(route=route):
            return {"type": "Engine", "route": str(route), **entry}
        case ToPeer(site=site, route=route):
            return {"type": "Peer", "site": site, "route": str(route), **entry}
        case ToProvider(provider=provider, endpoint=endpoint, model=model):
            return {"type": "Provider", "provider": provider, "endpoint": endpoint, "model": model, **entry}
