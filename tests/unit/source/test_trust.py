"""The public keys that may sign a config."""

import pathlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from isochrone_gateway.source.trust import TrustError, trusted


def pem(key: object) -> bytes:
    assert hasattr(key, "public_key")
    encoded: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return encoded


def test_only_trusted_keys_verify_and_only_under_their_name(tmp_path: pathlib.Path) -> None:
    hub, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    (tmp_path / "hub-2026.pem").write_bytes(pem(hub))
    verify = trusted(tmp_path)
    assert verify("hub-2026", b"message", hub.sign(b"message"))
    assert not verify("hub-2026", b"other message", hub.sign(b"message"))
    assert not verify("hub-2026", b"message", other.sign(b"message"))
    assert not verify("hub-2026", b"message", b"short")
    assert not verify("hub", b"message", hub.sign(b"message"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, r"has no file KEY-ID\.pem", id="no key"),
        pytest.param(b"nonsense", "is not a public key", id="not PEM"),
        pytest.param(pem(generate_private_key(SECP256R1())), "is not an Ed25519 key", id="another kind"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused(tmp_path: pathlib.Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "hub.pem").write_bytes(content)
    with pytest.raises(TrustError, match=message):
        trusted(tmp_path)
