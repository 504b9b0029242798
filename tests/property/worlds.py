"""Random worlds to ask the law about: policies, subjects, and questions in the shape of `residency_table.json`.

Codes are drawn from few that have much to do with one another, so that rules meet: parts and wholes, codes that ISO
lists twice, territories apart from their country, parts of two countries, blocs over them, and names that don't exist.

Hypothesis draws a seed, and the world follows from it. Drawn field by field, a world takes much longer, many are nearly
empty, half are drawn twice, and to shrink one takes minutes: `World.without` is for that.
"""

import dataclasses
import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from isochrone import law
from isochrone.geo import codes

Json = Mapping[str, Any]

FAMILIES = {
    "a country and its states": ("US", "US-CA", "US-NY", "PR", "US-PR", "UM"),
    "parts of parts": ("GB", "GB-UKM", "GB-GBN", "GB-EAW", "GB-ENG", "GB-LND", "GB-SCT", "GB-NIR", "IM"),
    "departments in regions, and overseas": ("FR", "FR-ARA", "FR-69", "FR-6AE", "FR-971", "FR-GP", "GP", "FR-PF", "PF"),
    "parts of two countries": ("MA", "EH", "MA-10", "MA-12", "MA-11", "MA-LAA", "MA-03"),
    "parts of another code": ("NO", "NO-03", "NO-21", "NO-22", "SJ"),
    "territories as parts": ("NL", "NL-NH", "NL-BQ1", "BQ-BO", "BQ", "CN", "CN-HK", "HK", "FI", "FI-01", "AX"),
    "others": ("DE", "DE-BY", "CH", "JP"),
}
SOME = tuple(itertools.chain.from_iterable(FAMILIES.values()))
ALL = tuple(sorted({*codes.countries(), *codes.subdivisions()}))
BLOCS = ("EU", "EEA", "EUTerritories", "Nordics", "DACH", "AfricanUnion", "FiveEyes")
OWN_BLOCS = ("Alps", "Isles", "Partners")
TYPOS = ("Atlantis", "ZZ", "US-ZZ", "UK", "XK")
CLASSES = ("health", "payments", "genome")
LABELS = {"tier": ("gold", "silver"), "stage": ("lab", "live"), "lgpd": ("",)}
NAMESPACES = ("apps", "bank")
POSITIVE = ("In", "Exists")
OPERATORS = (*POSITIVE, "NotIn", "DoesNotExist")


@dataclasses.dataclass(frozen=True)
class World:
    """Policies by name, and what questions about them are made of."""

    policies: Mapping[str, Json]
    subjects: Mapping[str, Json]
    dimensions: Mapping[str, list[Any]]

    def without(self, policy: str) -> "World":
        """The world with a policy less."""
        return dataclasses.replace(
            self, policies={name: spec for name, spec in self.policies.items() if name != policy}
        )

    def questions(self, most: int) -> Iterator[dict[str, Any]]:
        """Rows of the table, spread evenly over all combinations: neighbours differ in nearly everything."""
        count = math.prod(map(len, self.dimensions.values()))
        step = _coprime_to(count)
        for number in range(min(most, count)):
            yield self._question(number * step % count)

    def _question(self, number: int) -> dict[str, Any]:
        """Combination `number` of all: its digits, one per dimension, say which value."""
        row = {}
        for name, values in self.dimensions.items():
            number, digit = divmod(number, len(values))
            row[name] = values[digit]
        return row


def _coprime_to(count: int) -> int:
    """A prime near the golden section of `count`, so that multiples of it, modulo `count`, reach everything."""
    primes = (1, 2, 3, 5, 7, 11, 13, 23, 47, 97, 193, 389, 769, 1543, 3079, 6151, 12289)
    wanted = count * 0.618
    return max((prime for prime in primes if prime <= wanted and count % prime), default=1)


class _Dice(random.Random):
    """Randomness with the few moves that are needed here."""

    def chance(self, percent: int) -> bool:
        return self.randrange(100) < percent

    def some(self, items: Sequence[str], low: int, high: int) -> list[str]:
        """Different ones."""
        return self.sample(items, self.randint(low, min(high, len(items))))

    def field(self, percent: int, name: str, value: Any) -> dict[str, Any]:
        """An object with this field, or without it."""
        return {name: value} if self.chance(percent) else {}


@dataclasses.dataclass(frozen=True)
class _Atlas:
    """Where a world plays: mostly in one family of codes, else rules would seldom meet."""

    dice: _Dice
    family: tuple[str, ...]
    typos: bool
    own_blocs: tuple[str, ...] = ()

    def code(self) -> str:
        if self.typos and self.dice.chance(5):
            return self.dice.choice(TYPOS)
        return self.dice.choice(self.family if self.dice.chance(85) else SOME if self.dice.chance(50) else ALL)

    def name(self) -> str:
        """What may stand in a policy."""
        if self.own_blocs and self.dice.chance(25):
            return self.dice.choice(self.own_blocs)
        return self.dice.choice((*BLOCS, "World")) if self.dice.chance(15) else self.code()

    def codes(self, low: int, high: int) -> list[str]:
        return list(dict.fromkeys(self.code() for _ in range(self.dice.randint(low, high))))

    def names(self, low: int, high: int) -> list[str]:
        return list(dict.fromkeys(self.name() for _ in range(self.dice.randint(low, high))))

    def areas(self, *, least: int = 0) -> dict[str, Any]:
        include = ["World"] if self.dice.chance(25) else self.names(least if self.dice.chance(5) else 1, 4)
        return {"include": include, **self.dice.field(45, "exclude", self.names(0, 3))}


# Policies


def _policy(atlas: _Atlas, *modes: str) -> dict[str, Any]:
    dice = atlas.dice
    own = dice.some(OWN_BLOCS, 1, 3) if dice.chance(25) else []
    atlas = dataclasses.replace(atlas, own_blocs=tuple(own))
    scopes = dice.sample([scope for scope in law.Scope if scope is not law.Scope.INFERENCE], dice.randint(0, 3))
    return {
        "mode": dice.choice(modes),
        "allow": [_allowance(atlas, scope) for scope in (law.Scope.INFERENCE, *scopes)],
        **dice.field(75, "binds", _binds(atlas)),
        **dice.field(60, "unknownOrigin", dice.choice(["Deny", "Bind", "Ignore"])),
        **({"blocs": [_own_bloc(atlas, name) for name in own]} if own else {}),
    }


def _allowance(atlas: _Atlas, scope: law.Scope) -> dict[str, Any]:
    dice = atlas.dice
    places = dice.field(85, "places", atlas.areas())
    home = dice.field(40, "originCountry", dice.choice(["Allow", "Ignore"])) if places else {"originCountry": "Allow"}
    evidence = dice.choice(["Declared", "Declared", "Contracted", "Attested"])
    return {"scope": scope.value, **places, **home, **dice.field(50, "minEvidence", evidence)}


def _binds(atlas: _Atlas) -> dict[str, Any]:
    """Half of them bind by origins alone: else hardly two would ever bind at once."""
    dice = atlas.dice
    if dice.chance(50):
        return {"origins": atlas.areas(least=1)}
    return {
        **dice.field(50, "origins", atlas.areas(least=1)),
        **dice.field(30, "dataClasses", dice.some(CLASSES, 1, 2)),
        **dice.field(30, "namespaces", _namespaces(dice)),
        **dice.field(30, "routes", _selector(dice, POSITIVE)),
        **dice.field(30, "tenants", _selector(dice, POSITIVE)),
    }


def _namespaces(dice: _Dice) -> dict[str, Any]:
    named = dice.field(60, "names", dice.some(NAMESPACES, 1, 1))
    empty_selector = dice.field(10, "selector", {})
    return {**named, **empty_selector} or {"selector": _selector(dice, OPERATORS)}


def _selector(dice: _Dice, operators: tuple[str, ...]) -> dict[str, Any]:
    expressions = [_expression(dice, dice.choice(operators)) for _ in range(dice.randint(1, 2))]
    label = dice.choice(list(LABELS))
    exact = dice.field(50, "matchLabels", {label: dice.choice(LABELS[label])})
    return {**exact, **dice.field(60, "matchExpressions", expressions)} or {"matchExpressions": expressions}


def _expression(dice: _Dice, operator: str) -> dict[str, Any]:
    key = dice.choice(list(LABELS))
    values = {"values": dice.some((*LABELS[key], "other"), 1, 2)} if operator in {"In", "NotIn"} else {}
    return {"key": key, "operator": operator, **values}


def _own_bloc(atlas: _Atlas, name: str) -> dict[str, Any]:
    """Among typos also one that contains itself, or has a name that is taken."""
    others = tuple(own for own in atlas.own_blocs if own > name or (atlas.typos and own != name))
    taken = atlas.typos and name == OWN_BLOCS[0] and atlas.dice.chance(20)
    return {
        "name": "DACH" if taken else name,
        "members": dataclasses.replace(atlas, own_blocs=others).names(1, 3),
    }


# Questions


def _subject(dice: _Dice) -> dict[str, Any]:
    return {
        "route": _labelled(dice),
        **dice.field(70, "tenant", _labelled(dice)),
        **dice.field(60, "dataClasses", dice.some(CLASSES, 0, 2)),
    }


def _labelled(dice: _Dice) -> dict[str, Any]:
    namespace = {"name": dice.choice(NAMESPACES), "labels": _labels(dice)}
    return {"name": "it", "namespace": namespace, **dice.field(70, "labels", _labels(dice))}


def _labels(dice: _Dice) -> dict[str, str]:
    return {key: dice.choice(values) for key, values in LABELS.items() if dice.chance(50)}


def _place(atlas: _Atlas) -> dict[str, Any]:
    jurisdictions = atlas.codes(1, 1) if atlas.dice.chance(65) else atlas.codes(0, 3)
    return {"codes": jurisdictions, "evidence": atlas.dice.choice(["Declared", "Contracted", "Attested", "Attested"])}


def _world(seed: int, *, typos: int) -> World:
    dice = _Dice(seed)
    atlas = _Atlas(dice, dice.choice(list(FAMILIES.values())), typos=dice.chance(typos))
    names = dice.sample("abcde", dice.choice([0, 1, 1, 2, 2, 2, 3, 3, 4, 5]))
    subjects = {str(number): _subject(dice) for number in range(4)}
    return World(
        policies={name: _policy(atlas, "Enforce", "Enforce", "Enforce", "Audit") for name in names},
        subjects=subjects,
        dimensions={
            "origin": [atlas.codes(1, 1) if dice.chance(55) else atlas.codes(0, 3) for _ in range(8)],
            "place": [_place(atlas) for _ in range(8)],
            "scope": [scope.value for scope in law.Scope],
            "subject": list(subjects),
            "age": ["Fresh", "Fresh", "Fresh", "Stale", "Expired"],
            "siteCountry": [None, *(codes.country_of(dice.choice(atlas.family)) for _ in range(2))],
            "default": ["Allow", "Allow", "Deny"],
        },
    )


def _new_policy(seed: int) -> Json:
    dice = _Dice(seed)
    return _policy(_Atlas(dice, dice.choice(list(FAMILIES.values())), typos=True), "Enforce")


_seeds = st.binary(min_size=12, max_size=12).map(int.from_bytes)

worlds = _seeds.map(lambda seed: _world(seed, typos=25))
"""Up to five policies, with some of everything to ask about them."""
readable_worlds = _seeds.map(lambda seed: _world(seed, typos=0))
"""The same, where all names are known: to take away one that is not would mend a policy."""
any_policy = _seeds.map(_new_policy)
"""A policy that decides."""
anywhere = st.sampled_from(SOME) | st.sampled_from(ALL)
anything = st.sampled_from(SOME) | st.sampled_from((*ALL, *TYPOS))
"""A code as a caller might send it."""
some_origins = st.sampled_from(list(FAMILIES.values())).flatmap(
    lambda family: st.lists(st.sampled_from((*family, "US", "ZZ")), min_size=1, max_size=3, unique=True)
)
"""What a tenant may declare."""
