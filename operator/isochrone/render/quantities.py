"""Amounts as Kubernetes writes them."""

import math
from fractions import Fraction
from typing import Final

MIB: Final = 1024**2
GIB: Final = 1024**3


def mebibytes(amount: Fraction) -> str:
    """At least this many bytes, in the largest binary unit that divides them."""
    count = max(1, math.ceil(amount / MIB))
    return f"{count // 1024}Gi" if count % 1024 == 0 else f"{count}Mi"
