"""Words on the map: names of sites and what runs there, times of ways and isochrones; as far as there is room."""

import dataclasses
from collections.abc import Iterator, Sequence

from isochrone.maps import colours, isochrones, lettering, ways
from isochrone.maps.scene import Site, SiteState
from isochrone.maps.shapes import Box, Corner, Shape, Words
from isochrone.maps.sheet import Sheet

_FEW_SITES = 20
"""So many, and each says what runs there."""
_NAME, _SMALL_NAME, _NOTE = 13.0, 10.0, 11.0
_NOTE_ROOM = 190.0
_LEADING, _SIDE = 3.5, 2.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a tag."""

    text: str
    size: float
    colour: str
    is_bold: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """Lines that belong to a point."""

    at: Corner
    radius: float
    """Of what is drawn there; 0 where words may stand on the point itself."""
    lines: Sequence[Line]
    is_close: bool = False

    @property
    def label(self) -> lettering.Label:
        wide = max(lettering.width(line.text, line.size, is_bold=line.is_bold) for line in self.lines)
        high = sum(line.size + _LEADING for line in self.lines)
        x, y = self.at
        wide += 2 * _SIDE
        return lettering.Label(x=x, y=y, radius=self.radius, width=wide, height=high, is_close=self.is_close)

    def words(self, box: Box) -> Iterator[Words]:
        down = box.top
        for line in self.lines:
            down += line.size + _LEADING
            yield Words(
                at=(box.left + _SIDE, down - _LEADING),
                text=line.text,
                size=line.size,
                colour=line.colour,
                is_bold=line.is_bold,
                has_halo=True,
            )


def draw(sheet: Sheet) -> Iterator[Shape]:
    """Sites first, the largest before others; then times, where there is room left."""
    tags = [*_sites(sheet), *_ways(sheet), *_isochrones(sheet)]
    taken = [_dot(sheet, name) for name in sheet.sites]
    boxes = lettering.place([tag.label for tag in tags], taken=taken, page=sheet.frame.box)
    for tag, box in zip(tags, boxes, strict=True):
        if box is not None:
            yield from tag.words(box)


def _sites(sheet: Sheet) -> Iterator[Tag]:
    is_detailed = len(sheet.sites) <= _FEW_SITES
    for name, point in sheet.points.items():
        site = sheet.sites[name]
        lines = [_name(sheet, site), *([_note(site)] if is_detailed else [])]
        if sheet.frame.shows(point):
            at = sheet.frame.at(point)
            yield Tag(at=at, radius=sheet.radius(site), lines=lines, is_close=sheet.is_crowded)


def _name(sheet: Sheet, site: Site) -> Line:
    is_gone = site.state in {SiteState.LOST, SiteState.DISABLED}
    colour = colours.QUIET if is_gone else colours.INK
    size = _SMALL_NAME if sheet.is_crowded else _NAME
    return Line(text=site.name, size=size, colour=colour, is_bold=not sheet.is_crowded)


def _note(site: Site) -> Line:
    colour = colours.ALARM if site.state is SiteState.LOST else colours.QUIET
    return Line(text=lettering.cut(what_runs(site), _NOTE, _NOTE_ROOM), size=_NOTE, colour=colour)


def what_runs(site: Site) -> str:
    """What runs there, in few words, the most devices first."""
    runs = sorted(site.runs, key=lambda each: (-each.devices, -each.replicas, each.route))
    text = ", ".join(f"{each.route.name} ×{each.replicas}" for each in runs) or "idle"
    match site.state:
        case SiteState.LOST:
            return "no contact"
        case SiteState.DISABLED:
            return "disabled"
        case SiteState.DRAINING:
            return f"draining: {text}"
        case SiteState.ACTIVE:
            return text


def _ways(sheet: Sheet) -> Iterator[Tag]:
    for way in ways.largest(sheet):
        if way.origin.rtt_ms is not None:
            text = f"{way.origin.rtt_ms:.0f} ms"
            line = Line(text=text, size=_NOTE, colour=sheet.colour[way.site], is_bold=True)
            yield Tag(at=sheet.frame.at(way.middle), radius=0, lines=[line])


def _isochrones(sheet: Sheet) -> Iterator[Tag]:
    for mark in isochrones.marks(sheet):
        line = Line(text=f"{mark.rtt} ms", size=_SMALL_NAME, colour=colours.CONTOUR_INK)
        yield Tag(at=sheet.frame.at(mark.point), radius=0, lines=[line])


def _dot(sheet: Sheet, name: str) -> Box:
    (x, y), radius = sheet.frame.at(sheet.points[name]), sheet.radius(sheet.sites[name]) + 1
    return Box(x - radius, y - radius, 2 * radius, 2 * radius)
