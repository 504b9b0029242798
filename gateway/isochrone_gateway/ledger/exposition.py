"""Snapshots of several processes -> one page (https://prometheus.io/docs/instrumenting/exposition_formats/).

Values of equal name and labels add up. A process that ends leaves its counters and histograms behind (`lasting`), since
a sum that shrinks would look like a restart to `rate()`; its gauges end with it.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from isochrone_gateway.ledger.snapshot import Kind, Sample, Snapshot

CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"

Snapshots = Sequence[Snapshot]


def merge(parts: Iterable[Snapshots]) -> Snapshots:
    """Add up the families of several processes. All run one version, so one name has one shape."""
    merged: dict[str, Snapshot] = {}
    for part in parts:
        for family in part:
            known = merged.get(family.name)
            merged[family.name] = family if known is None else _added(known, family)
    return tuple(merged[name] for name in sorted(merged))


def lasting(snapshots: Snapshots) -> Snapshots:
    """What of an ended process goes on counting."""
    return tuple(family for family in snapshots if family.kind is not Kind.GAUGE)


def render(snapshots: Snapshots) -> bytes:
    """The page."""
    lines: list[str] = []
    for family in snapshots:
        lines += (f"# HELP {family.name} {_escaped(family.text)}", f"# TYPE {family.name} {family.kind}")
        for sample in sorted(family.samples, key=lambda each: each.labels):
            lines += _histogram(family, sample) if family.kind is Kind.HISTOGRAM else _value(family, sample)
    return "".join(f"{line}\n" for line in lines).encode()


def _added(one: Snapshot, other: Snapshot) -> Snapshot:
    sums = {sample.labels: sample.values for sample in one.samples}
    for sample in other.samples:
        before = sums.get(sample.labels)
        if before is None:
            sums[sample.labels] = sample.values
        else:
            sums[sample.labels] = tuple(map(sum, zip(before, sample.values, strict=True)))
    return replace(one, samples=tuple(Sample(labels, values) for labels, values in sums.items()))


def _value(family: Snapshot, sample: Sample) -> list[str]:
    labels = _labels(zip(family.labels, sample.labels, strict=True))
    return [f"{family.name}{labels} {_number(sample.values[0])}"]


def _histogram(family: Snapshot, sample: Sample) -> list[str]:
    own = list(zip(family.labels, sample.labels, strict=True))
    *counts, total = sample.values
    lines, seen = [], 0.0
    for bound, count in zip((*family.bounds, math.inf), counts, strict=True):
        seen += count
        lines.append(f"{family.name}_bucket{_labels([*own, ('le', _number(bound))])} {_number(seen)}")
    labels = _labels(own)
    return [*lines, f"{family.name}_sum{labels} {_number(total)}", f"{family.name}_count{labels} {_number(seen)}"]


def _labels(pairs: Iterable[tuple[str, str]]) -> str:
    text = ",".join(f'{name}="{_escaped(value, quoted=True)}"' for name, value in pairs)
    return f"{{{text}}}" if text else ""


def _escaped(text: str, *, quoted: bool = False) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quoted else text


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(float(value))
