"""How gateways find a route's engines, and Prometheus their metrics."""

from typing import Final

from isochrone.model import Capability
from isochrone.render.manifest import Json
from isochrone.render.subject import PORT_NAME, Subject

_SAME_ZONE_SINCE: Final = (1, 34)


def traffic_distribution(kubernetes: tuple[int, int]) -> str:
    """Endpoints in the same zone first, by the name that this version has for it."""
    return "PreferSameZone" if kubernetes >= _SAME_ZONE_SINCE else "PreferClose"


def service(subject: Subject) -> Json:
    """A headless Service: gateways balance over its endpoints by themselves, those that are ready."""
    spec = {
        "clusterIP": "None",
        "ipFamilyPolicy": "PreferDualStack",
        "selector": subject.selector,
        "ports": [{"name": PORT_NAME, "port": subject.program.port, "targetPort": subject.program.port}],
        "trafficDistribution": traffic_distribution(subject.observation.kubernetes),
    }
    return subject.manifest("v1", "Service", spec=spec)


def is_monitored(subject: Subject) -> bool:
    """Whether Prometheus reads its metrics: where its operator is, if the engine has any."""
    has_operator = Capability.SERVICE_MONITOR in subject.observation.capabilities
    return has_operator and bool(subject.settings.monitoring_namespaces) and subject.program.metrics_path is not None


def pod_monitor(subject: Subject) -> Json:
    spec = {
        "selector": {"matchLabels": subject.selector},
        "podMetricsEndpoints": [{"port": PORT_NAME, "path": subject.program.metrics_path}],
    }
    return subject.manifest("monitoring.coreos.com/v1", "PodMonitor", spec=spec)
