"""The law as tables: for each policy and scope, which places are lawful for data of which origin.

The operator has resolved selectors into ids and blocs into places. What is here is only carried and checked for
consistency; the evaluation (which policies bind, their intersection, Audit, age) belongs to the reader.
"""

import enum
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from isochrone_gateway.config.record import (
    Area,
    Count,
    DataClass,
    Hostname,
    Index0,
    Jurisdiction,
    Name,
    QualifiedName,
    Record,
    Sha256,
    whole,
)

Scope = Literal["Ingress", "Inference", "Cache", "Logs", "Weights", "Metadata", "State"]
UNBOUND_ROW = -1

RowIndex = Annotated[int, Meta(ge=UNBOUND_ROW, le=1_000_000)]
Row = Annotated[str, whole("([0-9a-f]{2})*", max_length=16_384)]
"""A set of places: the lower-case hex of a little-endian integer, shortest form. Place 0 is the lowest bit of the
first byte: `""` is no place, `"01"` place 0, `"0001"` place 8."""


class Mode(enum.StrEnum):
    """Whether a policy decides or only reports."""

    ENFORCE = "Enforce"
    AUDIT = "Audit"


class UnknownOrigin(enum.StrEnum):
    """What a policy does with data of unknown origin, where the origin matters."""

    DENY = "Deny"
    BIND = "Bind"
    IGNORE = "Ignore"


class Binds(Record, frozen=True, kw_only=True):
    """Whom a policy binds: all that is named must hold. Null means any; an empty set means none.

    `namespaces` holds if the namespace of the route or of the tenant, the part of its id before the slash, is in it.
    Which origins it binds is in the tables.
    """

    namespaces: frozenset[Name] | None = None
    routes: frozenset[QualifiedName] | None = None
    tenants: frozenset[QualifiedName] | None = None
    data_classes: frozenset[DataClass] | None = None


class Refusal(Record, frozen=True, kw_only=True):
    """The way out that a refused client is shown: a text, and host names where the request would be lawful."""

    way_out: Annotated[str, Meta(max_length=512)] = ""
    hostnames: Mapping[Area, Hostname] = msgspec.field(default_factory=dict)


class Table(Record, frozen=True, kw_only=True):
    """Origin -> row of lawful places.

    A lookup tries the exact code (US-CA), then its country (US), then `otherwise`. Row -1 means that the policy
    doesn't bind data of that origin. `unknown` is for data whose origin isn't known: a row, refused outright, or not
    bound.
    """

    rows: Mapping[Jurisdiction, RowIndex] = msgspec.field(default_factory=dict)
    otherwise: RowIndex = UNBOUND_ROW
    unknown: Index0 | Literal["Deny", "Unbound"] = "Deny"


class Policy(Record, frozen=True, kw_only=True):
    """One DataResidencyPolicy. A scope that isn't named takes Inference's table, which every policy has."""

    name: Name
    generation: Count
    digest: Sha256
    scopes: Mapping[Scope, Index0]
    mode: Mode = Mode.ENFORCE
    binds: Binds = Binds()
    unknown_origin: UnknownOrigin = UnknownOrigin.DENY
    refusal: Refusal = Refusal()

    def table(self, scope: Scope) -> int:
        """The index of the table that holds for this scope."""
        return self.scopes.get(scope, self.scopes["Inference"])


class Law(Record, frozen=True, kw_only=True):
    """All policies with the tables and rows that they share."""

    policies: tuple[Policy, ...] = ()
    tables: tuple[Table, ...] = ()
    rows: tuple[Row, ...] = ()


def encode_row(places: int) -> str:
    """Write a bit set of places (bit i is place i) as a row."""
    return places.to_bytes((places.bit_length() + 7) // 8, "little").hex()


def decode_row(row: str) -> int:
    """Read a row as a bit set of places."""
    return int.from_bytes(bytes.fromhex(row), "little")
