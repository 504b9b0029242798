"""Which sites wait because too much would be lost."""

import dataclasses
from typing import Any

import pytest

from isochrone.api import EdgeNode
from isochrone.api.conditions import Reason
from isochrone.model import GatewayPod, Revision, RouteKey, Running, SiteReport
from isochrone.rollout import guard
from isochrone.rollout.guard import Absences
from isochrone.rollout.releases import Content, Releases

NOW = 10_000


def routes(count: int) -> list[RouteKey]:
    return [RouteKey("demo", f"r{number:02}") for number in range(count)]


def report(*running: RouteKey, site: str = "fra1", children: int = 1, version: str = "v1.34.1") -> SiteReport:
    there = tuple(Running(route=each, site=site, pool=None, replicas=1) for each in running)
    return SiteReport(site=site, at=NOW, running=there, children=children, version=version)


def edge(**annotations: str) -> dict[str, EdgeNode]:
    metadata: dict[str, Any] = {"name": "fra1", "annotations": annotations}
    return {"fra1": EdgeNode.model_validate({"metadata": metadata, "spec": {"place": {"iata": "FRA"}}})}


def absences(gone: list[RouteKey], *, seen: bool, since: int = NOW) -> Absences:
    return Absences(since=dict.fromkeys(gone, since), deleted=frozenset(gone) if seen else frozenset())


LONG = NOW - guard.MISSING_FOR


@pytest.mark.parametrize(
    ("gone", "seen", "since", "reason"),
    [
        pytest.param(0, False, NOW, None, id="nothing-missing"),
        pytest.param(1, True, NOW, None, id="seen-to-be-deleted"),
        pytest.param(1, False, NOW, Reason.PROGRESSING, id="not-seen"),
        pytest.param(1, False, LONG + 1, Reason.PROGRESSING, id="not-long-enough"),
        pytest.param(1, False, LONG, None, id="missing-for-long"),
        pytest.param(3, True, NOW, None, id="a-few"),
        pytest.param(4, True, NOW, Reason.CONFLICT, id="too-many-at-once"),
        pytest.param(4, False, LONG, Reason.CONFLICT, id="too-many-missing-for-long"),
    ],
)
def test_who_waits(gone: int, seen: bool, since: int, reason: Reason | None) -> None:
    missing = absences(routes(gone), seen=seen, since=since)
    held = guard.held(missing, [report(*routes(10))], edge(), now=NOW)
    assert [each.reason for each in held.values()] == ([] if reason is None else [reason])
    allowed = edge(**{guard.ALLOW_PRUNE: "true"})
    assert guard.held(missing, [report(*routes(10))], allowed, now=NOW) == {}


def test_a_tenth_of_many_may_go() -> None:
    for gone, held in ((10, set()), (11, {"fra1"})):
        missing = absences(routes(gone), seen=True)
        assert guard.held(missing, [report(*routes(100))], edge(), now=NOW).keys() == held


def test_only_where_it_runs() -> None:
    missing = absences(routes(1), seen=False)
    assert guard.held(missing, [report(*routes(5)[1:])], edge(), now=NOW) == {}


def test_a_look_remembers_since_when_and_what_was_seen() -> None:
    here = [report(*routes(3))]
    first = guard.looked(Absences(), here, routes(3)[:1], {routes(3)[1]}, now=NOW)
    assert first == Absences(since={routes(3)[1]: NOW, routes(3)[2]: NOW}, deleted=frozenset({routes(3)[1]}))
    later = guard.looked(first, here, routes(3)[:1], (), now=NOW + 60)
    assert later == first
    declared_again = guard.looked(later, here, routes(3), (), now=NOW + 61)
    assert declared_again == Absences()


ISSUED = Releases().with_issued({"fra1": Content(digest="a")}, now=1)


@pytest.mark.parametrize(
    ("releases", "seen", "held"),
    [
        pytest.param(ISSUED, {"fra1", "iad1"}, set(), id="all-looked-at"),
        pytest.param(ISSUED, {"fra1"}, {"iad1"}, id="a-new-site-not-looked-at"),
        pytest.param(ISSUED, {"iad1"}, {"fra1", "iad1"}, id="one-that-has-something-not-looked-at"),
        pytest.param(Releases(), set(), {"fra1", "iad1"}, id="a-new-hub"),
    ],
)
def test_nothing_is_issued_before_a_look(releases: Releases, seen: set[str], held: set[str]) -> None:
    reports = {site: report(site=site) for site in seen}
    assert guard.unknown(["fra1", "iad1"], releases, reports).keys() == held


SOMETHING, NOTHING = report(children=5), report(children=0)
AWAY = report(children=0, version="")
CLOSED = dataclasses.replace(NOTHING, sees_engines=False)
POD = GatewayPod(pod="a", at=NOW, running=Revision(epoch=3, sequence=17, digest="b"))
CAUGHT_UP = Releases().caught_up([dataclasses.replace(SOMETHING, gateway_pods=(POD,))])


@pytest.mark.parametrize(
    ("releases", "seen", "quiet", "held"),
    [
        pytest.param(Releases(), SOMETHING, 1.0, {"fra1"}, id="something-runs-that-was-never-issued"),
        pytest.param(Releases(), SOMETHING, 30.0, set(), id="and-all-is-quiet"),
        pytest.param(Releases(), NOTHING, 1.0, set(), id="nothing-runs"),
        pytest.param(Releases(), AWAY, 1.0, {"fra1"}, id="nobody-could-look"),
        pytest.param(Releases(), CLOSED, 1.0, {"fra1"}, id="nobody-may-look"),
        pytest.param(Releases(), AWAY, 30.0, set(), id="nobody-could-look-and-all-is-quiet"),
        pytest.param(CAUGHT_UP, SOMETHING, 1.0, {"fra1"}, id="issued-by-a-hub-whose-numbers-gateways-know"),
        pytest.param(CAUGHT_UP, SOMETHING, 30.0, set(), id="and-all-is-quiet-since"),
        pytest.param(ISSUED, SOMETHING, 1.0, set(), id="issued-by-this-hub"),
        pytest.param(ISSUED, AWAY, 1.0, set(), id="issued-by-this-hub-and-away"),
    ],
)
def test_a_hub_that_was_made_anew_waits(releases: Releases, seen: SiteReport, quiet: float, held: set[str]) -> None:
    reports = {"fra1": seen}
    assert guard.adopted(["fra1", "iad1"], releases, reports, quiet_for=quiet, wait=30.0).keys() == held
