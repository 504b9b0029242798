"""Small decisions of the standalone mode: whom the front door leads to, how far that is, when to try again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.worlds.examples import example

from isochrone.local import credentials, wan
from isochrone.local.pacing import MOST, STEADY, Backoff, Settling
from isochrone.local.steering import Door, order
from isochrone.local.wan import FAR, PlaceUnknown, beside, client_at


def door(site: str, rtt: float, *, is_lawful: bool = True, is_live: bool = True) -> Door:
    return Door(site=site, rtt=rtt, is_lawful=is_lawful, is_live=is_live)


@pytest.mark.parametrize(
    ("doors", "expected"),
    [
        pytest.param([door("b", 20), door("a", 10)], ("a", "b"), id="nearest-first"),
        pytest.param([door("b", 10), door("a", 10)], ("a", "b"), id="names-where-equal"),
        pytest.param([door("a", 10, is_live=False), door("b", 20)], ("b",), id="live-only"),
        pytest.param([door("a", 10, is_lawful=False), door("b", 20)], ("b",), id="lawful-only"),
        pytest.param([door("a", 10, is_live=False), door("b", 20, is_lawful=False)], ("b",), id="a-refusal-in-words"),
        pytest.param([], (), id="none"),
    ],
)
def test_the_front_door_leads_to_the_nearest_live_lawful_site(doors: list[Door], expected: tuple[str, ...]) -> None:
    assert order(doors) == expected


doors = st.lists(
    st.builds(
        Door, site=st.text("abc", min_size=1), rtt=st.floats(0, 500), is_lawful=st.booleans(), is_live=st.booleans()
    ),
    unique_by=lambda each: each.site,
)


@given(doors)
def test_no_unlawful_site_comes_before_a_lawful_one_and_no_dead_one_at_all(found: list[Door]) -> None:
    by_name = {each.site: each for each in found}
    chosen = [by_name[site] for site in order(found)]
    assert all(each.is_live for each in chosen)
    assert len({each.is_lawful for each in chosen}) <= 1
    assert bool(chosen) == any(each.is_live for each in found)
    assert all(each.is_lawful for each in chosen) or not any(each.is_live and each.is_lawful for each in found)
    assert [each.rtt for each in chosen] == sorted(each.rtt for each in chosen)


@pytest.mark.parametrize(
    ("said", "code", "near"),
    [
        pytest.param("FRA", "DE-HE", (50.0, 8.6), id="airport"),
        pytest.param("DE", "DE", (50.9, 6.9), id="country"),
        pytest.param("US-CA", "US-CA", (34.0, -118.2), id="subdivision"),
    ],
)
def test_a_client_is_put_somewhere(said: str, code: str, near: tuple[float, float]) -> None:
    found = client_at(said)
    assert found.code == code
    assert found.point is not None
    assert (found.point.latitude, found.point.longitude) == pytest.approx(near, abs=0.3)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        pytest.param("XX", "neither an IATA code", id="no-code"),
        pytest.param("frankfurt", "neither an IATA code", id="no-name"),
        pytest.param("AQ", "nobody lives in AQ", id="nobody"),
    ],
)
def test_a_client_can_not_be_anywhere(said: str, why: str) -> None:
    with pytest.raises(PlaceUnknown, match=why):
        client_at(said)


def test_a_client_is_beside_the_most_central_site_unless_it_was_said() -> None:
    found = beside(example("quickstart").edge_nodes)
    assert found is not None
    assert (found.name, found.code) == ("beside fra1", "DE-HE")
    assert beside([]) is None


def test_distance_is_that_of_the_planner() -> None:
    points = wan.points_of(example("quickstart").edge_nodes)
    assert wan.rtt(points["fra1"], points["iad1"]) == pytest.approx(115, abs=1)
    assert wan.rtt(points["fra1"], None) == FAR


def test_each_failure_in_a_row_doubles_the_wait_up_to_a_limit() -> None:
    backoff, delays = Backoff(), []
    for _ in range(8):
        backoff = backoff.ended(1.0)
        delays.append(backoff.delay)
    assert delays == [0.5, 1, 2, 4, 8, 16, MOST, MOST]
    assert backoff.ended(STEADY).delay == 0.5
    assert Backoff().delay == 0


def test_what_changed_is_acted_on_once_it_has_settled() -> None:
    seen = Settling.at("a").look("b", 10.0)
    assert not seen.is_due(10.4, after=0.5)
    seen = seen.look("c", 10.4).look("c", 10.6)
    assert not seen.is_due(10.8, after=0.5)
    assert seen.is_due(10.9, after=0.5)
    assert not seen.acted().is_due(99.0, after=0.5)
    assert not seen.acted().look("c", 99.0).is_due(100.0, after=0.5)
    assert seen.acted().look("a", 99.0).is_due(99.5, after=0.5)


def test_what_changed_back_is_no_change() -> None:
    assert not Settling.at("a").look("b", 1.0).look("a", 2.0).is_due(9.0, after=0.5)


@pytest.mark.parametrize(
    ("environment", "held", "missing"),
    [
        pytest.param({}, {}, {"openai": "OPENAI_API_KEY"}, id="none"),
        pytest.param({"OPENAI_API_KEY": ""}, {}, {"openai": "OPENAI_API_KEY"}, id="empty"),
        pytest.param({"OPENAI_API_KEY": "a"}, {"providers/openai/key": "a"}, {}, id="as-sdks-call-it"),
        pytest.param(
            {"OPENAI_API_KEY": "a", "ISOCHRONE_SECRET_OPENAI_KEY": "b"},
            {"providers/openai/key": "b"},
            {},
            id="the-secrets-own-name-wins",
        ),
    ],
)
def test_keys_of_providers_come_from_variables(
    environment: dict[str, str], held: dict[str, str], missing: dict[str, str]
) -> None:
    providers = example("quickstart").providers
    assert credentials.values(credentials.key_files(providers), environment) == held
    assert credentials.missing(providers, environment) == missing
