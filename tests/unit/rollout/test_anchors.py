"""Anchors of evidence on the hub: they go on, and never back."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isochrone import audit
from isochrone.certificates import key_id, new_evidence_key
from isochrone.model import Anchor, EvidenceTold, GatewayPod, SiteReport
from isochrone.rollout import anchors
from isochrone.rollout.anchors import Kept

AT = 1_800_000_000
KEY, OTHER_KEY = new_evidence_key().public, new_evidence_key().public
NOTHING = Kept()


def digest(letter: str) -> str:
    return letter * 64


def pod(n: int, letter: str = "a", *, name: str = "gw-0", said: int = 30) -> GatewayPod:
    """Its checkpoint `n`, made at AT + n, and told `said` seconds later."""
    anchor = Anchor(n=n, at=float(AT + n), digest=digest(letter))
    return GatewayPod(pod=name, at=0, evidence=EvidenceTold(at=AT + n + said, anchor=anchor))


def report(*pods: GatewayPod, site: str = "fra1", key: str = "") -> SiteReport:
    return SiteReport(site=site, at=0, gateway_pods=pods, evidence_key=key)


def after(*reports: SiteReport, kept: Kept = NOTHING) -> Kept:
    for each in reports:
        kept = anchors.taken(kept, [each])
    return kept


def numbers(kept: Kept, site: str = "fra1") -> dict[str, int]:
    return {name: line.n for name, line in kept.last.get(site, {}).items()}


@pytest.mark.parametrize(
    ("pods", "last", "back"),
    [
        pytest.param([pod(3)], 3, None, id="the first"),
        pytest.param([pod(3), pod(4, "b")], 4, None, id="goes on"),
        pytest.param([pod(3), pod(3)], 3, None, id="says it again"),
        pytest.param([pod(9), pod(4, "b", said=600)], 9, 4, id="goes back"),
        pytest.param([pod(9), pod(9, "b")], 9, 9, id="another of the same number"),
        pytest.param([pod(9), pod(0, "b", said=600), pod(12, "c")], 9, 0, id="nothing more is taken after that"),
        pytest.param([pod(9), pod(8, "b", said=0)], 9, None, id="an old statement is no news"),
        pytest.param([pod(9), pod(8, "b", said=1)], 9, None, id="nor is one of the same second"),
    ],
)
def test_one_gateway(pods: list[GatewayPod], last: int, back: int | None) -> None:
    kept = after(*map(report, pods))
    assert numbers(kept) == {"gw-0": last}
    assert {name: line.n for name, line in kept.back.get("fra1", {}).items()} == (
        {} if back is None else {"gw-0": back}
    )


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(EvidenceTold(at=AT), id="no checkpoint yet"),
        pytest.param(EvidenceTold(at=AT, anchor=Anchor(n=-1, at=0.0, digest=digest("a"))), id="no number"),
        pytest.param(EvidenceTold(at=AT, anchor=Anchor(n=1, at=0.0, digest="A" * 64)), id="no digest"),
        pytest.param(None, id="no evidence"),
    ],
)
def test_what_can_be_no_anchor_is_not_kept(told: EvidenceTold | None) -> None:
    assert after(report(GatewayPod(pod="gw-0", at=0, evidence=told))).last == {}


def test_a_site_speaks_for_itself_alone() -> None:
    kept = anchors.taken(NOTHING, [report(pod(3)), report(pod(7), site="cdg1")])
    kept = after(report(pod(0, "b", said=600)), kept=kept)
    assert (numbers(kept), numbers(kept, "cdg1")) == ({"gw-0": 3}, {"gw-0": 7})
    assert set(kept.back) == {"fra1"}


def test_what_is_said_of_it() -> None:
    kept = after(report(pod(9), pod(5, name="gw-1"), key=KEY), report(pod(2, "b", said=600), key=KEY))
    said = anchors.told(kept)
    assert said.instances == {"fra1": {"gw-1"}}
    assert said.back == {"fra1": "gw-0 says that its last checkpoint is 2, and 9 was kept"}
    assert said.keys == {"fra1": key_id(KEY)}
    same = anchors.told(after(report(pod(9)), report(pod(9, "b"))))
    assert same.back == {"fra1": "gw-0 says that checkpoint 9 is another than the one that was kept"}
    orphaned = anchors.told(Kept(back=kept.back))
    assert orphaned.back == {"fra1": "gw-0 once said a checkpoint that contradicts what was kept"}


def test_whoever_has_looked_removes_two_entries_and_it_begins_anew() -> None:
    data = anchors.data_of(after(report(pod(9), key=KEY), report(pod(2, "b", said=600))))
    assert set(data) == {f"fra1.{key_id(KEY)}.pem", "fra1.back.jsonl", "fra1.jsonl"}
    left = {name: text for name, text in data.items() if not name.endswith(".jsonl")}
    kept = after(report(pod(2, "b", said=700)), kept=anchors.read(left))
    assert numbers(kept) == {"gw-0": 2}
    assert kept.back == {}


def test_keys_are_kept_beside_each_other() -> None:
    kept = after(report(key=KEY), report(key=OTHER_KEY), report(key=OTHER_KEY), report(key="-----BEGIN"))
    assert kept.keys == {f"fra1.{key_id(each)}.pem": each for each in (KEY, OTHER_KEY)}
    assert kept.current == {}
    assert after(report(key=KEY)).current == {"fra1": key_id(KEY)}


def test_a_site_that_makes_up_gateways_takes_no_room_from_its_real_ones() -> None:
    made_up = [pod(1, name=f"x-{number}") for number in range(anchors.MOST_OF_SITE + 5)]
    kept = after(report(pod(3)), report(*made_up))
    assert len(kept.last["fra1"]) == anchors.MOST_OF_SITE
    assert "there is no room for the anchors of x-" in anchors.told(kept).untaken["fra1"]
    assert numbers(after(report(pod(4, "b")), kept=kept))["gw-0"] == 4


def test_what_is_full_takes_nobody_new_and_goes_on() -> None:
    full = Kept(last=after(report(pod(3))).last, keys={"old.pem": "x" * anchors.MOST_BYTES})
    kept = after(report(pod(4, "b"), pod(1, name="gw-1"), key=KEY), kept=full)
    assert numbers(kept) == {"gw-0": 4}
    assert set(kept.keys) == {"old.pem"}
    assert anchors.told(kept).untaken == {"fra1": "there is no room for the anchors of gw-1"}


def test_a_site_has_so_many_keys_and_no_more() -> None:
    many = {f"fra1.{number}.pem": "x" for number in range(anchors.MOST_KEYS)}
    assert after(report(key=KEY), kept=Kept(keys=many)).keys == many
    assert len(after(report(key=KEY, site="cdg1"), kept=Kept(keys=many)).keys) == anchors.MOST_KEYS + 1


def test_the_lines_are_those_that_the_auditor_reads() -> None:
    data = anchors.data_of(after(report(pod(3), pod(5, name="gw-1"))))
    found = [msgspec.json.decode(each, type=audit.Anchor) for each in data["fra1.jsonl"].splitlines()]
    assert [(each.site, each.instance, each.n) for each in found] == [("fra1", "gw-0", 3), ("fra1", "gw-1", 5)]
    assert list(json.loads(data["fra1.jsonl"].splitlines()[0])) == ["site", "instance", "at", "n", "digest"]


def test_what_somebody_has_damaged_is_told_by_its_name() -> None:
    with pytest.raises(ValueError, match=r"fra1\.jsonl can't be read"):
        anchors.read({"fra1.jsonl": "{"})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(report(GatewayPod(pod="a", at=0)), False, id="nobody"),
        pytest.param(report(pod(1)), True, id="a gateway"),
        pytest.param(report(key=KEY), True, id="a key"),
    ],
)
def test_whether_anybody_keeps_evidence(given: SiteReport, *, expected: bool) -> None:
    assert anchors.is_kept([given]) is expected


PODS = st.builds(
    pod,
    st.integers(0, 6),
    st.sampled_from("ab"),
    name=st.sampled_from(["gw-0", "gw-1"]),
    said=st.sampled_from([0, 30, 600]),
)
REPORTS = st.lists(st.builds(report, PODS, site=st.sampled_from(["fra1", "cdg1"]), key=st.sampled_from(["", KEY])))


@given(REPORTS)
def test_anchors_never_go_back_and_what_is_stored_is_what_is_known(reports: list[SiteReport]) -> None:
    kept = NOTHING
    for each in reports:
        before, kept = kept, anchors.taken(kept, [each])
        for site, lines in before.last.items():
            for name, line in lines.items():
                now = kept.last[site][name]
                assert now == line or now.n > line.n
        assert all(set(lines) >= set(before.back.get(site, {})) for site, lines in kept.back.items())
        assert anchors.taken(kept, [each]).last == kept.last
        stored = anchors.read(anchors.data_of(kept))
        assert (stored.last, stored.back, stored.keys) == (kept.last, kept.back, kept.keys)
