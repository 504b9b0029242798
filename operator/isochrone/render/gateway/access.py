"""What a gateway may ask of its cluster's API server: its config, and where the engines of its routes are. And what it
may tell it: which config each pod runs, on a Lease.

Shards are named by their content, so their names change with every config. Rights by those names would have to be
there before each index and stay after it; a pod that starts in between, or while the hub is away, could not read what
it is to run. So ConfigMaps of isochrone-system may be got by name: configs hold no secrets.

The Lease is made here: who may patch one object by its name can't create it.
"""

from typing import Final

from isochrone.model.declared import SYSTEM_NAMESPACE, key_of
from isochrone.render.gateway.subject import Subject
from isochrone.render.manifest import Json

_RBAC: Final = "rbac.authorization.k8s.io"
_LEASES: Final = "coordination.k8s.io"


def account(subject: Subject) -> Json:
    return subject.manifest("v1", "ServiceAccount", automountServiceAccountToken=False)


def lease(subject: Subject) -> Json:
    """Without a holder: each pod has an annotation there, as a field manager of its own."""
    return subject.manifest(f"{_LEASES}/v1", "Lease", name=subject.index_name)


def roles(subject: Subject) -> list[Json]:
    """One Role with its binding in isochrone-system, and in each namespace with engines here."""
    rights = {SYSTEM_NAMESPACE: _own(subject)}
    for route in subject.engines:
        namespace = key_of(route).namespace
        rights[namespace] = [*(_own(subject) if namespace == SYSTEM_NAMESPACE else []), _ENGINES]
    return [each for namespace in sorted(rights) for each in _granted(subject, namespace, rights[namespace])]


def _own(subject: Subject) -> list[Json]:
    maps = {"apiGroups": [""], "resources": ["configmaps"]}
    leases = {"apiGroups": [_LEASES], "resources": ["leases"]}
    name = [subject.index_name]
    return [
        {**maps, "resourceNames": name, "verbs": ["list", "watch"]},
        {**maps, "verbs": ["get"]},
        {**leases, "resourceNames": name, "verbs": ["patch"]},
    ]


_ENGINES: Final[Json] = {
    "apiGroups": ["discovery.k8s.io"],
    "resources": ["endpointslices"],
    "verbs": ["list", "watch"],
}


def _granted(subject: Subject, namespace: str, rules: list[Json]) -> list[Json]:
    who = [{"kind": "ServiceAccount", "name": subject.name, "namespace": SYSTEM_NAMESPACE}]
    what = {"apiGroup": _RBAC, "kind": "Role", "name": subject.name}
    return [
        subject.manifest(f"{_RBAC}/v1", "Role", namespace=namespace, rules=rules),
        subject.manifest(f"{_RBAC}/v1", "RoleBinding", namespace=namespace, subjects=who, roleRef=what),
    ]
