"""Volumes of the engine's pods: what an overlay may bring in, each source field by field.

There is no hostPath and no inline CSI volume, whose driver decides what it reaches, and no projected service account
token. Fields mean what they mean in
https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/volume/.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from isochrone.api.container_overlay import Open, Path
from isochrone.api.environment import DataKey, FieldRef, ResourceFieldRef
from isochrone.api.scalars import Image, Label, Memory, ObjectName
from isochrone.api.schema import ATOMIC, Model, Rule

Mode = Annotated[int, Field(ge=0, le=0o777)]
"""Permissions of a file, such as 0440: octal in YAML, decimal in JSON."""

_RELATIVE = Rule(
    rule="!self.path.startsWith('/') && !self.path.matches('(^|/)[.][.](/|$)')",
    message="path is relative to the volume and has no ..",
    field=".path",
)


class KeyToPath(Model):
    """One key as a file."""

    rules: ClassVar[tuple[Rule, ...]] = (_RELATIVE,)

    key: DataKey
    """The key in the object's data."""
    path: Path
    """The file, relative to the mount and without `..`."""
    mode: Mode | None = None
    """The file's permissions; defaultMode when left out."""


class ConfigMapVolume(Model):
    """The keys of a ConfigMap as files."""

    name: ObjectName
    """The ConfigMap, in the route's namespace."""
    items: Annotated[list[KeyToPath], Field(max_length=64), ATOMIC] | None = None
    """Which keys become which files; all of them, by their own names, when left out."""
    default_mode: Mode | None = None
    """The files' permissions; 0644 when left out."""
    optional: bool | None = None
    """Start without it where the object or a key is missing, instead of waiting."""


class SecretVolume(Model):
    """The keys of a Secret as files."""

    secret_name: ObjectName
    """The Secret, in the route's namespace."""
    items: Annotated[list[KeyToPath], Field(max_length=64), ATOMIC] | None = None
    """Which keys become which files; all of them, by their own names, when left out."""
    default_mode: Mode | None = None
    """The files' permissions; 0644 when left out."""
    optional: bool | None = None
    """Start without it where the object or a key is missing, instead of waiting."""


class EmptyDirVolume(Model):
    """A folder that is empty when the pod starts and gone when it ends."""

    medium: Literal["Memory"] | None = None
    """Memory keeps it in the pod's memory; on the node's disk when left out."""
    size_limit: Memory | None = None
    """The most that it may hold, such as `1Gi`."""


class ClaimVolume(Model):
    """A PersistentVolumeClaim that exists already."""

    claim_name: ObjectName
    """The PersistentVolumeClaim, in the route's namespace."""
    read_only: bool | None = None
    """Mount it read-only."""


class ClaimTemplate(Model):
    """The claim that is made for each pod."""

    spec: Open
    """The spec of a PersistentVolumeClaim."""


class EphemeralVolume(Model):
    """A claim that is made for each pod and goes with it."""

    volume_claim_template: ClaimTemplate
    """The claim that is made for each pod."""


class ImageVolume(Model):
    """The files of an OCI image or artifact, read-only."""

    reference: Image
    """The image, best pinned by digest."""
    pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """When the image is pulled."""


class DownwardFile(Model):
    """One fact about the pod, as a file."""

    rules: ClassVar[tuple[Rule, ...]] = (
        _RELATIVE,
        Rule(
            rule="has(self.fieldRef) != has(self.resourceFieldRef)",
            message="give exactly one of fieldRef, resourceFieldRef",
        ),
    )

    path: Path
    """The file, relative to the mount and without `..`."""
    field_ref: FieldRef | None = None
    """A field of the pod, such as its name or address."""
    resource_field_ref: ResourceFieldRef | None = None
    """A request or limit of a container, which must be named."""
    mode: Mode | None = None
    """The file's permissions; defaultMode when left out."""


class DownwardVolume(Model):
    """Facts about the pod as files."""

    items: Annotated[list[DownwardFile], Field(max_length=32), ATOMIC] | None = None
    """Which facts become which files."""
    default_mode: Mode | None = None
    """The files' permissions; 0644 when left out."""


class Volume(Model):
    """A volume of the engine's pods. There is no hostPath: an overlay can't reach into the node."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="[has(self.configMap), has(self.secret), has(self.emptyDir), has(self.persistentVolumeClaim),"
            " has(self.ephemeral), has(self.image), has(self.downwardAPI)].filter(x, x).size() == 1",
            message="a volume has exactly one source, such as emptyDir: {}",
        ),
        Rule(
            rule="!self.name.startsWith('isochrone-')",
            message="names of volumes that begin with isochrone- are the operator's",
            field=".name",
        ),
    )

    name: Label
    """The volume's name, which volumeMounts refer to."""
    config_map: ConfigMapVolume | None = None
    """A ConfigMap of the route's namespace, as files."""
    secret: SecretVolume | None = None
    """A Secret of the route's namespace, as files."""
    empty_dir: EmptyDirVolume | None = None
    """A folder that lives as long as the pod."""
    persistent_volume_claim: ClaimVolume | None = None
    """A PersistentVolumeClaim of the route's namespace."""
    ephemeral: EphemeralVolume | None = None
    """A claim that lives as long as the pod."""
    image: ImageVolume | None = None
    """An OCI image, read-only."""
    downward_api: Annotated[DownwardVolume | None, Field(alias="downwardAPI")] = None
    """Facts about the pod, as files."""
