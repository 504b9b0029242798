"""What a config names, gathered once, for checks to look things up in."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from isochrone_gateway.config.document import Config, Kind
from isochrone_gateway.config.errors import Problem
from isochrone_gateway.config.peers import Peer
from isochrone_gateway.config.providers import Provider


@dataclasses.dataclass(frozen=True, kw_only=True)
class Census:
    """Everything that can be referred to."""

    site_place: int
    places: int
    routes: frozenset[str]
    tenants: frozenset[str]
    pools: frozenset[str]
    providers: Mapping[str, Provider]
    peers: Mapping[str, Peer]


def take_census(config: Config) -> Census:
    return Census(
        site_place=config.site.place,
        places=len(config.places.places),
        routes=frozenset(route.id for route in config.routes),
        tenants=frozenset(tenant.id for tenant in config.tenants.tenants),
        pools=frozenset(pool.id for pool in config.engines),
        providers={provider.name: provider for provider in config.providers},
        peers={peer.site: peer for peer in config.peers},
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Subject:
    """The item that problems are about, and its JSON path in the config."""

    kind: Kind
    path: str
    key: str = ""

    def problem(self, where: str, text: str) -> Problem:
        return Problem(kind=self.kind, key=self.key, path=f"{self.path}{where}", text=text)

    def out_of_range(self, where: str, index: int, *, length: int, what: str) -> Iterator[Problem]:
        if index >= length:
            yield self.problem(where, f"is {index}, but there are {length} {what}; point at one of them")


def find_repeated(names: Iterable[str]) -> list[str]:
    """The names that occur more than once, sorted."""
    return sorted(name for name, times in Counter(names).items() if times > 1)


def repeated_items(kind: Kind, section: str, names: Iterable[str]) -> Iterator[Problem]:
    for name in find_repeated(names):
        yield Subject(kind=kind, key=name, path=f'$.{section}["{name}"]').problem("", "is there twice; keep one")
