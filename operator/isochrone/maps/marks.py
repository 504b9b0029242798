"""The marks for sites and origins, as map and legend show them."""

import dataclasses
from collections.abc import Iterator

from isochrone.maps import colours
from isochrone.maps.scene import Site, SiteState, WhyUnserved
from isochrone.maps.shapes import Circle, Corner, Ink, Path, Shape

LINK = Ink(stroke=colours.QUIET, width=0.8, opacity=0.55, dashes=(2.0, 3.0))
Kind = tuple[SiteState, bool]
"""How a site is, and whether engines run there; of lost and disabled sites that makes no difference."""


def kind(site: Site) -> Kind:
    fixed = {SiteState.LOST: True, SiteState.DISABLED: False}
    return site.state, fixed.get(site.state, bool(site.runs))


def site(kind: Kind, at: Corner, radius: float, *, colour: str, tip: str = "") -> Iterator[Shape]:
    """Full where engines run, a ring where none do, grey with a cross where contact is lost."""
    state, is_running = kind
    if state is SiteState.LOST:
        yield Circle(at=at, radius=max(radius, 7.0), ink=_full(colours.FAINT), tip=tip)
        yield cross(at, 3.6, tip)
        return
    if state is SiteState.DISABLED:
        yield Circle(at=at, radius=radius, ink=_ring(colours.FAINT), tip=tip)
        return
    yield Circle(at=at, radius=radius, ink=_full(colour) if is_running else _ring(colour), tip=tip)
    if state is SiteState.DRAINING:
        ink = Ink(stroke=colour, width=1.4, dashes=(3.0, 2.5))
        yield Circle(at=at, radius=radius + 3.5, ink=ink, tip=tip)


def _full(colour: str) -> Ink:
    return Ink(fill=colour, stroke=colours.PAGE, width=1.6)


def _ring(colour: str) -> Ink:
    return Ink(fill=colours.PAGE, stroke=colour, width=2.2)


def people_ink(colour: str) -> Ink:
    """Of an origin that a site of this colour answers."""
    return Ink(fill=colour, opacity=0.42)


def unserved(why: WhyUnserved, at: Corner, radius: float, *, tip: str = "") -> Shape:
    """A cross where nobody may answer, an empty ring where nobody does."""
    if why is WhyUnserved.UNLAWFUL:
        return cross(at, radius, tip)
    return Circle(at=at, radius=radius, ink=Ink(stroke=colours.ALARM, width=1.4), tip=tip)


def cross(at: Corner, reach: float, tip: str = "") -> Path:
    """An x."""
    x, y = at
    width = min(2.0, 0.8 + reach / 5)
    strokes = [[(x - reach, y - reach), (x + reach, y + reach)], [(x - reach, y + reach), (x + reach, y - reach)]]
    return Path(lines=strokes, ink=Ink(stroke=colours.ALARM, width=width), tip=tip)


def moved(shape: Shape, down: float) -> Shape:
    """The same, further down the page."""
    if isinstance(shape, Path):
        lines = [[(x, y + down) for x, y in line] for line in shape.lines]
        return dataclasses.replace(shape, lines=lines)
    return dataclasses.replace(shape, at=(shape.at[0], shape.at[1] + down))
