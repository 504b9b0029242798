"""Whether a target is well."""

import pytest

from isochrone_gateway.route.health import NOT_PROBED, Health, Settings, State

SETTINGS = Settings(rise=2, fall=3, stale_s=30)


@pytest.mark.parametrize(
    ("results", "state"),
    [
        pytest.param("", State.UNKNOWN, id="never seen"),
        pytest.param("+", State.HEALTHY, id="seen well"),
        pytest.param("-", State.UNHEALTHY, id="seen unwell"),
        pytest.param("+--", State.HEALTHY, id="two failures"),
        pytest.param("+---", State.UNHEALTHY, id="three failures"),
        pytest.param("+--+--", State.HEALTHY, id="never three in a row"),
        pytest.param("-+", State.UNHEALTHY, id="one success"),
        pytest.param("-++", State.HEALTHY, id="two successes"),
        pytest.param("-+-+", State.UNHEALTHY, id="never two in a row"),
        pytest.param("+xxx", State.UNHEALTHY, id="refused connections"),
        pytest.param("+-x-", State.UNHEALTHY, id="both"),
        pytest.param("x", State.UNHEALTHY, id="refused at once"),
    ],
)
def test_results_in_a_row_change_the_state(results: str, state: State) -> None:
    health = Health(SETTINGS)
    for result in results:
        if result == "x":
            health.refused_connection()
        else:
            health.probed(1.0, is_well=result == "+")
    assert health.state(1.0) is state
    assert health.is_ready(1.0) == (state is State.HEALTHY)


def test_silence_is_not_health() -> None:
    health = Health(SETTINGS)
    health.probed(10, is_well=True)
    assert health.is_ready(40)
    assert health.state(40.1) is State.UNKNOWN
    health.probed(50, is_well=True)
    assert health.is_ready(50)


def test_what_is_never_probed_is_ready_until_it_refuses() -> None:
    health = Health(NOT_PROBED)
    assert health.is_ready(1e9)
    for _ in range(3):
        health.refused_connection()
    assert not health.is_ready(1e9)
