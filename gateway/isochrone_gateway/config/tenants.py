"""Tenants: who may call, found by the SHA-256 of the key they show. Keys themselves are never here."""

import enum
from collections.abc import Mapping

import msgspec

from isochrone_gateway.config.rates import Rates
from isochrone_gateway.config.record import (
    Currency,
    DataClass,
    Instant,
    Jurisdiction,
    Money,
    Name,
    QualifiedName,
    Record,
    Sha256,
)


class BudgetWindow(enum.StrEnum):
    """The calendar span, in UTC, that a budget is for."""

    HOUR = "Hour"
    DAY = "Day"
    WEEK = "Week"
    MONTH = "Month"


class BudgetAction(enum.StrEnum):
    """What happens past a budget."""

    REFUSE = "Refuse"
    REPORT = "Report"


class Budget(Record, frozen=True, kw_only=True):
    """At most this much may be spent in a window."""

    amount: Money
    window: BudgetWindow
    currency: Currency = "USD"
    action: BudgetAction = BudgetAction.REFUSE


class Tenant(Record, frozen=True, kw_only=True):
    """One InferenceTenant.

    `routes` null means all of them. `origins` are where its data may come from; if there are none, the origin is
    unknown, and `or_elsewhere` says that it may be unknown although there are some. The origin header may choose only
    inside them, and only if `origin_header`. The data-class header may only add, and only if `data_class_header`.
    `explain` lets it ask for the reasons of a decision in a response header. The keys of a suspended tenant are known,
    and refused.
    """

    id: QualifiedName
    routes: frozenset[QualifiedName] | None = None
    origins: frozenset[Jurisdiction] = frozenset()
    or_elsewhere: bool = False
    origin_header: bool = False
    data_classes: frozenset[DataClass] = frozenset()
    data_class_header: bool = False
    limits: Rates = Rates()
    budgets: tuple[Budget, ...] = ()
    explain: bool = False
    suspended: bool = False


class Key(Record, frozen=True, kw_only=True):
    """One key of a tenant; past `expires` it is refused."""

    tenant: QualifiedName
    name: Name | None = None
    expires: Instant | None = None


class Tenants(Record, frozen=True, kw_only=True):
    """All tenants, and their keys by SHA-256."""

    keys: Mapping[Sha256, Key] = msgspec.field(default_factory=dict)
    tenants: tuple[Tenant, ...] = ()
