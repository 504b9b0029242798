"""A picture as SVG: small, with words that can be searched, and names under the pointer."""

import html
import itertools
from collections.abc import Iterator, Sequence

from isochrone.maps.colours import PAGE
from isochrone.maps.shapes import PAGE_WIDTH, Box, Circle, Corner, Ink, Layer, Path, Picture, Shape, Words, plain

FONTS = "'DejaVu Sans', Verdana, sans-serif"
_LEAST = 0.005
"""What is less is written as 0."""


def document(picture: Picture, *, width: int, height: int) -> bytes:
    """The file."""
    page = f'viewBox="0 0 {_number(PAGE_WIDTH)} {_number(picture.height)}" role="img"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" {page} font-family="{FONTS}">',
        f"<title>{_text(picture.title)}</title>",
        f'<rect width="100%" height="100%" fill="{PAGE}"/>',
        *(line for i, layer in enumerate(picture.layers) for line in _layer(layer, i)),
        "</svg>",
    ]
    return "\n".join([*lines, ""]).encode()


def _layer(layer: Layer, index: int) -> Iterator[str]:
    if layer.clip is not None:
        yield f'<clipPath id="clip{index}">{_rectangle(layer.clip)}</clipPath>'
    clip = f' clip-path="url(#clip{index})"' if layer.clip is not None else ""
    yield f'<g id="{_text(layer.name)}"{clip}>'
    yield from map(_shape, layer.shapes)
    yield "</g>"


def _shape(shape: Shape) -> str:
    match shape:
        case Path():
            return _element("path", f'd="{_route(shape)}"{_ink(shape.ink)}', shape.tip)
        case Circle(at=(x, y)):
            place = f'cx="{_number(x)}" cy="{_number(y)}" r="{_number(shape.radius)}"'
            return _element("circle", place + _ink(shape.ink), shape.tip)
        case Words():
            return _words(shape)


def _words(words: Words) -> str:
    x, y = words.at
    anchor = "" if words.anchor == "start" else f' text-anchor="{words.anchor}"'
    weight = ' font-weight="bold"' if words.is_bold else ""
    halo = f' stroke="{PAGE}" stroke-width="3" stroke-linejoin="round" paint-order="stroke"' if words.has_halo else ""
    return (
        f'<text x="{_number(x)}" y="{_number(y)}" font-size="{_number(words.size)}" fill="{words.colour}"'
        f"{anchor}{weight}{halo}>{_text(words.text)}</text>"
    )


def _element(name: str, attributes: str, tip: str) -> str:
    return f"<{name} {attributes}><title>{_text(tip)}</title></{name}>" if tip else f"<{name} {attributes}/>"


def _route(path: Path) -> str:
    return "".join(_line(line) + ("Z" if path.is_closed else "") for line in path.lines)


def _line(line: Sequence[Corner]) -> str:
    """Absolute start, then steps in tenths, those that go nowhere left out."""
    places = [(round(x * 10), round(y * 10)) for x, y in line]
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in itertools.pairwise(places) if a != b]
    start = ",".join(_number(tenths / 10) for tenths in places[0])
    return f"M{start}" + ("l" + " ".join(f"{_number(x / 10)},{_number(y / 10)}" for x, y in steps) if steps else "")


def _ink(ink: Ink) -> str:
    found = f' fill="{ink.fill or "none"}"'
    if ink.stroke is not None:
        found += f' stroke="{ink.stroke}" stroke-width="{_number(ink.width)}" stroke-linejoin="round"'
    if ink.dashes:
        found += f' stroke-dasharray="{" ".join(map(_number, ink.dashes))}"'
    return found + (f' opacity="{_number(ink.opacity)}"' if ink.opacity < 1 else "")


def _rectangle(box: Box) -> str:
    left, top, width, height = map(_number, (box.left, box.top, box.width, box.height))
    return f'<rect x="{left}" y="{top}" width="{width}" height="{height}"/>'


def _number(value: float) -> str:
    """At most two decimals, and no more than are needed."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if abs(value) >= _LEAST else "0"


def _text(text: str) -> str:
    return html.escape(plain(text))
