"""How many of a gateway's pods there are."""

from isochrone.render.gateway import evidence
from isochrone.render.gateway.subject import Subject
from isochrone.render.manifest import Json

_CALM_S = 300


def autoscalers(subject: Subject) -> list[Json]:
    """By CPU, up at once and down slowly: each pod that goes has streams to end."""
    gateway = subject.site.spec.gateway
    if gateway.autoscaling is None:
        return []
    kind, name = evidence.workload(subject)
    target = {"type": "Utilization", "averageUtilization": gateway.autoscaling.target_cpu_percent}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": kind, "name": name},
        "minReplicas": gateway.replicas,
        "maxReplicas": gateway.autoscaling.max_replicas,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        "behavior": {
            "scaleDown": {
                "stabilizationWindowSeconds": _CALM_S,
                "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}],
            }
        },
    }
    return [subject.manifest("autoscaling/v2", "HorizontalPodAutoscaler", spec=spec)]
