"""What a ModelRoute may change of one container of its engine's pods, or say of a sidecar.

Like all of the overlay a list of what is allowed: there is no hostPort, no mountPropagation, no `host` in a probe
(which the Pod Security Standards forbid too), no capability to add, and no way to privilege.
Fields mean what they mean in https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from isochrone.api.environment import OverlayEnv
from isochrone.api.scalars import Image, Label, Port, Resource
from isochrone.api.schema import ATOMIC, OPEN, Extension, Model, Rule, map_list

Open = Annotated[dict[str, Any], OPEN]
"""A part of the Kubernetes API that is passed through as it is."""

Seconds = Annotated[int, Field(ge=0, le=86400)]
"""Seconds, a day at most."""

Path = Annotated[str, Field(min_length=1, max_length=1024)]
"""A path in a container."""

Command = Annotated[list[Annotated[str, Field(max_length=1024)]], Field(max_length=64), ATOMIC]
"""A program and its arguments."""

PortOrName = Annotated[
    int | str, Extension({"x-kubernetes-int-or-string": True, "maxLength": 15, "minimum": 1, "maximum": 65535})
]
"""A port's number, or its name in `ports`."""


class Capabilities(Model):
    """Linux capabilities. None can be added."""

    drop: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=64), ATOMIC] | None = None
    """Capabilities to drop; ALL is dropped in any case."""


class ContainerSecurity(Model):
    """What an overlay may say of a container's security: only to make it stricter."""

    run_as_user: Annotated[int, Field(ge=1, le=2147483647)] | None = None
    """The user id to run as; never 0, which is root."""
    run_as_group: Annotated[int, Field(ge=1, le=2147483647)] | None = None
    """The group id to run as; never 0, which is root."""
    read_only_root_filesystem: Literal[True] | None = None
    """Make the root file system read-only."""
    capabilities: Capabilities | None = None
    """Capabilities to drop."""


class ContainerPort(Model):
    """A port of a sidecar. There is no hostPort: an overlay can't open the node."""

    name: Annotated[str, Field(pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=15)] | None = None
    """The port's name, for probes to refer to."""
    container_port: Port
    """The port's number, in the container."""
    protocol: Literal["TCP", "UDP", "SCTP"] | None = None
    """The transport protocol; TCP when left out."""


class VolumeMount(Model):
    """Where a volume is mounted."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="!has(self.subPath) || !self.subPath.startsWith('/') && !self.subPath.matches('(^|/)[.][.](/|$)')",
            message="subPath is relative to the volume and has no ..",
            field=".subPath",
        ),
    )

    name: Label
    """The name of a volume of the pod."""
    mount_path: Annotated[str, Field(pattern="^/[^:]*$", max_length=1024)]
    """Where in the container: an absolute path, each once."""
    sub_path: Path | None = None
    """Which folder of the volume, as a relative path without `..`."""
    read_only: bool | None = None
    """Mount it read-only."""


class SidecarResources(Model):
    """Requests and limits of a sidecar. GPUs are the engine's, by `serving.resources`, where they are counted."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="(!has(self.requests) || self.requests.all(k, k in ['cpu', 'memory', 'ephemeral-storage']))"
            " && (!has(self.limits) || self.limits.all(k, k in ['cpu', 'memory', 'ephemeral-storage']))",
            message="a sidecar gets cpu, memory and ephemeral-storage; GPUs are the engine's, by serving.resources",
        ),
    )

    requests: Annotated[dict[str, Resource], Field(max_length=3)] | None = None
    """What nodes keep free for it, of cpu, memory and ephemeral-storage."""
    limits: Annotated[dict[str, Resource], Field(max_length=3)] | None = None
    """The most that it gets, of cpu, memory and ephemeral-storage."""


class ExecAction(Model):
    """A command in the container."""

    command: Command
    """The program and its arguments; no shell."""


class HttpHeader(Model):
    """One HTTP header."""

    name: Annotated[str, Field(pattern="^[A-Za-z0-9-]+$", max_length=128)]
    """The header's name."""
    value: Annotated[str, Field(max_length=1024)]
    """The header's value."""


class HttpGetAction(Model):
    """A request to the pod itself."""

    path: Annotated[str, Field(max_length=1024)] | None = None
    """The path; `/` when left out."""
    port: PortOrName
    """The port, by number or name."""
    scheme: Literal["HTTP", "HTTPS"] | None = None
    """HTTP or HTTPS; HTTP when left out."""
    http_headers: Annotated[list[HttpHeader], Field(max_length=16), ATOMIC] | None = None
    """Headers to send with the request."""


class TcpSocketAction(Model):
    """A connection to the pod itself."""

    port: PortOrName
    """The port, by number or name."""


class GrpcAction(Model):
    """A call of the gRPC health service."""

    port: Port
    """The port of the gRPC health service."""
    service: Annotated[str, Field(max_length=253)] | None = None
    """The service to ask for; the server as a whole when left out."""


class Probe(Model):
    """How the kubelet checks a container. For the engine, the timing alone is usually enough."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="[has(self.exec), has(self.httpGet), has(self.tcpSocket), has(self.grpc)].filter(x, x).size() <= 1",
            message="a probe asks in one way: exec, httpGet, tcpSocket or grpc",
        ),
    )

    exec_: Annotated[ExecAction | None, Field(alias="exec")] = None
    """Run a command in the container; good when it exits with 0."""
    http_get: HttpGetAction | None = None
    """Send an HTTP GET; good with a status of 200 to 399."""
    tcp_socket: TcpSocketAction | None = None
    """Open a TCP connection; good when it is accepted."""
    grpc: GrpcAction | None = None
    """Call the gRPC health service; good when it says SERVING."""
    initial_delay_seconds: Seconds | None = None
    """Seconds from the container's start to the first check."""
    period_seconds: Annotated[int, Field(ge=1, le=86400)] | None = None
    """Seconds from one check to the next."""
    timeout_seconds: Annotated[int, Field(ge=1, le=86400)] | None = None
    """Seconds that one check may take."""
    success_threshold: Annotated[int, Field(ge=1, le=10000)] | None = None
    """How many good checks in a row turn it good."""
    failure_threshold: Annotated[int, Field(ge=1, le=10000)] | None = None
    """How many bad checks in a row turn it bad."""
    termination_grace_period_seconds: Annotated[int, Field(ge=1, le=86400)] | None = None
    """Seconds that the container may take to end after a bad check."""


class Sleep(Model):
    """A pause."""

    seconds: Seconds
    """How many seconds to wait."""


class LifecycleHandler(Model):
    """What runs."""

    exec_: Annotated[ExecAction | None, Field(alias="exec")] = None
    """Run a command in the container."""
    sleep: Sleep | None = None
    """Wait for some seconds."""


class Lifecycle(Model):
    """What runs after a container's start and before its end."""

    post_start: LifecycleHandler | None = None
    """What runs right after the container's start."""
    pre_stop: LifecycleHandler | None = None
    """What runs before the container is told to end."""


_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_PROBES_ASK = " && ".join(
    f"(!has(self.{probe}) || {' || '.join(f'has(self.{probe}.{handler})' for handler in _HANDLERS)})"
    for probe in ("startupProbe", "readinessProbe", "livenessProbe")
)


class Container(Model):
    """An overlay for one container: `engine` is the engine's own, any other name adds a sidecar."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule=f"self.name == 'engine' || {_PROBES_ASK}",
            message="a probe of a sidecar says how to ask: exec, httpGet, tcpSocket or grpc",
        ),
    )

    name: Label
    """The container's name: `engine`, or that of a sidecar. Names that begin with isochrone- are the operator's."""
    image: Image | None = None
    """The image of a sidecar; the engine's stands in serving.engine."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """When the image is pulled: Always, IfNotPresent or Never."""
    command: Command | None = None
    """The program that a sidecar runs; the image's own when left out."""
    args: Annotated[list[Annotated[str, Field(max_length=1024)]], Field(max_length=128), ATOMIC] | None = None
    """The arguments of a sidecar's program; the engine's stand in serving.engine."""
    working_dir: Path | None = None
    """The directory that a sidecar's program starts in."""
    restart_policy: Literal["Always"] | None = None
    """Init containers only: Always keeps it running beside the engine, as a sidecar that starts first."""
    env: Annotated[list[OverlayEnv], Field(max_length=64), map_list("name")] | None = None
    """Environment variables by name, from Secrets and ConfigMaps too."""
    ports: Annotated[list[ContainerPort], Field(max_length=16), ATOMIC] | None = None
    """Ports that a sidecar listens at, named for probes."""
    volume_mounts: Annotated[list[VolumeMount], Field(max_length=64), map_list("mountPath")] | None = None
    """Where volumes are mounted, by path in the container."""
    resources: SidecarResources | None = None
    """What a sidecar gets of CPU and memory; the engine's share stands in serving.resources."""
    startup_probe: Probe | None = None
    """When the container counts as started."""
    readiness_probe: Probe | None = None
    """When the container gets requests."""
    liveness_probe: Probe | None = None
    """When the container is restarted."""
    lifecycle: Lifecycle | None = None
    """What runs after its start and before its end."""
    security_context: ContainerSecurity | None = None
    """A stricter security context for the container."""
