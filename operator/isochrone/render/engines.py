"""All objects of a route's engines at a site, in the order in which they are applied."""

from typing import Final

from isochrone.api import EdgeNode, GPUPool, ModelRoute
from isochrone.model import Placement, SiteObservation
from isochrone.render import labels, network, pod_parts, service, sources, timing, workload
from isochrone.render.devices import devices
from isochrone.render.manifest import Json, manifest
from isochrone.render.settings import RenderSettings
from isochrone.render.subject import Subject

CREATE_ONLY: Final = {
    "isochrone.dev/apply": "CreateOnly",
    "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
    "kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent",
    "kustomize.toolkit.fluxcd.io/prune": "disabled",
}
"""Annotations of what is created where it is missing, and otherwise left alone: said to us, to Argo CD and to Flux."""


def engine_objects(
    route: ModelRoute,
    placement: Placement,
    *,
    site: EdgeNode,
    pool: GPUPool | None,
    settings: RenderSettings,
    observation: SiteObservation,
) -> tuple[Json, ...]:
    """What serves a route at a site. A route without `serving` has no engines, and no objects."""
    serving = route.spec.serving
    if serving is None:
        return ()
    subject = Subject(
        route=route,
        serving=serving,
        placement=placement,
        site=site,
        pool=pool,
        settings=settings,
        observation=observation,
        weights_path=sources.path_for_engine(serving),
        drain=timing.drain(serving),
    )
    asked = devices(subject)
    return (
        namespace(placement.route.namespace, settings.installation),
        subject.manifest("v1", "ServiceAccount", automountServiceAccountToken=False),
        *network.policies(subject),
        *asked.templates,
        service.service(subject),
        pod_parts.disruption_budget(subject.selector, subject.manifest),
        workload.deployment(subject, asked),
        *([service.pod_monitor(subject)] if service.is_monitored(subject) else []),
    )


def namespace(name: str, installation: str) -> Json:
    """Where a route's objects live: created where it is missing, never adopted, changed or deleted."""
    return manifest("v1", "Namespace", name, labels=labels.shared_labels(installation), annotations=CREATE_ONLY)
