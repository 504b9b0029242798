"""How a pod asks for GPUs: as extended resources of a device plug-in, or by a claim (dynamic resource allocation).

What a claim template says can't be changed, so its name carries a hash of it: another text is another template, and
the pods roll to it.
"""

import dataclasses
from fractions import Fraction
from typing import Final

from isochrone.model.amounts import number
from isochrone.render import names
from isochrone.render.manifest import Json, filled, fingerprint
from isochrone.render.quantities import mebibytes
from isochrone.render.subject import Subject

CLAIM: Final = "devices"

_REPORTED_OF_NOMINAL: Final = Fraction(9, 10)
"""Drivers report less than the maker says: 79.6Gi of 80Gi, 22.5Gi of 24Gi."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """What devices add to a pod, and to its objects."""

    resources: Json = dataclasses.field(default_factory=dict)
    """Extended resources: requests, and the same as limits."""
    claims: tuple[Json, ...] = ()
    """The container's."""
    pod_claims: tuple[Json, ...] = ()
    templates: tuple[Json, ...] = ()
    """Objects."""


def devices(subject: Subject) -> Devices:
    """The GPUs of one replica."""
    if subject.pool is None or subject.devices == 0:
        return Devices()
    device = subject.pool.spec.device
    if device.resource_name is not None:
        return Devices(resources={device.resource_name: str(subject.devices)})
    template = claim_template(subject, device.device_class_name or "")
    reference = {"name": CLAIM, "resourceClaimTemplateName": template["metadata"]["name"]}
    return Devices(claims=({"name": CLAIM},), pod_claims=(reference,), templates=(template,))


def claim_template(subject: Subject, device_class: str) -> Json:
    exactly = filled(
        deviceClassName=device_class,
        allocationMode="ExactCount",
        count=subject.devices,
        selectors=[{"cel": {"expression": each}} for each in selectors(subject)],
    )
    spec = {
        "metadata": {"labels": subject.pod_labels},
        "spec": {"devices": {"requests": [{"name": CLAIM, "exactly": exactly}]}},
    }
    name = names.cut(subject.name, fingerprint(spec)[:8])
    return subject.manifest("resource.k8s.io/v1", "ResourceClaimTemplate", name=name, spec=spec)


def selectors(subject: Subject) -> list[str]:
    """What the route asks of each device, where the driver tells it: a class may hold several products."""
    found, wanted = [], subject.serving.resources
    if wanted.device_memory:
        least = mebibytes(number(wanted.device_memory) * _REPORTED_OF_NOMINAL)
        memory = "device.capacity[device.driver].memory"
        found.append(f'!has({memory}) || {memory}.compareTo(quantity("{least}")) >= 0')
    if wanted.device_products:
        product = "device.attributes[device.driver].productName"
        # Node labels, which pools are named after, have - where drivers have blanks.
        products = ", ".join(f'"{each}"' for each in sorted(wanted.device_products))
        found.append(f'!has({product}) || {product}.replace(" ", "-") in [{products}]')
    return found
