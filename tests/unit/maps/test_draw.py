"""The map as a file."""

import dataclasses
import itertools
import subprocess
import sys
from typing import Literal
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.maps.scenes import EUROPE, WORLD, crowd, origin, runs, scene, site

from isochrone.geo.latency import Point
from isochrone.maps import Link, Origin, Scene, Site, SiteState, WhyUnserved, draw
from isochrone.maps.legend import people

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '</text><script>alert("$\\nosuch{$")</script> & \x00\x1b\ud800\uffff %s {0} ü東'


def words(file: bytes, kind: str = "text") -> list[str]:
    return [element.text or "" for element in ET.fromstring(file).iter(f"{SVG}{kind}")]


def test_an_svg_says_what_it_is_and_how_large() -> None:
    root = ET.fromstring(draw(scene(*EUROPE), format="svg", width=800, height=500))
    assert root.tag == f"{SVG}svg"
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("800", "500", "0 0 1600 1000")
    assert root.findtext(f"{SVG}title") == "Plan of example"


def test_a_png_has_the_size_that_was_asked_for() -> None:
    file = draw(scene(*EUROPE), format="png", width=800, height=500)
    assert file.startswith(b"\x89PNG\r\n\x1a\n")
    assert (int.from_bytes(file[16:20]), int.from_bytes(file[20:24])) == (800, 500)
    assert b"matplotlib" not in file.lower()


@pytest.mark.parametrize("sites", [EUROPE, WORLD])
@pytest.mark.parametrize("form", ["svg", "png"])
def test_one_scene_gives_the_same_bytes_in_any_order(sites: tuple[str, ...], form: Literal["svg", "png"]) -> None:
    one = scene(*sites)
    other = dataclasses.replace(
        one,
        sites=tuple(dataclasses.replace(each, runs=each.runs[::-1]) for each in one.sites[::-1]),
        origins=one.origins[::-1],
        links=one.links[::-1],
        unplaced=one.unplaced[::-1],
    )
    assert draw(one, format=form) == draw(other, format=form)


def test_the_same_bytes_in_another_process() -> None:
    script = (
        "import sys; from tests.unit.maps.scenes import *; from isochrone.maps import draw;"
        "sys.stdout.buffer.write(draw(scene(*WORLD), format='png', width=400, height=250))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout == draw(scene(*WORLD), format="png", width=400, height=250)


def test_every_site_is_named() -> None:
    one = scene(*EUROPE)
    assert {each.name for each in one.sites} <= set(words(draw(one, format="svg")))


def test_of_very_many_sites_each_is_named_at_least_under_the_pointer() -> None:
    many = crowd(330)
    file = draw(many, format="svg")
    shown, tips = set(words(file)), words(file, "title")
    assert len(shown & {each.name for each in many.sites}) >= 50
    assert all(any(tip.startswith(f"{each.name} (") for tip in tips) for each in many.sites)


@pytest.mark.parametrize("form", ["svg", "png"])
def test_hostile_names_are_words_and_nothing_else(form: Literal["svg", "png"]) -> None:
    one = dataclasses.replace(
        scene(*EUROPE),
        title=HOSTILE,
        sites=(site("FRA", runs(HOSTILE), name=HOSTILE), site("LHR", name='a"b')),
        origins=(Origin(name=HOSTILE, point=Point(50, 5), people=5, site=HOSTILE, rtt_ms=1.0),),
        links=(),
    )
    file = draw(one, format=form)
    if form == "svg":
        root = ET.fromstring(file)
        assert not list(root.iter(f"{SVG}script"))
        assert any("</text><script>" in text and "\x00" not in text for text in words(file))
        assert 'a"b' in words(file)


def test_what_is_amiss_is_said() -> None:
    text = words(draw(scene(*EUROPE), format="svg"))
    assert "no contact" in text
    assert "draining: chat ×2" in text
    assert "disabled" in text
    assert "by law nobody may answer: 1 origin, 400 k people" in text
    assert "nobody has engines: 1 origin, 15 M people" in text
    assert "no pool has 80Gi per device" in text
    assert "nobody knows where it is" in text


def test_marks_that_do_not_occur_are_not_explained() -> None:
    text = words(draw(Scene(title="x", sites=(site("FRA"),)), format="svg"))
    assert not any("lost" in line or "nobody" in line or "draining" in line for line in text)


def test_the_first_line_counts() -> None:
    first = words(draw(scene(*EUROPE), format="svg"))
    facts = next(line for line in first if " sites, " in line)
    assert facts.startswith("8 sites, 4 with engines · 1 route · 16 devices in use · half of the people served")


def test_routes_tell_their_sites_and_only_so_many_are_listed() -> None:
    one = Scene(title="x", sites=(site("FRA", *(runs(f"route-{i:02}") for i in range(60))),))
    text = words(draw(one, format="svg"))
    assert {"route-00", "edge-fra ×2", "Routes, and replicas per site"} <= set(text)
    listed = [line for line in text if line.startswith("route-") and "×" not in line]
    assert listed == [f"route-{i:02}" for i in range(19)]
    assert "and 41 more routes" in text


def test_namespaces_are_named_where_there_are_several() -> None:
    other = dataclasses.replace(runs("chat"), route=dataclasses.replace(runs("chat")).route._replace(namespace="lab"))
    text = words(draw(Scene(title="x", sites=(site("FRA", runs("chat"), other),)), format="svg"))
    assert {"models/chat", "lab/chat"} <= set(text)


def test_the_way_of_a_large_origin_tells_its_time() -> None:
    frankfurt = site("FRA")
    far = origin("ZAG", 5_000_000, frankfurt)
    one = Scene(title="x", sites=(frankfurt, site("MAD")), origins=(far,))
    assert f"{far.rtt_ms:.0f} ms" in words(draw(one, format="svg"))


def test_of_the_ways_to_one_site_two_are_drawn() -> None:
    frankfurt = site("FRA")
    far = [origin(code, people, frankfurt) for code, people in (("ZAG", 5), ("ATH", 6), ("CPH", 7), ("LYS", 8))]
    one = Scene(title="x", sites=(frankfurt,), origins=tuple(far))
    ways = ET.fromstring(draw(one, format="svg")).find(f"{SVG}g[@id='ways']")
    assert ways is not None
    assert [path.findtext(f"{SVG}title", "").partition(":")[0] for path in ways] == ["LYS", "CPH"]


@pytest.mark.parametrize(("number", "drawn"), [(80, 80), (81, 0)])
def test_links_are_drawn_unless_they_are_too_many(number: int, drawn: int) -> None:
    many = crowd(number + 1)
    links = [Link(here=a.name, there=b.name, rtt_ms=9.0) for a, b in itertools.pairwise(many.sites)]
    file = draw(dataclasses.replace(many, links=tuple(links)), format="svg")
    assert sum("hands requests over to" in tip for tip in words(file, "title")) == drawn
    assert ("hands requests over" in words(file)) is bool(drawn)


def test_isochrones_are_around_sites_that_answer_only() -> None:
    lit = draw(Scene(title="x", sites=(site("FRA"),)), format="svg")
    dark = draw(Scene(title="x", sites=(site("FRA", state=SiteState.LOST),)), format="svg")
    assert "25 ms" in words(lit)
    assert "25 ms" not in words(dark)
    assert not any("to the nearest engines" in line for line in words(dark))


def test_nothing_at_all_is_a_map_too() -> None:
    assert "0 sites, 0 with engines · 0 routes · 0 devices in use" in words(draw(Scene(title="empty"), format="svg"))


@pytest.mark.parametrize(("width", "height"), [(100, 80), (1600, 100), (400, 900), (0, 0), (-5, -5)])
def test_sizes_that_no_map_has(width: int, height: int) -> None:
    with pytest.raises(ValueError, match="a map must be"):
        draw(Scene(title="x"), format="svg", width=width, height=height)


points = st.builds(Point, st.floats(-90, 90), st.floats(-180, 180))
names = st.text(min_size=1, max_size=12)
sites = st.lists(
    st.builds(
        Site,
        name=names,
        point=st.none() | points,
        state=st.sampled_from(SiteState),
        runs=st.sampled_from([(), (runs("chat"),), (runs("chat"), runs("code", devices=0))]),
    ),
    max_size=6,
    unique_by=lambda each: each.name,
)
origins = st.builds(
    Origin,
    name=names,
    point=points,
    people=st.integers(0, 10**9),
    site=st.none() | names,
    rtt_ms=st.none() | st.floats(0, 500),
    why_unserved=st.sampled_from(WhyUnserved),
)


@settings(max_examples=60)
@given(sites=sites, origins=st.lists(origins, max_size=8))
def test_any_scene_is_a_valid_svg_without_a_number_that_is_none(sites: list[Site], origins: list[Origin]) -> None:
    root = ET.fromstring(draw(Scene(title="any", sites=tuple(sites), origins=tuple(origins)), format="svg"))
    numbers = [value for element in root.iter() for key, value in element.items() if key in {"d", "x", "y", "cx", "r"}]
    assert not any("n" in value for value in numbers), "nan or inf"


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (1000, "1.0 k"), (83_200_000, "83 M"), (9_960_000, "10 M"), (1_417_000_000, "1.4 bn")],
)
def test_numbers_of_people(number: int, text: str) -> None:
    assert people(number) == text


def test_matplotlib_is_imported_for_a_png_only_and_missed_in_plain_words() -> None:
    script = """
import sys
from isochrone.maps import NoDrawingError, Scene, draw
draw(Scene(title="x"), format="svg")
assert "matplotlib" not in sys.modules
sys.modules["matplotlib"] = None
try:
    draw(Scene(title="x"), format="png")
except NoDrawingError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "pip install 'isochrone[maps]'" in done.stdout
