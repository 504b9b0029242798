"""What one rendering of a gateway is about: a site, and what follows from it."""

import dataclasses
from typing import Final

from isochrone.api import EdgeNode, ModelProvider, ModelRoute
from isochrone.model import Capability, SiteObservation
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render import labels
from isochrone.render.gateway_settings import GatewaySettings
from isochrone.render.manifest import Json, manifest
from isochrone.render.names import gateway_name
from isochrone.render.secrets import NeededSecret, needed
from isochrone.render.settings import RenderSettings

DATA: Final = "data"
ADMIN: Final = "admin"
PEER: Final = "peer"
"""The names of the container's ports."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The gateway of a site."""

    site: EdgeNode
    settings: RenderSettings
    gateway: GatewaySettings
    observation: SiteObservation
    others: tuple[EdgeNode, ...]
    """The other sites that run a gateway; none if no request can hop."""
    beside: frozenset[str]
    """Those of them that are in the same cluster, by name."""
    engines: tuple[ModelRoute, ...]
    """Routes whose engines run here, or are to run here."""
    providers: tuple[ModelProvider, ...]
    """Those that this gateway may call."""

    @property
    def name(self) -> str:
        return gateway_name(self.site)

    @property
    def index_name(self) -> str:
        """The ConfigMap that holds the index of its config, and the Lease on which its pods say which they run."""
        return f"{self.name}-config"

    @property
    def labels(self) -> dict[str, str]:
        return labels.gateway_labels(self.site, self.settings.installation)

    @property
    def selector(self) -> dict[str, str]:
        return labels.gateway_selector(self.site, self.settings.installation)

    @property
    def secrets(self) -> tuple[NeededSecret, ...]:
        """What it mounts."""
        return needed(self.site, self.providers, has_peers=bool(self.others))

    @property
    def is_reached(self) -> bool:
        """Whether other sites send to it."""
        return bool(self.others) and self.site.spec.gateway.advertise is not None

    def has(self, capability: Capability) -> bool:
        return capability in self.observation.capabilities

    def manifest(self, api_version: str, kind: str, *, name: str | None = None, **content: object) -> Json:
        """One of the gateway's objects; in isochrone-system unless it says otherwise."""
        namespace = str(content.pop("namespace", SYSTEM_NAMESPACE))
        return manifest(api_version, kind, name or self.name, namespace=namespace, labels=self.labels, **content)
