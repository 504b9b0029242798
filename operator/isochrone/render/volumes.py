"""The volumes that an engine writes to: its home, its temporary files, and the memory that its processes share."""

from fractions import Fraction
from typing import Final

from isochrone.model.amounts import number
from isochrone.render.manifest import Json
from isochrone.render.quantities import GIB, mebibytes
from isochrone.render.subject import Subject

HOME: Final = "/home/engine"
"""Caches of compiled kernels and the like: they live as long as the pod."""

_SCRATCH: Final = "10Gi"
_SHARED_PER_DEVICE: Final = 2 * GIB


def volumes(subject: Subject) -> list[Json]:
    found: list[Json] = [
        {"name": "isochrone-home", "emptyDir": {"sizeLimit": _SCRATCH}},
        {"name": "isochrone-tmp", "emptyDir": {"sizeLimit": _SCRATCH}},
    ]
    if size := shared_memory(subject):
        found.append({"name": "isochrone-shm", "emptyDir": {"medium": "Memory", "sizeLimit": size}})
    return found


def mounts(subject: Subject) -> list[Json]:
    found: list[Json] = [
        {"name": "isochrone-home", "mountPath": HOME},
        {"name": "isochrone-tmp", "mountPath": "/tmp"},  # noqa: S108 - in the container
    ]
    if shared_memory(subject):
        found.append({"name": "isochrone-shm", "mountPath": "/dev/shm"})  # noqa: S108 - in the container
    return found


def shared_memory(subject: Subject) -> str | None:
    """Size of /dev/shm, which counts against the memory limit; None for the runtime's own 64 MiB.

    By the number of GPUs, whose processes exchange tensors there, and of the memory at most half.
    """
    wanted = subject.serving.resources
    if wanted.shared_memory is not None:
        return str(wanted.shared_memory)
    if not subject.program.shares_memory:
        return None
    size = Fraction(_SHARED_PER_DEVICE * max(1, subject.devices))
    return mebibytes(min(size, number(wanted.memory) / 2) if wanted.memory else size)
