"""Names of places that are none."""

from collections.abc import Iterable
from typing import Final

from isochrone.api.conditions import Reason
from isochrone.geo import blocs
from isochrone.geo.blocs import Own, Problem

_NONE: Final[Own] = {}
_CODE: Final = 2


def unknown(names: Iterable[str], own: Own = _NONE) -> tuple[Reason, str] | None:
    """The first name that stands for no place, and what may have been meant."""
    _, problems = blocs.resolve(names, own)
    return (reason_of(problems[0]), problems[0].message) if problems else None


def reason_of(problem: Problem) -> Reason:
    """A name that looks like a code of a country, or of a part of one, is a place; others are blocs."""
    return Reason.UNKNOWN_PLACE if len(problem.name.partition("-")[0]) == _CODE else Reason.UNKNOWN_BLOC
