"""A million decisions of real gateways, on configs that the real planner and renderer made, beside the law's oracle.

None is laxer than the law, and none is stricter: who refuses or gives up had nobody left that may and can answer. Sites
run configs of two times; configs go stale; places are unknown; headers are forged; engines, peers and providers fail.
"""

import collections
import dataclasses
import os
import pathlib
import sys
import time
from collections.abc import Callable
from typing import Final

import msgspec
import pytest
from tests.decisions.judging import Verdicts, dice_of
from tests.decisions.world import world

from isochrone_gateway.config import Loaded
from isochrone_gateway.config.law import decode_row, encode_row

pytestmark = [pytest.mark.soak, pytest.mark.interpreted]
"""Compiled classes take no pool and no connection that is none."""

SOAK: Final = os.environ.get("ISOCHRONE_SOAK") == "1"
WORLDS: Final = 500 if SOAK else 16
DECISIONS: Final = 2_000 if SOAK else 1_000
"""In each world."""

FLOORS: Final = {
    "answered": 0.02,
    "answered by a provider": 0.002,
    "retried": 0.01,
    "fell back": 0.005,
    "hopped": 0.005,
    "refused by a peer": 0.0005,
    "refused by all peers": 0.0001,
    "hop between configs of two times": 0.005,
    "on an older config": 0.05,
    "refused at ingress": 0.05,
    "refused by its own route's ingress": 0.001,
    "no lawful candidate": 0.01,
    "failed for want of somebody well": 0.01,
    "no right to the route": 0.002,
    "stale": 0.05,
    "expired": 0.05,
    "at a place nobody knows": 0.01,
    "a candidate's place is unknown": 0.0005,
    "forged": 0.05,
    "doubled": 0.01,
    "origin not allowed": 0.02,
    "unknown origin": 0.05,
    "nobody's": 0.02,
    "something down": 0.1,
    "stranger at the peer port": 0.01,
}
"""The least share of all decisions in which each thing must have been met: what is never met proves nothing."""


def test_decisions_are_as_the_law_says(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    counted: collections.Counter[str] = collections.Counter()
    began = time.process_time()
    for seed in range(WORLDS):
        verdicts = Verdicts(world(seed, tmp_path / str(seed)))
        for number in range(DECISIONS):
            try:
                verdicts.decide(dice_of(seed, number))
            except Exception as error:
                error.add_note(f"Again: python -m tests.decisions {seed} {number}")
                raise
        counted += verdicts.counted
    took = time.process_time() - began
    with capsys.disabled():
        sys.stdout.write(f"\n{counted['decisions'] / took:.0f} decisions/s of CPU, in {WORLDS} worlds\n")
        sys.stdout.write("".join(f"{count:9} {what}\n" for what, count in sorted(counted.items())))
    assert counted["decisions"] == WORLDS * DECISIONS
    rare = {what for what, share in FLOORS.items() if counted[what] < share * counted["decisions"]}
    assert rare == set(), "these were hardly met"


def _lawless(loaded: Loaded) -> Loaded:
    """With every place in every row."""
    law, places = loaded.config.law, len(loaded.config.places.places)
    every = encode_row((1 << places) - 1)
    config = msgspec.structs.replace(loaded.config, law=msgspec.structs.replace(law, rows=(every,) * len(law.rows)))
    return dataclasses.replace(loaded, config=config)


def _strict(loaded: Loaded) -> Loaded:
    """With the last place that a row has taken out of it."""
    law = loaded.config.law
    rows = tuple(encode_row(row & row - 1) for row in map(decode_row, law.rows))
    config = msgspec.structs.replace(loaded.config, law=msgspec.structs.replace(law, rows=rows))
    return dataclasses.replace(loaded, config=config)


@pytest.mark.parametrize("edit", [pytest.param(_lawless, id="laxer"), pytest.param(_strict, id="stricter")])
def test_gateways_that_decide_otherwise_are_caught(tmp_path: pathlib.Path, edit: Callable[[Loaded], Loaded]) -> None:
    """In one of some worlds: not each has a law."""
    with pytest.raises(AssertionError):
        _decide_some(tmp_path, edit)


def _decide_some(secrets: pathlib.Path, edit: Callable[[Loaded], Loaded]) -> None:
    for seed in range(6):
        verdicts = Verdicts(world(seed, secrets / str(seed), edit))
        for number in range(300):
            verdicts.decide(dice_of(seed, number))
