"""Hosts of providers whose name says where they process, against what is declared of them."""

from collections.abc import Iterator
from typing import Final

from isochrone.geo import blocs
from isochrone.validate.finding import Finding, Rule
from isochrone.validate.world import World

_HOSTS: Final = {
    "eu.api.openai.com": ("EEA", "CH"),
    "us.api.openai.com": ("US",),
    "ae.api.openai.com": ("AE",),
}
"""OpenAI's regional hosts, as its Python library's tests of data residency name them."""


def contradicted(world: World) -> Iterator[Finding]:
    """Endpoints that are declared to process in none of the countries that their host is for."""
    for provider in world.providers:
        for i, endpoint in enumerate(provider.resource.spec.endpoints):
            host = endpoint.url.partition("://")[2].partition("/")[0].partition(":")[0]
            known = _HOSTS.get(host)
            declared, problems = blocs.resolve(endpoint.processes_in)
            if known is None or problems or "World" in endpoint.processes_in:
                continue
            if _countries(declared).isdisjoint(_countries(blocs.resolve(known)[0])):
                yield provider.warning(
                    Rule.REGION_CONTRADICTED,
                    f"spec.endpoints[{i}].processesIn",
                    f"{', '.join(endpoint.processes_in)}, but {host} processes in {', '.join(known)}",
                    way_out="name the region's own host, or the places where it processes",
                )


def _countries(codes: frozenset[str]) -> frozenset[str]:
    return frozenset(code[:2] for code in codes)
