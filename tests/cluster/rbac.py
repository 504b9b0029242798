"""Rights one by one, and which requests of an audit log take them.

What a request took is read from the log, but for one thing that isn't in it: who applies an object that is not there
must be allowed to create it too (https://kubernetes.io/docs/reference/using-api/server-side-apply/).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]

_CREATED = 201
_API = "rbac.authorization.k8s.io"


@dataclass(frozen=True, order=True)
class Request:
    """What an API server asks of its authorizer."""

    verb: str
    group: str = ""
    resource: str = ""
    """With its subresource, as in `edgenodes/status`."""
    namespace: str = ""
    name: str = ""
    path: str = ""
    """Of what is no resource; all else but the verb is empty then."""

    def review(self, user: str) -> Json:
        """A SubjectAccessReview: may this user?"""
        spec: dict[str, Any] = {"user": user}
        if self.path:
            spec["nonResourceAttributes"] = {"path": self.path, "verb": self.verb}
        else:
            plain, _, sub = self.resource.partition("/")
            what = {"verb": self.verb, "group": self.group, "resource": plain, "subresource": sub}
            spec["resourceAttributes"] = {**what, "namespace": self.namespace, "name": self.name}
        return {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}


@dataclass(frozen=True, order=True)
class Right:
    """The least that a rule can grant."""

    verb: str
    group: str = ""
    resource: str = ""
    names: tuple[str, ...] = ()
    path: str = ""
    """Of what is no resource; a `*` at its end stands for anything."""
    namespace: str = ""
    """The only one where it holds; all of them, and what is in none, if empty."""

    def __str__(self) -> str:
        what = self.path or f"{self.resource}.{self.group}".rstrip(".")
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {what}{''.join(f' {name}' for name in self.names)}{where}"

    @property
    def rule(self) -> Json:
        """A PolicyRule with nothing else."""
        if self.path:
            return {"nonResourceURLs": [self.path], "verbs": [self.verb]}
        names = {"resourceNames": list(self.names)} if self.names else {}
        return {"apiGroups": [self.group], "resources": [self.resource], "verbs": [self.verb], **names}

    def allows(self, request: Request) -> bool:
        if self.verb != request.verb:
            return False
        if self.path or request.path:
            begins = self.path.endswith("*") and request.path.startswith(self.path[:-1])
            return begins or self.path == request.path
        return (
            (self.group, self.resource) == (request.group, request.resource)
            and self.namespace in {"", request.namespace}
            and (not self.names or request.name in self.names)
        )


def rights(rules: Iterable[Json], namespace: str = "") -> Iterator[Right]:
    """All that these rules of a ClusterRole, or of a Role in a namespace, grant."""
    for rule in rules:
        for verb in rule["verbs"]:
            yield from (Right(verb, path=path) for path in rule.get("nonResourceURLs", ()))
            for group in rule.get("apiGroups", ()):
                for resource in rule["resources"]:
                    names = tuple(rule.get("resourceNames", ()))
                    yield Right(verb, group, resource, names, namespace=namespace)


def requests(events: Iterable[Json]) -> Iterator[Request]:
    """What was asked for, in order; twice for what an apply has made."""
    for event in events:
        about = event.get("objectRef")
        if about is None:
            yield Request(event["verb"], path=event["requestURI"].partition("?")[0])
            continue
        resource = "/".join(filter(None, (about["resource"], about.get("subresource"))))
        what = (about.get("apiGroup", ""), resource, about.get("namespace", ""), about.get("name", ""))
        yield Request(event["verb"], *what)
        if event["verb"] == "patch" and event["responseStatus"]["code"] == _CREATED:
            yield Request("create", *what)


def roles(name: str, granted: Iterable[Right]) -> Iterator[Json]:
    """ClusterRole and Roles with these rights, bound to a user of that name."""
    found = list(granted)
    subjects = [{"kind": "User", "name": name, "apiGroup": _API}]
    for namespace in sorted({each.namespace for each in found}):
        kind = "Role" if namespace else "ClusterRole"
        metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
        version = {"apiVersion": f"{_API}/v1", "metadata": metadata}
        rules = [each.rule for each in found if each.namespace == namespace]
        yield {**version, "kind": kind, "rules": rules}
        reference = {"apiGroup": _API, "kind": kind, "name": name}
        yield {**version, "kind": f"{kind}Binding", "subjects": subjects, "roleRef": reference}
