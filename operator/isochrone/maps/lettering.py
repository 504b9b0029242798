"""How wide words are, and where names go so that none lies on another.

Widths are those of DejaVu Sans, which matplotlib brings along, in thousandths of the size. Verdana, which the SVG asks
for next, is the same to a few thousandths; most others are narrower.
"""

import dataclasses
from collections.abc import Iterator, Sequence

from isochrone.maps.shapes import Box

# fmt: off
_REGULAR = (
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636,
    636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
    575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685,
    611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579,
    278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
)
_BOLD = (
    348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365, 696, 696, 696,
    696, 696, 696, 696, 696, 696, 696, 400, 400, 838, 838, 838, 580, 1000, 774, 762, 734, 830, 683,
    683, 821, 837, 372, 372, 775, 637, 995, 837, 850, 733, 850, 770, 720, 682, 812, 774, 1103, 771,
    724, 725, 457, 365, 457, 838, 500, 500, 675, 716, 593, 716, 678, 435, 716, 712, 343, 343, 665,
    343, 1042, 712, 687, 716, 716, 493, 595, 478, 712, 652, 924, 645, 652, 582, 712, 365, 712, 838,
)
# fmt: on
_FIRST, _WIDEST = ord(" "), 1100
_ELLIPSIS = "…"
_AWAY = (3.0, 12.0, 24.0)
"""How far a name may be from the edge of its dot, nearest first. Among many dots only the nearest is clear."""


def width(text: str, size: float, *, is_bold: bool = False) -> float:
    """How wide a text is; letters that the table doesn't have count as wide ones."""
    table = _BOLD if is_bold else _REGULAR
    offsets = (ord(letter) - _FIRST for letter in text)
    return sum(table[i] if 0 <= i < len(table) else _WIDEST for i in offsets) * size / 1000


def cut(text: str, size: float, room: float, *, is_bold: bool = False) -> str:
    """As much of a text as there is room for."""
    if width(text, size, is_bold=is_bold) <= room:
        return text
    while text and width(text + _ELLIPSIS, size, is_bold=is_bold) > room:
        text = text[:-1]
    return text.rstrip() + _ELLIPSIS


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A name that wants to stand beside a dot."""

    x: float
    y: float
    radius: float
    """0 where there is no dot, so that the name may stand on the point."""
    is_close: bool = False
    """Whether it must stand right beside the dot."""
    width: float
    height: float


def place(labels: Sequence[Label], *, taken: Sequence[Box], page: Box) -> list[Box | None]:
    """A box for each label, earlier ones first; None where each place near its dot is taken.

    No box overlaps another, or one of `taken`, or leaves the page.
    """
    used = list(taken)
    found: list[Box | None] = []
    for label in labels:
        box = next((box for box in _boxes(label) if page.holds(box) and not any(map(box.overlaps, used))), None)
        if box is not None:
            used.append(box)
        found.append(box)
    return found


def _boxes(label: Label) -> Iterator[Box]:
    """Where a label may go, best first: on the point, beside the dot, above and below, at its corners; then further
    away.
    """
    if label.radius == 0:
        yield Box(label.x - label.width / 2, label.y - label.height / 2, label.width, label.height)
    for away in _AWAY[:1] if label.is_close else _AWAY:
        far, near = label.radius + away, (label.radius + away) * 0.7
        right, left = label.x + far, label.x - far - label.width
        middle_x, middle_y = label.x - label.width / 2, label.y - label.height / 2
        above, below = label.y - far - label.height, label.y + far
        yield from (
            Box(x, y, label.width, label.height)
            for x, y in (
                (right, middle_y),
                (left, middle_y),
                (middle_x, above),
                (middle_x, below),
                (label.x + near, label.y - near - label.height),
                (label.x + near, label.y + near),
                (label.x - near - label.width, label.y - near - label.height),
                (label.x - near - label.width, label.y + near),
            )
        )
