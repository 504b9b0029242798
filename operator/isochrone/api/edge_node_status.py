"""The status of an EdgeNode: what was delivered to a site, and how its gateway runs."""

from typing import Annotated

from pydantic import Field

from isochrone.api.conditions import Status
from isochrone.api.scalars import Digest, Jurisdiction
from isochrone.api.schema import Model


class Revision(Model):
    """A version of what was delivered to a site."""

    epoch: Annotated[int, Field(ge=0)]
    """Rises when the hub is restored or rebuilt."""
    sequence: Annotated[int, Field(ge=0)]
    """Rises with every delivery in an epoch."""
    digest: Digest
    """The digest of what was delivered."""


class GatewayStatus(Model):
    """The gateway as it runs."""

    replicas: Annotated[int, Field(ge=0)] = 0
    """Pods wanted."""
    ready_replicas: Annotated[int, Field(ge=0)] = 0
    """Pods ready."""
    revision: Revision | None = None
    """The configuration that all ready pods run."""
    evidence_key: Annotated[str, Field(pattern="^[0-9a-f]{16}$", max_length=32)] | None = None
    """The id of the key that signs its evidence. The key itself, the public half, is in the ConfigMap
    isochrone-anchors."""


class EdgeNodeStatus(Status):
    """What a site is doing."""

    jurisdiction: Jurisdiction | None = None
    """The jurisdiction that the place resolves to."""
    kubernetes_version: Annotated[str, Field(max_length=64)] | None = None
    """The version of the site's API server."""
    revision: Revision | None = None
    """The version of the configuration and the objects that was delivered last."""
    gateway: GatewayStatus | None = None
    """The gateway as it runs."""
    devices: Annotated[int, Field(ge=0)] | None = None
    """GPUs that pools declare here."""
    devices_used: Annotated[int, Field(ge=0)] | None = None
    """GPUs that placements hold here."""
    devices_of_others: Annotated[int, Field(ge=0)] | None = None
    """GPUs of the pools here that pods of others hold, where that can be seen."""
