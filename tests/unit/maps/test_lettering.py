"""Names that lie on nothing."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isochrone.maps import lettering
from isochrone.maps.lettering import Label
from isochrone.maps.shapes import Box

PAGE = Box(0, 0, 400, 300)
labels = st.builds(
    Label,
    x=st.floats(0, 400),
    y=st.floats(0, 300),
    radius=st.sampled_from([0.0, 3.0, 12.0]),
    width=st.floats(5, 120),
    height=st.floats(5, 30),
    is_close=st.booleans(),
)


@given(wanted=st.lists(labels, max_size=30))
def test_no_name_overlaps_another_or_a_dot_or_leaves_the_page(wanted: list[Label]) -> None:
    dots = [Box(each.x - each.radius, each.y - each.radius, 2 * each.radius, 2 * each.radius) for each in wanted]
    found = [box for box in lettering.place(wanted, taken=dots, page=PAGE) if box is not None]
    assert all(PAGE.holds(box) for box in found)
    assert not any(a.overlaps(b) for a, b in itertools.combinations(found, 2))
    assert not any(box.overlaps(dot) for box in found for dot in dots)


def test_a_name_stands_right_of_its_dot_if_it_can() -> None:
    [box] = lettering.place([Label(x=100, y=100, radius=5, width=50, height=20)], taken=[], page=PAGE)
    assert box == Box(108, 90, 50, 20)


def test_a_name_without_a_dot_stands_on_its_point() -> None:
    [box] = lettering.place([Label(x=100, y=100, radius=0, width=50, height=20)], taken=[], page=PAGE)
    assert box == Box(75, 90, 50, 20)


@pytest.mark.parametrize(("is_close", "is_found"), [(True, False), (False, True)])
def test_a_name_goes_further_away_only_where_it_may(is_close: bool, is_found: bool) -> None:
    label = Label(x=200, y=150, radius=5, width=50, height=20, is_close=is_close)
    [box] = lettering.place([label], taken=[Box(191, 141, 18, 18)], page=PAGE)
    assert (box is not None) is is_found


def test_earlier_names_are_served_first_and_hopeless_ones_left_out() -> None:
    label = Label(x=20, y=10, radius=5, width=30, height=20)
    first, second = lettering.place([label, label], taken=[], page=Box(0, 0, 60, 20))
    assert (first, second) == (Box(28, 0, 30, 20), None)


@pytest.mark.parametrize(
    ("text", "is_bold", "wide"),
    [
        pytest.param("", False, 0, id="nothing"),
        pytest.param("il", False, 5.56, id="narrow"),
        pytest.param("MW", False, 18.52, id="wide"),
        pytest.param("MW", True, 20.98, id="bold"),
        pytest.param("東", False, 11, id="not-in-the-table"),
    ],
)
def test_width(text: str, is_bold: bool, wide: float) -> None:
    assert lettering.width(text, 10, is_bold=is_bold) == pytest.approx(wide)


@given(text=st.text(max_size=40), room=st.floats(15, 200))
def test_a_text_is_cut_to_the_room(text: str, room: float) -> None:
    cut = lettering.cut(text, 12, room)
    assert lettering.width(cut, 12) <= room
    assert cut == text or (cut.endswith("…") and text.startswith(cut[:-1]))
