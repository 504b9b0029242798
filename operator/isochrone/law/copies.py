"""Whether what is logged at one place may be copied to another, whatever it is.

A line is at the first place because every policy that binds its data allows Logs there. So it may be copied if each of
them allows the second place, too, for data of each origin: then no line has to be looked at.
"""

import functools
from collections.abc import Iterable, Sequence
from typing import Final

from isochrone.api import EdgeNode
from isochrone.api.object_storage import ObjectStorage
from isochrone.api.residency_policy import Mode, Scope
from isochrone.law import atlas, masks
from isochrone.law.policy import Place, Policy

_HERE_ALONE: Final = 0b01
"""As a row of a table over the two places."""


class Buckets:
    """Which of sites' buckets may have their evidence. Many sites stand in one place, and copy to one other."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        known = tuple(policies)
        self._forbidding = functools.cache(lambda here, there: forbidding(known, here=here, there=there))

    def forbidding(self, edge: EdgeNode, bucket: ObjectStorage) -> tuple[str, ...]:
        """The policies because of which a site's evidence may not be copied to its bucket."""
        return self._forbidding(atlas.of_site(edge).place, atlas.of_bucket(bucket))

    def lawful(self, edge: EdgeNode) -> ObjectStorage | None:
        """Where a site's evidence is copied to; None where nothing of it may be."""
        bucket = atlas.bucket_of(edge)
        if bucket is None or not atlas.of_bucket(bucket).is_known or self.forbidding(edge, bucket):
            return None
        return bucket


def forbidding(policies: Iterable[Policy], *, here: Place, there: Place) -> tuple[str, ...]:
    """The policies that allow Logs at one place and not at the other, for data of some origin; sorted."""
    places = (here, there)
    return tuple(sorted(each.name for each in policies if each.mode is Mode.ENFORCE and _forbids(each, places)))


def _forbids(policy: Policy, places: Sequence[Place]) -> bool:
    allowance = policy.allowance(Scope.LOGS)
    if all(allowance.refusal(each, None) is None for each in places):
        return False  # For data of whatever origin: its own country can only add to it.
    table = masks.table(policy, Scope.LOGS, places)
    rows = {*table.rows.values(), table.otherwise, table.unknown}
    return _HERE_ALONE in rows
