"""Who runs where: the gateway has a core of its own; the upstream and the driver share another, or have one each."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass


class CoresError(Exception):
    """There are too few cores; the message says how many are needed."""


@dataclass(frozen=True)
class Layout:
    """One core for each part."""

    gateway: int
    upstream: int
    driver: int

    @property
    def others(self) -> frozenset[int]:
        """Those that the gateway doesn't have."""
        return frozenset({self.upstream, self.driver})

    def __str__(self) -> str:
        if self.upstream == self.driver:
            return f"gateway on core {self.gateway}, upstream and driver together on core {self.driver}"
        return f"gateway on core {self.gateway}, upstream on core {self.upstream}, driver on core {self.driver}"


def layout(usable: set[int]) -> Layout:
    """The last core is the gateway's: devices interrupt the first ones."""
    cores = sorted(usable)
    if len(cores) < 2:
        raise CoresError(
            "two cores are needed, one for the gateway and one for what loads it; this process may use one"
        )
    return Layout(gateway=cores[-1], upstream=cores[1] if len(cores) > 2 else cores[0], driver=cores[0])


@contextlib.contextmanager
def pinned(core: int) -> Iterator[None]:
    """What is started meanwhile, from this thread, runs on this core, and so does all that it starts."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
