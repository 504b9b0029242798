"""Evidence that a site's gateway keeps of where requests were processed: when, for how long, and on which volume."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from isochrone.api.object_storage import ObjectStorage
from isochrone.api.scalars import Memory, ObjectName
from isochrone.api.schema import Model, Rule

CLAIM = "PersistentVolumeClaim"
EMPTY_DIR = "EmptyDir"


class EvidenceStorage(Model):
    """The volume of one gateway pod."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule=f"self.type == '{CLAIM}' || !has(self.storageClassName)",
            message=f"storageClassName goes with type {CLAIM}, and only with it",
            field=".storageClassName",
        ),
        Rule(
            rule=f"self.type != '{CLAIM}' || oldSelf.type != '{CLAIM}' || self.size == oldSelf.size"
            " && has(self.storageClassName) == has(oldSelf.storageClassName)"
            " && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",
            message="claims are made once: enlarge the PersistentVolumeClaims themselves, or remove evidence, wait"
            " until the gateway is ready, and add it again",
        ),
    )

    type: Literal["PersistentVolumeClaim", "EmptyDir"] = "PersistentVolumeClaim"
    """PersistentVolumeClaim: each gateway pod has a volume of its own, which outlives it, this site, and Isochrone.
    EmptyDir: for tries; the evidence goes with the pod."""
    size: Memory = "10Gi"
    """How large it is. A request takes about 700 bytes, so 10Gi hold some 15 million."""
    storage_class_name: ObjectName | None = None
    """The StorageClass of the claims; the cluster's default one when left out. Its volumes must be in the site's own
    jurisdiction, as its nodes are."""


class GatewayEvidence(Model):
    """Evidence of where requests were processed: files that anybody can check, without prompts, answers or keys."""

    on_failure: Literal["Refuse", "Count"] = "Refuse"
    """While evidence can't be written. Refuse: requests that a policy binds get 503. Count: they are answered, and
    those without evidence are counted."""
    retention_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    """Days after which files are removed. Without it, all are kept until the volume is full."""
    storage: EvidenceStorage = EvidenceStorage()
    """Where the files are. One that is there keeps its size and its class."""
    object_storage: ObjectStorage | None = None
    """Where files are copied to once they are closed. Requests never wait for it."""
