"""Sets of jurisdictions, and the two questions that law asks of them.

An `Area` is what is included less what is excluded. Both are canonical codes, with blocs already expanded, or `World`,
in which everything lies. Jurisdictions are often known only coarsely: a provider says `US`, a policy says `US-CA`. So
there are two questions, and for each the doubtful answer is the one that fails closed:

* `covers(code)`, asked about **places**: does *all* of `code` surely lie inside? A place that is known only as `US`
  never satisfies a policy that allows `US-CA`.
* `touches(code)`, asked about **origins**: may *some* of `code` lie inside? Data that comes from somewhere in `US` is
  bound by a policy for `US-CA`.

| include         | exclude     | asked about | covers | touches | why                                                 |
|-----------------|-------------|-------------|--------|---------|-----------------------------------------------------|
| US              |             | US          | yes    | yes     | the same                                            |
| US              |             | US-CA       | yes    | yes     | a part of what is included                          |
| US-CA           |             | US          | no     | yes     | all of US is not in US-CA, but some of it is        |
| US-CA           |             | US-NY       | no     | no      | beside it                                           |
| US              |             | PR          | no     | no      | a code of its own: not part of US                   |
| US              | US-CA       | US          | no     | yes     | a hole in it, yet not all of it                     |
| US              | US-CA       | US-CA       | no     | no      | the hole                                            |
| US              | US-CA       | US-NY       | yes    | yes     | beside the hole                                     |
| US-CA           | US          | US, US-CA   | no     | no      | the exclusion is wider                              |
| US-CA, US-NY    | US-CA       | US          | no     | yes     | US-NY is left                                       |
| US-CA           | US-CA       | US          | no     | no      | all of it that was included is excluded             |
| US, every US-xx |             | US          | yes    | yes     | by name                                             |
| every US-xx     |             | US          | no     | yes     | parts that add up are not trusted to be the whole   |
| US              | every US-xx | US          | no     | yes     | likewise                                            |
| MA              |             | MA-12       | no     | yes     | lies within MA and EH, and only one is included     |
| MA, EH          |             | MA-12       | yes    | yes     | both are                                            |
| MA, EH          | EH          | MA-12       | no     | yes     | the part in MA is left                              |
| World           |             | World       | yes    | yes     | everywhere                                          |
| World           | RU          | US          | yes    | yes     | not excluded                                        |
| World           | RU          | World       | no     | yes     | some of the world is excluded, not all              |
| DE              |             | World       | no     | yes     | an unknown origin may be DE                         |
| (nothing)       | any         | any         | no     | no      | empty                                               |

A code that is not known (a typo, `XK`) is taken for `World`: it could be anywhere.
"""

import dataclasses
import functools
from collections.abc import Iterable

from isochrone.geo import blocs, codes
from isochrone.geo.suggestions import WORLD


@dataclasses.dataclass(frozen=True, slots=True)
class Area:
    """Some jurisdictions, less others."""

    include: frozenset[str]
    exclude: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        # An exclusion that is misspelt would exclude nothing, so this is checked here once and for all.
        strange = sorted(code for code in self.include | self.exclude if _place(code) != code)
        if strange:
            raise ValueError(f"not canonical codes of ISO 3166: {', '.join(strange)}")

    def covers(self, code: str) -> bool:
        """Whether the whole of `code` surely lies inside."""
        place = _place(code)
        return _is_within(place, self.include) and not any(_overlap(place, out) for out in self.exclude)

    def touches(self, code: str) -> bool:
        """Whether some part of `code` may lie inside."""
        origin = _place(code)
        return not _is_within(origin, self.exclude) and any(
            _overlap(origin, inside) and not _is_within(inside, self.exclude) for inside in self.include
        )


def expand(
    include: Iterable[str], exclude: Iterable[str] = (), blocs_of_own: blocs.Own | None = None
) -> Area | tuple[blocs.Problem, ...]:
    """The area that these codes and blocs stand for, or all that is wrong with them."""
    own = blocs_of_own or {}
    inside, problems = blocs.resolve(include, own)
    outside, more = blocs.resolve(exclude, own)
    if problems or more:
        return tuple(sorted({*problems, *more}))
    return Area(inside, outside)


@functools.lru_cache(maxsize=16_384)
def _place(code: str) -> str:
    return codes.canonical(code) if code != WORLD and codes.is_code(code) else WORLD


@functools.cache
def _parents(code: str) -> tuple[str, ...]:
    return () if code == WORLD else codes.parents(code) or (WORLD,)


@functools.cache
def _lineage(code: str) -> frozenset[str]:
    """The code and all that it lies within."""
    return frozenset({code, WORLD, *codes.ancestors(code)})


def _is_within(code: str, within: frozenset[str]) -> bool:
    """Whether `within` names the code, or all that it lies in. What lies within two others needs both."""
    above = _parents(code)
    return code in within or (bool(above) and all(_is_within(parent, within) for parent in above))


def _overlap(one: str, other: str) -> bool:
    """Whether two jurisdictions share ground: one lies within the other."""
    return one in _lineage(other) or other in _lineage(one)


EVERYWHERE = Area(frozenset({WORLD}))
NOWHERE = Area(frozenset())
