"""The map itself, from the bottom up: sea, isochrones, land, origins, ways, sites, names."""

from collections.abc import Iterator

from isochrone.geo.land import land
from isochrone.maps import colours, globe, isochrones, marks, names, ways
from isochrone.maps.scene import Origin, Site, SiteState, WhyUnserved
from isochrone.maps.shapes import Circle, Corner, Ink, Layer, Path, Shape
from isochrone.maps.sheet import Sheet

_LAND = Ink(fill=colours.LAND, stroke=colours.COAST, width=0.7, opacity=0.66)
"""So that the isochrones shine through."""


def draw(sheet: Sheet) -> Iterator[Layer]:
    """Every layer of the map."""
    clip = sheet.frame.box
    yield Layer(name="sea", shapes=[_sea(sheet)], clip=clip)
    yield Layer(name="isochrones", shapes=list(isochrones.draw(sheet)), clip=clip)
    yield Layer(name="land", shapes=[_land(sheet)], clip=clip)
    yield Layer(name="origins", shapes=list(_origins(sheet)), clip=clip)
    yield Layer(name="ways", shapes=[*_links(sheet), *_ways(sheet)], clip=clip)
    yield Layer(name="sites", shapes=list(_sites(sheet)), clip=clip)
    yield Layer(name="names", shapes=list(names.draw(sheet)), clip=clip)


def _sea(sheet: Sheet) -> Shape:
    return Path(lines=sheet.frame.outline(), is_closed=True, ink=Ink(fill=colours.SEA))


def _land(sheet: Sheet) -> Shape:
    return Path(lines=sheet.frame.areas(land()), is_closed=True, ink=_LAND)


def _origins(sheet: Sheet) -> Iterator[Shape]:
    """Larger ones first, so that smaller ones stay in sight."""
    for origin in sorted(sheet.scene.origins, key=lambda origin: origin.rank):
        at = sheet.frame.at(origin.point)
        if sheet.frame.box.has(at):
            yield _origin(sheet, origin, at)


def _origin(sheet: Sheet, origin: Origin, at: Corner) -> Shape:
    radius, tip = sheet.people_radius(origin.people), _origin_tip(origin)
    if origin.site is None:
        return marks.unserved(origin.why_unserved, at, max(2.6, 0.8 * radius), tip=tip)
    tint = sheet.colour.get(origin.site, colours.FAINT)
    return Circle(at=at, radius=radius, ink=marks.people_ink(tint), tip=tip)


def _origin_tip(origin: Origin) -> str:
    people = f"{origin.name}: {origin.people:,} people"
    if origin.site is None:
        return f"{people}, nobody {'may answer' if origin.why_unserved is WhyUnserved.UNLAWFUL else 'has engines'}"
    return f"{people}, answered by {origin.site}" + (f" in {origin.rtt_ms:.0f} ms" if origin.rtt_ms is not None else "")


def _links(sheet: Sheet) -> Iterator[Shape]:
    points = sheet.points
    for link in sheet.links:
        lines = sheet.frame.line(globe.great_circle(points[link.here], points[link.there]))
        tip = f"{link.here} hands requests over to {link.there}, {link.rtt_ms:.0f} ms"
        yield Path(lines=lines, ink=marks.LINK, tip=tip)


def _ways(sheet: Sheet) -> Iterator[Shape]:
    for way in ways.largest(sheet):
        ink = Ink(stroke=sheet.colour[way.site], width=1.5, opacity=0.85)
        yield Path(lines=sheet.frame.line(way.line), ink=ink, tip=_origin_tip(way.origin))


def _sites(sheet: Sheet) -> Iterator[Shape]:
    """Smaller ones last, so that they stay in sight."""
    for name, point in sheet.points.items():
        site = sheet.sites[name]
        yield from marks.site(
            marks.kind(site),
            sheet.frame.at(point),
            sheet.radius(site),
            colour=sheet.colour[name],
            tip=_site_tip(site),
        )


def _site_tip(site: Site) -> str:
    where = f" ({site.jurisdiction})" if site.jurisdiction else ""
    state = "" if site.state is SiteState.ACTIVE else f", {site.state.lower()}"
    what = "; ".join(f"{each.route} ×{each.replicas}" for each in sorted(site.runs, key=lambda each: each.route))
    return f"{site.name}{where}{state}: {what or 'nothing runs here'}"
