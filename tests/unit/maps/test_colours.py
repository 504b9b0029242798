"""Colours of sites."""

import itertools

from isochrone.geo.latency import Point
from isochrone.geo.places import places
from isochrone.maps import colours


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_few_sites_all_differ() -> None:
    points = [place.point for place in itertools.islice(places().values(), len(colours.SITES))]
    assert len(set(colours.of_sites(points))) == len(colours.SITES)


def test_sites_of_one_colour_are_far_apart() -> None:
    ring = [Point(0, 360 * i / 18 - 180) for i in range(18)]
    found = colours.of_sites(ring)
    assert all(a != b for a, b in itertools.pairwise([*found, found[0]]))


def test_dots_and_words_stand_out_on_white() -> None:
    assert all(1.05 / (luminance(colour) + 0.05) >= 2 for colour in colours.SITES)
    assert all(1.05 / (luminance(colour) + 0.05) >= 4.5 for colour in (colours.INK, colours.QUIET, colours.ALARM))
