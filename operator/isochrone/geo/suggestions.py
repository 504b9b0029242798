"""What somebody may have meant: one suggestion for a name that is not known, or none.

A wrong suggestion costs little, as nothing acts on it; still, two-letter codes are not guessed at, because any of them
is one letter from twenty others.
"""

import functools
import unicodedata
from collections.abc import Iterable, Mapping

from isochrone.geo import codes

WORLD = "World"
"""Every jurisdiction there is, by name."""

CONFUSIONS = {
    "*": WORLD,
    "america": "US",
    "any": WORLD,
    "britain": "GB",
    "burma": "MM",
    "cape verde": "CV",
    "czech republic": "CZ",
    "eastern timor": "TL",
    "eea+": "EUAdequate",
    "el": "GR",
    "emirates": "AE",
    "england": "GB-ENG",
    "eur": "EU",
    "europe": "EU",
    "european economic area": "EEA",
    "european union": "EU",
    "fx": "FR",
    "gb-cym": "GB-WLS",
    "gdpr": "EEA",
    "global": WORLD,
    "great britain": "GB-GBN",
    "holland": "NL",
    "ivory coast": "CI",
    "korea": "KR",
    "kosovo": "RS-KM",
    "macao": "MO",
    "hong kong": "HK",
    "macedonia": "MK",
    "nafta": "USMCA",
    "scotland": "GB-SCT",
    "swaziland": "SZ",
    "turkey": "TR",
    "uae": "AE",
    "uk": "GB",
    "united states of america": "US",
    "wales": "GB-WLS",
    "worldwide": WORLD,
    "xk": "RS-KM",
}

_ENOUGH = 0.72
"""How alike two names must be (difflib's ratio): one wrong letter in four still passes."""

_GUESSABLE = 3
"""How many characters a text needs before it is compared letter by letter."""


def suggest(text: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `text` most likely means: by case, old or three-letter code, name, or spelling."""
    known = frozenset(candidates)
    plain = fold(text)
    meant = (
        _by_case(known).get(plain),
        codes.canonical(text.strip().upper().replace("_", "-")),
        CONFUSIONS.get(plain),
        codes.alpha3().get(text.strip().upper()),
        _by_name().get(plain),
    )
    return next((code for code in meant if code in known), None) or _by_spelling(plain, known)


@functools.lru_cache(maxsize=1 << 15)
def fold(text: str) -> str:
    """Without case, accents and surrounding or repeated space, as names are compared."""
    parts = unicodedata.normalize("NFKD", text.replace("_", "-"))
    return " ".join("".join(c for c in parts if not unicodedata.combining(c)).casefold().split())


def _by_case(known: Iterable[str]) -> Mapping[str, str]:
    return {fold(code): code for code in sorted(known)}


@functools.cache
def _by_name() -> Mapping[str, str]:
    """Folded name -> code, for names that only one country, or else only one subdivision, has."""
    found: dict[str, str] = {}
    twice: set[str] = set()
    for code, (_, name) in codes.subdivisions().items():
        known = codes.canonical(code)
        if found.setdefault(fold(name), known) != known:
            twice.add(fold(name))
    return {name: code for name, code in found.items() if name not in twice} | {
        fold(name): code for code, name in codes.countries().items()
    }


@functools.lru_cache(maxsize=1 << 10)
def _by_spelling(plain: str, known: frozenset[str]) -> str | None:
    if len(plain) < _GUESSABLE:
        return None
    import difflib

    spelled = {name: code for name, code in _by_name().items() if code in known and codes.is_country(code)}
    country, dash, _ = plain.partition("-")
    for code in sorted(known):
        same_country = not dash or fold(code).startswith(f"{country}-")
        if len(code) >= _GUESSABLE and same_country:
            spelled[fold(code)] = code
    close = difflib.get_close_matches(plain, spelled, n=1, cutoff=_ENOUGH)
    return spelled[close[0]] if close else None
