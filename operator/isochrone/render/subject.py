"""What one rendering of engines is about: a route, its placement at a site, and what follows from both."""

import dataclasses
import functools
import math
from typing import Final

from isochrone.api import EdgeNode, GPUPool, ModelRoute
from isochrone.api.serving import Serving
from isochrone.model import Placement, SiteObservation
from isochrone.model.amounts import number
from isochrone.model.declared import model_name
from isochrone.render import labels, names, pod_parts
from isochrone.render.manifest import Json, manifest
from isochrone.render.programs import PROGRAMS, Ask, Program
from isochrone.render.settings import Accelerator, RenderSettings

CONTAINER: Final = "engine"
"""The engine's container, which overlays change by this name."""

PORT_NAME: Final = "http"
"""The engine's port, by which gateways find its endpoints."""

_VENDORS: Final = {"nvidia.com": Accelerator.NVIDIA, "amd.com": Accelerator.AMD, "intel.com": Accelerator.INTEL}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Subject:
    """Engines of a route at a site."""

    route: ModelRoute
    serving: Serving
    placement: Placement
    site: EdgeNode
    pool: GPUPool | None
    settings: RenderSettings
    observation: SiteObservation
    weights_path: str
    """Where the weights are in the engine's container; empty without weights."""
    drain: int
    """Seconds that answers under way get once a pod is told to end."""

    @property
    def namespace(self) -> str:
        return self.placement.route.namespace

    @functools.cached_property
    def name(self) -> str:
        return names.engine_name(self.route.metadata.name, self.site)

    @property
    def labels(self) -> dict[str, str]:
        return labels.engine_labels(self.route, self.site, self.settings.installation)

    @property
    def pod_labels(self) -> dict[str, str]:
        """Without the route's uid: a hub that is rebuilt from Git has others, and restarts no pod."""
        return {key: value for key, value in self.labels.items() if key != labels.ROUTE_UID}

    @property
    def selector(self) -> dict[str, str]:
        return labels.engine_selector(self.route, self.site, self.settings.installation)

    @property
    def devices(self) -> int:
        """GPUs of one replica."""
        return self.serving.resources.devices if self.pool else 0

    @functools.cached_property
    def accelerator(self) -> Accelerator:
        if self.pool is None:
            return Accelerator.CPU
        device = self.pool.spec.device
        asked_for = device.resource_name or device.device_class_name or ""
        vendors = (vendor for name, vendor in _VENDORS.items() if name in asked_for)
        return next(vendors, Accelerator.NVIDIA)

    @functools.cached_property
    def program(self) -> Program:
        cpu, engine = self.serving.resources.cpu, self.serving.engine
        ask = Ask(
            engine=engine,
            weights=self.weights_path,
            model=model_name(self.route),
            devices=self.devices,
            cpus=math.ceil(number(cpu)) if cpu else None,
            embeds_only=self.route.spec.endpoints == ["Embeddings"],
            drain=self.drain,
        )
        return PROGRAMS[engine.type](ask)

    def image(self, reference: str) -> str:
        """Where this site pulls an image from."""
        return pod_parts.image(self.site, reference)

    def manifest(self, api_version: str, kind: str, *, name: str | None = None, **content: object) -> Json:
        """One of the engines' objects."""
        return manifest(api_version, kind, name or self.name, namespace=self.namespace, labels=self.labels, **content)
