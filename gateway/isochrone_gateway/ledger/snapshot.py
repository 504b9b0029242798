"""What metrics were at one moment, as the processes of a gateway tell each other.

Apart from the metrics themselves, since those are compiled, and what is compiled can't be decoded into.
"""

import enum

import msgspec


class Kind(enum.StrEnum):
    """How a metric is typed on the page, and merged: all add up over processes."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Sample(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One child: its labels' values, and its value; of a histogram the counts of each bucket, then the sum."""

    labels: tuple[str, ...]
    values: tuple[float, ...]


class Snapshot(msgspec.Struct, frozen=True, array_like=True):
    """One family at one moment."""

    name: str
    kind: Kind
    text: str
    labels: tuple[str, ...]
    bounds: tuple[float, ...]
    samples: tuple[Sample, ...]
