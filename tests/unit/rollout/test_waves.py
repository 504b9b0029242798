"""Which sites get their new bundle now."""

import dataclasses
import itertools
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isochrone.api.conditions import Reason
from isochrone.model import GatewayPod, Revision, Served, SiteObservation, SiteReport
from isochrone.rollout import waves
from isochrone.rollout.errors import Watch
from isochrone.rollout.releases import Trial
from isochrone.rollout.trial import CONFIRM_WITHIN, REPLACED_WITHIN
from isochrone.rollout.waves import Decided, Progress, Site

NOW = 1000
WATCH = Watch()
OLD = Revision(epoch=1, sequence=1, digest="old")


def report(site: str, delivered: Revision | None = OLD, served: Served | None = None, **changes: Any) -> SiteReport:
    running = delivered and Revision(epoch=delivered.epoch, sequence=delivered.sequence, digest="config")
    pod = GatewayPod(pod="p", at=NOW, running=running, served=served)
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
        self.served: Served | None = None
        """What gateways say under what they just got."""

    def step(self, now: int = NOW) -> Decided:
        decided = waves.decide(self.sites.values(), self.progress, now=now, watch=WATCH)
        self.progress = decided.progress
        self.sequence += 1
        for name, words in decided.risen.items():
            trial = self.sites[name].trial
            assert trial is not None
            self.put(name, trial=msgspec.structs.replace(trial, risen=words))
        for name in decided.issue:
            site = self.sites[name]
            issued = Revision(epoch=1, sequence=self.sequence, digest=site.wanted)
            told = report(name, issued, self.served)
            self.put(name, issued=issued, report=told, trial=decided.trials.get(name), is_urgent=False)
        return decided

    def put(self, name: str, **changes: Any) -> None:
        self.sites[name] = dataclasses.replace(self.sites[name], **changes)

    def serve(self, name: str, served: Served) -> None:
        """Its gateway says so of what was issued for it."""
        self.put(name, report=report(name, self.sites[name].issued, served))

    def want(self, digest: str) -> None:
        for name in self.sites:
            self.put(name, wanted=digest)


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
    assert roll.step(NOW + CONFIRM_WITHIN).issue == ("s01",)


def test_pods_that_don_t_start_hold_the_others_up_for_ten_minutes() -> None:
    """Those of the template before run what was issued, and go on serving."""
    roll = Roll(sites(3))
    roll.step()
    roll.put("s00", report=report("s00", roll.sites["s00"].issued, gateway_outdated=1))
    assert roll.step(NOW + REPLACED_WITHIN - 1).issue == ()
    assert roll.step(NOW + REPLACED_WITHIN).issue == ("s01",)
    roll.put("s01", report=report("s01", roll.sites["s01"].issued, gateway_outdated=1))
    assert roll.step(NOW + REPLACED_WITHIN).issue == ()
    roll.put("s01", report=report("s01", roll.sites["s01"].issued))
    assert roll.step(NOW + REPLACED_WITHIN).issue == ("s02",)


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


# What became of requests.

WELL = Served(seconds=600, answered=1000)
JUST = Served(seconds=0)
BAD = Served(seconds=20, answered=60, failed=40)


def trying(count: int = 30, served: Served | None = JUST) -> Roll:
    """The first site has got it and says so."""
    roll = Roll(sites(count))
    for name in roll.sites:
        roll.serve(name, WELL)
    roll.served = served
    assert roll.step().issue == ("s00",)
    return roll


def test_a_wave_is_watched_before_the_next_one_begins() -> None:
    roll = trying()
    assert roll.step(NOW + 30).issue == ()
    roll.serve("s00", Served(seconds=59, answered=500))
    waiting = roll.step(NOW + 65)
    assert waiting.issue == ()
    assert waiting.is_watching
    roll.serve("s00", Served(seconds=60, answered=500))
    assert len(roll.step(NOW + 70).issue) == 3


@pytest.mark.parametrize(
    ("served", "now", "issued"),
    [
        pytest.param(Served(seconds=60), NOW + 61, 3, id="no-requests"),
        pytest.param(None, NOW, 3, id="a-gateway-that-does-not-count"),
        pytest.param(Served(seconds=1), NOW + 179, 0, id="a-gateway-that-says-no-more"),
        pytest.param(Served(seconds=1), NOW + 180, 3, id="and-for-long"),
        pytest.param(Served(seconds=60, answered=960, failed=40), NOW + 61, 3, id="few-more-fail"),
        pytest.param(BAD, NOW + 21, 0, id="many-more-fail"),
        pytest.param(BAD, NOW + 180, 3, id="many-more-fail-much-later"),
    ],
)
def test_when_the_next_wave_begins(served: Served | None, now: int, issued: int) -> None:
    roll = trying(served=None)
    if served is not None:
        roll.serve("s00", served)
    assert len(roll.step(now).issue) == issued


def test_what_was_not_given_to_a_site_is_not_laid_to_it() -> None:
    roll = trying()
    roll.put("s00", report=dataclasses.replace(report("s00", OLD, BAD), delivered=roll.sites["s00"].issued))
    assert roll.step(NOW + 5).risen == {}


def test_errors_stop_everything_but_the_remedy() -> None:
    roll = trying()
    roll.serve("s00", BAD)
    stopped = roll.step(NOW + 21)
    assert stopped.issue == ()
    assert set(stopped.held) == set(roll.sites)
    assert {each.reason for each in stopped.held.values()} == {Reason.ERRORS_ROSE}
    assert [name for name, each in stopped.held.items() if each.is_cause] == ["s00"]
    assert stopped.held["s00"].message == (
        "more requests fail at s00 since it got revision 1.2: 40% of 100 requests to all routes together fail; before,"
        " 0% of 1000. Change what is wrong, or undo the change; to go on all the same: kubectl annotate --overwrite"
        " edgenode s00 isochrone.dev/allow-errors=1.2"
    )
    assert stopped.held["s01"].message == f"{stopped.held['s00'].message}. This site waits meanwhile"

    roll.want("mended")
    assert roll.step(NOW + 40).issue == ("s00",)
    assert roll.step(NOW + 41).issue == (), "it is watched as well"
    roll.serve("s00", Served(seconds=60, answered=300))
    assert len(roll.step(NOW + 101).issue) == 1


def test_a_change_that_is_undone_ends_it() -> None:
    roll = trying()
    roll.serve("s00", BAD)
    roll.step(NOW + 21)
    roll.want("old")
    assert roll.step(NOW + 30).issue == ("s00",)
    ended = roll.step(NOW + 31)
    assert (ended.issue, ended.held) == ((), {})


def test_a_remedy_that_is_none_is_measured_by_what_was_well() -> None:
    roll = trying()
    roll.serve("s00", BAD)
    roll.step(NOW + 21)
    roll.want("no better")
    assert roll.step(NOW + 40).issue == ("s00",)
    roll.serve("s00", BAD)
    assert set(roll.step(NOW + 60).risen) == {"s00"}


def test_what_was_found_stays_when_requests_stop_coming() -> None:
    roll = trying()
    roll.serve("s00", BAD)
    roll.step(NOW + 21)
    roll.serve("s00", Served(seconds=900))
    assert roll.step(NOW + 9000).held["s01"].reason is Reason.ERRORS_ROSE


@pytest.mark.parametrize(("allowed", "issued"), [("1.2", 3), ("1.1", 0), ("true", 0), ("", 0)])
def test_somebody_may_say_that_it_is_to_go_on(allowed: str, issued: int) -> None:
    roll = trying()
    roll.serve("s00", dataclasses.replace(BAD, seconds=60))
    roll.put("s00", allowed=allowed)
    assert len(roll.step(NOW + 61).issue) == issued


def test_what_is_allowed_is_the_measure_of_what_comes_next() -> None:
    roll = trying()
    roll.serve("s00", dataclasses.replace(BAD, seconds=60))
    roll.put("s00", allowed="1.2")
    roll.want("next")
    roll.step(NOW + 61)
    roll.put("s00", allowed="")
    roll.serve("s00", dataclasses.replace(BAD, seconds=60))
    assert roll.step(NOW + 125).risen == {}


def test_a_change_meanwhile_goes_where_the_last_one_is_being_tried() -> None:
    roll = trying()
    roll.want("newer")
    assert roll.step(NOW + 10).issue == ("s00",)
    assert roll.step(NOW + 20).issue == ()


def test_changes_that_never_end_hold_up_nobody_for_good() -> None:
    """One each half minute, so that no site is ever watched for long enough with the newest."""
    roll, issues = trying(), dict[str, list[int]]()
    for now in range(NOW + 30, NOW + 7200, 30):
        roll.want(f"as of {now}")
        for name, site in roll.sites.items():
            if site.trial is not None:
                roll.serve(name, Served(seconds=now - site.trial.at, answered=100))
        issued = roll.step(now).issue
        assert len(issued) <= 3 or now - NOW > 900, "so long they are tried one after the other"
        for name in issued:
            issues.setdefault(name, []).append(now)
    assert issues.keys() == roll.sites.keys()
    for times in issues.values():
        assert max(later - earlier for earlier, later in itertools.pairwise([NOW, *times, NOW + 7200])) < 1500


def test_a_change_that_is_not_for_that_site_waits_until_it_has_been_watched() -> None:
    roll = trying()
    for name in list(roll.sites)[1:]:
        roll.put(name, wanted="newer")
    assert roll.step(NOW + 10).issue == ()
    roll.serve("s00", Served(seconds=60))
    assert roll.step(NOW + 61).issue == ("s01",)


def test_a_site_that_has_just_got_a_new_law_goes_on_being_watched() -> None:
    roll = trying()
    roll.serve("s00", BAD)
    first = roll.sites["s00"]
    bad = waves.kept(first, WATCH, now=NOW + 21)
    assert bad is not None
    assert bad.risen.startswith("40% of 100")
    roll.serve("s00", Served(seconds=10))
    young = waves.kept(roll.sites["s00"], WATCH, now=NOW + 11)
    assert young == Trial(at=NOW + 11, before=WELL)
    roll.serve("s00", Served(seconds=60))
    assert waves.kept(roll.sites["s00"], WATCH, now=NOW + 61) is None


def test_nothing_is_watched_if_nobody_wishes_it() -> None:
    roll = trying()
    roll.serve("s00", dataclasses.replace(BAD, seconds=0))
    assert len(waves.decide(roll.sites.values(), roll.progress, now=NOW, watch=Watch(seconds=0)).issue) == 3


COUNTS = st.builds(Served, seconds=st.integers(0, 900), answered=st.integers(0, 300), failed=st.integers(0, 300))


@st.composite
def networks(draw: st.DrawFn) -> list[Site]:
    """Sites at any point of a roll-out."""
    found = []
    for number in range(draw(st.integers(1, 8))):
        name, issued = f"s{number}", Revision(epoch=1, sequence=draw(st.integers(1, 3)), digest=draw(DIGESTS))
        delivered = draw(st.sampled_from([issued, OLD]))
        trial = draw(st.none() | st.builds(Trial, at=st.integers(NOW - 200, NOW), before=COUNTS))
        told = report(name, delivered, draw(st.none() | COUNTS))
        found.append(
            Site(
                name=name,
                wanted=draw(DIGESTS),
                issued=issued,
                is_urgent=draw(st.booleans()),
                report=draw(st.sampled_from([told, None])),
                trial=trial,
                allowed=draw(st.sampled_from(["", "1.2"])),
            )
        )
    return found


DIGESTS = st.sampled_from(["old", "new", "newer"])
STAGES = st.none() | st.builds(
    Progress,
    targets=st.just({f"s{number}": "new" for number in range(8)}),
    wave=st.integers(0, 3),
    sites=st.sets(st.sampled_from(["s0", "s1", "s2"])).map(frozenset),
)


def pending(sites: list[Site]) -> set[str]:
    return {site.name for site in sites if site.issued is None or site.issued.digest != site.wanted}


@given(networks(), STAGES)
def test_what_tightens_the_law_is_never_held(sites: list[Site], progress: Progress | None) -> None:
    decided = waves.decide(sites, progress, now=NOW)
    urgent = pending(sites) & {site.name for site in sites if site.is_urgent}
    assert urgent <= set(decided.issue)


@given(networks(), STAGES)
def test_while_errors_have_risen_only_sites_where_they_have_get_anything(
    sites: list[Site], progress: Progress | None
) -> None:
    decided = waves.decide(sites, progress, now=NOW)
    if decided.risen:
        free = {site.name for site in sites if site.is_urgent or site.report is None}
        assert set(decided.issue) <= free | decided.risen.keys()
        assert pending(sites) <= set(decided.issue) | decided.held.keys()


@given(networks(), STAGES)
def test_where_nobody_asks_nothing_is_found(sites: list[Site], progress: Progress | None) -> None:
    silent = [
        dataclasses.replace(
            site,
            report=report(site.name, site.report.delivered, Served(seconds=90)) if site.report is not None else None,
        )
        for site in sites
    ]
    assert waves.decide(silent, progress, now=NOW).risen == {}


@given(networks(), STAGES, st.randoms())
def test_the_order_of_reports_means_nothing(sites: list[Site], progress: Progress | None, dice: random.Random) -> None:
    mixed = dice.sample(sites, len(sites))
    assert waves.decide(mixed, progress, now=NOW) == waves.decide(sites, progress, now=NOW)


@given(networks(), STAGES)
def test_whatever_waits_is_told_why_and_who_gets_something_does_not_wait(
    sites: list[Site], progress: Progress | None
) -> None:
    decided = waves.decide(sites, progress, now=NOW)
    others = {name for name, each in decided.held.items() if not each.is_cause}
    assert others == pending(sites) - set(decided.issue)
    assert set(decided.issue) <= pending(sites)
    assert not {name for name, each in decided.held.items() if each.is_cause} & set(decided.issue)
