"""The law as gateways carry it: selectors become ids, areas become tables, and equal tables and rows are shared."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence

from isochrone import law
from isochrone.api import DataResidencyPolicy, EdgeNode
from isochrone.law import Labelled, Place, masks
from isochrone.law.atlas import Atlas
from isochrone.law.subject import admits, matches
from isochrone_gateway.config.law import (
    UNBOUND_ROW,
    Binds,
    Law,
    Mode,
    Policy,
    Refusal,
    Scope,
    Table,
    UnknownOrigin,
    encode_row,
)

_MOST_HOSTNAMES = 16
"""In one refusal: it is an answer to somebody, not a directory."""

Tables = Callable[[law.Policy, law.Scope, Sequence[Place]], masks.Table]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ids:
    """Whom policies can bind: routes and tenants by `namespace/name`, namespaces by name, each with its labels."""

    routes: Mapping[str, Labelled]
    tenants: Mapping[str, Labelled]
    namespaces: Mapping[str, Labelled]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A policy, and what a gateway says of it."""

    policy: law.Policy
    digest: str
    hostnames: Mapping[str, str] = dataclasses.field(default_factory=dict)


def declared(resource: DataResidencyPolicy, *, edges: Iterable[EdgeNode], atlas: Atlas) -> Declared:
    """The policy of a resource, with the host names of the sites where it lets requests come in."""
    policy, _ = law.read(resource)
    return Declared(policy=policy, digest=_digest(resource), hostnames=_hostnames(policy, edges, atlas))


def compile_law(
    policies: Iterable[Declared], ids: Ids, places: Sequence[Place], *, tables: Tables = masks.table
) -> Law:
    """The tables of all policies over these places."""
    compiler = _Compiler(ids, places, tables)
    compiled = tuple(compiler.policy(each) for each in sorted(policies, key=lambda each: each.policy.name))
    return Law(policies=compiled, tables=tuple(compiler.tables), rows=tuple(compiler.rows))


class _Compiler:
    """Numbers tables and rows in the order in which policies first use them."""

    def __init__(self, ids: Ids, places: Sequence[Place], tables: Tables) -> None:
        self.rows: dict[str, int] = {}
        self.tables: list[Table] = []
        self._ids = ids
        self._places = places
        self._table_of = tables
        self._numbers: dict[tuple[tuple[tuple[str, int], ...], int, int], int] = {}

    def policy(self, declared: Declared) -> Policy:
        policy = declared.policy
        return Policy(
            name=policy.name,
            generation=policy.generation,
            digest=declared.digest,
            scopes={_scope(scope): self._table(policy, scope) for scope in sorted(policy.allowances)},
            mode=Mode(policy.mode.value),
            binds=_binds(policy, self._ids),
            unknown_origin=UnknownOrigin(policy.unknown_origin.value),
            refusal=Refusal(way_out=policy.way_out, hostnames=dict(declared.hostnames)),
        )

    def _table(self, policy: law.Policy, scope: law.Scope) -> int:
        made = self._table_of(policy, scope, self._places)
        key = (tuple(made.rows.items()), made.otherwise, made.unknown)
        if key not in self._numbers:
            self._numbers[key] = len(self.tables)
            self.tables.append(self._written(made))
        return self._numbers[key]

    def _written(self, table: masks.Table) -> Table:
        rows = {origin: self._row(mask) for origin, mask in table.rows.items()}
        otherwise = self._row(table.otherwise)
        match table.unknown:
            case masks.REFUSED:
                return Table(rows=rows, otherwise=otherwise, unknown="Deny")
            case masks.NOT_BOUND:
                return Table(rows=rows, otherwise=otherwise, unknown="Unbound")
            case mask:
                return Table(rows=rows, otherwise=otherwise, unknown=self._row(mask))

    def _row(self, mask: int) -> int:
        return UNBOUND_ROW if mask == masks.NOT_BOUND else self.rows.setdefault(encode_row(mask), len(self.rows))


def _scope(scope: law.Scope) -> Scope:
    name: Scope = scope.value
    return name


def _binds(policy: law.Policy, ids: Ids) -> Binds:
    routes, tenants, namespaces = policy.routes, policy.tenants, policy.namespaces
    return Binds(
        data_classes=policy.data_classes,
        routes=None
        if routes is None
        else frozenset(id_ for id_, route in ids.routes.items() if matches(routes, route.labels)),
        tenants=None
        if tenants is None
        else frozenset(id_ for id_, tenant in ids.tenants.items() if matches(tenants, tenant.labels)),
        namespaces=None
        if namespaces is None
        else frozenset(name for name, namespace in ids.namespaces.items() if admits(namespaces, namespace)),
    )


def _digest(resource: DataResidencyPolicy) -> str:
    """Of what the policy says, so that evidence can name which text decided."""
    said = resource.spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    text = json.dumps([resource.metadata.name, said], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _hostnames(policy: law.Policy, edges: Iterable[EdgeNode], atlas: Atlas) -> dict[str, str]:
    """Jurisdiction -> a site there where requests may come in whatever their origin; the first by name."""
    allowance, places = policy.allowance(law.Scope.INGRESS), atlas.places
    found: dict[str, str] = {}
    for edge in sorted(edges, key=lambda each: each.metadata.name):
        place = places[atlas.sites[edge.metadata.name]]
        hostname = edge.spec.gateway.hostname
        if hostname is not None and allowance.refusal(place, None) is None:
            found.setdefault(min(place.codes), hostname)
    return dict(sorted(found.items())[:_MOST_HOSTNAMES])
