"""Whether the compiled law is what the policies say: every table, for every origin and place, and whom each binds."""

from collections.abc import Container, Iterator, Mapping
from typing import NamedTuple

from isochrone.verify import meaning
from isochrone.verify.book import UNKNOWN, Book
from isochrone.verify.declared import Route, Tenant
from isochrone.verify.finding import Rule, Severity
from isochrone.verify.meaning import UNBOUND
from isochrone.verify.selecting import Selector
from isochrone_gateway.config import Config
from isochrone_gateway.config.law import Mode, Policy


class Said(NamedTuple):
    """A difference, before it is said of which sites it is true."""

    rule: Rule
    message: str
    policy: str | None = None
    severity: Severity = Severity.ERROR
    cases: int = 1


def differences(book: Book, config: Config) -> Iterator[Said]:
    """All of one law."""
    yield from _of_codes(book, config)
    compiled = {each.name: number for number, each in enumerate(book.policies)}
    for number, said in enumerate(book.declared.policies):
        if said.name not in compiled:
            yield Said(Rule.WRONG_LAW, f"the law lacks the policy {said.name}: it is not enforced", said.name)
            continue
        there = compiled[said.name]
        yield from _of_generation(book, book.policies[there])
        yield from _of_mode(book, said, book.policies[there])
        yield from _of_binds(book, said, book.policies[there], config)
        for scope in meaning.SCOPES:
            yield from _of_tables(book, scope, number, there)
    known = {each.name for each in book.declared.policies}
    for name in sorted(set(compiled) - known):
        text = f"the law has a policy {name}, which nobody declared"
        yield Said(Rule.WRONG_LAW, text, name, _stricter(book))


def _of_codes(book: Book, config: Config) -> Iterator[Said]:
    """A client may name any part of its country that looks like a code: such a row would be its own."""
    rows = {code for each in config.law.tables for code in each.rows}
    if strange := sorted(rows - set(book.class_of)):
        shown = ", ".join(strange[:3])
        text = f"the law has rows for {shown}, which ISO 3166 has not assigned, or lists under another code"
        yield Said(Rule.WRONG_LAW, text, cases=len(strange))


def _stricter(book: Book) -> Severity:
    """What binds more refuses more, unless being bound is what allows."""
    return Severity.ERROR if book.declared.unbound == "Deny" else Severity.WARNING


def _of_generation(book: Book, compiled: Policy) -> Iterator[Said]:
    """Evidence says by which of them a request was judged."""
    ought = book.declared.generations.get(compiled.name, compiled.generation)
    if compiled.generation != ought:
        text = f"policy {compiled.name} is compiled as generation {compiled.generation}, but it is generation {ought}"
        yield Said(Rule.WRONG_LAW, text, compiled.name, Severity.WARNING)


def _of_mode(book: Book, said: meaning.Policy, compiled: Policy) -> Iterator[Said]:
    enforces = compiled.mode is Mode.ENFORCE
    if enforces != said.enforces:
        severity = _stricter(book) if enforces else Severity.ERROR
        wanted = "Enforce" if said.enforces else "Audit"
        yield Said(
            Rule.WRONG_LAW, f"policy {said.name} is compiled as {compiled.mode}, not {wanted}", said.name, severity
        )


def _of_binds(book: Book, said: meaning.Policy, compiled: Policy, config: Config) -> Iterator[Said]:
    binds, known = compiled.binds, book.declared
    routes = {each.id for each in config.routes}
    tenants = {each.id for each in config.tenants.tenants}
    known_here = (known.routes.get(id_) or known.tenants.get(id_) for id_ in (*routes, *tenants))
    homes = {each.who.namespace.name: each.who.namespace for each in known_here if each is not None}
    wanted: dict[str, tuple[frozenset[str] | None, frozenset[str] | None]] = {
        "dataClasses": (said.classes, binds.data_classes),
        "namespaces": (
            None
            if (spaces := said.namespaces) is None
            else frozenset(name for name, each in homes.items() if spaces.has(each)),
            binds.namespaces,
        ),
        "routes": (_selected(said.routes, known.routes, routes), binds.routes),
        "tenants": (_selected(said.tenants, known.tenants, tenants), binds.tenants),
    }
    for dimension, (ought, there) in wanted.items():
        yield from _of_dimension(book, said.name, dimension, ought=ought, there=there)


def _selected(
    selector: Selector | None, known: Mapping[str, Route | Tenant], here: Container[str]
) -> frozenset[str] | None:
    """Those of a config that a selector takes; None if it asks for nothing."""
    if selector is None:
        return None
    return frozenset(id_ for id_, each in known.items() if id_ in here and selector.matches(each.who.labels))


def _of_dimension(
    book: Book, policy: str, dimension: str, *, ought: frozenset[str] | None, there: frozenset[str] | None
) -> Iterator[Said]:
    if there is not None and (ought is None or not ought <= there):
        lost = "everybody" if ought is None else ", ".join(sorted(ought - there)[:3])
        text = f"policy {policy} no longer binds by {dimension}: {lost}"
        yield Said(Rule.WRONG_LAW, text, policy)
    elif ought is not None and (there is None or there - ought):
        more = "everybody" if there is None else ", ".join(sorted(there - ought)[:3])
        yield Said(Rule.WRONG_LAW, f"policy {policy} binds more by {dimension}: {more}", policy, _stricter(book))


def _of_tables(book: Book, scope: str, number: int, there: int) -> Iterator[Said]:
    """The first difference of each kind stands for all of it."""
    policy = book.declared.policies[number]
    laxer: list[tuple[str | None, str]] = []
    bound: list[tuple[str | None, str]] = []
    stricter: list[tuple[str | None, str]] = []
    for origin in book.origins:
        ought, found = book.ought(number, scope, origin), book.row(there, scope, origin)
        if ought == found:
            continue
        if UNBOUND in {ought, found}:
            (laxer if found == UNBOUND else bound).append((origin, _bound(ought=ought)))
        elif found & ~ought:
            laxer.append((origin, _first(book, policy, scope, origin=origin, places=found & ~ought)))
        else:
            stricter.append((origin, f"the table refuses {_place(book, ought & ~found)}, which the policy allows"))
    for found_here, severity in ((laxer, Severity.ERROR), (bound, _stricter(book)), (stricter, Severity.WARNING)):
        if found_here:
            origin, why = found_here[0]
            count = sum(len(book.members[each]) for each, _ in found_here)
            text = f"policy {policy.name}, scope {scope}, data from {origin_text(origin)}: {why}"
            yield Said(Rule.WRONG_LAW, text, policy.name, severity, count)


def _bound(*, ought: int) -> str:
    if ought == UNBOUND:
        return "the table binds it, the policy does not"
    return "the policy binds it, the table does not"


def _first(book: Book, policy: meaning.Policy, scope: str, *, origin: str | None, places: int) -> str:
    place = _place(book, places)
    why = policy.refusal(scope, place, origin)
    return f"the table allows {place}, the policy does not ({why})"


def _place(book: Book, places: int) -> meaning.Place:
    """The first of some places."""
    return next(each for bit, each in enumerate(book.places) if places >> bit & 1)


def origin_text(origin: str | None) -> str:
    return "an unknown origin" if origin is UNKNOWN else origin
