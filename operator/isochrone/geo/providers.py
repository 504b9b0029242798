"""How providers are told where to process, as dated data: by host, by a member of the body, by the model's name.

The table is in `data/provider_regions.json`, each entry with its date, its source and what to know before relying on
it. It says what providers say of themselves: what is declared of an endpoint is compared with it, and nothing is
decided by it.
"""

import dataclasses
import enum
import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from isochrone.geo import blocs, tables

_REGION: Final = "{region}"
_LABEL: Final = "([a-z0-9-]+)"
_PROFILE_OF_ONES_OWN: Final = "application-inference-profile/"


class Reach(enum.StrEnum):
    """What is said where no places are named."""

    ANYWHERE = "Anywhere"
    UNKNOWN = "Unknown"
    """It can't be told from what gateways send."""
    REGION = "Region"
    """Where the region is that the host names."""


Where = tuple[str, ...] | Reach
"""Codes and blocs, or why there are none."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What is known of one provider."""

    name: str
    as_of: str
    """The date on which it was read, `YYYY-MM-DD`."""
    source: str
    """Address of the provider's own page."""
    note: str
    pin: str
    """How users choose a region."""
    hosts: Mapping[str, Where]
    """By host; `{region}` stands for one label, or a part of one."""
    regions: Mapping[str, str]
    """Region -> country."""
    member: str
    """The member of the body that chooses; may be empty."""
    values: Mapping[str, Where]
    profiles: Mapping[str, Where]
    """What the first label of a model's name says."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Where an endpoint processes, by the provider's own word."""

    provider: Provider
    by: str
    """What says so, for people."""
    where: Where

    @property
    def countries(self) -> frozenset[str]:
        """Where it may be; none where it isn't told, or anywhere."""
        names = () if isinstance(self.where, Reach) else self.where
        return frozenset(code[:2] for code in blocs.resolve(names)[0])

    def __str__(self) -> str:
        match self.where:
            case Reach.ANYWHERE:
                return f"{self.by} may process anywhere"
            case Reach.UNKNOWN | Reach.REGION:
                return f"{self.by} doesn't tell where it processes"
            case names:
                return f"{self.by} processes in {', '.join(names)}"


@functools.cache
def known() -> tuple[Provider, ...]:
    """All of the table."""
    import json

    table = json.loads(tables.text("provider_regions.json"))
    return tuple(_provider(each, table["regions"]) for each in table["providers"])


def said(url: str, *, body: Mapping[str, str], models: Iterable[str]) -> Iterator[Said]:
    """What a provider says of an endpoint, which gets these members, and is asked for these models.

    Several things, if what it is asked for differs; nothing of an endpoint that isn't known.
    """
    host = url.partition("://")[2].partition("/")[0].partition(":")[0]
    for provider in known():
        where = _at(provider, host)
        if where is None:
            continue
        by_host = Said(provider=provider, by=host, where=where)
        if provider.member in body:
            value = body[provider.member]
            by = f"{host} with {provider.member}: {value}"
            yield Said(provider=provider, by=by, where=provider.values.get(value, Reach.UNKNOWN))
        elif provider.profiles:
            found = {each.by: each for each in (_of_model(by_host, model) for model in models)}
            yield from found.values()
        else:
            yield by_host
        return


def _at(provider: Provider, host: str) -> Where | None:
    if host in provider.hosts:
        return provider.hosts[host]
    for pattern, where in provider.hosts.items():
        match = re.fullmatch(re.escape(pattern).replace(re.escape(_REGION), _LABEL), host)
        if match is not None and _REGION in pattern:
            country = provider.regions.get(match[1])
            of_region = Reach.UNKNOWN if country is None else (country,)
            return of_region if where is Reach.REGION else where
    return None


def _of_model(by_host: Said, model: str) -> Said:
    name = model.rpartition("/")[2]
    where = by_host.provider.profiles.get(name.partition(".")[0])
    if _PROFILE_OF_ONES_OWN in model:
        where = Reach.UNKNOWN
    return by_host if where is None else Said(provider=by_host.provider, by=f"{by_host.by} with {name}", where=where)


def _provider(said_of: Mapping[str, Any], regions: Mapping[str, Any]) -> Provider:
    member = said_of.get("member", {"name": "", "values": {}})
    return Provider(
        name=said_of["name"],
        as_of=said_of["asOf"],
        source=said_of["source"],
        note=said_of["note"],
        pin=said_of["pin"],
        hosts={host: _where(where) for host, where in said_of["hosts"].items()},
        regions=regions[said_of["regions"]]["countries"] if "regions" in said_of else {},
        member=member["name"],
        values={value: _where(where) for value, where in member["values"].items()},
        profiles={prefix: _where(where) for prefix, where in said_of.get("profiles", {}).items()},
    )


def _where(written: str | list[str]) -> Where:
    return Reach(written) if isinstance(written, str) else tuple(written)
