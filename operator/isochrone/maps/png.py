"""A picture as PNG, drawn by matplotlib, which is imported when first needed: few ask for a map."""

import io
import warnings
from typing import TYPE_CHECKING, Any, Literal

from isochrone.maps.colours import PAGE
from isochrone.maps.shapes import PAGE_WIDTH, Circle, Corner, Ink, Path, Picture, Shape, Words, plain

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure
    from matplotlib.transforms import Transform

_PER_INCH = 72.0
"""So that a length on the page is a point, whatever the size of the picture."""
_STYLE = {"font.family": "DejaVu Sans", "path.simplify": False, "text.usetex": False}
_ALIGN: dict[str, Literal["left", "center", "right"]] = {"start": "left", "middle": "center", "end": "right"}


class NoDrawingError(Exception):
    """What draws a PNG is not installed."""


def prepare() -> None:
    """Import what draws. Raises NoDrawingError."""
    try:
        import matplotlib.style  # noqa: F401 - that it is there
    except ImportError as missing:
        raise NoDrawingError(
            "a PNG needs matplotlib, which is not installed: pip install 'isochrone[maps]'; an SVG needs nothing"
        ) from missing


def document(picture: Picture, *, width: int) -> bytes:
    """The file. The same picture gives the same bytes, with one version of matplotlib. Raises NoDrawingError."""
    prepare()
    import matplotlib.style
    from matplotlib.figure import Figure

    with matplotlib.style.context(["default", _STYLE]), warnings.catch_warnings(action="ignore", category=UserWarning):
        figure = Figure(figsize=(PAGE_WIDTH / _PER_INCH, picture.height / _PER_INCH), facecolor=PAGE)
        _paint(figure, picture)
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=_PER_INCH * width / PAGE_WIDTH, metadata={"Software": None})
    return file.getvalue()


def _paint(figure: "Figure", picture: Picture) -> None:
    from matplotlib.patches import Rectangle
    from matplotlib.transforms import Affine2D

    page = Affine2D().scale(1 / PAGE_WIDTH, -1 / picture.height).translate(0, 1) + figure.transFigure
    for layer in picture.layers:
        box = layer.clip
        clip = Rectangle((box.left, box.top), box.width, box.height, transform=page) if box is not None else None
        for shape in layer.shapes:
            artist = _artist(shape, page)
            artist.set_zorder(len(figure.get_children()))
            figure.add_artist(artist)
            if clip is not None:
                artist.set_clip_path(clip)


def _artist(shape: Shape, page: "Transform") -> "Artist":
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Route

    match shape:
        case Path():
            corners, codes = _route(shape)
            return PathPatch(Route(corners, codes), transform=page, **_ink(shape.ink))
        case Circle():
            return PathPatch(Route.circle(shape.at, shape.radius), transform=page, **_ink(shape.ink))
        case Words():
            return _words(shape, page)


def _words(words: Words, page: "Transform") -> "Artist":
    from matplotlib.patheffects import withStroke
    from matplotlib.text import Text

    return Text(
        *words.at,
        plain(words.text),
        fontsize=words.size,
        color=words.colour,
        horizontalalignment=_ALIGN[words.anchor],
        verticalalignment="baseline",
        fontweight="bold" if words.is_bold else "normal",
        parse_math=False,
        path_effects=[withStroke(linewidth=3, foreground=PAGE)] if words.has_halo else [],
        transform=page,
    )


def _route(path: Path) -> tuple[list[Corner], list[int]]:
    """Corners, and how each is got to."""
    from matplotlib.path import Path as Route

    start, go_on, close = int(Route.MOVETO), int(Route.LINETO), int(Route.CLOSEPOLY)
    corners: list[Corner] = []
    codes: list[int] = []
    for line in path.lines:
        corners += [*line, line[0]] if path.is_closed else line
        codes += [start, *[go_on] * (len(line) - 1), *([close] if path.is_closed else [])]
    return corners, codes


def _ink(ink: Ink) -> dict[str, Any]:
    """As matplotlib names it."""
    return {
        "facecolor": ink.fill or "none",
        "edgecolor": ink.stroke or "none",
        "linewidth": ink.width if ink.stroke else 0,
        "linestyle": (0, tuple(dash / ink.width for dash in ink.dashes)) if ink.dashes else "solid",
        "alpha": ink.opacity,
        "joinstyle": "round",
        "capstyle": "butt",
    }
