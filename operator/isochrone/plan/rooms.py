"""Who holds which devices while a plan is made.

There are two counts. `taken` is what has been decided: by higher priorities, and by whoever came before. `spoken_for`
also has what runs and has not been asked yet, so that nobody is sent away as long as there is room elsewhere.
"""

from collections.abc import Callable, Iterable

from isochrone.plan.held import Held
from isochrone.plan.pack import Bin

Key = tuple[str, int]
"""(GPUPool, site)"""
Free = Callable[[str, int], tuple[int, ...]]
"""The devices that others leave free in a pool at a site, one number per node."""


class Rooms:
    """Both counts, for the pools of some routes."""

    def __init__(self, free: Free, held: Iterable[tuple[Held, int]]) -> None:
        """`held` is what runs, with the devices of one replica."""
        self._free = free
        self._taken: dict[Key, Bin] = {}
        self._spoken_for: dict[Key, Bin] = {}
        for each, devices in held:
            if each.pool is not None:
                self._bin(self._spoken_for, (each.pool, each.site)).put(devices, each.replicas)

    def left(self, pool: str | None, site: int, devices: int, wanted: int) -> int:
        """Replicas, at most as many as wanted, for which nobody who runs has to go."""
        return wanted if pool is None else self._bin(self._spoken_for, (pool, site)).room(devices, wanted)

    def at_all(self, pool: str | None, site: int, devices: int, wanted: int) -> int:
        """Replicas, at most as many as wanted, for which only those go who have not been asked yet."""
        return wanted if pool is None else self._bin(self._taken, (pool, site)).room(devices, wanted)

    def take(self, pool: str | None, site: int, devices: int, replicas: int) -> None:
        """Decides about devices that nobody held."""
        if pool is not None:
            self._bin(self._taken, (pool, site)).put(devices, replicas)
            self._bin(self._spoken_for, (pool, site)).put(devices, replicas)

    def leave(self, pool: str | None, site: int, devices: int, replicas: int) -> None:
        """Gives up devices that were spoken for, and had not been decided."""
        if pool is not None:
            self._bin(self._spoken_for, (pool, site)).put(devices, -replicas)

    def give_back(self, pool: str | None, site: int, devices: int, replicas: int) -> None:
        """Gives up devices that had been decided."""
        self.take(pool, site, devices, -replicas)

    def _bin(self, bins: dict[Key, Bin], key: Key) -> Bin:
        found = bins.get(key)
        if found is None:
            found = bins[key] = Bin(self._free(*key))
        return found
