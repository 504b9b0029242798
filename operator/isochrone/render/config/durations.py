"""Durations as the API writes them, as the whole milliseconds of the gateway's config."""

import functools
import re
from typing import Final

_PART: Final = re.compile("([0-9]+)(h|ms|m|s)")
_MILLISECONDS: Final = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}


@functools.cache
def milliseconds(duration: str) -> int:
    """A duration such as `1h30m` or `50ms`."""
    return sum(int(number) * _MILLISECONDS[unit] for number, unit in _PART.findall(duration))
