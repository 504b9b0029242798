"""What a ModelRoute may change of its engine's pods: an overlay that may add and tighten, never weaken."""

from typing import Annotated, ClassVar

from pydantic import Field

from isochrone.api.container_overlay import Container, Open
from isochrone.api.gpu_pool import Toleration
from isochrone.api.scalars import Annotations, LabelMap, ObjectName
from isochrone.api.schema import ATOMIC, Model, Rule, map_list
from isochrone.api.volumes import Volume

HARMLESS_ANNOTATION = (
    "^([A-Za-z0-9_-]+|prometheus[.]io/.*|karpenter[.]sh/do-not-disrupt"
    "|cluster-autoscaler[.]kubernetes[.]io/safe-to-evict)$"
)
"""Keys of annotations that weaken nothing.

Others switch off AppArmor, attach networks and devices, inject sidecars; container runtimes read unprefixed ones too,
such as `io.kubernetes.cri-o.Devices`, hence no dots. No list of those that weaken would ever be complete.
"""


class PodSecurity(Model):
    """What an overlay may say of a pod's security: only to make it stricter."""

    run_as_user: Annotated[int, Field(ge=1, le=2147483647)] | None = None
    """The user id to run as; never 0, which is root."""
    run_as_group: Annotated[int, Field(ge=1, le=2147483647)] | None = None
    """The group id to run as; never 0, which is root."""
    fs_group: Annotated[int, Field(ge=1, le=2147483647)] | None = None
    """The group id that owns the volumes."""
    supplemental_groups: (
        Annotated[list[Annotated[int, Field(ge=1, le=2147483647)]], Field(max_length=32), ATOMIC] | None
    ) = None
    """Further group ids of the processes."""


class PullSecret(Model):
    """A Secret with credentials for a registry."""

    name: ObjectName
    """The name of the Secret, in the route's namespace."""


class PodSpecOverlay(Model):
    """Parts of a pod's spec, merged into the engine's as `kubectl patch --type strategic` would.

    A list of what is allowed, not of what is forbidden: fields that Kubernetes adds later can't weaken anything.
    Scheduler and priority class are not among them: pools and `serving.priority` decide where and before whom it runs.
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
            rule="!has(self.containers) || self.containers.all(c, !has(c.restartPolicy))",
            message="restartPolicy is for init containers: the others restart in any case",
            field=".containers",
        ),
        Rule(
            rule="(!has(self.containers) || self.containers.all(c, !c.name.startsWith('isochrone-')))"
            " && (!has(self.initContainers) || self.initContainers.all(c, !c.name.startsWith('isochrone-')))",
            message="names of containers that begin with isochrone- are the operator's",
        ),
        Rule(
            rule="!has(self.initContainers) || self.initContainers.all(c, has(c.image))",
            message="an init container needs an image: an overlay adds its own and can't change the operator's",
            field=".initContainers",
        ),
        Rule(
            rule="!has(self.initContainers) || self.initContainers.all(i, i.name != 'engine'"
            " && (!has(self.containers) || self.containers.all(c, c.name != i.name)))",
            message="an init container has a name that no other container has",
            field=".initContainers",
        ),
        Rule(
            rule="!has(self.initContainers) || self.initContainers.all(c, has(c.restartPolicy) || !has(c.lifecycle)"
            " && !has(c.startupProbe) && !has(c.readinessProbe) && !has(c.livenessProbe))",
            message="probes and lifecycle of an init container need restartPolicy: Always, without which it just ends",
            field=".initContainers",
        ),
        Rule(
            rule="!has(self.tolerations) || self.tolerations.all(t, has(t.key))",
            message="a toleration of an overlay names the taint's key: without one it would tolerate every taint",
            field=".tolerations",
        ),
    )

    containers: Annotated[list[Container], Field(max_length=16), map_list("name")] | None = None
    """Containers by name: `engine` changes the engine's own, any other name adds a sidecar."""
    init_containers: Annotated[list[Container], Field(max_length=16), map_list("name")] | None = None
    """Further init containers, each with a name of its own and an image. The operator's own can't be changed."""
    volumes: Annotated[list[Volume], Field(max_length=64), map_list("name")] | None = None
    """Further volumes, to be mounted by name."""
    security_context: PodSecurity | None = None
    """A stricter security context for the pods."""
    node_selector: LabelMap | None = None
    """Further labels that the nodes must have. What EdgeNode and GPUPool ask for wins over the same keys here."""
    affinity: Open | None = None
    """Affinity to nodes and pods, in addition to what EdgeNode and GPUPool ask for."""
    tolerations: Annotated[list[Toleration], Field(max_length=16), ATOMIC] | None = None
    """Further taints to tolerate, beyond those of the pool, each by its key."""
    topology_spread_constraints: Annotated[list[Open], Field(max_length=16), ATOMIC] | None = None
    """How replicas are spread over nodes and zones."""
    image_pull_secrets: Annotated[list[PullSecret], Field(max_length=16), map_list("name")] | None = None
    """Secrets with credentials to pull images with, in the route's namespace."""
    runtime_class_name: ObjectName | None = None
    """The RuntimeClass of the pods, such as `nvidia`."""
    termination_grace_period_seconds: Annotated[int, Field(ge=1, le=86400)] | None = None
    """How many seconds a pod may take to end."""
    dns_config: Open | None = None
    """Further DNS settings of the pods."""
    host_aliases: Annotated[list[Open], Field(max_length=64), ATOMIC] | None = None
    """Further lines of the containers' /etc/hosts."""


class PodMetadata(Model):
    """Labels and annotations of the engine's pods."""

    labels: LabelMap | None = None
    """Labels to add to the pods."""
    annotations: Annotations | None = None
    """Annotations to add to the pods: keys without prefix and dots, `prometheus.io/*`, and those that keep autoscalers
    from moving a pod, `karpenter.sh/do-not-disrupt` and `cluster-autoscaler.kubernetes.io/safe-to-evict`."""


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
            f" || self.metadata.annotations.all(k, k.matches('{HARMLESS_ANNOTATION}'))",
            message="annotations steer runtimes, networks and meshes, so only these are taken: keys without prefix and"
            " dots, prometheus.io/*, karpenter.sh/do-not-disrupt, cluster-autoscaler.kubernetes.io/safe-to-evict",
            field=".metadata.annotations",
        ),
    )

    metadata: PodMetadata | None = None
    """Labels and annotations to add to the pods."""
    spec: PodSpecOverlay | None = None
    """Parts of the pods' spec, merged into the engine's."""
