"""What no engine's pod does without, whatever an overlay says: the restricted Pod Security Standard, and more.

It is laid over the pod last. What an overlay may add (another user, fewer capabilities) stays.
https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from typing import Final

from isochrone.render.manifest import Json

USER: Final = 1000
"""The images' own user is root, so one is named."""

_CONTAINER_MAY_SAY: Final = ("runAsUser", "runAsGroup")
_POD_MAY_SAY: Final = (*_CONTAINER_MAY_SAY, "fsGroup", "supplementalGroups")


def sealed(spec: Json, *, service_account: str) -> Json:
    """The pod's spec, with what must hold in place of whatever was said about it."""
    containers: Json = {
        kind: [_sealed(each) for each in spec[kind]] for kind in ("initContainers", "containers") if kind in spec
    }
    return {
        **spec,
        **containers,
        "serviceAccountName": service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": _pod_context(spec.get("securityContext", {})),
    }


def _pod_context(said: Json) -> Json:
    kept = {key: said[key] for key in _POD_MAY_SAY if said.get(key)}
    return {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        "fsGroup": USER,
        # Else the kubelet walks over all of a volume at each start, which takes minutes on network disks.
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
        **kept,
    }


def _sealed(container: Json) -> Json:
    said = container.get("securityContext", {})
    kept = {key: said[key] for key in _CONTAINER_MAY_SAY if said.get(key)}
    dropped = [each for each in said.get("capabilities", {}).get("drop", []) if each != "ALL"]
    read_only = {"readOnlyRootFilesystem": True} if said.get("readOnlyRootFilesystem") else {}
    context = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL", *dropped]},
        **read_only,
        **kept,
    }
    return {**container, "securityContext": context}
