"""A scene on its way to paper: where it lies on the page, and what several layers need to know of it."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

from isochrone.geo.latency import Point
from isochrone.maps import colours, frame
from isochrone.maps.scene import Link, Scene, Site, SiteState
from isochrone.maps.shapes import Box

WORLD_RTTS, REGION_RTTS = (100, 50, 25), (50, 25, 15)
"""Milliseconds. In 10 ms nobody gets anywhere, by the model: that is what the last mile takes."""
MOST_LINKS = 80
"""More can't be told apart, so that none is drawn."""
MANY_SITES = 60
_GREY = frozenset({SiteState.LOST, SiteState.DISABLED})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A scene, its frame, and its colours."""

    scene: Scene
    frame: frame.Frame
    sites: Mapping[str, Site]
    """Those that have a point, most devices first."""
    points: Mapping[str, Point]
    """Where they are."""
    colour: Mapping[str, str]
    """Of each of them; none of its own where it is lost or disabled."""
    most_devices: int
    """In use at one site."""
    most_people: int
    """At one origin."""

    @classmethod
    def of(cls, scene: Scene, box: Box) -> "Sheet":
        sites = sorted(scene.sites, key=lambda site: (-site.devices, site.name))
        points = {site.name: site.point for site in sites if site.point is not None}
        coloured = [site.name for site in sites if site.name in points and site.state not in _GREY]
        tints = colours.of_sites([points[name] for name in coloured])
        return cls(
            scene=scene,
            frame=_frame(scene, points, box),
            sites={site.name: site for site in sites if site.name in points},
            points=points,
            colour=dict.fromkeys(points, colours.FAINT) | dict(zip(coloured, tints, strict=True)),
            most_devices=max((site.devices for site in sites), default=0),
            most_people=max((origin.people for origin in scene.origins), default=0),
        )

    def within(self, box: Box) -> "Sheet":
        """The same on another part of the page."""
        return dataclasses.replace(self, frame=_frame(self.scene, self.points, box))

    @property
    def is_crowded(self) -> bool:
        """Whether there are so many sites that dots and names must be small."""
        return len(self.sites) > MANY_SITES

    @property
    def rtts(self) -> Sequence[int]:
        """The isochrones, longest first."""
        return WORLD_RTTS if self.frame.is_world else REGION_RTTS

    @property
    def links(self) -> Sequence[Link]:
        """The links that are drawn, in order."""
        links = {link for link in self.scene.links if {link.here, link.there} <= self.sites.keys()}
        return sorted(links, key=lambda link: (link.here, link.there, link.rtt_ms)) if len(links) <= MOST_LINKS else ()

    def radius(self, site: Site) -> float:
        """Of a site's dot: its area tells the devices in use."""
        least, more = (2.6, 6.0) if self.is_crowded else (5.0, 11.0)
        return least + more * math.sqrt(site.devices / max(self.most_devices, 1))

    def people_radius(self, people: int) -> float:
        """Of an origin's dot."""
        return 1.3 + 11.0 * math.sqrt(people / max(self.most_people, 1))


def _frame(scene: Scene, points: Mapping[str, Point], box: Box) -> frame.Frame:
    return frame.of(list(points.values()), [origin.point for origin in scene.origins], box)
