"""What a picture is made of: paths, circles and words at places on the page. `svg` and `png` each draw these.

Lengths are those of a page that is `PAGE_WIDTH` wide, whatever the size of the picture; y runs downwards.
"""

import dataclasses
import re
from collections.abc import Sequence
from typing import Literal

PAGE_WIDTH = 1600.0
_NO_LETTER = re.compile("[^ -~\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Control characters, and what XML 1.0 can't hold (section 2.2)."""

Corner = tuple[float, float]


@dataclasses.dataclass(frozen=True, slots=True)
class Box:
    """A rectangle."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def overlaps(self, other: "Box") -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def holds(self, other: "Box") -> bool:
        return (
            self.left <= other.left
            and self.top <= other.top
            and other.right <= self.right
            and other.bottom <= self.bottom
        )

    def has(self, corner: Corner) -> bool:
        return self.left <= corner[0] <= self.right and self.top <= corner[1] <= self.bottom


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ink:
    """How something is painted; None leaves it out."""

    fill: str | None = None
    stroke: str | None = None
    width: float = 1.0
    opacity: float = 1.0
    dashes: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Lines, or areas where `ink` fills. All areas are one: where they overlap they are painted once."""

    lines: Sequence[Sequence[Corner]]
    ink: Ink
    is_closed: bool = False
    tip: str = ""
    """What a viewer shows under the pointer."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Circle:
    """A circle."""

    at: Corner
    radius: float
    ink: Ink
    tip: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One line of text, its base line at `at`."""

    at: Corner
    text: str
    size: float
    colour: str
    anchor: Literal["start", "middle", "end"] = "start"
    is_bold: bool = False
    has_halo: bool = False
    """Whether it stands out against what is under it by an edge of the page's colour."""


Shape = Path | Circle | Words


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Shapes that belong together, later ones over earlier ones."""

    name: str
    shapes: Sequence[Shape]
    clip: Box | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A page."""

    title: str
    height: float
    layers: Sequence[Layer]


def plain(text: str) -> str:
    """A text with a mark in place of each character that can't be drawn."""
    return _NO_LETTER.sub("\ufffd", text)
