"""One form per meaning: the order of inputs and unused or repeated tables leave no trace, so digests don't depend
on them.
"""

import functools
import operator
from collections.abc import Iterable
from typing import Any, Literal, TypeVar, cast

import msgspec
from msgspec import inspect
from msgspec.structs import replace

from isochrone_gateway.config.document import Config
from isochrone_gateway.config.law import UNBOUND_ROW, Law, Policy, Table
from isochrone_gateway.config.record import Record
from isochrone_gateway.config.tenants import Tenants

_R = TypeVar("_R", bound=Record)


def canonical(config: Config) -> Config:
    """Sort what has no order of its own and share equal tables and rows. The config must have no problems."""
    return Config(
        site=plain(config.site),
        places=plain(config.places),
        law=canonical_law(config.law),
        routes=canonical_items(config.routes, key="id"),
        engines=canonical_items(config.engines, key="id"),
        providers=canonical_items(config.providers, key="name"),
        tenants=canonical_tenants(config.tenants),
        peers=canonical_items(config.peers, key="site"),
    )


def canonical_items(items: Iterable[_R], *, key: str, is_plain: bool = False) -> tuple[_R, ...]:
    """Sort records by the field that names them."""
    ordered = sorted(items, key=operator.attrgetter(key))
    return tuple(ordered if is_plain else map(plain, ordered))


def canonical_tenants(tenants: Tenants) -> Tenants:
    """Sort tenants. Keys are a mapping, which is sorted as it is encoded."""
    return Tenants(
        keys=tenants.keys,
        tenants=canonical_items(tenants.tenants, key="id"),
    )


def canonical_law(law: Law) -> Law:
    """Sort policies by name; number tables and rows in the order in which policies first use them; drop the unused."""
    return plain(_Numbering(law).renumbered())


def plain(record: _R) -> _R:
    """The record with every value that equals its field's default replaced by the default itself.

    msgspec leaves out a field if it holds the default object, not if it holds an equal one.
    """
    defaults, nested = _fields(type(record))
    changes = {}
    for name, default in defaults:
        value = getattr(record, name)
        if value is not default and value == default:
            changes[name] = default
    for name in nested:
        value = getattr(record, name)
        if name not in changes and (made := _plain_value(value)) is not value:
            changes[name] = made
    return replace(record, **changes) if changes else record


def _plain_value(value: Any) -> Any:
    if isinstance(value, Record):
        return plain(value)
    if isinstance(value, tuple):
        items = tuple(_plain_value(item) for item in value)
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    return value


@functools.cache
def _fields(kind: type[Record]) -> tuple[tuple[tuple[str, Any], ...], tuple[str, ...]]:
    """The fields that have a default, with it; and the names of those that may hold records.

    Mappings have no default object: msgspec leaves out any that is empty.
    """
    shape = cast("inspect.StructType", inspect.type_info(kind))
    defaults = tuple(
        (field.name, field.default) for field in msgspec.structs.fields(kind) if field.default is not msgspec.NODEFAULT
    )
    return defaults, tuple(field.name for field in shape.fields if _holds_records(field.type))


def _holds_records(shape: inspect.Type) -> bool:
    match shape:
        case inspect.StructType():
            return True
        case inspect.Metadata():
            return _holds_records(shape.type)
        case inspect.UnionType():
            return any(_holds_records(each) for each in shape.types)
        case inspect.VarTupleType():
            return _holds_records(shape.item_type)
        case _:
            return False


class _Numbering:
    """New numbers for the tables and rows of one law, handed out on first use."""

    def __init__(self, law: Law) -> None:
        self._law = law
        self._rows: dict[str, int] = {}
        self._tables: dict[bytes, int] = {}
        self._made: list[Table] = []

    def renumbered(self) -> Law:
        policies = [self._policy(policy) for policy in sorted(self._law.policies, key=lambda each: each.name)]
        return Law(policies=tuple(policies), tables=tuple(self._made), rows=tuple(self._rows))

    def _policy(self, policy: Policy) -> Policy:
        scopes = {scope: self._table(self._law.tables[table]) for scope, table in sorted(policy.scopes.items())}
        return replace(policy, scopes=scopes)

    def _table(self, table: Table) -> int:
        made = plain(
            Table(
                rows={origin: self._row(row) for origin, row in sorted(table.rows.items())},
                otherwise=self._row(table.otherwise),
                unknown=self._unknown(table.unknown),
            )
        )
        number = self._tables.setdefault(msgspec.json.encode(made), len(self._made))
        if number == len(self._made):
            self._made.append(made)
        return number

    def _unknown(self, unknown: int | Literal["Deny", "Unbound"]) -> int | Literal["Deny", "Unbound"]:
        return self._row(unknown) if isinstance(unknown, int) else unknown

    def _row(self, row: int) -> int:
        if row == UNBOUND_ROW:
            return UNBOUND_ROW
        return self._rows.setdefault(self._law.rows[row], len(self._rows))
