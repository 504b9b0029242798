"""GPUPool: GPUs of one type at a site, what they cost, and who may use them."""

import enum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from isochrone.api.conditions import Status
from isochrone.api.resource import AGE, READY, REASON, Column, KindInfo, Resource
from isochrone.api.scalars import LabelKey, LabelMap, LabelValue, Money, ObjectName, Quantity, Text
from isochrone.api.schema import ATOMIC, Model, Rule
from isochrone.api.selectors import LabelSelector, Namespaces, ObjectRef


class CapacityType(enum.StrEnum):
    """How capacity is bought."""

    RESERVED = "Reserved"
    ON_DEMAND = "OnDemand"
    SPOT = "Spot"


class Toleration(Model):
    """A taint that engine pods tolerate, as in a pod's `tolerations`."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="self.operator == 'Equal' ? has(self.key) : !has(self.value)",
            message="operator Equal needs a key; Exists takes no value",
        ),
        Rule(
            rule="!has(self.tolerationSeconds) || has(self.effect) && self.effect == 'NoExecute'",
            message="tolerationSeconds needs effect NoExecute",
            field=".tolerationSeconds",
        ),
    )

    key: LabelKey | None = None
    """The taint's key; without it, every taint is tolerated."""
    operator: Literal["Equal", "Exists"] = "Equal"
    """Equal compares the value, Exists does not."""
    value: LabelValue | None = None
    """The taint's value."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """The taint's effect; without it, all effects."""
    toleration_seconds: Annotated[int, Field(ge=0, le=2147483647)] | None = None
    """How long a NoExecute taint is tolerated."""


class Device(Model):
    """One type of GPU, and how pods ask for it."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="has(self.resourceName) != has(self.deviceClassName)",
            message="give either resourceName (device plug-in) or deviceClassName (dynamic resource allocation)",
        ),
        Rule(
            rule="self.memory.matches('[1-9]')",
            message="a device has some memory",
            field=".memory",
        ),
    )

    product: Annotated[str, Field(pattern="^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$", max_length=63)]
    """What it is, as in `NVIDIA-H100-80GB-HBM3`. Routes select by it."""
    memory: Quantity
    """Memory of one device, such as `80Gi`."""
    resource_name: (
        Annotated[
            str,
            Field(
                pattern="^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
                max_length=253,
            ),
        ]
        | None
    ) = None
    """The extended resource of the device plug-in, such as `nvidia.com/gpu`."""
    device_class_name: ObjectName | None = None
    """The DeviceClass of dynamic resource allocation (resource.k8s.io)."""


class GPUPoolSpec(Model):
    """What a pool holds."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="has(self.edgeNodeRef) != has(self.edgeNodeSelector)",
            message="give either edgeNodeRef or edgeNodeSelector",
        ),
        Rule(
            rule="has(self.edgeNodeRef) == has(oldSelf.edgeNodeRef)"
            " && (!has(self.edgeNodeRef) || self.edgeNodeRef.name == oldSelf.edgeNodeRef.name)",
            message="a pool stays at its site: create another GPUPool and delete this one",
        ),
    )

    edge_node_ref: ObjectRef | None = None
    """The site that has these GPUs."""
    edge_node_selector: LabelSelector | None = None
    """The sites that have as many of these GPUs each."""
    device: Device
    """The type of GPU."""
    nodes: Annotated[int, Field(ge=1, le=10000)]
    """Kubernetes nodes with these GPUs. What pods of others hold there is seen, and counts as not there."""
    devices_per_node: Annotated[int, Field(ge=1, le=128)]
    """GPUs in each node. A replica never spans nodes."""
    price_per_device_hour: Money
    """US dollars for one GPU for one hour."""
    capacity_type: CapacityType = CapacityType.ON_DEMAND
    """Reserved, OnDemand or Spot."""
    node_selector: LabelMap | None = None
    """Labels of the nodes that have these GPUs, in addition to those of the site. Engine pods run on no others."""
    tolerations: Annotated[list[Toleration], Field(max_length=16), ATOMIC] | None = None
    """Taints of the nodes that engine pods tolerate."""
    allowed_namespaces: Namespaces | None = None
    """Whose ModelRoutes may use it. Nobody's, unless this says so."""
    max_priority: Annotated[int, Field(ge=-1000, le=1000)] = 1000
    """The highest priority of a ModelRoute that it takes."""
    note: Text | None = None
    """For people: contract, owner, source of the price."""


class GPUPoolStatus(Status):
    """How a pool is used."""

    edge_nodes: Annotated[int, Field(ge=0)] | None = None
    """Sites that have it."""
    devices: Annotated[int, Field(ge=0)] | None = None
    """GPUs in all of them."""
    devices_used: Annotated[int, Field(ge=0)] | None = None
    """GPUs that placements hold."""
    devices_of_others: Annotated[int, Field(ge=0)] | None = None
    """GPUs that pods of others hold, where that can be seen. Nothing is placed on them."""


class GPUPool(Resource):
    """GPUs of one type at a site, or at all sites that a selector matches."""

    info: ClassVar[KindInfo] = KindInfo(
        plural="gpupools",
        short_name="gpool",
        scope="Cluster",
        columns=(
            Column(
                name="Site", path=".spec.edgeNodeRef.name", description="The site that has it, unless it is at several"
            ),
            Column(name="Product", path=".spec.device.product"),
            Column(name="Memory", path=".spec.device.memory"),
            Column(name="Nodes", path=".spec.nodes", type="integer"),
            Column(name="Per-Node", path=".spec.devicesPerNode", type="integer"),
            Column(name="Used", path=".status.devicesUsed", type="integer", description="GPUs in use"),
            Column(
                name="Others",
                path=".status.devicesOfOthers",
                type="integer",
                description="GPUs that pods of others hold",
            ),
            Column(name="USD/h", path=".spec.pricePerDeviceHour", description="Price of a GPU per hour"),
            Column(name="Capacity", path=".spec.capacityType", priority=1),
            READY,
            REASON,
            AGE,
        ),
    )

    kind: Literal["GPUPool"] = "GPUPool"
    """Always GPUPool."""
    spec: GPUPoolSpec
    """Where the GPUs are, of which type and how many, what they cost, and who may use them."""
    status: GPUPoolStatus | None = None
    """How the pool is used."""
