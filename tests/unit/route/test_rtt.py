"""How far a target is."""

import pytest

from isochrone_gateway.route.rtt import RoundTrip


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param([], None, id="not measured"),
        pytest.param([0.25], 250.0, id="once, with the handshake"),
        pytest.param([0.25, 0.08, 0.09, 0.5], 80.0, id="the fastest of the last"),
        pytest.param([0.08, *[0.2] * 7], 80.0, id="still remembered"),
        pytest.param([0.08, *[0.2] * 8], 200.0, id="a way that has become longer"),
    ],
)
def test_the_fastest_of_the_last_answers_is_believed(seconds: list[float], expected: float | None) -> None:
    trip = RoundTrip()
    for each in seconds:
        trip.answered(each)
    assert trip.ms == (None if expected is None else pytest.approx(expected))
