"""Random networks, drilled: by the gateway's real decisions, judged by the verifier's reading of the law."""

import dataclasses

import pytest
from hypothesis import given
from tests import worlds
from tests.worlds import sites
from tests.worlds.drawing import examples

from isochrone.cli.verify import objects_of
from isochrone.drill import rehearsing, running, traffic, world
from isochrone.verify import declared as declaring

FOLLOWED = 60
PLENTY = 64
"""Candidates that gateways know: a list that is trimmed more than that may lose requests until it is planned anew."""


@pytest.mark.soak
@examples(200, part=20)
@given(worlds.seeds)
def test_nothing_goes_outside_and_nothing_is_lost_without_need(seed: int) -> None:
    drawn = worlds.world(seed) if seed % 2 else sites.world(seed)
    snapshot = dataclasses.replace(drawn, settings=dataclasses.replace(drawn.settings, candidates=PLENTY))
    objects = list(objects_of(snapshot))
    settings = snapshot.settings
    declared = declaring.read(objects, installation=settings.installation, unbound=settings.unbound)
    every = traffic.of(declared, snapshot)
    followed = every[:: len(every) // FOLLOWED + 1]
    gone = world.away(snapshot, now=worlds.NOW)
    live = sorted(world.points(snapshot).keys() - set(gone))
    scene = running.Scene(snapshot=snapshot, declared=declared, digest="", traffic=followed, now=worlds.NOW)
    with rehearsing.gateways() as gateways:
        report = running.run(scene, [tuple(live[:2])], gateways)
    assert [(step.down, step.after, row) for step, row in report.rows() if row.outside or row.lost] == []
