"""Checks of the law: every index leads somewhere, every bit is a place, every binding names something that exists."""

from collections.abc import Iterator

from isochrone_gateway.config.census import Census, Subject, repeated_items
from isochrone_gateway.config.document import Config, Kind
from isochrone_gateway.config.errors import Problem
from isochrone_gateway.config.law import Policy, Table, UnknownOrigin, decode_row, encode_row

# What a table may say of an unknown origin; a row is right for any policy, namely where the origin doesn't matter.
_UNKNOWN = {UnknownOrigin.DENY: "Deny", UnknownOrigin.BIND: None, UnknownOrigin.IGNORE: "Unbound"}


def check_law(config: Config, census: Census) -> Iterator[Problem]:
    law = config.law
    yield from repeated_items(Kind.LAW, "law.policies", (policy.name for policy in law.policies))
    for policy in law.policies:
        subject = Subject(kind=Kind.LAW, path=f'$.law.policies["{policy.name}"]')
        yield from _check_binds(subject, policy, census)
        yield from _check_scopes(subject, policy, law.tables)
    for index, table in enumerate(law.tables):
        yield from _check_table(Subject(kind=Kind.LAW, path=f"$.law.tables[{index}]"), table, len(law.rows))
    for index, row in enumerate(law.rows):
        yield from _check_row(Subject(kind=Kind.LAW, path=f"$.law.rows[{index}]"), row, census.places)


def _check_binds(subject: Subject, policy: Policy, census: Census) -> Iterator[Problem]:
    for where, names, known in (
        ("routes", policy.binds.routes, census.routes),
        ("tenants", policy.binds.tenants, census.tenants),
    ):
        if names is not None and not names <= known:
            missing = ", ".join(sorted(names - known))
            yield subject.problem(f".binds.{where}", f"has {missing}: no such {where[:-1]}; the policy would not bind")


def _check_scopes(subject: Subject, policy: Policy, tables: tuple[Table, ...]) -> Iterator[Problem]:
    if "Inference" not in policy.scopes:
        yield subject.problem(".scopes", "lacks Inference, whose table holds for scopes that aren't named")
    for scope, index in sorted(policy.scopes.items()):
        yield from subject.out_of_range(f".scopes.{scope}", index, length=len(tables), what="tables")
        if index >= len(tables):
            continue
        unknown = tables[index].unknown
        if isinstance(unknown, str) and unknown != _UNKNOWN[policy.unknown_origin]:
            text = f"leads to tables[{index}], whose unknown is {unknown}, but unknownOrigin is {policy.unknown_origin}"
            yield subject.problem(f".scopes.{scope}", text)


def _check_table(subject: Subject, table: Table, rows: int) -> Iterator[Problem]:
    for origin, index in sorted(table.rows.items()):
        yield from subject.out_of_range(f".rows.{origin}", index, length=rows, what="rows")
    yield from subject.out_of_range(".otherwise", table.otherwise, length=rows, what="rows")
    if isinstance(table.unknown, int):
        yield from subject.out_of_range(".unknown", table.unknown, length=rows, what="rows")


def _check_row(subject: Subject, row: str, places: int) -> Iterator[Problem]:
    bits = decode_row(row)
    if bits.bit_length() > places:
        yield subject.problem("", f"has bit {bits.bit_length() - 1}, but there are {places} places")
    if encode_row(bits) != row:
        yield subject.problem("", f"is not the shortest form; write {encode_row(bits)!r}")
