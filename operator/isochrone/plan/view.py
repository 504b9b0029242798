"""How near sets of sites are to those who ask: sums of round trips, and shares of demand within an objective.

A view is one demand seen from all sites. Routes with equal demand share a view, and with it every answer it has given.

What a set of sites would be like with one more is asked for all sites, thousands of times. So it is answered twice:
roughly for all sites at once, in small floating point numbers, as a bound that is surely not above the truth; and
exactly, in whole numbers, for the few whose bound is good enough. What is decided depends on the exact answers alone.
"""

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from isochrone.geo.population import population
from isochrone.plan.demand import Demand
from isochrone.plan.latency import UNREACHED, Ints

Chosen = tuple[int, ...]
"""Indexes of sites, in order."""

REMEMBERED: Final = 5_000
"""Sets of sites of which something is remembered, per view; then it begins anew."""
SURELY: Final = 1 - 1 / 2048
"""A sum of two thousand products of 24-bit numbers is off by less than this, since none is negative."""
KEPT: Final = 64
"""Of these sets the round trip of each centre is remembered, which takes more memory than a sum."""

T = TypeVar("T")
Singles = npt.NDArray[np.float32]
"""Single precision: exact for round trips, which are whole numbers below 2^24, but not for sums of them."""


class View:
    """One demand, seen from all sites."""

    def __init__(self, demand: Demand, rtts: Ints) -> None:
        centres = [index for index, _ in demand.shares]
        self.shares: Final[Ints] = np.array([share for _, share in demand.shares], dtype=np.int64)
        self.total: Final = int(self.shares.sum())
        self.rtts: Final[Singles] = _lawful_only(rtts, centres, dict(demand.lawful)).astype(np.float32)
        self._nearest = _Remembered[Singles](KEPT)
        self._totals = _Known(_Totals(self))
        self._missed: dict[int, _Known] = {}

    def total_of(self, chosen: Chosen) -> int:
        """The round trips of all demand to the nearest of these sites."""
        return self._totals.of(chosen)

    def total_with(self, chosen: Chosen, site: int) -> int:
        """The same, if a site came on top of them."""
        return self._totals.with_one(chosen, site)

    def least_totals(self, chosen: Chosen) -> Ints:
        """For each site a bound: no less than that if it came on top."""
        return self._totals.bounds(chosen)

    def missed(self, limit: int, chosen: Chosen) -> int:
        """The shares of demand that none of these sites is near enough for."""
        return self._within(limit).of(chosen)

    def missed_with(self, limit: int, chosen: Chosen, site: int) -> int:
        """The same, if a site came on top of them."""
        return self._within(limit).with_one(chosen, site)

    def least_missed(self, limit: int, chosen: Chosen) -> Ints:
        """For each site a bound: no less than that if it came on top."""
        return self._within(limit).bounds(chosen)

    def mean(self, site: int) -> int | None:
        """Microseconds to those who ask, on average; None where it isn't known how far that is."""
        row = self.rtts[site].astype(np.int64)
        return int(row @ self.shares) // self.total if self.total and int(row.min()) < UNREACHED else None

    def _within(self, limit: int) -> "_Known":
        known = self._missed.get(limit)
        if known is None:
            known = self._missed[limit] = _Known(_Missed(self, min(limit, UNREACHED - 1)))
        return known

    def to_nearest(self, chosen: Chosen) -> Singles:
        """For each centre the round trip to the nearest of these."""
        found = self._nearest.get(chosen)
        if found is None:
            none = np.full(self.shares.shape, UNREACHED, dtype=np.float32)
            found = self._nearest[chosen] = self.rtts[list(chosen)].min(axis=0) if chosen else none
        return found


class _Totals:
    """Round trips of all demand. Without a further site each centre has that to the nearest."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._shares: Singles = view.shares.astype(np.float32)

    def of(self, chosen: Chosen) -> int:
        return int(self._view.to_nearest(chosen).astype(np.int64) @ self._view.shares)

    def with_one(self, chosen: Chosen, site: int) -> int:
        nearest = np.minimum(self._view.to_nearest(chosen), self._view.rtts[site])
        return int(nearest.astype(np.int64) @ self._view.shares)

    def with_each(self, chosen: Chosen) -> Singles:
        nearest = np.minimum(self._view.rtts, self._view.to_nearest(chosen))
        found: Singles = np.einsum("ij,j->i", nearest, self._shares)
        return found


class _Missed:
    """Shares of demand beyond a limit. Without a further site each centre misses all or nothing."""

    def __init__(self, view: View, limit: int) -> None:
        self._view, self._limit = view, limit

    def of(self, chosen: Chosen) -> int:
        return int(self._open(chosen).sum())

    def with_one(self, chosen: Chosen, site: int) -> int:
        return int(self._open(chosen)[self._view.rtts[site] > self._limit].sum())

    def with_each(self, chosen: Chosen) -> Singles:
        far = (self._view.rtts > self._limit).astype(np.float32)
        found: Singles = np.einsum("ij,j->i", far, self._open(chosen).astype(np.float32))
        return found

    def _open(self, chosen: Chosen) -> Ints:
        return np.where(self._view.to_nearest(chosen) > self._limit, self._view.shares, 0)


class _Remembered(dict[Chosen, T]):
    """Answers for sets of sites: at most so many, then it begins anew."""

    def __init__(self, most: int) -> None:
        self._most = most

    def __setitem__(self, chosen: Chosen, answer: T) -> None:
        if len(self) >= self._most:
            self.clear()
        super().__setitem__(chosen, answer)


class _Known:
    """What is known of one figure of sets of sites."""

    def __init__(self, figure: _Totals | _Missed) -> None:
        self._figure = figure
        self._exact = _Remembered[int](REMEMBERED)
        self._bounds = _Remembered[Ints](REMEMBERED)

    def of(self, chosen: Chosen) -> int:
        """The figure of a set."""
        found = self._exact.get(chosen)
        if found is None:
            found = self._exact[chosen] = self._figure.of(chosen)
        return found

    def with_one(self, chosen: Chosen, site: int) -> int:
        """The figure with a site on top."""
        grown = tuple(sorted((*chosen, site)))
        found = self._exact.get(grown)
        if found is None:
            found = self._exact[grown] = self._figure.with_one(chosen, site)
        return found

    def bounds(self, chosen: Chosen) -> Ints:
        """For each site, what the figure is at least with that site on top."""
        found = self._bounds.get(chosen)
        if found is None:
            coarse = self._figure.with_each(chosen).astype(np.float64)
            found = self._bounds[chosen] = (coarse * SURELY).astype(np.int64)
        return found


def _lawful_only(rtts: Ints, centres: Sequence[int], lawful: Mapping[str, int]) -> Ints:
    """The round trips to these centres, out of reach where a site may not serve data from there."""
    found = rtts[:, centres]
    among: dict[int, list[int]] = {}
    for column, index in enumerate(centres):
        among.setdefault(lawful[population()[index].code], []).append(column)
    for mask, columns in among.items():
        barred = [site for site in range(rtts.shape[0]) if not mask >> site & 1]
        found[np.ix_(barred, columns)] = UNREACHED
    return found
