"""What the six kinds have in common: names in the API, metadata, printer columns."""

import dataclasses
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from isochrone.api.conditions import Status
from isochrone.api.schema import Model

GROUP = "isochrone.dev"
VERSION = "v1alpha1"
API_VERSION: Literal["isochrone.dev/v1alpha1"] = "isochrone.dev/v1alpha1"
CATEGORY = "isochrone"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Column:
    """A column of `kubectl get`. Those with priority 1 show with `-o wide` only."""

    name: str
    path: str
    type: Literal["string", "integer", "date", "boolean"] = "string"
    description: str = ""
    priority: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class KindInfo:
    """How a kind is called in the API, and how `kubectl get` shows it."""

    plural: str
    short_name: str
    scope: Literal["Cluster", "Namespaced"]
    columns: tuple[Column, ...]


def condition(kind: str, part: str) -> str:
    """The JSONPath of one part of one condition, for a printer column."""
    return f'.status.conditions[?(@.type=="{kind}")].{part}'


READY = Column(name="Ready", path=condition("Ready", "status"), description="Whether all of it works")
REASON = Column(name="Reason", path=condition("Ready", "reason"), description="Why it is (not) ready", priority=1)
AGE = Column(name="Age", path=".metadata.creationTimestamp", type="date")


class ObjectMeta(Model):
    """The part of Kubernetes' metadata that decisions read."""

    model_config = ConfigDict(extra="ignore")

    name: str
    """The object's name."""
    namespace: str | None = None
    """The object's namespace, if its kind has one."""
    uid: str = ""
    """The identity of this very object; another of the same name has another."""
    generation: int = 0
    """Counts the changes of the spec."""
    resource_version: str = ""
    """Counts the writes of the object."""
    creation_timestamp: str | None = None
    """When the API server accepted it, RFC 3339."""
    deletion_timestamp: str | None = None
    """When its deletion was asked for, RFC 3339."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Its labels."""
    annotations: dict[str, str] = Field(default_factory=dict)
    """Its annotations."""


class Resource(Model):
    """A custom resource. Subclasses declare `info`, `spec` and `status`."""

    info: ClassVar[KindInfo]

    api_version: Annotated[Literal["isochrone.dev/v1alpha1"], Field()] = API_VERSION
    """The version of the API."""
    kind: str
    """The kind of the object."""
    metadata: ObjectMeta
    """Its name, labels and the like."""
    spec: Any
    """What is wanted."""
    status: Status | None = None
    """What is."""

    @property
    def key(self) -> str:
        """`namespace/name`, or the name alone where the kind has no namespace."""
        if self.metadata.namespace:
            return f"{self.metadata.namespace}/{self.metadata.name}"
        return self.metadata.name
