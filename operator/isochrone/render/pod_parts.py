"""What pods of engines and of gateways have in common: where their images come from, how they are spread and kept."""

from collections.abc import Callable, Mapping

from isochrone.api import EdgeNode
from isochrone.render.manifest import Json


def image(site: EdgeNode, reference: str) -> str:
    """Where a site pulls an image from."""
    images = site.spec.images
    return f"{images.registry_prefix}/{reference}" if images and images.registry_prefix else reference


def pull_secrets(site: EdgeNode) -> list[str]:
    """What a site shows to its registry."""
    images = site.spec.images
    return list((images.pull_secrets if images else None) or [])


def spread(selector: Mapping[str, str], topology_key: str, *, version: str = "pod-template-hash") -> Json:
    """Evenly over nodes or zones, as far as that goes; of each `version`, which is a label, for itself."""
    return {
        "maxSkew": 1,
        "topologyKey": topology_key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": dict(selector)},
        "matchLabelKeys": [version],
    }


def disruption_budget(selector: Mapping[str, str], manifest: Callable[..., Json]) -> Json:
    """One pod at a time. It blocks no drain for ever: a pod that isn't ready may always go."""
    spec = {
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": dict(selector)},
    }
    return manifest("policy/v1", "PodDisruptionBudget", spec=spec)
