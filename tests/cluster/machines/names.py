"""CoreDNS as an ordinary pod, so that policies which let pods ask kube-system for names are about it. Pure.

Its program is mounted from the node: the binary that everything else of the cluster is in, too.
"""

from pathlib import Path
from typing import Any

Json = dict[str, Any]

_LABELS = {"k8s-app": "kube-dns"}
_NAMESPACE = "kube-system"
_RBAC = "rbac.authorization.k8s.io"
_COREFILE = """.:53 {
    errors
    ready
    kubernetes cluster.local in-addr.arpa {
        pods insecure
        ttl 2
    }
    cache 2
}
"""


def objects(*, image: str, programs: Path, address: str) -> list[Json]:
    """In the order in which they are applied. The image may be any: its file system is not looked at."""
    who = {"kind": "ServiceAccount", "name": "coredns", "namespace": _NAMESPACE}
    return [
        _object("v1", "ServiceAccount", "coredns", _NAMESPACE),
        _object(f"{_RBAC}/v1", "ClusterRole", "coredns", rules=_RULES),
        _object(
            f"{_RBAC}/v1",
            "ClusterRoleBinding",
            "coredns",
            roleRef={"apiGroup": _RBAC, "kind": "ClusterRole", "name": "coredns"},
            subjects=[who],
        ),
        _object("v1", "ConfigMap", "coredns", _NAMESPACE, data={"Corefile": _COREFILE}),
        _object(
            "apps/v1",
            "Deployment",
            "coredns",
            _NAMESPACE,
            spec={
                "selector": {"matchLabels": _LABELS},
                "template": {"metadata": {"labels": _LABELS}, "spec": _pod(image, programs)},
            },
        ),
        _object(
            "v1",
            "Service",
            "kube-dns",
            _NAMESPACE,
            spec={
                "clusterIP": address,
                "selector": _LABELS,
                "ports": [{"name": each.lower(), "port": 53, "protocol": each} for each in ("UDP", "TCP")],
            },
        ),
    ]


_RULES = [
    {"apiGroups": [""], "resources": ["services", "pods", "namespaces"], "verbs": ["list", "watch"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
]


def _pod(image: str, programs: Path) -> Json:
    return {
        "serviceAccountName": "coredns",
        "dnsPolicy": "Default",
        "containers": [
            {
                "name": "coredns",
                "image": image,
                "imagePullPolicy": "Never",
                "command": ["/programs/coredns", "/config/Corefile"],
                "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1},
                "securityContext": {"runAsUser": 0},
                "volumeMounts": [
                    {"name": "programs", "mountPath": "/programs", "readOnly": True},
                    {"name": "config", "mountPath": "/config"},
                ],
            }
        ],
        "volumes": [
            {"name": "programs", "hostPath": {"path": str(programs)}},
            {"name": "config", "configMap": {"name": "coredns"}},
        ],
    }


def _object(version: str, kind: str, name: str, namespace: str | None = None, **content: Any) -> Json:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **content}
