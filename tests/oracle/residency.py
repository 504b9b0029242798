"""The residency law a second time: decision record 2 read word by word, as sets. Tests hold `isochrone.law` to it.

The earth is cut into *atoms* so small that every jurisdiction is a plain set of them; then *covers* is "subset of" and
*touches* is "has an atom in common". What a country lists doesn't add up to all of it, so each code has an atom of its
own ("the rest of it"); what lies within two has an atom in each. What is not known where, may be any atom, or one that
is on no list.

Input and answer have the shape of `residency_table.json`. Of the product only ISO's codes and the meaning of a bloc's
name are used: `isochrone.law` is what is tested, so it is neither asked nor imitated.
"""

import functools
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypedDict

from isochrone.geo import blocs, codes

Json = Mapping[str, Any]
Atoms = frozenset[str]
Says = Literal[
    "does not bind",
    "allows",
    "UnknownOrigin",
    "UnknownPlace",
    "PlaceNotAllowed",
    "PlaceTooCoarse",
    "EvidenceTooLow",
]
"""What one policy says of one question and one origin."""

NOWHERE: Final[Atoms] = frozenset()
EVIDENCE: Final = ("Declared", "Contracted", "Attested")


class Answer(TypedDict):
    """What the table calls `expect`."""

    allowed: bool
    reason: str
    policy: str | None
    bound: list[str]
    audited: list[str]


# Section 1: areas


@functools.cache
def atoms() -> Mapping[str, Atoms]:
    """Canonical code -> its atoms. An atom is a way down the hierarchy, such as `GB/GB-GBN/GB-EAW/GB-ENG/GB-LND`."""
    known = {codes.canonical(code) for code in (*codes.countries(), *codes.subdivisions())}
    ways = {"/".join(way) for code in known for way in _ways_to(code)}
    found: dict[str, set[str]] = {code: set() for code in known}
    for way in ways:
        for code in way.split("/"):
            found[code].add(way)
    return {code: frozenset(parts) for code, parts in found.items()}


def _ways_to(code: str) -> list[list[str]]:
    return [[*way, code] for above in codes.parents(code) for way in _ways_to(above)] or [[code]]


@functools.cache
def anywhere() -> Atoms:
    """All atoms, and one that is on no list."""
    return frozenset({"off the map"}).union(*atoms().values())


def is_known(code: str) -> bool:
    return codes.canonical(code) in atoms()


def territory(code: str) -> Atoms:
    """The atoms of a jurisdiction; those of everything where it is not known."""
    return atoms()[codes.canonical(code)] if is_known(code) else anywhere()


def area(areas: Json, own: Json) -> Atoms | None:
    """What is included less what is excluded; None if a name in it can't be read."""
    return _less(tuple(areas["include"]), tuple(areas.get("exclude", ())), tuple(own.items()))


@functools.lru_cache(maxsize=64)
def _less(include: tuple[str, ...], exclude: tuple[str, ...], own: Any) -> Atoms | None:
    included, excluded = _named(include, dict(own)), _named(exclude, dict(own))
    return None if included is None or excluded is None else included - excluded


def _named(names: Sequence[str], own: Mapping[str, Sequence[str]]) -> Atoms | None:
    found, problems = blocs.resolve(names, own)
    return None if problems else NOWHERE.union(*(anywhere() if code == "World" else territory(code) for code in found))


def covers(area: Atoms, place: str) -> bool:
    return territory(place) <= area


def touches(area: Atoms, code: str) -> bool:
    return not area.isdisjoint(territory(code))


# Section 2: whom a policy binds


def binding(spec: Json, scope: str, origin: str | None) -> Literal["binds", "does not bind", "refuses"]:
    """The table of section 2, the other dimensions holding. An origin of None is unknown."""
    origins = spec.get("binds", {}).get("origins")
    matters = origins is not None or entry(spec, scope).get("originCountry", "Ignore") == "Allow"
    if not matters or (origin is not None and origins is None):
        return "binds"
    if origin is not None:
        return "binds" if touches(_origins(spec), origin) else "does not bind"
    match spec.get("unknownOrigin", "Deny"):
        case "Bind":
            return "binds"
        case "Ignore":
            unreadable = origins is not None and area(origins, _own(spec)) is None  # section 7
            return "binds" if unreadable else "does not bind"
        case _:
            return "refuses"


def _origins(spec: Json) -> Atoms:
    """Section 7: origins that can't be read bind every origin."""
    given = area(spec["binds"]["origins"], _own(spec))
    return anywhere() if given is None else given


def others_hold(binds: Json, subject: Json) -> bool:
    """Whether all dimensions but the origin hold."""
    holders = [subject["route"], *([subject["tenant"]] if subject.get("tenant") else [])]
    namespaces = [holder["namespace"] for holder in holders]
    held = {
        "origins": True,
        "dataClasses": not set(binds.get("dataClasses", ())).isdisjoint(subject.get("dataClasses", ())),
        "namespaces": any(_namespace_meant(binds.get("namespaces", {}), namespace) for namespace in namespaces),
        "routes": _labels_match(binds.get("routes", {}), subject["route"]),
        "tenants": "tenant" in subject and _labels_match(binds.get("tenants", {}), subject["tenant"]),
    }
    return all(held[dimension] for dimension in binds)


def _namespace_meant(namespaces: Json, namespace: Json) -> bool:
    by_label = "selector" in namespaces and _labels_match(namespaces["selector"], namespace)
    return namespace["name"] in namespaces.get("names", ()) or by_label


def _labels_match(selector: Json, labelled: Json) -> bool:
    """As Kubernetes reads a LabelSelector: all must hold; NotIn holds where the key is missing."""
    labels = labelled.get("labels", {})
    exact = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    return exact and all(_holds(expression, labels) for expression in selector.get("matchExpressions", ()))


def _holds(expression: Json, labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values", ())
    match expression["operator"]:
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return not (key in labels and labels[key] in values)
        case "Exists":
            return key in labels
        case _:
            return key not in labels


# Section 3: where a policy allows a scope


def entry(spec: Json, scope: str) -> Json:
    """The entry of the scope; without one, that of Inference."""
    entries: dict[str, Json] = {entry["scope"]: entry for entry in spec["allow"]}
    return entries.get(scope, entries["Inference"])


def refusal(entry: Json, own: Json, place: Json, origin: str | None) -> Says:
    """The reasons about the place, in their order; else that it is allowed."""
    jurisdictions = place["codes"]
    if not jurisdictions or not all(map(is_known, jurisdictions)):
        return "UnknownPlace"
    allowed = [_places(entry, own), _country_of_origin(entry, origin)]
    outside = [code for code in jurisdictions if not any(covers(area, code) for area in allowed)]
    if any(not any(touches(area, code) for area in allowed) for code in outside):
        return "PlaceNotAllowed"
    if outside:
        return "PlaceTooCoarse"
    least = entry.get("minEvidence", "Declared")
    return "allows" if EVIDENCE.index(place["evidence"]) >= EVIDENCE.index(least) else "EvidenceTooLow"


def _places(entry: Json, own: Json) -> Atoms:
    """Section 7: places that can't be read allow nothing."""
    return (area(entry["places"], own) if "places" in entry else None) or NOWHERE


def _country_of_origin(entry: Json, origin: str | None) -> Atoms:
    if entry.get("originCountry", "Ignore") == "Ignore" or origin is None:
        return NOWHERE
    country = codes.country_of(origin)
    return NOWHERE if country is None else territory(country)


def alone(spec: Json, scope: str, place: Json, origin: str | None) -> Says:
    """What one policy says, Enforce or Audit, where all dimensions but the origin hold."""
    match binding(spec, scope, origin):
        case "binds":
            return refusal(entry(spec, scope), _own(spec), place, origin)
        case "refuses":
            return "UnknownOrigin"
        case _:
            return "does not bind"


def _own(spec: Json) -> dict[str, tuple[str, ...]]:
    return {bloc["name"]: tuple(bloc["members"]) for bloc in spec.get("blocs", ())}


# Sections 4 and 5: several policies, several origins, and age


def decide(policies: Mapping[str, Json], subject: Json, question: Json) -> Answer:
    """The answer to one row of the table."""
    origins = origins_of(question["origin"])
    says = {
        name: [_says(spec, subject, question, origin) for origin in origins] for name, spec in sorted(policies.items())
    }
    enforce = {name: said for name, said in says.items() if policies[name].get("mode", "Enforce") == "Enforce"}
    bound = [name for name, said in enforce.items() if set(said) != {"does not bind"}]
    policy, reason = _refused(enforce, len(origins), question) or (None, _aged(question, bound=bool(bound)))
    return Answer(
        allowed=reason is None,
        reason=reason or ("AllowedByPolicies" if bound else "NoPolicyBinds"),
        policy=policy,
        bound=bound,
        audited=[name for name, said in says.items() if name not in enforce and any(map(_is_refusal, said))],
    )


def origins_of(declared: Sequence[str]) -> list[str | None]:
    """The jurisdictions that are decided each by itself, and an unknown one if one can't be read, or none is there."""
    known = sorted({codes.canonical(code) for code in declared if is_known(code)})
    return [*known, None] if not declared or not all(map(is_known, declared)) else [*known]


def _says(spec: Json, subject: Json, question: Json, origin: str | None) -> Says:
    if not others_hold(spec.get("binds", {}), subject):
        return "does not bind"
    return alone(spec, question["scope"], question["place"], origin)


def _is_refusal(said: Says) -> bool:
    return said not in {"does not bind", "allows"}


def _refused(enforce: Mapping[str, Sequence[Says]], origins: int, question: Json) -> tuple[str | None, str] | None:
    """The first policy that refuses, and there the first origin that it refuses: its name and reason."""
    for name, said in enforce.items():
        for answer in said:
            if _is_refusal(answer):
                return name, answer
    if question.get("default", "Allow") == "Deny":
        for number in range(origins):
            if {said[number] for said in enforce.values()} <= {"does not bind"}:
                return None, "DefaultDeny"
    return None


def _aged(question: Json, *, bound: bool) -> str | None:
    """The table of section 5."""
    home = question.get("siteCountry")
    here = is_home(question["place"]["codes"], home)
    table: dict[tuple[str, bool], str | None] = {
        ("Fresh", False): None,
        ("Fresh", True): None,
        ("Stale", False): None if here else "ConfigStale",
        ("Stale", True): None if here else "ConfigStale",
        ("Expired", False): None if here else "ConfigStale",
        ("Expired", True): "ConfigExpired",
    }
    return table[question.get("age", "Fresh"), bound]


def is_home(place: Sequence[str], country: str | None) -> bool:
    """Whether every jurisdiction of the place is known and lies in this country."""
    if country is None or not place or not is_known(country):
        return False
    return set(itertools.chain.from_iterable(map(territory, place))) <= territory(country)


# Section 6: the origin of a request


def origin_of_request(declared: Sequence[str] | None, header: str | None, honoured: str) -> frozenset[str] | None:
    """The table of section 6, before GeoIP. Empty is unknown; None: the header is refused. `honoured`: originHeader."""
    theirs = frozenset(code for code in origins_of(declared or ()) if code is not None)
    if declared is None or header is None or honoured == "Ignore":
        return theirs
    inside = is_known(header) and covers(NOWHERE.union(*map(territory, theirs)), header)
    return frozenset({codes.canonical(header)}) if inside else None
