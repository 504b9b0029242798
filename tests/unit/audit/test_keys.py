"""Which keys are trusted, for which sites, and what is no key."""

import base64
import pathlib

import pytest
from tests.unit.audit import telling, writing
from tests.unit.audit.files import FIRST, KEY, NEXT, SIGNED
from tests.unit.audit.telling import NOT_YET
from tests.unit.audit.writing import Instance

from isochrone import audit
from isochrone.audit import Rule, keys


def test_another_key_signs_nothing(tmp_path: pathlib.Path) -> None:
    made, _ = writing.small(tmp_path)
    other = Instance(tmp_path / "other", seed=2)
    key = keys.read(other.folder / KEY)
    by = f"it is signed by the key {made.key_id}, which is not trusted"
    nothing = [
        (Rule.NOT_SIGNED, f"chains/{FIRST}", 0, NOT_YET.format(6)),
        (Rule.NOT_SIGNED, f"chains/{NEXT}", 0, NOT_YET.format(3)),
    ]
    signed = [(Rule.OTHER_KEY, SIGNED, 1, by), (Rule.OTHER_KEY, SIGNED, 2, by)]
    beside = (Rule.OTHER_KEY, KEY, 0, f"the key beside the evidence, {made.key_id}, is not trusted")
    assert telling.told(tmp_path, trusted={key.id: key}) == [beside, *signed, *nothing]
    other.key, other.seed = made.key, made.seed
    (made.folder / KEY).write_bytes((other.folder / KEY).read_bytes())
    assert telling.told(tmp_path) == [*signed, *nothing], "the one that lies beside it is believed"
    mine = {made.key_id: keys.Key(made.key_id, made.key.public_key())}
    assert telling.told(tmp_path, trusted=mine) == [
        (Rule.OTHER_KEY, KEY, 0, f"the key beside the evidence, {key.id}, is not trusted")
    ]


@pytest.mark.parametrize(
    ("names", "is_trusted"),
    [
        pytest.param(["fra1.{}"], True, id="its-own-site"),
        pytest.param(["gateway"], True, id="any-site"),
        pytest.param(["cdg1.gateway"], True, id="a-name-that-says-no-key"),
        pytest.param(["{}"], True, id="a-name-that-says-no-site"),
        pytest.param(["cdg1.{}"], False, id="another-site"),
        pytest.param(["cdg1.{}", "fra1.{}"], True, id="both"),
        pytest.param(["cdg1.{}", "gateway"], True, id="another-and-any"),
        pytest.param(["any", "cdg1.{}"], True, id="any-and-another"),
        pytest.param(["cdg1.{}", "iad1.{}"], False, id="two-others"),
    ],
)
def test_a_key_signs_for_the_sites_that_its_files_name(
    tmp_path: pathlib.Path, names: list[str], is_trusted: bool
) -> None:
    made, _ = writing.small(tmp_path / "evidence")
    folder = tmp_path / "keys"
    folder.mkdir()
    for name in names:
        (folder / f"{name.format(made.key_id)}.pem").write_bytes((made.folder / KEY).read_bytes())
    found = audit.check(tmp_path / "evidence", trusted=keys.trusted(folder))
    assert found.holds == is_trusted
    said = [each.message for each in found.findings if each.rule is Rule.OTHER_KEY]
    by = [f"it is signed by the key {made.key_id}, which is not trusted"] * 2
    beside = f"the key beside the evidence, {made.key_id}, is not trusted for fra1"
    assert said == ([] if is_trusted else [beside, *by])


def test_a_file_that_is_no_key_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.pem").write_text("no key")
    with pytest.raises(ValueError, match=r"a\.pem is no public key"):
        keys.trusted(tmp_path)


def test_a_key_that_cannot_be_read(tmp_path: pathlib.Path) -> None:
    made, _ = writing.small(tmp_path)
    mine = {made.key_id: keys.Key(made.key_id, made.key.public_key())}
    pem = (made.folder / KEY).read_bytes()
    (made.folder / KEY).write_bytes(b"# mine\n" + pem)
    more = (Rule.OTHER_KEY, KEY, 0, "the key beside the evidence can't be read: there is more in it than a key")
    assert telling.told(tmp_path, trusted=mine) == [more]
    assert [each[0] for each in telling.told(tmp_path)][:3] == [Rule.OTHER_KEY] * 3, "then there is none to believe"
    assert audit.check(tmp_path).believed == ()
    (made.folder / KEY).unlink()
    (gone,) = telling.told(tmp_path, trusted=mine)
    assert gone == (Rule.MISSING, KEY, 0, "the key beside the evidence is gone: it was removed")
    less = "the key beside the evidence is gone: no signature can be checked: give --trusted-keys"
    assert telling.told(tmp_path)[0] == (Rule.MISSING, KEY, 0, less)


def _pem(der: bytes) -> bytes:
    return b"-----BEGIN PUBLIC KEY-----\n" + base64.encodebytes(der) + b"-----END PUBLIC KEY-----\n"


def test_a_key_has_the_id_that_its_bytes_say(tmp_path: pathlib.Path) -> None:
    """The first of RFC 8032: its SHA-256 begins with 21fe31dfa154a261, as sha256sum says."""
    raw = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    (tmp_path / KEY).write_bytes(_pem(bytes.fromhex("302a300506032b6570032100") + raw))
    key = keys.read(tmp_path / KEY)
    signature = bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )
    assert key.id == "21fe31dfa154a261"
    assert key.has_signed(b"", signature)
    assert not key.has_signed(b"x", signature)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"no key", id="no PEM"),
        pytest.param(_pem(bytes.fromhex("300d300506032a0304030400010203")), id="a kind that nobody knows"),
        pytest.param(_pem(bytes.fromhex("302a300506032b656e032100") + bytes(range(32))), id="a key that signs nothing"),
    ],
)
def test_what_is_no_key_that_signs(tmp_path: pathlib.Path, data: bytes) -> None:
    (tmp_path / KEY).write_bytes(data)
    with pytest.raises(ValueError, match=r"\S"):
        keys.read(tmp_path / KEY)
