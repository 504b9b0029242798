"""Which devices pods and claims hold, on which node, and what is left of a pool by that. Pure.

What a pod asks for is counted as the scheduler does
(https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers): a node has
that much less as long as the pod is bound to it and has not ended.
"""

import collections
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from isochrone.model import PoolAt
from isochrone.model.amounts import number
from isochrone.render import labels

Json = Mapping[str, Any]


def is_ours(item: Json, installation: str) -> bool:
    """Whether it is a pod, or the claim of a pod, of an engine of this installation."""
    found = item["metadata"].get("labels") or {}
    return found.get(labels.INSTALLATION) == installation and found.get(labels.COMPONENT) == labels.ENGINE


def requested(pod: Json, resource: str) -> int:
    """Devices that a pod takes: what runs at once, or more while it is being initialized."""
    spec, sidecars, most = pod["spec"], 0, 0
    for each in spec.get("initContainers") or ():
        if each.get("restartPolicy") == "Always":
            sidecars += _asked(each, resource)
        else:
            most = max(most, sidecars + _asked(each, resource))
    return max(most, sidecars + sum(_asked(each, resource) for each in spec.get("containers") or ()))


def _asked(container: Json, resource: str) -> int:
    """Of whole things no more may be asked for than the limit, nor less."""
    resources = container.get("resources") or {}
    for kind in ("requests", "limits"):
        amount = (resources.get(kind) or {}).get(resource)
        if amount is not None:
            return int(number(amount))
    return 0


def capacity(node: Json, resource: str) -> int:
    """Devices that a node says it has, those that are out of order included."""
    amounts = (node.get("status") or {}).get("capacity") or {}
    return int(number(amounts.get(resource, 0)))


def allocated(claims: Iterable[Json], device_class: str) -> dict[str, int]:
    """Node -> devices of a class that these claims hold there. What several share counts once."""
    held = {found for claim in claims for found in _results(claim, device_class)}
    return collections.Counter(node for node, *_ in held)


def _results(claim: Json, device_class: str) -> Iterator[tuple[str, str, str, str]]:
    """(node, driver, pool, device)"""
    allocation = (claim.get("status") or {}).get("allocation") or {}
    classes, node = dict(_classes(claim)), _node(allocation)
    for each in (allocation.get("devices") or {}).get("results") or ():
        if classes.get(each["request"]) == device_class and not each.get("adminAccess"):
            # Drivers whose devices are a node's own name their pools after it.
            yield node or each["pool"], each["driver"], each["pool"], each["device"]


def _classes(claim: Json) -> Iterator[tuple[str, str]]:
    """Request, as results name it -> DeviceClass."""
    for each in claim["spec"].get("devices", {}).get("requests") or ():
        if exactly := each.get("exactly"):
            yield each["name"], exactly["deviceClassName"]
        for one in each.get("firstAvailable") or ():
            yield f"{each['name']}/{one['name']}", one["deviceClassName"]


def _node(allocation: Json) -> str:
    """The only node where what was allocated can be used; empty if that isn't said."""
    for term in (allocation.get("nodeSelector") or {}).get("nodeSelectorTerms") or ():
        for each in term.get("matchFields") or ():
            if each["key"] == "metadata.name" and each["operator"] == "In" and len(each["values"]) == 1:
                return str(each["values"][0])
    return ""


def taken(pool: PoolAt, held: Mapping[str, int], sizes: Mapping[str, int]) -> tuple[int, ...]:
    """What others leave a pool less of, one number per node. `held` is what they hold, `sizes` what a node has.

    A pool may be a part of what is there. So what others hold beside it is not its loss: on a node with more devices
    than the pool has there, and on nodes beyond as many as it has, the fullest first.
    """
    each = pool.devices_per_node
    lost = sorted(min(each, max(0, held.get(name, 0) - max(0, size - each))) for name, size in sizes.items())
    return tuple(number for number in lost[: pool.nodes] if number)
