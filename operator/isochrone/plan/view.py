"""How near sets of sites are to those who ask: sums of round trips, and shares within an objective.

A view is one demand seen from all sites. Routes with equal demand share a view, and with it every answer that it has
given: "what if this site came on top of those" is asked for all sites at once, and again and again for the same ones.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from isochrone.geo.population import population
from isochrone.plan.demand import Demand
from isochrone.plan.latency import UNREACHED, Ints

Chosen = tuple[int, ...]
"""Indexes of sites, in order."""


class View:
    """One demand, seen from all sites."""

    __slots__ = ("_covered", "_rtts", "_totals", "_within", "_within_limit", "shares", "total")

    def __init__(self, demand: Demand, rtts: Ints) -> None:
        columns = [index for index, _ in demand.shares]
        self.shares: Final[Ints] = np.array([share for _, share in demand.shares], dtype=np.int64)
        self.total: Final = int(self.shares.sum())
        self._rtts = _lawful_only(rtts[:, columns], columns, dict(demand.lawful))
        self._totals: dict[Chosen, list[int]] = {}
        self._covered: dict[tuple[int, Chosen], list[int]] = {}
        self._within: Ints | None = None
        self._within_limit = -1

    def totals(self, chosen: Chosen) -> list[int]:
        """For each site: the round trips of all demand, if it came on top of these."""
        found = self._totals.get(chosen)
        if found is None:
            nearest = np.minimum(self._rtts, self._best(chosen)) if chosen else self._rtts
            found = self._totals[chosen] = (nearest @ self.shares).tolist()
        return found

    def total_of(self, chosen: Chosen) -> int:
        """The round trips of all demand to the nearest of these."""
        return int(self._best(chosen) @ self.shares) if chosen else UNREACHED * self.total

    def covered(self, limit: int, chosen: Chosen) -> list[int]:
        """For each site: the shares of demand within the limit, if it came on top of these."""
        found = self._covered.get((limit, chosen))
        if found is None:
            shares = self.shares
            open_shares = np.where(self._best(chosen) <= limit, 0, shares) if chosen else shares
            base = self.total - int(open_shares.sum())
            gained = self._near(limit) @ open_shares
            found = self._covered[limit, chosen] = (gained + base).tolist()
        return found

    def covered_by(self, limit: int, chosen: Chosen) -> int:
        """The shares of demand within the limit of one of these."""
        return int(self.shares[self._best(chosen) <= limit].sum()) if chosen else 0

    def mean(self, site: int) -> int | None:
        """Microseconds to those who ask, on average; None where it isn't known how far that is."""
        row = self._rtts[site]
        return int(row @ self.shares) // self.total if self.total and int(row.min()) < UNREACHED else None

    def _best(self, chosen: Chosen) -> Ints:
        best: Ints = self._rtts[list(chosen)].min(axis=0)
        return best

    def _near(self, limit: int) -> Ints:
        if self._within is None or self._within_limit != limit:
            self._within, self._within_limit = (self._rtts <= limit).astype(np.int64), limit
        return self._within


def _lawful_only(rtts: Ints, columns: Iterable[int], lawful: Mapping[str, int]) -> Ints:
    """The round trips, out of reach where a site may not serve data from there."""
    sites = rtts.shape[0]
    everywhere = (1 << sites) - 1
    at: dict[int, list[int]] = {}
    for column, index in enumerate(columns):
        mask = lawful.get(population()[index].code, 0) & everywhere
        if mask != everywhere:
            at.setdefault(mask, []).append(column)
    if not at:
        return rtts
    found = rtts.copy()
    for mask, among in at.items():
        barred = [site for site in range(sites) if not mask >> site & 1]
        found[np.ix_(barred, among)] = UNREACHED
    return found
