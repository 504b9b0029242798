"""Of each chain it is known whether it is proved."""

import pathlib
import shutil
from collections.abc import Callable

import pytest
from tests.unit.audit import network, writing

from isochrone import audit
from isochrone.audit import Proof


def _edit(folder: pathlib.Path, name: str) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes().replace(b"DE-", b"US-"))


def _key(made: dict[str, network.Gateway]) -> None:
    shutil.copy(made["iad1"].folder / "public-key.pem", made["fra1"].folder / "public-key.pem")


FRA_CHAINS = {f"fra1/{name}" for name in (network.FRA, network.FRA_DEAD, network.FRA_NEXT)}


@pytest.mark.parametrize(
    ("change", "bad"),
    [
        pytest.param(lambda _: None, set(), id="untouched"),
        pytest.param(
            lambda made: _edit(made["fra1"].folder / "chains" / network.FRA, "000000.jsonl"),
            {f"fra1/{network.FRA}"},
            id="one chain edited",
        ),
        pytest.param(_key, FRA_CHAINS, id="another key"),
        pytest.param(
            lambda made: shutil.rmtree(made["fra1"].folder / "chains" / network.FRA_DEAD), set(), id="a chain is gone"
        ),
    ],
)
def test_what_is_wrong_with_evidence_is_wrong_with_its_chains(
    tmp_path: pathlib.Path, change: Callable[[dict[str, network.Gateway]], None], bad: set[str]
) -> None:
    made = network.write(tmp_path)
    change(made)
    reports = audit.prove([tmp_path])
    found = audit.sources([tmp_path], reports)
    assert {f"{each.site}/{each.name}" for each in found if each.proof is Proof.NOT_PROVED} == bad
    assert {each.proof for each in found} <= {Proof.PROVED, Proof.NOT_PROVED}
    assert {each.proof for each in audit.sources([tmp_path], None)} == {Proof.UNCHECKED}


def test_all_of_a_chain_that_is_not_proved_is_shown(tmp_path: pathlib.Path) -> None:
    made = writing.Instance(tmp_path)
    chain = made.boot("w0", "20261126T230100Z-1a2b3c4d")
    for name in "abcd":
        made.request(chain, name)
    made.checkpoint()
    path = made.folder / "chains" / chain / "000000.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *lines[7:], *lines[1:7]]))
    (source,) = audit.sources([tmp_path], audit.prove([tmp_path]))
    found = list(audit.every([source], audit.Reading()))
    assert {each.id for each in found} == set("abcd")
    assert {each.proof for each in found} == {Proof.NOT_PROVED}


def test_what_no_checkpoint_signs_yet_is_told_apart(tmp_path: pathlib.Path) -> None:
    made = writing.Instance(tmp_path)
    chain = made.boot("w0", "20261126T230100Z-1a2b3c4d")
    made.request(chain, "a")
    made.line(chain, "Intent", id="b", **{"try": 1})
    made.checkpoint()
    made.line(chain, "Outcome", id="b", outcome="Answered", **{"try": 1})
    made.request(chain, "c")
    sources = audit.sources([tmp_path], audit.prove([tmp_path]))
    assert {each.id: each.proof for each in audit.every(sources, audit.Reading())} == {
        "a": Proof.PROVED,
        "b": Proof.UNSIGNED,
        "c": Proof.UNSIGNED,
    }


def test_nothing_is_shown_of_a_chain_that_began_after_the_proof(tmp_path: pathlib.Path) -> None:
    made = writing.Instance(tmp_path)
    made.request(made.boot("w0", "20261126T230100Z-1a2b3c4d"), "a")
    made.checkpoint()
    reports = audit.prove([tmp_path])
    made.request(made.boot("w1", "20261126T230200Z-1a2b3c4d"), "b")
    reading = audit.Reading()
    assert [each.id for each in audit.every(audit.sources([tmp_path], reports), reading)] == ["a"]
    assert reading.later == 1


def test_several_folders_are_read_and_their_anchors_told_apart(tmp_path: pathlib.Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    anchors = []
    for root, site in ((one, "fra1"), (two, "ber1")):
        made = writing.Instance(root, site=site)
        made.request(made.boot("w0", "20261126T230100Z-1a2b3c4d"), "a")
        said = made.checkpoint()
        anchors.append(audit.Anchor(said["site"], said["instance"], said["n"], said["digest"]))
    reports = audit.prove([one, two], anchors=anchors)
    assert [(each.holds, each.anchored) for each in reports] == [(True, 1), (True, 1)]
    assert [each.site for each in audit.sources([one, two], reports)] == ["ber1", "fra1"]
    gone = audit.Anchor("iad1", "gateway-0", 0, "00" * 32)
    assert [each.holds for each in audit.prove([one, two], anchors=[*anchors, gone])] == [False, True]
    shutil.copytree(one / "fra1", two / "fra1")
    with pytest.raises(audit.NotEvidence, match="copies of one chain"):
        audit.sources([one, two], None)


def test_where_a_gateway_stands_is_told_by_any_boot_of_it(tmp_path: pathlib.Path) -> None:
    made = writing.Instance(tmp_path)
    made.boot("w0", "20261126T230100Z-1a2b3c4d", place="DE-HE")
    made.line("w1-20261126T230100Z-00000000", "Config")
    assert [each.place for each in audit.sources([tmp_path], None)] == ["DE-HE", "DE-HE"]
    path = made.folder / "chains" / "w0-20261126T230100Z-1a2b3c4d" / "000000.jsonl"
    path.write_bytes(path.read_bytes().replace(b"DE-HE", b"FR-HE"))
    assert [each.place for each in audit.sources([tmp_path], audit.prove([tmp_path]))] == ["FR-HE", ""], (
        "who edited it?"
    )
    shutil.rmtree(path.parent)
    assert [each.place for each in audit.sources([tmp_path], None)] == [""]
