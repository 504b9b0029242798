"""What a ModelRoute may change of its engine's pods: an overlay that may add and tighten, never weaken."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from isochrone.api.gpu_pool import Toleration
from isochrone.api.scalars import Image, LabelMap, LabelValue, ObjectName, Text
from isochrone.api.schema import ATOMIC, OPEN, Model, Rule, map_list
from isochrone.api.selectors import ObjectRef

Open = Annotated[dict[str, Any], OPEN]
"""A part of the Kubernetes API that is passed through as it is."""


class NamedPart(Model):
    """A part of the Kubernetes API that is passed through as it is, known by its name."""

    model_config = ConfigDict(extra="allow", json_schema_extra=OPEN.keywords)

    name: Annotated[str, Field(min_length=1, max_length=253)]
    """Its name."""


class Capabilities(Model):
    """Linux capabilities. None can be added."""

    drop: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=64), ATOMIC] | None = None
    """Capabilities to drop; ALL is dropped in any case."""


class ContainerSecurity(Model):
    """What an overlay may say of a container's security: only to make it stricter."""

    run_as_user: Annotated[int, Field(ge=1, le=2147483647)] | None = None
    """The user; never 0."""
    run_as_group: Annotated[int, Field(ge=1, le=2147483647)] | None = None
    """The group; never 0."""
    read_only_root_filesystem: Literal[True] | None = None
    """Make the root file system read-only."""
    capabilities: Capabilities | None = None
    """Capabilities to drop."""


class Container(Model):
    """An overlay for one container: `engine` is the engine's own, any other name adds a sidecar."""

    name: Annotated[str, Field(pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
    """The container's name."""
    image: Image | None = None
    """The image of a sidecar."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """When the image is pulled."""
    command: Annotated[list[Annotated[str, Field(max_length=1024)]], Field(max_length=64), ATOMIC] | None = None
    """The command of a sidecar."""
    args: Annotated[list[Annotated[str, Field(max_length=1024)]], Field(max_length=128), ATOMIC] | None = None
    """The arguments of a sidecar."""
    working_dir: Annotated[str, Field(max_length=1024)] | None = None
    """The working directory of a sidecar."""
    restart_policy: Literal["Always"] | None = None
    """Always: an init container that runs beside the engine."""
    env: Annotated[list[NamedPart], Field(max_length=64), map_list("name")] | None = None
    """Environment variables, `valueFrom` included."""
    env_from: Annotated[list[Open], Field(max_length=16), ATOMIC] | None = None
    """Environment variables from ConfigMaps and Secrets."""
    ports: Annotated[list[Open], Field(max_length=16), ATOMIC] | None = None
    """Ports of a sidecar."""
    volume_mounts: Annotated[list[Open], Field(max_length=64), ATOMIC] | None = None
    """Where volumes are mounted."""
    resources: Open | None = None
    """Requests and limits of a sidecar."""
    startup_probe: Open | None = None
    """When it has started."""
    readiness_probe: Open | None = None
    """When it is ready."""
    liveness_probe: Open | None = None
    """When it is restarted."""
    lifecycle: Open | None = None
    """What runs after its start and before its end."""
    security_context: ContainerSecurity | None = None
    """Stricter security."""


class Volume(Model):
    """A volume of the engine's pods. There is no hostPath: an overlay can't reach into the node."""

    name: Annotated[str, Field(pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
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

    labels: Annotated[dict[str, LabelValue], Field(max_length=32)] | None = None
    """Labels to add."""
    annotations: Annotated[dict[str, Text], Field(max_length=32)] | None = None
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
    )

    metadata: PodMetadata | None = None
    """Labels and annotations."""
    spec: PodSpecOverlay | None = None
    """Parts of the pod's spec."""
