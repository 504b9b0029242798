"""Which engines all gateways know of, so that others may go in whose stead they came."""

from typing import Any

import pytest
from tests.unit.rollout.test_waves import NOW, OLD, report

from isochrone.model import GatewayPod, Revision, RouteKey, Running, SiteObservation
from isochrone.rollout.handover import PATIENCE, known, ready
from isochrone.rollout.waves import Site

HERE, THERE = (RouteKey("shop", "chat"), "fra"), (RouteKey("shop", "chat"), "cdg")
NEW = Revision(epoch=1, sequence=2, digest="new")
NOBODY = frozenset[tuple[RouteKey, str]]()


def site(name: str = "cdg", **changes: Any) -> Site:
    """It runs what is wanted."""
    return Site(**{"name": name, "wanted": "new", "issued": NEW, "report": report(name, NEW), **changes})


def away(seconds: int) -> SiteObservation:
    return SiteObservation(unreachable_since=NOW - seconds)


def behind() -> GatewayPod:
    return GatewayPod(pod="q", at=NOW, running=Revision(epoch=1, sequence=1, digest="config"))


SITES = [
    pytest.param(site(), True, id="runs it"),
    pytest.param(site(report=report("cdg", Revision(epoch=1, sequence=9, digest="new"))), True, id="runs a newer one"),
    pytest.param(site(report=report("cdg", OLD)), False, id="runs an older one"),
    pytest.param(site(report=report("cdg", NEW, gateway_pods=(behind(),))), False, id="a pod runs an older one"),
    pytest.param(site(report=report("cdg", NEW, gateway_pods=())), True, id="no gateway speaks"),
    pytest.param(site(wanted="newer"), False, id="something newer is to go out"),
    pytest.param(site(issued=None), False, id="nothing was issued"),
    pytest.param(site(report=None), False, id="nobody has looked"),
    pytest.param(site(report=report("cdg", OLD, observation=away(PATIENCE - 1))), False, id="away before it ran it"),
    pytest.param(site(report=report("cdg", NEW, observation=away(PATIENCE - 1))), True, id="away since it runs it"),
    pytest.param(site(report=report("cdg", NEW, observation=away(1), gateway_pods=())), False, id="never heard"),
    pytest.param(site(report=report("cdg", OLD, observation=away(PATIENCE))), True, id="away for long"),
]


@pytest.mark.parametrize(("last", "is_known"), SITES)
def test_all_know_once_each_site_runs_what_was_rendered(last: Site, *, is_known: bool) -> None:
    found = known(NOBODY, frozenset({HERE}), frozenset({HERE}), [site("fra"), last], now=NOW)
    assert found == ({HERE} if is_known else NOBODY)


def test_what_was_known_stays_so_as_long_as_it_is_ready() -> None:
    late = [site(wanted="newer")]
    assert known(frozenset({HERE}), frozenset({HERE, THERE}), frozenset({THERE}), late, now=NOW) == {HERE}
    assert known(frozenset({HERE}), frozenset({THERE}), frozenset({THERE}), late, now=NOW) == NOBODY


def test_what_became_ready_after_the_rendering_is_in_nobodys_config() -> None:
    assert known(NOBODY, frozenset({HERE, THERE}), frozenset({HERE}), [site()], now=NOW) == {HERE}


def test_engines_count_where_one_is_ready() -> None:
    chat = RouteKey("shop", "chat")
    running = [Running(route=chat, site=name, pool=None, replicas=2, ready=count) for name, count in
               (("fra", 1), ("cdg", 0))]  # fmt: skip
    assert ready(running) == {HERE}
