"""The workload of a site's gateway: a Deployment, or a StatefulSet where evidence has to outlive pods.

It needs no preStop hook: from SIGTERM on the gateway says that it is not ready and still takes requests for
`drain.announce`, then ends what is open within `drain.max`. The pod has that long, and some seconds to go.

Nothing here depends on which keys are trusted, only whether any are asked for: gateways read them again, and go on.
"""

from typing import Final

from isochrone.render import pod_parts, secrets
from isochrone.render.config.site import DRAIN_MS, announced_ms
from isochrone.render.gateway import config_maps, evidence
from isochrone.render.gateway.subject import ADMIN, DATA, PEER, Subject
from isochrone.render.manifest import Json, filled

_SECRETS: Final = "/run/isochrone/secrets"  # a mount in the pod
_TRUST: Final = "/run/isochrone/trust"
_STATE: Final = "/var/lib/isochrone"
_TEMPORARY: Final = "/tmp"  # noqa: S108 - a volume of the pod's own
_SPARE_S: Final = 15
_USER: Final = 1000
_MIB_OF_SUPERVISOR: Final = 256
_MIB_OF_WORKER: Final = 512
"""256 MiB of request bodies at most (`limits.bodyMemoryBytes`), and as much for everything else."""
_READ_ONLY: Final = 0o440


def workload(subject: Subject) -> Json:
    """The gateway's pods. Their number is given up where an autoscaler has it."""
    kind, name = evidence.workload(subject)
    spec = _stateful(subject) if evidence.has_claims(subject) else _stateless(subject)
    return subject.manifest("apps/v1", kind, name=name, spec=spec)


def _stateless(subject: Subject) -> Json:
    return {
        **_number(subject),
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        **_pods(subject, version="pod-template-hash"),
    }


def _stateful(subject: Subject) -> Json:
    """One pod after the other is replaced: the next one needs the volume of the one before."""
    return {
        "serviceName": subject.name,
        **_number(subject),
        "podManagementPolicy": "Parallel",
        "updateStrategy": {"type": "RollingUpdate"},
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
        "volumeClaimTemplates": evidence.claims(subject),
        **_pods(subject, version="controller-revision-hash"),
    }


def _number(subject: Subject) -> Json:
    gateway = subject.site.spec.gateway
    return filled(replicas=None if gateway.autoscaling else gateway.replicas, revisionHistoryLimit=3)


def _pods(subject: Subject, *, version: str) -> Json:
    """`version` is the label that tells pods of one template from those of the next."""
    template = {"metadata": {"labels": subject.labels}, "spec": _pod(subject, version)}
    return {"selector": {"matchLabels": subject.selector}, "template": template}


def _pod(subject: Subject, version: str) -> Json:
    return filled(
        nodeSelector=dict(subject.site.spec.node_selector or {}),
        topologySpreadConstraints=[
            pod_parts.spread(subject.selector, key, version=version)
            for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
        ],
        imagePullSecrets=[{"name": name} for name in pod_parts.pull_secrets(subject.site)],
        serviceAccountName=subject.name,
        automountServiceAccountToken=True,
        enableServiceLinks=False,
        terminationGracePeriodSeconds=(announced_ms(subject.site) + DRAIN_MS) // 1000 + _SPARE_S,
        securityContext=_security(subject),
        containers=[_container(subject)],
        volumes=[
            {"name": "secrets", "projected": {"defaultMode": _READ_ONLY, "sources": _sources(subject)}},
            {"name": "state", "emptyDir": {"sizeLimit": "1Gi"}},
            {"name": "temporary", "emptyDir": {"sizeLimit": "1Gi"}},
            *evidence.volumes(subject),
            *_trust(subject),
        ],
    )


def _security(subject: Subject) -> Json:
    return filled(
        runAsNonRoot=True,
        runAsUser=_USER,
        runAsGroup=_USER,
        fsGroup=_USER,
        # A volume with years of files would hold each start up.
        fsGroupChangePolicy="OnRootMismatch" if evidence.has_claims(subject) else None,
        seccompProfile={"type": "RuntimeDefault"},
    )


def _container(subject: Subject) -> Json:
    return {
        "name": "gateway",
        "image": pod_parts.image(subject.site, subject.settings.gateway_image),
        "imagePullPolicy": "IfNotPresent",
        "command": ["isochrone-gateway"],
        "args": _arguments(subject),
        "env": [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "ports": _ports(subject),
        "resources": _resources(subject),
        "volumeMounts": [
            {"name": "secrets", "mountPath": _SECRETS, "readOnly": True},
            {"name": "state", "mountPath": _STATE},
            {"name": "temporary", "mountPath": _TEMPORARY},
            *evidence.mounts(subject),
            *({"name": each["name"], "mountPath": _TRUST, "readOnly": True} for each in _trust(subject)),
        ],
        "readinessProbe": _probe("/readyz", period=2, failures=2),
        "livenessProbe": _probe("/healthz", period=10, failures=6),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }


def _arguments(subject: Subject) -> list[str]:
    """The admin port is named here too: probes ask before there is a config."""
    ports = subject.gateway.ports
    return [
        f"--config=kubernetes:{subject.index_name}",
        f"--installation={subject.settings.installation}",
        f"--site={subject.site.metadata.name}",
        f"--workers={subject.gateway.workers}",
        f"--secrets={_SECRETS}",
        f"--state={_STATE}",
        f"--admin={ports.host}:{ports.admin}",
        f"--status-token={_SECRETS}/{secrets.STATUS}/{secrets.TOKEN}",
        *evidence.arguments(subject, _SECRETS),
        *(f"--trusted-keys={_TRUST}" for _ in _trust(subject)),
    ]


def _ports(subject: Subject) -> list[Json]:
    ports = subject.gateway.ports
    found = [(DATA, ports.data), (ADMIN, ports.admin), *([(PEER, ports.peer)] if subject.is_reached else [])]
    return [{"name": name, "containerPort": port} for name, port in found]


def _resources(subject: Subject) -> Json:
    settings = subject.gateway
    memory = settings.memory or f"{_MIB_OF_SUPERVISOR + _MIB_OF_WORKER * settings.workers}Mi"
    return {"requests": {"cpu": settings.cpu, "memory": memory}, "limits": {"memory": memory}}


def _probe(path: str, *, period: int, failures: int) -> Json:
    request = {"path": path, "port": ADMIN}
    return {"httpGet": request, "periodSeconds": period, "timeoutSeconds": 2, "failureThreshold": failures}


def _trust(subject: Subject) -> list[Json]:
    """The volume of trusted keys. Pods start without it, and run nothing before it is there."""
    if not subject.settings.trusted_keys:
        return []
    return [{"name": "trust", "configMap": {"name": config_maps.TRUST, "defaultMode": _READ_ONLY, "optional": True}}]


def _sources(subject: Subject) -> list[Json]:
    """Each Secret as a folder. What is optional and missing makes what needs it unavailable, and nothing else."""
    return [
        {
            "secret": filled(
                name=each.name,
                items=[{"key": key, "path": f"{each.folder}/{key}"} for key in each.keys],
                optional=each.is_optional or None,
            )
        }
        for each in subject.secrets
    ]
