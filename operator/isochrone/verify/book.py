"""One compiled law beside the declared one, over the same places, so that both can be asked the same question.

The compiled tables are data: what a gateway would answer is worked out here anew, from the contract's words (a look-up
tries the exact code, then its country, then `otherwise`; rows of the Enforce policies that bind are intersected).

Most origins can't be told apart. Two codes are in one class if every table and every policy gives both the same row; so
what is shown of one code of a class holds for all of it, and 5,000 codes become some tens of classes.
"""

import functools
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from isochrone.verify import ground, meaning
from isochrone.verify.declared import Declared
from isochrone.verify.meaning import UNBOUND, Place, Places
from isochrone_gateway.config import Config
from isochrone_gateway.config.law import Binds, Mode, Policy, Table, decode_row
from isochrone_gateway.config.site import UnboundTraffic

UNKNOWN: Final = meaning.UNKNOWN
_COUNTRY: Final = len("DE")


class Both(NamedTuple):
    """What the tables let through, and what the policies allow: places as bits; and whether any policy binds."""

    compiled: int
    lawful: int
    is_bound: bool
    ought_to_be_bound: bool

    @property
    def bad(self) -> int:
        """Places that are let through and are not lawful."""
        return self.compiled & ~self.lawful


class Selected(NamedTuple):
    """The policies that bind a subject, whatever its origin: compiled ones and declared ones, by number."""

    compiled: tuple[int, ...]
    declared: tuple[int, ...]


class Book:
    """The law of a config, and of the installation."""

    def __init__(self, declared: Declared, config: Config) -> None:
        self.declared = declared
        self.policies: tuple[Policy, ...] = config.law.policies
        self.places = tuple(Place(each.codes, each.evidence.value) for each in config.places.places)
        self._places = Places(self.places)
        self._rows = [decode_row(row) for row in config.law.rows]
        self._tables = config.law.tables
        self._all = (1 << len(self.places)) - 1
        self._unbound = self._all if config.site.unbound_traffic is UnboundTraffic.ALLOW else 0
        self._lawful_unbound = self._all if declared.unbound == "Allow" else 0
        self._both: dict[tuple[str, Selected, str | None], Both] = {}

    # Origins

    @functools.cached_property
    def class_of(self) -> Mapping[str | None, str | None]:
        """Every origin -> the one that stands for its class."""
        first: dict[tuple[int, ...], str | None] = {}
        return {origin: first.setdefault(self._signature(origin), origin) for origin in (*ground.known(), UNKNOWN)}

    @functools.cached_property
    def origins(self) -> tuple[str | None, ...]:
        """One of each class."""
        return tuple(dict.fromkeys(self.class_of.values()))

    @functools.cached_property
    def members(self) -> Mapping[str | None, tuple[str | None, ...]]:
        found: dict[str | None, list[str | None]] = {}
        for origin, first in self.class_of.items():
            found.setdefault(first, []).append(origin)
        return {first: tuple(each) for first, each in found.items()}

    def _signature(self, origin: str | None) -> tuple[int, ...]:
        compiled = [self._looked_up(table, origin) for table in self._tables]
        said = [policy.row(scope, origin, self._places) for policy, scope in self._spoken]
        return (*compiled, *said)

    @functools.cached_property
    def _spoken(self) -> tuple[tuple[meaning.Policy, str], ...]:
        """Each policy with each scope that it has an entry of."""
        return tuple((policy, scope) for policy in self.declared.policies for scope in policy.entries)

    # Rows

    def row(self, number: int, scope: str, origin: str | None) -> int:
        """What a compiled policy lets through; UNBOUND where it doesn't bind."""
        policy = self.policies[number]
        return self._looked_up(self._tables[policy.scopes.get(scope, policy.scopes["Inference"])], origin)  # type: ignore[call-overload]

    def _looked_up(self, table: Table, origin: str | None) -> int:
        if origin is UNKNOWN:
            if isinstance(table.unknown, str):
                return 0 if table.unknown == "Deny" else UNBOUND
            return self._row(table.unknown)
        found = table.rows.get(origin)
        return self._row(table.rows.get(origin[:_COUNTRY], table.otherwise) if found is None else found)

    def _row(self, number: int) -> int:
        return UNBOUND if number == UNBOUND else self._rows[number]

    def ought(self, number: int, scope: str, origin: str | None) -> int:
        """What a declared policy allows; UNBOUND where it doesn't bind."""
        return self.declared.policies[number].row(scope, origin, self._places)

    # All policies together

    def both(self, scope: str, selected: Selected, origin: str | None) -> Both:
        """The answers for data that these policies select, remembered."""
        key = (scope, selected, origin)
        found = self._both.get(key)
        if found is None:
            found = self._both[key] = self._decide(scope, selected, origin)
        return found

    def _decide(self, scope: str, selected: Selected, origin: str | None) -> Both:
        compiled = [
            row
            for number in selected.compiled
            if self.policies[number].mode is Mode.ENFORCE and (row := self.row(number, scope, origin)) != UNBOUND
        ]
        said = [
            row
            for number in selected.declared
            if self.declared.policies[number].enforces and (row := self.ought(number, scope, origin)) != UNBOUND
        ]
        return Both(
            compiled=self._intersected(compiled) if compiled else self._unbound,
            lawful=self._intersected(said) if said else self._lawful_unbound,
            is_bound=bool(compiled),
            ought_to_be_bound=bool(said),
        )

    def _intersected(self, rows: Iterable[int]) -> int:
        return functools.reduce(int.__and__, rows, self._all)

    # Whom they bind

    def selects(self, binds: Binds, route: str, tenant: str | None, classes: frozenset[str]) -> bool:
        """Whether a compiled policy's dimensions hold, all but the origin."""
        homes = {each.partition("/")[0] for each in (route, tenant) if each is not None}
        return (
            (binds.routes is None or route in binds.routes)
            and (binds.tenants is None or tenant in binds.tenants)
            and (binds.data_classes is None or not binds.data_classes.isdisjoint(classes))
            and (binds.namespaces is None or not binds.namespaces.isdisjoint(homes))
        )
