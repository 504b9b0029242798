"""ISO 3166: which codes there are, what they are called, and what lies within what.

A jurisdiction is an ISO 3166-1 alpha-2 code (`DE`) or an ISO 3166-2 code (`US-CA`). They form a hierarchy, as in
`GB-LND` within `GB-ENG` within `GB-EAW` (England and Wales) within `GB-GBN` (Great Britain) within `GB`. Three rules
keep it safe to decide by:

* **One territory, one code.** Where ISO lists a territory both by itself and as a subdivision of another country, the
  code of its own is the canonical one: `US-PR` is `PR`, `FR-971` is `GP`, `CN-HK` is `HK`. It is then *not* part of the
  other country: who allows `FR` has not allowed `GP`. `NO-21` and `NO-22` are the two parts of `SJ`, so they lie within
  it; and `GB-UKM`, which is all of it, is `GB`.
* **A code may lie within two others,** which means: partly in each, or disputed. ISO marks three Moroccan regions as
  wholly or partly in Western Sahara; they lie within `MA` and `EH`, and both must be lawful for them to be.
* **Only what ISO has assigned.** `XK` (Kosovo) is a private code that others use differently, `EU` and `UK` are
  reserved: they are not jurisdictions here. ISO lists Kosovo as `RS-KM`.
"""

import functools
from collections.abc import Mapping

from isochrone.geo import tables


def is_country(code: str) -> bool:
    """Whether ISO 3166-1 has assigned this alpha-2 code."""
    return code in countries()


def is_subdivision(code: str) -> bool:
    """Whether this is a current ISO 3166-2 code, those that are not canonical included."""
    return code in subdivisions()


def is_code(code: str) -> bool:
    """Whether this names a jurisdiction: a country, a subdivision, or a withdrawn code that is still unambiguous."""
    known = canonical(code)
    return is_country(known) or is_subdivision(known)


def canonical(code: str) -> str:
    """The one code that stands for the territory; what is no alias comes back as it is."""
    return aliases().get(code, code)


def name_of(code: str) -> str | None:
    """The English name of a country or subdivision."""
    known = canonical(code)
    if known in subdivisions():
        return subdivisions()[known][1]
    return countries().get(known)


def country_of(code: str) -> str | None:
    """The ISO 3166-1 code of the country or territory; where it lies within two, the one that lists it."""
    known = canonical(code)
    if is_country(known):
        return known
    return next((above for above in ancestors(known) if is_country(above)), None)


def parents(code: str) -> tuple[str, ...]:
    """The smallest jurisdictions that this one lies within: none for a country, nearly always one for others."""
    known = canonical(code)
    return subdivisions()[known][0] if known in subdivisions() else ()


@functools.cache
def ancestors(code: str) -> tuple[str, ...]:
    """All jurisdictions that this one lies within, the nearest first; not the code itself."""
    found: dict[str, None] = {}
    level = parents(code)
    while level:
        found |= dict.fromkeys(level)
        level = tuple(above for below in level for above in parents(below))
    return tuple(found)


@functools.cache
def countries() -> Mapping[str, str]:
    """Alpha-2 code -> English name."""
    return {code: name for code, _, name in tables.rows("countries.csv")}


@functools.cache
def alpha3() -> Mapping[str, str]:
    """Alpha-3 code -> alpha-2 code."""
    return {long: code for code, long, _ in tables.rows("countries.csv")}


@functools.cache
def subdivisions() -> Mapping[str, tuple[tuple[str, ...], str]]:
    """ISO 3166-2 code -> (its parents, its English name)."""
    return {code: (tuple(within.split()), name) for code, within, name in tables.rows("subdivisions.csv")}


@functools.cache
def aliases() -> Mapping[str, str]:
    """Subdivision code -> the canonical code of the same territory."""
    return dict(pair for pair in tables.rows("aliases.csv"))
