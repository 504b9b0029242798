"""Of one request, what all gateways say of it, where it ran, and what isn't known."""

import pathlib
import shutil

import pytest
from tests.unit.audit import network
from tests.unit.audit.writing import Instance

from isochrone import audit
from isochrone.audit.story import Gap, Ran, Story, tell


def _tell(root: pathlib.Path, name: str) -> Story:
    story, _ = tell(audit.sources([root], None), name)
    assert story is not None
    return story


HOP = Ran("ber1", "ber1", "engine:a100", "DE-BE", "Contracted")


@pytest.mark.parametrize(
    ("name", "ran", "gaps", "sites"),
    [
        pytest.param(
            "r-local", Ran("fra1", "fra1", "engine:h100", "DE-HE", "Attested"), [], ["fra1"], id="where it came in"
        ),
        pytest.param("r-hop", HOP, [], ["fra1", "ber1"], id="at a peer"),
        pytest.param("r-denied", None, [], ["fra1"], id="refused"),
        pytest.param("r-failed", None, [], ["ber1"], id="failed"),
        pytest.param(
            "r-us", Ran("iad1", "iad1", "provider:openai/us", "US", "Contracted"), [], ["iad1"], id="at a provider"
        ),
        pytest.param(
            "r-away",
            Ran("fra1", "iad1", "peer:iad1", "US-VA", "Declared"),
            [(Gap.NOT_AT_PEER, "iad1")],
            ["fra1"],
            id="withheld at the peer",
        ),
        pytest.param(
            "r-beyond",
            Ran("fra1", "nrt1", "peer:nrt1", "JP-13", ""),
            [(Gap.NO_PEER, "nrt1")],
            ["fra1"],
            id="no evidence",
        ),
        pytest.param("r-open", None, [(Gap.NO_OUTCOME, "fra1")], ["fra1"], id="killed"),
        pytest.param("r-late", None, [(Gap.NO_INTENT, "fra1")], ["fra1"], id="its begin is gone"),
    ],
)
def test_what_is_told(
    tmp_path: pathlib.Path, name: str, ran: Ran | None, gaps: list[tuple[Gap, str]], sites: list[str]
) -> None:
    network.write(tmp_path)
    story = _tell(tmp_path, name)
    assert story.ran == ran
    assert [(each.gap, each.site) for each in story.unknown] == gaps
    assert [each.source.site for each in story.visits] == sites


@pytest.mark.parametrize(
    ("gone", "gaps", "ran"),
    [
        pytest.param("fra1", [Gap.NO_ENTRY], None, id="the entry"),
        pytest.param("ber1", [Gap.NO_PEER], Ran("fra1", "ber1", "peer:ber1", "DE-BE", "Declared"), id="the peer"),
    ],
)
def test_one_end_of_a_hop_is_told_without_the_other(
    tmp_path: pathlib.Path, gone: str, gaps: list[Gap], ran: Ran | None
) -> None:
    network.write(tmp_path)
    shutil.rmtree(tmp_path / gone)
    story = _tell(tmp_path, "r-hop")
    assert [each.gap for each in story.unknown] == gaps
    # A guest's own answer is one, too.
    assert story.ran == (ran or HOP)
    assert story.hops == ()


def test_why_a_line_may_not_be_here_is_told(tmp_path: pathlib.Path) -> None:
    network.write(tmp_path)
    away, opened = _tell(tmp_path, "r-away").unknown[0], _tell(tmp_path, "r-open").unknown[0]
    assert "2 records were not written from 2026-11-26T23:00:06.000000Z" in away.message
    assert away.message.endswith("Withheld)")
    assert opened.message.endswith("(its worker ended without saying so, or runs still)")
    assert "records" not in opened.message, "those were lost before it began"


def test_what_retention_took_is_told_as_not_known(tmp_path: pathlib.Path) -> None:
    made = Instance(tmp_path)
    made.line("w0-20261126T230100Z-1a2b3c4d", "Intent", id="a", policies=["eu-only"], revision="1/1", **{"try": 1})
    made.line("w0-20261126T230100Z-1a2b3c4d", "Outcome", id="a", outcome="TryFailed", **{"try": 1})
    assert [each.gap for each in _tell(tmp_path, "a").unknown] == [Gap.NO_PLACE, Gap.NO_VERSIONS, Gap.NO_OUTCOME]


def test_two_hops_to_one_site_are_joined_each_with_its_own_try(tmp_path: pathlib.Path) -> None:
    entry = network.Gateway(tmp_path, site="fra1", seed=1)
    peer = network.Gateway(tmp_path, site="ber1", seed=2)
    here = entry.begun("w0", "20261126T230000Z-00000001", "DE-HE")
    there = [peer.begun(f"w{n}", "20261126T230000Z-00000001", "DE-BE") for n in (0, 1)]
    for number, chain in enumerate(there, 1):
        entry.sent(here, 10 * number, "a", number, "peer:ber1", "DE-BE")
        # The peer's clock is a little behind: it says that it had it before it was sent.
        peer.sent(chain, 10 * number - 2, "a", 1, f"engine:{number}", "DE-BE", hosted=True)
        peer.ended(chain, 10 * number - 1, "a", 1, "Failed" if number == 1 else "Answered")
        entry.ended(here, 10 * number + 3, "a", number, "TryFailed" if number == 1 else "Answered")
    story = _tell(tmp_path, "a")
    assert [each.source.site for each in story.visits] == ["ber1", "fra1", "ber1"]
    assert story.hops == ((0, 1, 1), (2, 1, 2))
    assert story.ran == Ran("ber1", "ber1", "engine:2", "DE-BE", "")
    assert story.unknown == ()


def test_an_id_that_json_can_have_in_several_ways_is_found(tmp_path: pathlib.Path) -> None:
    made = Instance(tmp_path)
    made.request(made.boot("w0", "20261126T230100Z-1a2b3c4d"), "Zürich/1")
    assert len(_tell(tmp_path, "Zürich/1").visits) == 1


def test_what_only_looks_like_it_is_not_told(tmp_path: pathlib.Path) -> None:
    network.write(tmp_path)
    assert tell(audit.sources([tmp_path], None), "r-")[0] is None
