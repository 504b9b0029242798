"""Counters, gauges and histograms for a hot path of one thread.

Measured against prometheus-client 0.26 in one run on one core: a histogram's observation 0.20 us here, 0.98 us there; a
counter's 0.05 us against 0.38 us; finding a child by its labels 0.15 us against 0.85 us. A request counts in a dozen of
them, of a budget of 35 us for everything. The difference is that library's locks, which an event loop doesn't need.

Ask a family for a child once, keep the child, update that. Names and units follow Prometheus' conventions
(https://prometheus.io/docs/practices/naming/).

A family has at most `cap` children. Label values beyond share one child, all of whose labels are `_other`: a caller who
invents models or tags may blur a metric, not fill the memory.
"""

from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

import msgspec

from isochrone_gateway.ledger.snapshot import Kind, Sample, Snapshot

OTHER: Final = "_other"
CAP: Final = 1_000


class Value:
    """A counter or a gauge. `value` may be changed directly."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: float = 0.0

    def add(self, amount: float = 1) -> None:
        self.value += amount

    def set(self, value: float) -> None:
        self.value = value

    def values(self) -> tuple[float, ...]:
        return (self.value,)


class Histogram:
    """Counts per bucket; the last is for what is above all bounds."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        index = 0
        for bound in self._bounds:  # From below, since most are small; in compiled code this is faster than bisect.
            if value <= bound:
                break
            index += 1
        self._counts[index] += 1
        self._sum += value

    def values(self) -> tuple[float, ...]:
        return (*self._counts, self._sum)


_C = TypeVar("_C", Value, Histogram)


class Family(Generic[_C]):
    """All children of one name."""

    __slots__ = ("_cap", "_children", "_make", "_shape")

    def __init__(self, shape: Snapshot, make: Callable[[], _C], cap: int) -> None:
        self._shape = shape
        self._make: Callable[[], _C] = make
        self._cap = cap
        self._children: dict[tuple[str, ...], _C] = {}

    def child(self, *labels: str) -> _C:
        """Give the child with these label values, made on first use."""
        found = self._children.get(labels)
        return self._new(labels) if found is None else found

    def remove(self, *labels: str) -> None:
        """Forget a child: what it counted for is gone."""
        self._children.pop(labels, None)

    def snapshot(self) -> Snapshot:
        samples = tuple(Sample(labels, child.values()) for labels, child in self._children.items())
        return msgspec.structs.replace(self._shape, samples=samples)

    def _new(self, labels: tuple[str, ...]) -> _C:
        if len(labels) != len(self._shape.labels):
            raise ValueError(f"{self._shape.name} has labels {self._shape.labels}, not {len(labels)}")
        if len(self._children) >= self._cap and labels:
            labels = (OTHER,) * len(labels)
        return self._children.setdefault(labels, self._make())


class Registry:
    """All families of a process."""

    def __init__(self) -> None:
        self._families: dict[str, Family[Value] | Family[Histogram]] = {}

    def counter(self, name: str, text: str, *labels: str, cap: int = CAP) -> Family[Value]:
        return self._values(Snapshot(name, Kind.COUNTER, text, labels, (), ()), cap)

    def gauge(self, name: str, text: str, *labels: str, cap: int = CAP) -> Family[Value]:
        return self._values(Snapshot(name, Kind.GAUGE, text, labels, (), ()), cap)

    def histogram(
        self, name: str, text: str, *labels: str, bounds: tuple[float, ...], cap: int = CAP
    ) -> Family[Histogram]:
        shape = Snapshot(name, Kind.HISTOGRAM, text, labels, bounds, ())
        family: Family[Histogram] = Family(shape, lambda: Histogram(bounds), cap)
        self._add(name, family)
        return family

    def snapshot(self) -> tuple[Snapshot, ...]:
        return tuple(family.snapshot() for family in self._families.values())

    def _values(self, shape: Snapshot, cap: int) -> Family[Value]:
        family: Family[Value] = Family(shape, Value, cap)
        self._add(shape.name, family)
        return family

    def _add(self, name: str, family: Family[Value] | Family[Histogram]) -> None:
        if name in self._families:
            raise ValueError(f"{name} is registered twice")
        self._families[name] = family
