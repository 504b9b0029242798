"""What a ModelRoute may change of its engine's pods: an overlay that may add and tighten, never weaken."""

from typing import Annotated, ClassVar

from pydantic import Field

from isochrone.api.container_overlay import Container, Open
from isochrone.api.gpu_pool import Toleration
from isochrone.api.scalars import Annotations, Label, LabelMap, ObjectName
from isochrone.api.schema import ATOMIC, Model, Rule, map_list
from isochrone.api.selectors import ObjectRef


class Volume(Model):
    """A volume of the engine's pods. There is no hostPath: an overlay can't reach into the node."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="[has(self.configMap), has(self.secret), has(self.emptyDir), has(self.persistentVolumeClaim),"
            " has(self.ephemeral), has(self.image), has(self.csi), has(self.downwardAPI)].filter(x, x).size() == 1",
            message="a volume has exactly one source, such as emptyDir: {}",
        ),
    )

    name: Label
    """Its name."""
    config_map: Open | None = None
    """A ConfigMap."""
    secret: Open | None = None
    """A Secret."""
    empty_dir: Open | None = None
    """An empty folder."""
    persistent_volume_claim: Open | None = None
    """A PersistentVolumeClaim."""
    ephemeral: Open | None = None
    """A claim that lives as long as the pod."""
    image: Open | None = None
    """An OCI image."""
    csi: Open | None = None
    """An inline CSI volume."""
    downward_api: Annotated[Open | None, Field(alias="downwardAPI")] = None
    """Facts about the pod."""


class PodSecurity(Model):
    """What an overlay may say of a pod's security: only to make it stricter."""

    run_as_user: Annotated[int, Field(ge=1, le=2147483647)] | None = None
    """The user; never 0."""
    run_as_group: Annotated[int, Field(ge=1, le=2147483647)] | None = None
    """The group; never 0."""
    fs_group: Annotated[int, Field(ge=1, le=2147483647)] | None = None
    """The group of the volumes."""
    supplemental_groups: (
        Annotated[list[Annotated[int, Field(ge=1, le=2147483647)]], Field(max_length=32), ATOMIC] | None
    ) = None
    """Further groups."""


class PodSpecOverlay(Model):
    """Parts of a pod's spec, merged into the engine's as `kubectl patch --type strategic` would.

    A list of what is allowed, not of what is forbidden: fields that Kubernetes adds later can't weaken anything.
    """

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="!has(self.containers) || self.containers.all(c, c.name == 'engine' || has(c.image))",
            message="a sidecar needs an image; to change the engine's own container, name it engine",
            field=".containers",
        ),
        Rule(
            rule="!has(self.containers) || self.containers.all(c, c.name != 'engine'"
            " || !has(c.image) && !has(c.command) && !has(c.args) && !has(c.resources))",
            message="the engine's image, command, args and resources stand in spec.serving, not in the overlay",
            field=".containers",
        ),
        Rule(
            rule="!has(self.priorityClassName) || !self.priorityClassName.startsWith('system-')",
            message="the system- classes are for the cluster's own pods: take another PriorityClass",
            field=".priorityClassName",
        ),
    )

    containers: Annotated[list[Container], Field(max_length=16), map_list("name")] | None = None
    """Overlays by container name."""
    init_containers: Annotated[list[Container], Field(max_length=16), map_list("name")] | None = None
    """Overlays by init container name."""
    volumes: Annotated[list[Volume], Field(max_length=64), map_list("name")] | None = None
    """Further volumes."""
    security_context: PodSecurity | None = None
    """Stricter security."""
    node_selector: LabelMap | None = None
    """Labels of the nodes, beyond those of the pool."""
    affinity: Open | None = None
    """Affinity to nodes and pods."""
    tolerations: Annotated[list[Toleration], Field(max_length=16), ATOMIC] | None = None
    """Taints to tolerate, beyond those of the pool."""
    topology_spread_constraints: Annotated[list[Open], Field(max_length=16), ATOMIC] | None = None
    """How replicas are spread."""
    image_pull_secrets: Annotated[list[ObjectRef], Field(max_length=16), map_list("name")] | None = None
    """Image pull Secrets in the route's namespace."""
    priority_class_name: ObjectName | None = None
    """The pods' PriorityClass."""
    runtime_class_name: ObjectName | None = None
    """The pods' RuntimeClass."""
    scheduler_name: ObjectName | None = None
    """The pods' scheduler."""
    termination_grace_period_seconds: Annotated[int, Field(ge=1, le=86400)] | None = None
    """How long a pod may take to end."""
    dns_config: Open | None = None
    """Further DNS settings."""
    host_aliases: Annotated[list[Open], Field(max_length=64), ATOMIC] | None = None
    """Further lines of /etc/hosts."""


class PodMetadata(Model):
    """Labels and annotations of the engine's pods."""

    labels: LabelMap | None = None
    """Labels to add."""
    annotations: Annotations | None = None
    """Annotations to add."""


class PodTemplate(Model):
    """An overlay for the engine's pods. It may add and tighten, never weaken."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="!has(self.metadata) || !has(self.metadata.labels)"
            " || self.metadata.labels.all(k, !k.startsWith('isochrone.dev/') && !k.startsWith('app.kubernetes.io/'))",
            message="labels of isochrone.dev and app.kubernetes.io are the operator's",
            field=".metadata.labels",
        ),
        Rule(
            rule="!has(self.metadata) || !has(self.metadata.annotations)"
            " || self.metadata.annotations.all(k, !k.startsWith('isochrone.dev/'))",
            message="annotations of isochrone.dev are the operator's",
            field=".metadata.annotations",
        ),
    )

    metadata: PodMetadata | None = None
    """Labels and annotations."""
    spec: PodSpecOverlay | None = None
    """Parts of the pod's spec."""
