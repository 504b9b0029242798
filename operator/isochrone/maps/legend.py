"""What stands above and below the map: title, what the marks mean, routes with their sites, what is missing."""

import collections
from collections.abc import Iterator, Mapping, Sequence

from isochrone.maps import colours, lettering, marks
from isochrone.maps.scene import Origin, Scene, SiteState, WhyUnserved
from isochrone.maps.shapes import PAGE_WIDTH, Box, Circle, Ink, Layer, Path, Shape, Words
from isochrone.maps.sheet import Sheet
from isochrone.model import RouteKey

EDGE = 28.0
"""Left free at both sides of the page."""
TITLE_HEIGHT = 66.0
_MARKS_WIDTH, _MISSING_WIDTH, _GAP = 376.0, 330.0, 30.0
_ROW, _ROWS, _SIZE = 18.0, 10, 12.0
"""At most so many rows below each heading."""
_ABOVE, _BELOW = 14.0, 30.0
"""Room around the rows, that of the heading included."""
_ROUTE_COLUMN, _ROUTE_NAME = 400.0, 132.0
_UNITS = ((1_000_000_000, "bn"), (1_000_000, "M"), (1_000, "k"))

Chip = tuple[str, str]
"""Text and colour of its dot."""


def title(sheet: Sheet) -> Layer:
    """The first line of the page."""
    text = lettering.cut(sheet.scene.title, 24, PAGE_WIDTH - 2 * EDGE, is_bold=True)
    facts = lettering.cut(" · ".join(_facts(sheet)), 13, PAGE_WIDTH - 2 * EDGE)
    return Layer(
        name="title",
        shapes=[
            Words(at=(EDGE, 32), text=text, size=24, colour=colours.INK, is_bold=True),
            Words(at=(EDGE, 52), text=facts, size=13, colour=colours.QUIET),
        ],
    )


def _facts(sheet: Sheet) -> Iterator[str]:
    scene = sheet.scene
    serving = [site for site in scene.sites if site.is_serving]
    yield f"{_count(len(scene.sites), 'site')}, {len(serving)} with engines"
    yield _count(len({each.route for site in serving for each in site.runs}), "route")
    yield _count(sum(site.devices for site in serving), "device") + " in use"
    waits = _waits(scene.origins)
    if waits:
        half, most = (_quantile(waits, share) for share in (0.5, 0.95))
        yield f"half of the people served have their site within {half:.0f} ms, 95 % within {most:.0f} ms"
    hidden = [origin for origin in scene.origins if not sheet.frame.shows(origin.point)]
    if hidden:
        yield f"{people(sum(origin.people for origin in hidden))} people live beyond this map"


def _waits(origins: Sequence[Origin]) -> Sequence[tuple[float, int]]:
    return sorted((origin.rtt_ms, origin.people) for origin in origins if origin.site and origin.rtt_ms is not None)


def _quantile(waits: Sequence[tuple[float, int]], share: float) -> float:
    """The round trip that this share of the people needs at most."""
    wanted, seen = share * sum(each for _, each in waits), 0
    for rtt, each in waits:
        seen += each
        if seen >= wanted:
            return rtt
    return waits[-1][0]


def height(sheet: Sheet) -> float:
    """Of the legend: as many rows as its longest column has, within bounds."""
    marked = len(list(_explained(sheet, 0))) + 1
    return _ABOVE + _BELOW + _ROW * min(_ROWS, max(marked, len(_runs(sheet.scene)), len(list(_missing(sheet)))))


def legend(sheet: Sheet, box: Box) -> Iterator[Layer]:
    """The columns below the map."""
    yield Layer(name="marks", shapes=list(_marks(sheet, box)))
    missing = sorted(_missing(sheet))
    right = box.right - (_MISSING_WIDTH + _GAP if missing else 0)
    left = box.left + _MARKS_WIDTH + _GAP
    yield Layer(name="routes", shapes=list(_routes(sheet, Box(left, box.top, right - left, box.height))))
    if missing:
        place = Box(box.right - _MISSING_WIDTH, box.top, _MISSING_WIDTH, box.height)
        yield Layer(name="missing", shapes=list(_lines("Missing", missing, place)))


def _heading(text: str, box: Box) -> Words:
    return Words(at=(box.left, box.top + _ABOVE + 12), text=text, size=_SIZE, colour=colours.QUIET, is_bold=True)


def _row(box: Box, index: int) -> float:
    """The base line of a row."""
    return box.top + _ABOVE + 12 + _ROW * (index + 1)


def _marks(sheet: Sheet, box: Box) -> Iterator[Shape]:
    yield _heading("Marks", box)
    explained = list(_explained(sheet, box.left + 12))
    for i, (shapes, text) in enumerate(explained):
        down = _row(box, i)
        yield from (marks.moved(shape, down - 4) for shape in shapes)
        yield Words(at=(box.left + 32, down), text=text, size=_SIZE, colour=colours.INK)
    yield from _reach(sheet, box.left + 2, _row(box, len(explained)))


def _explained(sheet: Sheet, x: float) -> Iterator[tuple[Sequence[Shape], str]]:
    """The marks that occur, at this x and around 0, with what each means."""
    kinds: dict[tuple[SiteState, bool], str] = {
        (SiteState.ACTIVE, True): "site with engines, by devices in use",
        (SiteState.ACTIVE, False): "site without engines",
        (SiteState.DRAINING, True): "site that is draining",
        (SiteState.DISABLED, False): "site that is disabled",
        (SiteState.LOST, True): "site that contact is lost with",
    }
    found = {marks.kind(site) for site in sheet.sites.values()}
    for kind, text in kinds.items():
        if kind in found:
            yield list(marks.site(kind, (x, 0), 6.0, colour=colours.QUIET)), text
    yield from _explained_origins(sheet.scene.origins, x)
    if sheet.links:
        yield [Path(lines=[[(x - 10, 0), (x + 10, 0)]], ink=marks.LINK)], "hands requests over"


def _explained_origins(origins: Sequence[Origin], x: float) -> Iterator[tuple[Sequence[Shape], str]]:
    if any(origin.site for origin in origins):
        yield [Circle(at=(x, 0), radius=6, ink=marks.people_ink(colours.QUIET))], "people, in the colour of their site"
    for why, text in (
        (WhyUnserved.UNLAWFUL, "by law nobody may answer"),
        (WhyUnserved.NO_ENGINE, "nobody has engines"),
    ):
        those = [origin for origin in origins if origin.site is None and origin.why_unserved is why]
        if those:
            total = people(sum(origin.people for origin in those))
            yield [marks.unserved(why, (x, 0), 5.0)], f"{text}: {_count(len(those), 'origin')}, {total} people"


def _reach(sheet: Sheet, left: float, down: float) -> Iterator[Shape]:
    """Swatches of the isochrones."""
    if not any(site.is_serving for site in sheet.sites.values()):
        return
    for rtt, colour in zip(reversed(sheet.rtts), reversed(colours.REACH), strict=True):
        text = f"{rtt} ms" if rtt == sheet.rtts[0] else f"{rtt}"
        ring = [(left, down - 10), (left + 20, down - 10), (left + 20, down + 1), (left, down + 1)]
        yield Path(lines=[ring], is_closed=True, ink=Ink(fill=colour, stroke=colours.CONTOUR, width=0.6))
        yield Words(at=(left + 25, down), text=text, size=_SIZE, colour=colours.INK)
        left += 34 + lettering.width(text, _SIZE)
    yield Words(at=(left, down), text="to the nearest engines, estimated", size=_SIZE, colour=colours.INK)


def _routes(sheet: Sheet, box: Box) -> Iterator[Shape]:
    """Each route, with its sites and replicas there."""
    yield _heading("Routes, and replicas per site", box)
    runs = _runs(sheet.scene)
    columns = max(1, int((box.width + _GAP) / (_ROUTE_COLUMN + _GAP))) if len(runs) > _ROWS else 1
    wide = (box.width - _GAP * (columns - 1)) / columns
    shown = list(runs)[: _ROWS * columns - (len(runs) > _ROWS * columns)]
    names = _names(runs)
    for i, route in enumerate(shown):
        left, down = box.left + (i // _ROWS) * (wide + _GAP), _row(box, i % _ROWS)
        name = lettering.cut(names[route], _SIZE, _ROUTE_NAME, is_bold=True)
        yield Words(at=(left, down), text=name, size=_SIZE, colour=colours.INK, is_bold=True)
        chips = [(f"{site} ×{replicas}", sheet.colour.get(site, colours.FAINT)) for site, replicas in runs[route]]
        yield from _chips(chips, Box(left + _ROUTE_NAME + 12, down, wide - _ROUTE_NAME - 12, _ROW))
    if len(shown) < len(runs):
        at = box.left + (columns - 1) * (wide + _GAP), _row(box, _ROWS - 1)
        yield Words(at=at, text=f"and {len(runs) - len(shown)} more routes", size=_SIZE, colour=colours.QUIET)


def _runs(scene: Scene) -> Mapping[RouteKey, list[tuple[str, int]]]:
    """Route -> (site, replicas), the most replicas first; routes likewise."""
    found: dict[RouteKey, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for site in scene.sites:
        for each in site.runs:
            found[each.route][site.name] += each.replicas
    routes = sorted(found, key=lambda route: (-found[route].total(), route))
    return {route: sorted(found[route].items(), key=lambda item: (-item[1], item[0])) for route in routes}


def _names(routes: Mapping[RouteKey, object]) -> Mapping[RouteKey, str]:
    """With the namespace only where there are several."""
    is_one = len({route.namespace for route in routes}) <= 1
    return {route: route.name if is_one else str(route) for route in routes}


def _chips(chips: Sequence[Chip], box: Box) -> Iterator[Shape]:
    """As many as there is room for, and how many are left."""
    left = box.left
    for i, (text, colour) in enumerate(chips):
        rest = f"+{len(chips) - i} more"
        wide = 14 + lettering.width(text, _SIZE) + 12
        spare = lettering.width(rest, _SIZE) if i + 1 < len(chips) else 0
        if left + wide + spare > box.right + 12 and i > 0:
            yield Words(at=(left, box.top), text=rest, size=_SIZE, colour=colours.QUIET)
            return
        yield Circle(at=(left + 5, box.top - 4), radius=4.5, ink=Ink(fill=colour))
        yield Words(at=(left + 14, box.top), text=text, size=_SIZE, colour=colours.INK)
        left += wide


def _missing(sheet: Sheet) -> Iterator[tuple[str, str]]:
    names = _names({each.route: None for each in sheet.scene.unplaced})
    for each in sheet.scene.unplaced:
        yield names[each.route], each.why
    for site in sheet.scene.sites:
        if site.point is None:
            yield site.name, "nobody knows where it is"


def _lines(heading: str, rows: Sequence[tuple[str, str]], box: Box) -> Iterator[Shape]:
    yield _heading(heading, box)
    shown = rows[: _ROWS - (len(rows) > _ROWS)]
    for i, (name, why) in enumerate(shown):
        down = _row(box, i)
        bold = lettering.cut(name, _SIZE, box.width / 2, is_bold=True)
        used = lettering.width(bold, _SIZE, is_bold=True) + 8
        yield Words(at=(box.left, down), text=bold, size=_SIZE, colour=colours.ALARM, is_bold=True)
        text = lettering.cut(why, _SIZE, box.width - used)
        yield Words(at=(box.left + used, down), text=text, size=_SIZE, colour=colours.QUIET)
    if len(shown) < len(rows):
        text = f"and {len(rows) - len(shown)} more"
        yield Words(at=(box.left, _row(box, _ROWS - 1)), text=text, size=_SIZE, colour=colours.QUIET)


def people(number: int) -> str:
    """A number of people, to about two digits: `83 M`."""
    for unit, name in _UNITS:
        if number >= unit:
            share = number / unit
            return f"{share:.1f} {name}" if share < 9.95 else f"{share:.0f} {name}"  # noqa: PLR2004 - two digits
    return str(number)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
