"""What is taken down: single sites, or all sites of an area, one after the other."""

from collections.abc import Iterable, Sequence

from isochrone.geo import areas, blocs
from isochrone.verify.declared import Declared

Drill = tuple[str, ...]
"""Sites, in the order in which they go down and stay down."""


class NoSuchArea(Exception):  # noqa: N818 - it says what is the matter
    """A code or bloc that there isn't, or one in which no site is."""


def drills(declared: Declared, live: Sequence[str], *, sites: Iterable[str], all_of: Iterable[str]) -> list[Drill]:
    """Each site by itself if nothing else is asked for; with `all_of`, the sites of each area as well."""
    found: list[Drill] = [(site,) for site in sorted(sites) or (() if all_of else live)]
    return found + [_of_area(declared, live, area) for area in all_of]


def _of_area(declared: Declared, live: Iterable[str], name: str) -> Drill:
    area = areas.expand([name])
    if not isinstance(area, areas.Area):
        known = ", ".join(sorted(blocs.shipped()))
        raise NoSuchArea(f"{name} is no ISO 3166 code and no bloc; blocs are {known}")
    found = tuple(sorted(site for site in live if _is_in(declared.sites[site].place.codes, area)))
    if not found:
        raise NoSuchArea(f"no site is in {name}")
    return found


def _is_in(codes: Iterable[str], area: areas.Area) -> bool:
    known = list(codes)
    return bool(known) and all(map(area.covers, known))
