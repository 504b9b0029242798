"""Where a gateway keeps evidence: a volume for each of its pods, and the flags that lead there.

Evidence outlives a pod only if the pod that comes after it has its name and its volume: so the gateway is a StatefulSet
then, and a Deployment otherwise (docs/decisions/0027-evidence-volumes.md). Its claims are kept whatever becomes of it.
"""

from typing import Final

from isochrone.api.gateway_evidence import CLAIM
from isochrone.render import secrets
from isochrone.render.gateway.subject import Subject
from isochrone.render.manifest import Json, filled
from isochrone.render.names import stateful_name

VOLUME: Final = "evidence"
_MOUNT: Final = "/var/lib/isochrone-evidence"
_FOLDER: Final = f"{_MOUNT}/sites"
"""Not the volume itself, where some file systems have a folder of their own that nobody may read."""


def has_claims(subject: Subject) -> bool:
    """Whether each pod has a volume that outlives it."""
    asked = subject.site.spec.gateway.evidence
    return asked is not None and asked.storage.type == CLAIM


def workload(subject: Subject) -> tuple[str, str]:
    """The kind and the name of what runs the gateway's pods."""
    return ("StatefulSet", stateful_name(subject.site)) if has_claims(subject) else ("Deployment", subject.name)


def claims(subject: Subject) -> list[Json]:
    """What the volume of each pod is claimed by. One writer each: whoever comes after a pod waits until it is gone."""
    asked = subject.site.spec.gateway.evidence
    if asked is None or not has_claims(subject):
        return []
    spec = filled(
        accessModes=["ReadWriteOnce"],
        storageClassName=asked.storage.storage_class_name,
        resources={"requests": {"storage": asked.storage.size}},
    )
    metadata = {"name": VOLUME, "labels": subject.labels}
    return [{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}]


def volumes(subject: Subject) -> list[Json]:
    """The one that goes with the pod, where that was asked for."""
    asked = subject.site.spec.gateway.evidence
    if asked is None or has_claims(subject):
        return []
    return [{"name": VOLUME, "emptyDir": {"sizeLimit": asked.storage.size}}]


def mounts(subject: Subject) -> list[Json]:
    return [{"name": VOLUME, "mountPath": _MOUNT}] if subject.site.spec.gateway.evidence else []


def arguments(subject: Subject, mounted_secrets: str) -> list[str]:
    """Flags; the key is among the secrets, outside of the folder that auditors get copies of."""
    if subject.site.spec.gateway.evidence is None:
        return []
    key = f"{mounted_secrets}/{secrets.EVIDENCE}/{secrets.SIGNING_KEY}"
    return [f"--evidence={_FOLDER}", f"--evidence-key={key}"]
