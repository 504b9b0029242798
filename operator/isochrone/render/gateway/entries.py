"""The ways to a gateway by other names: a Service for each route, a Gateway of the Gateway API, other clusters."""

from collections.abc import Iterable

from isochrone.api import ModelRoute
from isochrone.model import Capability
from isochrone.model.declared import SYSTEM_NAMESPACE, key_of
from isochrone.render import labels
from isochrone.render.gateway import service
from isochrone.render.gateway.subject import Subject
from isochrone.render.manifest import Json, filled

ROUTE = "route"
"""Component of the Services that are named like routes."""


def route_services(subject: Subject, routes: Iterable[ModelRoute]) -> list[Json]:
    """`http://<route>.<namespace>.svc`, in every cluster: it leads to the site's own gateway."""
    host = f"{subject.name}.{SYSTEM_NAMESPACE}.svc.{subject.gateway.cluster_domain}"
    spec = {"type": "ExternalName", "externalName": host}
    shared = labels.shared_labels(subject.settings.installation)
    return [_route_service(route, {**shared, labels.EDGE_NODE: subject.site.metadata.name}, spec) for route in routes]


def http_routes(subject: Subject) -> list[Json]:
    """Behind Gateways of the installation. Streams last as long as they last, so no proxy may time them."""
    parents = subject.gateway.parents
    if not parents or not subject.has(Capability.HTTP_ROUTE):
        return []
    hostname = subject.site.spec.gateway.hostname
    spec = filled(
        parentRefs=[filled(namespace=each.namespace, name=each.name, sectionName=each.section) for each in parents],
        hostnames=[hostname] if hostname else None,
        rules=[
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/v1"}}],
                "backendRefs": [{"name": subject.name, "port": service.port(subject)}],
                "timeouts": {"request": "0s", "backendRequest": "0s"},
            }
        ],
    )
    return [subject.manifest("gateway.networking.k8s.io/v1", "HTTPRoute", spec=spec)]


def exports(subject: Subject) -> list[Json]:
    """Where clusters share Services (MCS API), the gateway's is one of them."""
    if not subject.has(Capability.SERVICE_EXPORT):
        return []
    return [subject.manifest("multicluster.x-k8s.io/v1alpha1", "ServiceExport")]


def monitors(subject: Subject) -> list[Json]:
    """Prometheus reads pods, not a Service: the admin port is behind none."""
    if not subject.has(Capability.SERVICE_MONITOR) or not subject.settings.monitoring_namespaces:
        return []
    spec = {
        "selector": {"matchLabels": subject.selector},
        "podMetricsEndpoints": [{"port": "admin", "path": "/metrics"}],
    }
    return [subject.manifest("monitoring.coreos.com/v1", "PodMonitor", spec=spec)]


def _route_service(route: ModelRoute, shared: dict[str, str], spec: Json) -> Json:
    """Written out, since a large installation has some ten thousand of these."""
    key = key_of(route)
    named = {
        labels.NAME: key.name,
        labels.COMPONENT: ROUTE,
        **shared,
        labels.MODEL_ROUTE: key.name,
        labels.ROUTE_NAMESPACE: key.namespace,
    }
    if route.metadata.uid:
        named[labels.ROUTE_UID] = route.metadata.uid
    metadata = {"name": key.name, "namespace": key.namespace, "labels": named}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
