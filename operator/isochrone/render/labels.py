"""Labels of what is rendered. By them children are found, counted and pruned: there are no ownerReferences.

An object without our installation's label is never overwritten, whatever its name.
"""

from typing import Final

from isochrone.api import EdgeNode, ModelRoute

NAME: Final = "app.kubernetes.io/name"
COMPONENT: Final = "app.kubernetes.io/component"
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
INSTALLATION: Final = "isochrone.dev/installation"
EDGE_NODE: Final = "isochrone.dev/edge-node"
MODEL_ROUTE: Final = "isochrone.dev/model-route"
ROUTE_NAMESPACE: Final = "isochrone.dev/route-namespace"
ROUTE_UID: Final = "isochrone.dev/route-uid"
GPU_POOL: Final = "isochrone.dev/gpu-pool"
"""An annotation: names of pools may be longer than a label's value."""

ENGINE: Final = "engine"
GATEWAY: Final = "gateway"


def shared_labels(installation: str) -> dict[str, str]:
    """Of what all sites in a cluster share, such as the namespace of a route."""
    return {MANAGED_BY: "isochrone", INSTALLATION: installation}


def engine_labels(route: ModelRoute, site: EdgeNode, installation: str) -> dict[str, str]:
    """Of every object of a route's engines at a site."""
    labels = {
        NAME: route.metadata.name,
        COMPONENT: ENGINE,
        **shared_labels(installation),
        EDGE_NODE: site.metadata.name,
        MODEL_ROUTE: route.metadata.name,
        ROUTE_NAMESPACE: route.metadata.namespace or "",
    }
    # Files have no uid. A route that is made anew has another, so it is no part of any selector.
    return {**labels, ROUTE_UID: route.metadata.uid} if route.metadata.uid else labels


def engine_selector(route: ModelRoute, site: EdgeNode, installation: str) -> dict[str, str]:
    """The labels by which these engines' pods are selected. A Deployment's can't change: keep them as they are."""
    labels = engine_labels(route, site, installation)
    return {key: labels[key] for key in (COMPONENT, INSTALLATION, EDGE_NODE, MODEL_ROUTE, ROUTE_NAMESPACE)}


def gateway_labels(site: EdgeNode, installation: str) -> dict[str, str]:
    """Of every object of a site's gateway."""
    return {
        NAME: "isochrone-gateway",
        COMPONENT: GATEWAY,
        **shared_labels(installation),
        EDGE_NODE: site.metadata.name,
    }


def gateway_selector(site: EdgeNode, installation: str) -> dict[str, str]:
    """The labels by which a site's gateway pods are selected. A Deployment's can't change: keep them as they are."""
    labels = gateway_labels(site, installation)
    return {key: labels[key] for key in (NAME, COMPONENT, INSTALLATION, EDGE_NODE)}
