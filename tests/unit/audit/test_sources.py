"""Of each chain it is known whether it is proved."""

import json
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


def test_the_keys_that_are_trusted_are_those_that_are_given(tmp_path: pathlib.Path) -> None:
    one, two = (writing.Instance(tmp_path / name, seed=seed) for name, seed in (("one", 1), ("two", 2)))
    for made in (one, two):
        made.boot("w0", "20261126T230100Z-1a2b3c4d")
        made.checkpoint()
    trusted = {one.key_id: audit.Key(one.key_id, one.key.public_key())}
    assert [each.holds for each in audit.prove([one.root, two.root], trusted=trusted)] == [True, False]


def test_proofs_have_the_names_of_the_reference() -> None:
    assert [each.value for each in Proof] == ["Proved", "NotProved", "Unsigned", "Unchecked"]


def test_all_of_a_chain_that_is_not_proved_is_shown(tmp_path: pathlib.Path) -> None:
    made = writing.Instance(tmp_path)
    chain = made.boot("w0", "20261126T230100Z-1a2b3c4d")
    for name in "abcd":
        made.request(chain, name)
    made.checkpoint()
    path = made.folder / "chains" / chain / "000000.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *lines[7:], *lines[1:7]]))
    made.request(chain, "e")
    (source,) = audit.sources([tmp_path], audit.prove([tmp_path]))
    found = list(audit.every([source], audit.Reading()))
    assert {each.id for each in found} == set("abcde")
    assert {each.proof for each in found} == {Proof.NOT_PROVED}


def test_what_no_checkpoint_signs_yet_is_told_apart(tmp_path: pathlib.Path) -> None:
    made = writing.Instance(tmp_path)
    chain = made.boot("w0", "20261126T230100Z-1a2b3c4d")
    made.request(chain, "a")
    made.line(chain, "Intent", id="b", **{"try": 1})
    made.checkpoint()
    made.line(chain, "Outcome", id="b", outcome="Answered", **{"try": 1})
    made.request(chain, "c")
    made.line(chain, "Intent", id="d", **{"try": 1})
    sources = audit.sources([tmp_path], audit.prove([tmp_path]))
    assert {each.id: each.proof for each in audit.every(sources, audit.Reading())} == {
        "a": Proof.PROVED,
        "b": Proof.UNSIGNED,
        "c": Proof.UNSIGNED,
        "d": Proof.UNSIGNED,
    }


def test_nothing_is_shown_of_a_chain_that_began_after_the_proof(tmp_path: pathlib.Path) -> None:
    made = writing.Instance(tmp_path)
    made.request(made.boot("w0", "20261126T230100Z-1a2b3c4d"), "a")
    made.checkpoint()
    reports = audit.prove([tmp_path])
    made.request(made.boot("w1", "20261126T230200Z-1a2b3c4d"), "b")
    reading, sources = audit.Reading(), audit.sources([tmp_path], reports)
    assert [(each.end, each.signed) for each in sources] == [(3, 3), (0, 0)]
    assert [each.id for each in audit.every(sources, reading)] == ["a"]
    assert (reading.lines, reading.later) == (3, 1)


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


def test_chains_are_in_order_whichever_folder_has_them(tmp_path: pathlib.Path) -> None:
    for root, names in (("one", ("g1", "g3")), ("two", ("g0", "g2"))):
        for name in names:
            made = writing.Instance(tmp_path / root, name=name)
            made.boot("w1", "20261126T230100Z-1a2b3c4d")
            made.boot("w0", "20261126T230100Z-1a2b3c4d")
    found = audit.sources([tmp_path / "one", tmp_path / "two"], None)
    assert [(each.instance, each.name[:2]) for each in found] == [
        (f"g{n}", f"w{m}") for n in range(4) for m in range(2)
    ]


def test_chains_of_one_gateway_are_in_order_of_their_names_in_whichever_folders_they_are(
    tmp_path: pathlib.Path,
) -> None:
    for root, writers in (("one", ("w1", "w3")), ("two", ("w0", "w2"))):
        made = writing.Instance(tmp_path / root)
        for writer in writers:
            made.boot(writer, "20261126T230100Z-1a2b3c4d")
    found = audit.sources([tmp_path / "one", tmp_path / "two"], None)
    assert [each.name[:2] for each in found] == ["w0", "w1", "w2", "w3"]


NAMELESS = "w1-a"
"""A chain of which retention removed the Boot."""


def _without_a_boot(made: writing.Instance) -> None:
    for name in "ab":
        made.line(NAMELESS, "Config", segment=0 if name == "a" else 1)
    head = {"count": 1, "hash": json.loads(_line_of(made, NAMELESS))["hash"]}
    made.checkpoint(dropped={NAMELESS: head})
    (made.folder / "chains" / NAMELESS / "000000.jsonl").unlink()


def _line_of(made: writing.Instance, chain: str) -> bytes:
    return (made.folder / "chains" / chain / "000000.jsonl").read_bytes()


Change = Callable[[writing.Instance], None]


def _signed(boot: str, place: str) -> Change:
    def change(made: writing.Instance) -> None:
        made.boot("w0", boot, place=place)
        made.checkpoint()

    return change


def _unsigned(boot: str, place: str) -> Change:
    """As anybody could write it who can write there."""

    def change(made: writing.Instance) -> None:
        made.boot("w0", boot, place=place)

    return change


def _removed(boot: str, place: str) -> Change:
    """Signed, and removed as a whole, but for a Boot that anybody could have put there."""

    def change(made: writing.Instance) -> None:
        chain = made.boot("w0", boot, place="US-VA")
        made.line(chain, "Config")
        made.checkpoint(dropped={chain: made.heads[chain]})
        (made.folder / "chains" / chain / "000000.jsonl").unlink()
        del made.heads[chain]
        made.boot("w0", boot, place=place)
        del made.heads[chain]

    return change


def _edited(boot: str, place: str) -> Change:
    def change(made: writing.Instance) -> None:
        _signed(boot, "US-VA")(made)
        path = made.folder / "chains" / f"w0-{boot}" / "000000.jsonl"
        path.write_bytes(path.read_bytes().replace(b"US-VA", place.encode()))

    return change


@pytest.mark.parametrize(
    ("boots", "place"),
    [
        pytest.param([], "", id="none"),
        pytest.param([_signed("a", "DE-HE")], "DE-HE", id="signed"),
        pytest.param([_signed("a", "DE-HE"), _signed("b", "DE-HE")], "DE-HE", id="two that say the same"),
        pytest.param([_signed("a", "DE-HE"), _signed("b", "FR-IDF")], "", id="two that differ"),
        pytest.param([_signed("a", ""), _signed("b", "DE-HE")], "", id="one that doesn't know it"),
        pytest.param([_unsigned("a", "DE-HE")], "", id="not signed"),
        pytest.param([_signed("a", "US-VA"), _unsigned("b", "DE-HE")], "US-VA", id="signed, and another that isn't"),
        pytest.param([_removed("a", "DE-HE")], "", id="of a chain that was removed"),
        pytest.param([_edited("a", "DE-HE")], "", id="edited"),
    ],
)
def test_a_chain_that_does_not_say_where_its_gateway_stands_is_where_all_say_that_are_signed(
    tmp_path: pathlib.Path, boots: list[Change], place: str
) -> None:
    """Who can write there without the key must not move what is proved into an area, or out of it."""
    made = writing.Instance(tmp_path)
    _without_a_boot(made)
    for each in boots:
        each(made)
    found = {each.name: each for each in audit.sources([tmp_path], audit.prove([tmp_path]))}
    assert (found[NAMELESS].place, found[NAMELESS].proof) == (place, Proof.PROVED)


def test_what_is_not_checked_may_be_where_any_boot_says_unless_they_differ(tmp_path: pathlib.Path) -> None:
    made = writing.Instance(tmp_path)
    _without_a_boot(made)
    _unsigned("a", "DE-HE")(made)
    assert [each.place for each in audit.sources([tmp_path], None)] == ["DE-HE", "DE-HE"]
    _signed("b", "FR-IDF")(made)
    assert [each.place for each in audit.sources([tmp_path], None)] == ["DE-HE", "FR-IDF", ""]


def test_a_first_line_that_is_held_to_nothing_is_not_shown(tmp_path: pathlib.Path) -> None:
    made = writing.Instance(tmp_path)
    made.line(NAMELESS, "Config")
    for name in "ab":
        made.request(NAMELESS, name, segment=1)
    made.checkpoint(dropped={NAMELESS: made.heads[NAMELESS]})
    (made.folder / "chains" / NAMELESS / "000000.jsonl").unlink()
    (source,) = audit.sources([tmp_path], audit.prove([tmp_path]))
    assert (source.proof, source.start, source.signed, source.end) == (Proof.PROVED, 2, 5, 5)
    found = {
        each.id: [tried.intent is not None for tried in each.tries] for each in audit.every([source], audit.Reading())
    }
    assert found == {"a": [False], "b": [True]}


def test_of_a_chain_that_is_not_proved_the_first_line_is_shown_too(tmp_path: pathlib.Path) -> None:
    made = writing.Instance(tmp_path)
    made.line(NAMELESS, "Config")
    for name in "ab":
        made.request(NAMELESS, name, segment=1)
    made.checkpoint(dropped={NAMELESS: {"count": 4, "hash": "00" * 32}})
    (made.folder / "chains" / NAMELESS / "000000.jsonl").unlink()
    (source,) = audit.sources([tmp_path], audit.prove([tmp_path]))
    assert (source.proof, source.start, source.end) == (Proof.NOT_PROVED, 0, None)


def test_a_folder_may_have_no_lines_and_must_be_of_evidence(tmp_path: pathlib.Path) -> None:
    made = writing.Instance(tmp_path / "evidence")
    with pytest.raises(audit.NotEvidence, match="one folder for each site"):
        audit.sources([tmp_path / "evidence"], None)
    made.checkpoint()
    assert audit.sources([tmp_path / "evidence"], None) == ()
    (made.folder / "chains" / "w0-20261126T230100Z-1a2b3c4d").mkdir(parents=True)
    (made.folder / "chains" / "notes.txt").write_text("no chain")
    assert [each.place for each in audit.sources([tmp_path / "evidence"], None)] == [""]


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
