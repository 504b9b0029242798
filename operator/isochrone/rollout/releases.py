"""Which revision of each site is the newest, and how the next ones are numbered.

The state is persisted before anything of it is delivered, by a write that fails if somebody else wrote since. So no two
leaders give one number to two contents, and one that has been replaced can number nothing.

A hub that was restored from an older backup, or made anew, finds gateways that run something newer than it has issued:
it opens a new epoch for their site, whose indexes are signed. Epochs are a site's own, so a gateway that claims
anything disturbs nobody else.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from isochrone.model import Revision, Running, Served, SiteReport
from isochrone.rollout.demand import Taken

KEY: Final = "releases.json"
"""In the ConfigMap that they are kept in."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What was issued for a site is tried out there."""

    at: int
    """Since when, in seconds since the epoch."""
    before: Served = Served()
    """What became of requests there before, with the last that is not known to be bad."""
    risen: str = ""
    """By how much more of them fail, in words, once that was found."""


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """What was issued for a site last."""

    epoch: int
    sequence: int
    digest: str
    """The bundle's."""
    at: int
    """Seconds since the epoch; part of the index, so the same revision is the same to the byte."""
    law: str = ""
    """The digest of the law in it: what tightens it goes out at once."""
    placements: tuple[Running, ...] = ()
    """What was planned there. It is taken to run as long as nobody can look."""
    trial: Trial | None = None

    @property
    def revision(self) -> Revision:
        return Revision(epoch=self.epoch, sequence=self.sequence, digest=self.digest)

    @property
    def time(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self.at, tz=dt.UTC)


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What is about to be issued for a site."""

    digest: str
    law: str = ""
    placements: tuple[Running, ...] = ()


class Releases(msgspec.Struct, frozen=True, kw_only=True):
    """All that has to be remembered to number deliveries."""

    sequence: int = 0
    """The highest that was given, to whichever site."""
    sites: dict[str, Issued] = {}
    tombstones: dict[str, dict[str, Any]] = {}
    """Sites that are no more while something of them may be left in a cluster that was away -> their EdgeNode."""
    demand: dict[str, Taken] = {}
    """Route -> the demand that it is placed by, where that was observed."""

    def has_issued(self, site: str) -> bool:
        """Whether a bundle was issued for it, and not by a hub before this one: of that, only numbers are known."""
        return site in self.sites and self.sites[site].digest != ""

    def with_issued(
        self, contents: Mapping[str, Content], *, now: int, trials: Mapping[str, Trial] | None = None
    ) -> "Releases":
        """New numbers for these sites' bundles, one for all of them."""
        if not contents:
            return self
        sequence = self.sequence + 1
        issued = {
            site: Issued(
                epoch=self.sites[site].epoch if site in self.sites else 1,
                sequence=sequence,
                digest=content.digest,
                at=now,
                law=content.law,
                placements=content.placements,
                trial=(trials or {}).get(site),
            )
            for site, content in contents.items()
        }
        return msgspec.structs.replace(self, sequence=sequence, sites={**self.sites, **issued})

    def with_risen(self, found: Mapping[str, str]) -> "Releases":
        """Requests were found to fail more at these sites. That is not forgotten until something else is issued."""
        sites = dict(self.sites)
        for site, words in found.items():
            issued = sites.get(site)
            if issued is not None and issued.trial is not None and issued.trial.risen != words:
                sites[site] = msgspec.structs.replace(issued, trial=msgspec.structs.replace(issued.trial, risen=words))
        return self if sites == self.sites else msgspec.structs.replace(self, sites=sites)

    def with_demand(self, taken: Mapping[str, Taken]) -> "Releases":
        """These are the demands that routes are placed by from now on."""
        return self if taken == self.demand else msgspec.structs.replace(self, demand=dict(taken))

    def without(self, gone: Iterable[str]) -> "Releases":
        """Sites that are no more are forgotten; their numbers are not given again."""
        left = {site: issued for site, issued in self.sites.items() if site not in set(gone)}
        return self if len(left) == len(self.sites) else msgspec.structs.replace(self, sites=left)

    def with_tombstones(self, edges: Mapping[str, dict[str, Any]]) -> "Releases":
        """What is left of these is removed when their clusters come back."""
        return msgspec.structs.replace(self, tombstones={**self.tombstones, **edges}) if edges else self

    def without_tombstones(self, done: Iterable[str]) -> "Releases":
        """Nothing is left of these, or they are declared anew."""
        left = {site: edge for site, edge in self.tombstones.items() if site not in set(done)}
        return self if len(left) == len(self.tombstones) else msgspec.structs.replace(self, tombstones=left)

    def caught_up(self, reports: Iterable[SiteReport]) -> "Releases":
        """Sites whose gateways know of something newer than was issued begin a new epoch, with everything anew."""
        ahead = {report.site: newest for report in reports if (newest := _newest(report)) > self._last(report.site)}
        if not ahead:
            return self
        fresh = {site: Issued(epoch=epoch + 1, sequence=0, digest="", at=0) for site, (epoch, _) in ahead.items()}
        return msgspec.structs.replace(self, sites={**self.sites, **fresh})

    def _last(self, site: str) -> tuple[int, int]:
        issued = self.sites.get(site)
        return issued.revision.order if issued is not None else (0, 0)


def _newest(report: SiteReport) -> tuple[int, int]:
    return max((pod.newest for pod in report.gateway_pods), default=(0, 0))


def encoded(releases: Releases) -> str:
    return msgspec.json.encode(releases, order="sorted").decode()


def decoded(text: str) -> Releases:
    """Raises msgspec.ValidationError or DecodeError if it isn't what `encoded` gave."""
    return msgspec.json.decode(text, type=Releases)
