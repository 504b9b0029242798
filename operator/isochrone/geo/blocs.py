"""Blocs: names for lists of jurisdictions, such as `EU`, as dated data. Not legal advice.

The shipped lists are in `data/blocs.json`, each with its date and the official list it follows. A membership that
changed since then, or a reading of your own, is a bloc of your own: a name and its members, which may be codes or other
blocs. It can't take the name of a jurisdiction or of a shipped bloc, so a name means the same in every policy.
"""

import dataclasses
import enum
import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from isochrone.geo import codes, tables
from isochrone.geo.suggestions import WORLD, suggest

NAME = re.compile(r"[A-Z][A-Za-z0-9]{2,30}")
"""What a bloc of one's own may be called."""

Own = Mapping[str, Sequence[str]]
"""Blocs of one's own: name -> members."""

_NONE: Own = {}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Bloc:
    """A shipped list of jurisdictions."""

    name: str
    title: str
    members: tuple[str, ...]
    """Codes, and names of other shipped blocs."""
    as_of: str
    """The date on which the list was true, `YYYY-MM-DD`."""
    source: str
    """Address of the official list."""
    note: str
    """What to know before relying on it; may be empty."""


class Fault(enum.StrEnum):
    """What can be wrong with a name."""

    UNKNOWN = "Unknown"
    CYCLE = "Cycle"
    NAME_TAKEN = "NameTaken"
    BAD_NAME = "BadName"
    EMPTY = "Empty"


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A name that can't be used, and why."""

    name: str
    fault: Fault
    message: str


@functools.cache
def shipped() -> Mapping[str, Bloc]:
    """The blocs that come with Isochrone, by name."""
    import json

    return {
        name: Bloc(
            name=name,
            title=bloc["title"],
            members=tuple(bloc["members"]),
            as_of=bloc["asOf"],
            source=bloc["source"],
            note=bloc["note"],
        )
        for name, bloc in json.loads(tables.text("blocs.json"))["blocs"].items()
    }


def resolve(names: Iterable[str], own: Own = _NONE) -> tuple[frozenset[str], tuple[Problem, ...]]:
    """The canonical codes that these names stand for, and what is wrong with them.

    Who gets a problem must not use the codes: a list that lacks a member may allow less than was meant as an
    inclusion, but allows more as an exclusion.
    """
    reached = _reach(names, own)
    found = frozenset(codes.canonical(name) for name in reached if _is_place(name))
    return found, tuple(problem for name in sorted(reached) for problem in _problems(name, own))


def check(own: Own) -> tuple[Problem, ...]:
    """What is wrong with these blocs, used or not."""
    return resolve(own, own)[1]


def known_names(own: Own = _NONE) -> frozenset[str]:
    """Everything that may be written where a place is meant."""
    return frozenset({WORLD, *own, *shipped(), *codes.countries(), *codes.subdivisions()})


def _is_place(name: str) -> bool:
    return name == WORLD or codes.is_code(name)


def _members(name: str, own: Own) -> Sequence[str]:
    """What a bloc was given as; nothing for what is not a bloc."""
    if _is_place(name):
        return ()
    return shipped()[name].members if name in shipped() else own.get(name, ())


def _reach(names: Iterable[str], own: Own) -> frozenset[str]:
    """These names, their members, and so on. Each bloc is opened once, so neither cycles nor diamonds cost more."""
    reached: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(_members(name, own))
    return frozenset(reached)


def _problems(name: str, own: Own) -> Iterator[Problem]:
    if name in own:
        yield from _naming(name, own)
        through = next((member for member in sorted(_members(name, own)) if name in _reach([member], own)), None)
        if through is not None:
            yield Problem(name, Fault.CYCLE, f"bloc {name!r} contains itself, by its member {through!r}")
    elif not _is_place(name) and name not in shipped():
        yield Problem(name, Fault.UNKNOWN, _unknown(name, own))


def _naming(name: str, own: Own) -> Iterator[Problem]:
    if _is_place(name) or name in shipped():
        yield Problem(name, Fault.NAME_TAKEN, f"{name!r} already has a meaning; give your bloc another name")
    elif not NAME.fullmatch(name):
        yield Problem(
            name,
            Fault.BAD_NAME,
            f"{name!r} can't name a bloc: use 3 to 31 letters and digits, the first a capital letter",
        )
    if not own[name]:
        yield Problem(name, Fault.EMPTY, f"bloc {name!r} has no members")


def _unknown(name: str, own: Own) -> str:
    meant = suggest(name, known_names(own))
    return f"{name!r} is no ISO 3166 code and no bloc" + (f"; did you mean {meant!r}?" if meant else "")
