"""An object with its place in the files, and how findings about it are made."""

import dataclasses
import difflib
from collections.abc import Iterable
from typing import Generic, TypeVar

from isochrone.api import KINDS, Resource
from isochrone.manifests import Manifest
from isochrone.model.declared import DEFAULT_NAMESPACE
from isochrone.validate.finding import Finding, Key, Rule, Severity

_NAMESPACED = frozenset(kind.__name__ for kind in KINDS if kind.info.scope == "Namespaced") | {"Secret"}

R_co = TypeVar("R_co", bound=Resource, covariant=True)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Item(Generic[R_co]):
    """A valid object and where it stands."""

    manifest: Manifest
    resource: R_co
    key: Key

    @property
    def name(self) -> str:
        """Its name."""
        return self.resource.metadata.name

    @property
    def namespace(self) -> str:
        """Its namespace, `default` where none is given."""
        return self.key.namespace

    @property
    def in_its_namespace(self) -> R_co:
        """The object as a cluster holds it: one that names no namespace is in the default one."""
        metadata = self.resource.metadata.model_copy(update={"namespace": self.namespace})
        return self.resource.model_copy(update={"metadata": metadata})

    def error(self, rule: Rule, field: str, message: str, *, way_out: str) -> Finding:
        """Something that is certainly wrong with it."""
        return finding_at(self.manifest, rule, field=field, message=message, way_out=way_out)

    def warning(self, rule: Rule, field: str, message: str, *, way_out: str) -> Finding:
        """Something that is wrong unless what is not among the manifests makes it right."""
        return softened(self.error(rule, field, message, way_out=way_out))


def key_of(manifest: Manifest, kind: str | None = None) -> Key:
    """What identifies the object of a manifest, or would if it were of another kind."""
    kind = kind or manifest.kind
    namespace = (manifest.namespace or DEFAULT_NAMESPACE) if kind in _NAMESPACED else ""
    return Key(kind, namespace, manifest.name)


def softened(finding: Finding) -> Finding:
    """The same as a warning."""
    return dataclasses.replace(finding, severity=Severity.WARNING)


def finding_at(manifest: Manifest, rule: Rule, *, message: str, way_out: str, field: str = "") -> Finding:
    """An error at a field of an object, valid or not."""
    key = key_of(manifest)
    return Finding(
        severity=Severity.ERROR,
        rule=rule,
        file=manifest.source.file,
        line=manifest.line_of(field),
        object=key if key.kind or key.name else None,
        field=field,
        message=message,
        way_out=way_out,
    )


def nearest(text: str, known: Iterable[str]) -> str | None:
    """The most similar of the known names; None where none is similar."""
    by_case = {name.casefold(): name for name in sorted(known, reverse=True)}
    close = difflib.get_close_matches(text.casefold(), by_case, n=1)
    return by_case[close[0]] if close else None


def meant(text: str, known: Iterable[str]) -> str:
    """`did you mean ...?` for the most similar of the known names; empty where none is similar."""
    close = nearest(text, known)
    return f'did you mean "{close}"?' if close else ""
