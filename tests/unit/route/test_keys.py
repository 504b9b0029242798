"""Several credentials of one provider."""

import pytest

from isochrone_gateway.config.providers import KeyRotation
from isochrone_gateway.route.keys import KeyRing, Rest, Settings

SETTINGS = Settings(refused_s=60, refused_max_s=200, limited_s=1, limited_max_s=4, retry_after_max_s=100)


def ring(count: int = 3, rotation: KeyRotation = KeyRotation.FAILOVER) -> KeyRing:
    return KeyRing(count, rotation, SETTINGS)


def test_failover_keeps_to_the_first_that_is_free() -> None:
    keys = ring()
    assert [keys.take(0) for _ in range(3)] == [0, 0, 0]
    keys.rest(0, Rest.LIMITED, 0, 10)
    assert [keys.take(1), keys.take(2), keys.take(10)] == [1, 1, 0]


def test_round_robin_takes_turns() -> None:
    keys = ring(rotation=KeyRotation.ROUND_ROBIN)
    assert [keys.take(0) for _ in range(4)] == [0, 1, 2, 0]
    keys.rest(1, Rest.REFUSED, 0)
    assert [keys.take(0) for _ in range(3)] == [2, 0, 2]


def test_one_request_tries_each_credential_once() -> None:
    keys = ring()
    assert keys.take(0, lambda index: index in {0, 1}) == 2
    assert keys.take(0, lambda _: True) is None


def test_when_all_rest_the_first_return_is_known() -> None:
    keys = ring(2)
    keys.rest(0, Rest.LIMITED, 0, 30)
    assert keys.resting_until(0) is None
    keys.rest(1, Rest.LIMITED, 0, 20)
    assert keys.take(0) is None
    assert keys.resting_until(0) == 20
    assert keys.resting_until(20) is None
    assert keys.take(20) == 1


@pytest.mark.parametrize(
    ("why", "retry_after", "ends"),
    [
        pytest.param(Rest.REFUSED, None, [60, 120, 200, 200], id="refused"),
        pytest.param(Rest.REFUSED, 5.0, [60, 120, 200, 200], id="refused: Retry-After means nothing"),
        pytest.param(Rest.LIMITED, None, [1, 2, 4, 4], id="limited"),
        pytest.param(Rest.LIMITED, 7.0, [7, 7, 7, 7], id="limited with Retry-After"),
        pytest.param(Rest.LIMITED, 1e9, [100, 100, 100, 100], id="a Retry-After beyond reason"),
    ],
)
def test_how_long_a_credential_rests(why: Rest, retry_after: float | None, ends: list[float]) -> None:
    keys = ring(1)
    now = 0.0
    for length in ends:
        keys.rest(0, why, now, retry_after)
        assert keys.resting_until(now) == now + length
        now += length


def test_a_shorter_rest_never_ends_a_longer_one() -> None:
    keys = ring(1)
    keys.rest(0, Rest.REFUSED, 0)
    keys.rest(0, Rest.LIMITED, 1, 0.5)
    assert keys.resting_until(1) == 60


def test_success_makes_rests_short_again() -> None:
    keys = ring(1)
    keys.rest(0, Rest.LIMITED, 0)
    keys.rest(0, Rest.LIMITED, 1)
    keys.succeeded(0)
    keys.rest(0, Rest.LIMITED, 10)
    assert keys.resting_until(10) == 11


def test_a_provider_without_credentials_never_rests() -> None:
    keys = ring(0)
    assert keys.take(0) is None
    assert keys.resting_until(0) is None
