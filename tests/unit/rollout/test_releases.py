"""How deliveries are numbered, and when a new epoch begins."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isochrone.model import GatewayPod, Revision, RouteServed, Served, SiteReport
from isochrone.rollout import releases
from isochrone.rollout.releases import Content, Issued, Releases, Trial


def runs(site: str, epoch: int, sequence: int) -> SiteReport:
    revision = Revision(epoch=epoch, sequence=sequence, digest="config")
    return SiteReport(site=site, at=1, gateway_pods=(GatewayPod(pod="p", at=1, running=revision),))


def contents(**digests: str) -> dict[str, Content]:
    return {site: Content(digest=digest) for site, digest in digests.items()}


def test_sites_that_go_out_together_have_one_number() -> None:
    first = Releases().with_issued(contents(fra1="a", iad1="b"), now=7)
    second = first.with_issued(contents(fra1="c"), now=9)
    assert first.sites["fra1"] == Issued(epoch=1, sequence=1, digest="a", at=7)
    assert second.sites["fra1"] == Issued(epoch=1, sequence=2, digest="c", at=9)
    assert second.sites["iad1"] == first.sites["iad1"]
    assert second.with_issued({}, now=11) is second


def test_numbers_of_sites_that_are_gone_are_not_given_again() -> None:
    known = Releases().with_issued(contents(fra1="a"), now=1).without(["fra1"])
    assert known.sites == {}
    assert known.with_issued(contents(fra1="a"), now=2).sites["fra1"].sequence == 2
    assert known.without(["nobody"]) is known


@pytest.mark.parametrize(
    ("report", "epoch"),
    [
        pytest.param(runs("fra1", 1, 4), 1, id="what-was-issued"),
        pytest.param(runs("fra1", 1, 2), 1, id="older"),
        pytest.param(runs("fra1", 1, 9), 2, id="restored-from-a-backup"),
        pytest.param(runs("fra1", 3, 1), 4, id="of-a-later-epoch"),
        pytest.param(SiteReport(site="fra1", at=1), 1, id="silent"),
        pytest.param(runs("iad1", 7, 1), 1, id="another-sites"),
    ],
)
def test_a_gateway_that_is_ahead_begins_an_epoch(report: SiteReport, epoch: int) -> None:
    before = Releases(sequence=4, sites={"fra1": Issued(epoch=1, sequence=4, digest="a", at=1)})
    after = before.caught_up([report]).with_issued(contents(fra1="b"), now=5)
    assert (after.sites["fra1"].epoch, after.sites["fra1"].sequence) == (epoch, 5)


def test_a_hub_that_was_made_anew_begins_an_epoch_for_what_runs() -> None:
    after = Releases().caught_up([runs("fra1", 1, 57)]).with_issued(contents(fra1="a", new="b"), now=1)
    assert after.sites["fra1"].epoch == 2
    assert after.sites["new"].epoch == 1


NAMES = st.sampled_from(["fra1", "iad1", "ams1"])


@given(st.lists(st.dictionaries(NAMES, st.text("ab", min_size=1, max_size=2)), max_size=12))
def test_no_number_is_given_to_two_contents(steps: list[dict[str, str]]) -> None:
    known, given_out = Releases(), dict[tuple[str, int, int], str]()
    for step in steps:
        known = releases.decoded(releases.encoded(known.with_issued(contents(**step), now=1)))
        for site, issued in known.sites.items():
            key = site, issued.epoch, issued.sequence
            assert given_out.setdefault(key, issued.digest) == issued.digest


def test_what_is_damaged_is_not_taken_for_empty() -> None:
    with pytest.raises(msgspec.DecodeError):
        releases.decoded("")


TRIAL = Trial(at=5, before=Served(seconds=9, answered=8, failed=1, worst=(RouteServed(route="demo/chat", failed=1),)))


def test_a_trial_is_kept_until_something_else_is_issued() -> None:
    known = Releases().with_issued(contents(fra1="a", iad1="a"), now=5, trials={"fra1": TRIAL})
    found = releases.decoded(releases.encoded(known.with_risen({"fra1": "40%", "iad1": "50%", "gone": "60%"})))
    assert found.sites["fra1"].trial == msgspec.structs.replace(TRIAL, risen="40%")
    assert found.sites["iad1"].trial is None
    assert found.with_risen({"fra1": "40%"}) is found
    assert found.with_issued(contents(fra1="b"), now=6).sites["fra1"].trial is None


def test_what_was_kept_before_there_were_trials_is_read() -> None:
    text = '{"sequence":4,"sites":{"fra1":{"epoch":1,"sequence":4,"digest":"a","at":1,"law":"","placements":[]}}}'
    assert releases.decoded(text).sites["fra1"].trial is None
