"""A map of a plan: sites, what runs where, who answers whom, and how long that takes.

    Scene                  what the map shows, as data (`scene`); the command line makes it from a plan
    draw(scene, format=)   the map, as the bytes of a file

A scene becomes a picture of paths, circles and words (`shapes`), and that an SVG or a PNG. The SVG is written here,
with the standard library alone: that takes a hundred lines, needs nothing installed, gives a fifth of the bytes that
matplotlib writes, keeps words as words, and shows names under the pointer where there was no room for them. The PNG is
drawn by matplotlib (`isochrone[maps]`): it is well kept, needs no system library, and has the font in its wheel, so
that a picture is the same on each machine. It is imported only when a PNG is drawn.

The same scene gives the same bytes, in whichever order its parts come. What must not live here: what a plan or the law
means, files, clocks. Nothing is known of how a plan is made.
"""

from typing import Literal

from isochrone.maps import layers, legend, png, svg
from isochrone.maps.png import NoDrawingError, prepare
from isochrone.maps.scene import Link, Origin, Runs, Scene, Site, SiteState, Unplaced, WhyUnserved
from isochrone.maps.shapes import PAGE_WIDTH, Box, Layer, Picture
from isochrone.maps.sheet import Sheet

__all__ = [
    "Link",
    "NoDrawingError",
    "Origin",
    "Runs",
    "Scene",
    "Site",
    "SiteState",
    "Unplaced",
    "WhyUnserved",
    "draw",
    "picture",
    "prepare",
]

_LEAST_WIDTH, _LEAST_SHARE, _MOST_SHARE = 200, 0.35, 2.0


def draw(scene: Scene, *, format: Literal["svg", "png"], width: int = 1600, height: int = 1000) -> bytes:  # noqa: A002
    """The map as a file, of this many pixels. Everything in it grows with the width.

    A ValueError says that a map can't have this size; NoDrawingError, that there is nothing to draw a PNG with.
    """
    if width < _LEAST_WIDTH or not _LEAST_SHARE <= height / width <= _MOST_SHARE:
        raise ValueError(
            f"a map must be {_LEAST_WIDTH} wide or more, and {_LEAST_SHARE} to {_MOST_SHARE} times as high, "
            f"not {width} by {height}"
        )
    page = picture(scene, height=PAGE_WIDTH * height / width)
    if format == "svg":
        return svg.document(page, width=width, height=height)
    return png.document(page, width=width)


def picture(scene: Scene, *, height: float) -> Picture:
    """The page: title, map and legend from top to bottom."""
    page = Box(legend.EDGE, legend.TITLE_HEIGHT, PAGE_WIDTH - 2 * legend.EDGE, height - legend.TITLE_HEIGHT)
    draft = Sheet.of(scene, page)
    high = legend.height(draft)
    sheet = draft.within(Box(page.left, page.top, page.width, page.height - high))
    below = Box(page.left, page.bottom - high, page.width, high)
    parts: list[Layer] = [*layers.draw(sheet), legend.title(sheet), *legend.legend(sheet, below)]
    return Picture(title=scene.title, height=height, layers=parts)
