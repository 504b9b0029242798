"""Amounts as the API writes them, as exact numbers: quantities, durations, money, moments."""

import datetime as dt
import decimal
import functools
import re
from fractions import Fraction
from typing import Final

from isochrone.admission import quantities

_PART: Final = re.compile("([0-9]+)(h|ms|m|s)")
_LONG_AGO: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECONDS: Final = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}


@functools.cache
def number(quantity: str | int) -> Fraction:
    """A Kubernetes quantity: bytes, or CPUs."""
    return quantities.parse(str(quantity))


@functools.cache
def milliseconds(duration: str) -> int:
    """A duration such as `1h30m` or `50ms`."""
    return sum(int(count) * _MILLISECONDS[unit] for count, unit in _PART.findall(duration))


@functools.cache
def micro_dollars(dollars: str) -> int:
    """An amount of dollars in millionths of one."""
    return int(decimal.Decimal(dollars) * 1_000_000)


def stamp(seconds: float) -> str:
    """A moment as Kubernetes writes it (`metav1.Time`): RFC 3339, in whole seconds."""
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


def micro_stamp(seconds: float) -> str:
    """The same with microseconds (`metav1.MicroTime`), as Leases and events have it."""
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def instant(text: str) -> dt.datetime:
    """A moment as RFC 3339 writes it. One that can't be read is long ago: a key that ends then has ended."""
    try:
        found = dt.datetime.fromisoformat(text.upper())
    except ValueError:
        return _LONG_AGO
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)
