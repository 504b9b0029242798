"""Whether what is written at this site may be copied to a bucket elsewhere. Scope Logs decides (decision record 29).

A line is at the site because every policy that binds its data allows Logs there. So it may be copied if each policy
that allows the site allows the bucket's place too, for data of each origin: no line has to be looked at.
"""

from collections.abc import Iterator

from isochrone_gateway.config import Config
from isochrone_gateway.config.law import UNBOUND_ROW, Law, Mode, Table, decode_row
from isochrone_gateway.route.mask import Age


def place_of_copies(config: Config) -> str:
    """The jurisdiction of the bucket that copies go to; empty if there is none, or it may have none."""
    evidence = config.site.evidence
    if (
        evidence is None
        or evidence.objects is None
        or forbidding(config.law, config.site.place, evidence.objects.place)
    ):
        return ""
    return ",".join(sorted(config.places.places[evidence.objects.place].codes))


def why_not(config: Config, age: Age) -> str:
    """Why the bucket that this config has gets no copies now; empty if it gets them."""
    evidence = config.site.evidence
    if evidence is None or evidence.objects is None:
        return ""
    here, there = config.site.place, evidence.objects.place
    if policies := forbidding(config.law, here, there):
        return f"{', '.join(policies)}: Logs is allowed at this site, but not where the bucket is"
    if not place_of_copies(config):
        return "the bucket's place isn't known"
    home = config.places.places[here].country
    is_home = home is not None and config.places.places[there].country == home
    if age is Age.EXPIRED or (age is Age.STALE and not is_home):
        return f"the config is {age}: nothing may leave {'this site' if age is Age.EXPIRED else 'the country'}"
    return ""


def forbidding(law: Law, here: int, there: int) -> tuple[str, ...]:
    """The policies that allow Logs at one place and not at the other, for data of some origin."""
    return tuple(
        policy.name
        for policy in law.policies
        if policy.mode is Mode.ENFORCE
        and any(row >> here & 1 and not row >> there & 1 for row in _rows(law, law.tables[policy.table("Logs")]))
    )


def _rows(law: Law, table: Table) -> Iterator[int]:
    """What a table says of all origins, where its policy binds."""
    unknown = () if isinstance(table.unknown, str) else (table.unknown,)
    for row in {*table.rows.values(), table.otherwise, *unknown}:
        if row != UNBOUND_ROW:
            yield decode_row(law.rows[row])
