"""Which sites get their new bundle now."""

from typing import Any

import pytest

from isochrone.api.conditions import Reason
from isochrone.model import GatewayPod, Revision, SiteObservation, SiteReport
from isochrone.rollout import waves
from isochrone.rollout.waves import Decided, Progress, Site

NOW = 1000
OLD = Revision(epoch=1, sequence=1, digest="old")


def report(site: str, delivered: Revision | None = OLD, **changes: Any) -> SiteReport:
    running = delivered and Revision(epoch=delivered.epoch, sequence=delivered.sequence, digest="config")
    pod = GatewayPod(pod="p", at=NOW, running=running)
    return SiteReport(**{"site": site, "at": NOW, "delivered": delivered, "gateway_pods": (pod,), **changes})


def sites(count: int, **changes: Any) -> list[Site]:
    """All run the old bundle and are to get a new one."""
    names = [f"s{number:02}" for number in range(count)]
    return [Site(**{"name": name, "wanted": "new", "issued": OLD, "report": report(name), **changes}) for name in names]


class Roll:
    """A roll-out, step by step: what is issued is delivered and run at once, unless told otherwise."""

    def __init__(self, start: list[Site]) -> None:
        self.sites = {site.name: site for site in start}
        self.progress: Progress | None = None
        self.sequence = 1

    def step(self, now: int = NOW) -> Decided:
        decided = waves.decide(self.sites.values(), self.progress, now=now)
        self.progress = decided.progress
        self.sequence += 1
        for name in decided.issue:
            site = self.sites[name]
            issued = Revision(epoch=1, sequence=self.sequence, digest=site.wanted)
            self.put(name, issued=issued, report=report(name, issued))
        return decided

    def put(self, name: str, **changes: Any) -> None:
        site = self.sites[name]
        kept = {"wanted": site.wanted, "issued": site.issued, "is_urgent": site.is_urgent, "report": site.report}
        self.sites[name] = Site(**{"name": name, **kept, **changes})


def test_one_then_a_tenth_then_the_rest() -> None:
    roll = Roll(sites(30))
    assert [len(roll.step().issue) for _ in range(4)] == [1, 3, 26, 0]
    assert roll.progress is None


def test_a_wave_waits_for_the_one_before() -> None:
    roll = Roll(sites(3))
    roll.step()
    roll.put("s00", report=report("s00"))
    waiting = roll.step()
    assert waiting.issue == ()
    assert waiting.held["s02"].reason is Reason.PROGRESSING
    assert "until the gateway runs it at s00" in waiting.held["s02"].message
    assert roll.step(NOW + waves.CONFIRM_WITHIN).issue == ("s01",)


def test_a_site_that_is_away_holds_nobody_up() -> None:
    roll = Roll(sites(3))
    roll.step()
    away = SiteObservation(unreachable_since=NOW)
    roll.put("s00", report=report("s00", observation=away))
    assert roll.step().issue == ("s01",)


def refuses(site: str, revision: Revision) -> SiteReport:
    running = Revision(epoch=1, sequence=1, digest="config")
    pod = GatewayPod(pod="p", at=NOW, running=running, refused=revision, refused_because="unknown place")
    return report(site, revision, gateway_pods=(pod,))


def test_a_refusal_stops_everything_but_the_remedy() -> None:
    roll = Roll(sites(12))
    roll.step()
    issued = roll.sites["s00"].issued
    assert issued is not None
    roll.put("s00", report=refuses("s00", issued))
    stopped = roll.step()
    assert stopped.issue == ()
    assert stopped.held["s01"].reason is Reason.CONFIG_REJECTED
    assert "the gateway at s00 refuses its configuration: unknown place" in stopped.held["s01"].message
    for name in roll.sites:
        roll.put(name, wanted="mended")
    assert roll.step().issue == ("s00",)
    assert len(roll.step().issue) == 1


def test_a_refusal_of_something_older_counts_no_more() -> None:
    roll = Roll(sites(2))
    roll.put("s00", report=refuses("s00", Revision(epoch=1, sequence=0, digest="x")))
    assert roll.step().issue == ("s00",)


@pytest.mark.parametrize(
    ("changes", "issued"),
    [
        pytest.param({"is_urgent": True}, 4, id="what-tightens-the-law"),
        pytest.param({"issued": None, "report": None}, 4, id="new-sites"),
        pytest.param({"report": None}, 4, id="no-gateway-yet"),
        pytest.param({"wanted": "old"}, 0, id="nothing-new"),
        pytest.param({}, 1, id="all-else"),
    ],
)
def test_who_waits_for_nobody(changes: dict[str, Any], issued: int) -> None:
    assert len(Roll(sites(4, **changes)).step().issue) == issued


def test_another_change_begins_with_one_site_again() -> None:
    roll = Roll(sites(30))
    roll.step()
    for name in list(roll.sites)[1:]:
        roll.put(name, wanted="newer")
    assert len(roll.step().issue) == 1
