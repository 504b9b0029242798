"""Which prompts keep company, and where."""

import collections

import pytest

from isochrone_gateway.route.affinity import PREFIX_BYTES, prefix_key, rank, seed_of

TURN = b'[{"role":"system","content":"Be brief."},{"role":"user","content":"Hello"}'


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        pytest.param(TURN + b"]", TURN + b',{"role":"assistant","content":"Hi"}]', True, id="the next turn"),
        pytest.param(
            TURN + b',{"role":"assistant","content":"Hi"}]',
            TURN + b',{"role":"assistant","content":"Ho"},{"role":"user","content":"?"}]',
            True,
            id="later turns",
        ),
        pytest.param(TURN + b"]", TURN.replace(b"Hello", b"Bye") + b"]", False, id="another question"),
        pytest.param(b"x" * PREFIX_BYTES + b"a", b"x" * PREFIX_BYTES + b"b", True, id="beyond the beginning"),
        pytest.param(b'"Once"', b'"Twice"', False, id="plain prompts"),
        pytest.param(b"", b"", True, id="empty"),
    ],
)
def test_prompts_that_begin_alike_have_one_key(one: bytes, other: bytes, *, alike: bool) -> None:
    assert (prefix_key(one) == prefix_key(other)) is alike


def test_tenants_do_not_share_keys() -> None:
    assert prefix_key(TURN, b"a") != prefix_key(TURN, b"b")


def test_keys_are_spread_evenly_and_move_only_where_they_must() -> None:
    seeds = [seed_of(f"pod-{number}") for number in range(8)]
    keys = [prefix_key(b"%d" % number) for number in range(8_000)]
    before = [max(seeds, key=lambda seed: rank(key, seed)) for key in keys]
    counted = collections.Counter(before)
    assert all(800 <= counted[seed] <= 1_200 for seed in seeds)
    gone = seeds.pop()
    after = [max(seeds, key=lambda seed: rank(key, seed)) for key in keys]
    assert all(old in (new, gone) for old, new in zip(before, after, strict=True))


def test_seeds_are_the_same_in_every_process() -> None:
    assert seed_of("pod-0") == 0x399A00772729357E
