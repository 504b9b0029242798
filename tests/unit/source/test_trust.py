"""The public keys that may sign a config."""

import pathlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.unit.source.mount import Mount

from isochrone_gateway.source.trust import TrustedKeys

HUB, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


def pem(key: object) -> bytes:
    assert hasattr(key, "public_key")
    encoded: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return encoded


class Keys:
    """The keys of a folder, at a time that a test sets."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.now = 0.0
        self.told: list[str | None] = []
        self.trusted = TrustedKeys(folder, tell=self.told.append, clock=lambda: self.now)

    def trusts(self, key_id: str, key: Ed25519PrivateKey = HUB) -> bool:
        return self.trusted.verify(key_id, b"message", key.sign(b"message"))


def test_only_trusted_keys_verify_and_only_under_their_name(tmp_path: pathlib.Path) -> None:
    (tmp_path / "hub-2026.pem").write_bytes(pem(HUB))
    keys = Keys(tmp_path)
    assert keys.trusts("hub-2026")
    assert not keys.trusted.verify("hub-2026", b"other message", HUB.sign(b"message"))
    assert not keys.trusts("hub-2026", OTHER)
    assert not keys.trusted.verify("hub-2026", b"message", b"short")
    assert not keys.trusts("hub")
    assert keys.told == []


def test_keys_come_and_go_without_a_restart(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "trust"
    keys = Keys(folder)
    assert not keys.trusts("hub"), "the folder isn't there"
    folder.mkdir()
    (folder / "hub.pem").write_bytes(pem(HUB))
    keys.now = 2.0
    assert keys.trusts("hub")
    (folder / "other.pem").write_bytes(pem(OTHER))
    keys.now = 4.0
    assert keys.trusts("other", OTHER)
    assert keys.trusts("hub")
    (folder / "hub.pem").unlink()
    keys.now = 6.0
    assert not keys.trusts("hub")
    assert keys.trusts("other", OTHER)
    assert [bool(told) for told in keys.told] == [True, False]


def test_the_folder_is_not_read_for_each_signature(tmp_path: pathlib.Path) -> None:
    keys = Keys(tmp_path)
    assert not keys.trusts("hub")
    (tmp_path / "hub.pem").write_bytes(pem(HUB))
    keys.now = 1.9
    assert not keys.trusts("hub")
    keys.now = 2.0
    assert keys.trusts("hub")


def test_a_volume_that_a_kubelet_swaps(tmp_path: pathlib.Path) -> None:
    mount = Mount(tmp_path)
    mount.show({"hub.pem": pem(HUB)})
    keys = Keys(tmp_path)
    assert keys.trusts("hub")
    mount.show({"hub.pem": pem(OTHER)})
    keys.now = 2.0
    assert not keys.trusts("hub")
    assert keys.trusts("hub", OTHER)
    mount.show({})
    keys.now = 4.0
    assert not keys.trusts("hub", OTHER)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, "has no file KEY-ID.pem", id="no key"),
        pytest.param(b"nonsense", "is not a public key", id="not PEM"),
        pytest.param(pem(generate_private_key(SECP256R1())), "is not an Ed25519 key", id="another kind"),
    ],
)
def test_what_is_no_key_is_told_once_and_does_no_harm(
    tmp_path: pathlib.Path, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "bad.pem").write_bytes(content)
    keys = Keys(tmp_path)
    assert message in (keys.trusted.look() or "")
    assert not keys.trusts("bad")
    keys.now = 2.0
    assert not keys.trusts("bad")
    (tmp_path / "hub.pem").write_bytes(pem(HUB))
    keys.now = 4.0
    assert keys.trusts("hub")
    assert message in (keys.told[0] or "")
    assert len(keys.told) == (2 if content is None else 1)


def test_a_file_that_is_gone_is_told(tmp_path: pathlib.Path) -> None:
    (tmp_path / "hub.pem").symlink_to("nowhere")
    assert "is not a public key" in (Keys(tmp_path).trusted.look() or "")
