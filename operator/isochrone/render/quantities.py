"""Amounts as Kubernetes writes them: read as exact numbers, written as whole ones."""

import functools
import math
from fractions import Fraction
from typing import Final

from isochrone.admission import quantities

MIB: Final = 1024**2
GIB: Final = 1024**3


@functools.cache
def number(quantity: str | int) -> Fraction:
    """The exact amount: bytes, or CPUs."""
    return quantities.parse(str(quantity))


def mebibytes(amount: Fraction) -> str:
    """At least this many bytes, in the largest binary unit that divides them."""
    count = max(1, math.ceil(amount / MIB))
    return f"{count // 1024}Gi" if count % 1024 == 0 else f"{count}Mi"
