"""Whether what refusals tell clients is what is declared: the way out of each policy, and the host names of sites.

A client that is refused goes where it is told to, with the same data. So a host name stands for a declared site in that
jurisdiction, which takes new requests; in a policy's refusal, for one where the policy lets all requests come in.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from isochrone.verify.declared import Declared, Site
from isochrone.verify.finding import Rule, Severity
from isochrone.verify.gathered import SiteConfig
from isochrone.verify.meaning import UNKNOWN, Policy
from isochrone.verify.tables import Said
from isochrone_gateway.config import Config

_MOST: Final = 16
"""Host names that a policy's refusal has, at most: the first by jurisdiction."""


def of_law(declared: Declared, config: Config) -> Iterator[Said]:
    """What each policy tells."""
    known = {each.name: each for each in declared.policies}
    hosts = {each.hostname for each in declared.sites.values()}
    for compiled in config.law.policies:
        name, found = f"policy {compiled.name}", compiled.refusal
        if compiled.name not in known:
            # It is told elsewhere that nobody declared it.
            if strange := set(found.hostnames.values()) - hosts:
                text = f"{name} sends whom it refuses to {min(strange)}, which is no site's host name"
                yield Said(Rule.WRONG_ADDRESS, text, compiled.name, cases=len(strange))
            continue
        ought = declared.ways_out[compiled.name]
        if found.way_out != ought:
            text = f"{name} tells whom it refuses {found.way_out!r}; declared is {ought!r}"
            yield Said(Rule.WRONG_ADDRESS, text, compiled.name)
        doors = dict(_doors(_letting_in(known[compiled.name], declared.sites.values())))
        for each in _differences(name, found.hostnames, doors):
            yield each._replace(policy=compiled.name)


def of_site(declared: Declared, site: SiteConfig) -> Iterator[Said]:
    """What is told where no policy says more, and the site's own name."""
    said, ought = site.config.site, declared.sites[site.site]
    yield from of_name("the site", said.hostname, ought.hostname)
    yield from _differences("the site", said.jurisdictions, dict(_doors(declared.sites.values())), most=None)


def of_name(who: str, found: str | None, ought: str | None) -> Iterator[Said]:
    """A gateway's public host name."""
    if found != ought:
        severity = Severity.WARNING if found is None else Severity.ERROR
        text = f"{who} is known to clients as {found or 'nothing'}, but {ought or 'no hostname'} was declared"
        yield Said(Rule.WRONG_ADDRESS, text, severity=severity)


def _letting_in(policy: Policy, sites: Iterable[Site]) -> Iterator[Site]:
    """Those at which requests may come in whatever their origin."""
    entry = policy.entry("Ingress")
    return (each for each in sites if entry.refusal(each.place, UNKNOWN) is None)


def _doors(sites: Iterable[Site]) -> Iterator[tuple[str, str]]:
    """Jurisdiction -> the host name of the site there; of several the first by name, which here comes last."""
    for each in sorted(sites, key=lambda each: each.name, reverse=True):
        if each.hostname is not None and each.state == "Active":
            for code in each.place.codes:
                yield code, each.hostname


def _differences(
    who: str, found: Mapping[str, str], ought: Mapping[str, str], *, most: int | None = _MOST
) -> Iterator[Said]:
    if wrong := sorted(code for code, host in found.items() if ought.get(code) != host):
        first = wrong[0]
        lawful = ought.get(first, "no hostname")
        text = f"{who} sends whom it refuses to {found[first]} for {first}; declared there is {lawful}"
        yield Said(Rule.WRONG_ADDRESS, text, cases=len(wrong))
    if lost := sorted(set(sorted(ought)[:most]) - set(found)):
        text = f"{who} doesn't tell whom it refuses of {ought[lost[0]]}, in {lost[0]}"
        yield Said(Rule.WRONG_ADDRESS, text, severity=Severity.WARNING, cases=len(lost))
