"""Which requests somebody asks for, and areas as they are written: `EU`, `DE-BE`, `EU,CH`.

The two questions about areas are those of the law, and what is doubtful is shown rather than hidden: a place that is
known as `US` alone may be outside `US-CA`, one that isn't known may be outside of everything, and data whose origin
isn't known may come from anywhere.
"""

import dataclasses
import functools
from collections.abc import Collection

from isochrone.audit.visits import Visit
from isochrone.geo import areas, blocs
from isochrone.geo.areas import Area
from isochrone.geo.suggestions import WORLD


class NoArea(Exception):  # noqa: N818 - what it is
    """What is no code and no bloc. The message says what may have been meant."""


def area(text: str) -> Area:
    """The area of codes and blocs with commas between them. Raises NoArea."""
    names = [each.strip() for each in text.split(",")]
    found = areas.expand(names)
    if isinstance(found, Area):
        return found
    said = "; ".join(each.message for each in found)
    raise NoArea(said if "did you mean" in said else f"{said}; blocs are: {', '.join(sorted(blocs.shipped()))}")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for; all that is said must hold, and of several values of one kind any. Empty: everything."""

    tenants: Collection[str] = ()
    routes: Collection[str] = ()
    policies: Collection[str] = ()
    sites: Collection[str] = ()
    outcomes: Collection[str] = ()
    origin: Area | None = None
    """The data may come from there."""
    outside: Area | None = None
    """It was processed at a place that isn't surely inside."""
    inside: Area | None = None
    """It was processed, and nowhere else."""
    since: float | None = None
    """Seconds since 1970, of its first line."""
    until: float | None = None
    """Before then."""

    def has(self, visit: Visit) -> bool:
        """Whether this request is asked for."""
        return self._is_when(visit) and self._is_whose(visit) and self._is_where(visit)

    def _is_when(self, visit: Visit) -> bool:
        if self.since is not None and visit.began < self.since:
            return False
        return self.until is None or visit.began < self.until

    def _is_whose(self, visit: Visit) -> bool:
        if (self.outcomes and visit.outcome not in self.outcomes) or (
            self.sites and visit.source.site not in self.sites
        ):
            return False
        if not (self.tenants or self.routes or self.policies or self.origin):
            return True
        said = visit.said
        if (self.tenants and (said is None or said.tenant not in self.tenants)) or (
            self.routes and (said is None or said.route not in self.routes)
        ):
            return False
        return self._is_bound(visit) and (
            self.origin is None or _may_come_from(said.origin if said else (), self.origin)
        )

    def _is_bound(self, visit: Visit) -> bool:
        """Whether one of the policies binds it, or refused it."""
        if not self.policies:
            return True
        named = {name for each in visit.tries if each.intent is not None for name in each.intent.policies}
        if visit.end is not None:
            named |= {*visit.end.policies, visit.end.policy}
        return not (named - {""}).isdisjoint(self.policies)

    def _is_where(self, visit: Visit) -> bool:
        if self.outside is not None and not any(is_outside(each, self.outside) for each in visit.places):
            return False
        return self.inside is None or (
            bool(visit.places) and not any(is_outside(each, self.inside) for each in visit.places)
        )


@functools.lru_cache(maxsize=4096)
def is_outside(place: str, within: Area) -> bool:
    """Whether a place isn't surely inside; one that isn't known never is."""
    return not within.covers(place or WORLD)


@functools.lru_cache(maxsize=4096)
def _may_come_from(origin: tuple[str, ...], there: Area) -> bool:
    return any(there.touches(code) for code in origin or (WORLD,))
