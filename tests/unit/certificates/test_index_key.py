"""The key that signs configs: gateways that trust its public half load what it signed."""

import pathlib

import msgspec
import pytest
from tests.unit.certificates import made

from isochrone.certificates import CertificateError, IndexKey, new_index_key
from isochrone_gateway.config.index import KeyId
from isochrone_gateway.source import trust


def test_a_gateway_trusts_it_by_its_file(tmp_path: pathlib.Path) -> None:
    key, other = new_index_key(), new_index_key()
    (tmp_path / f"{key.name}.pem").write_text(key.public)
    problems: list[str | None] = []
    verify = trust.TrustedKeys(tmp_path, tell=problems.append).verify
    signer = key.signer

    assert verify(signer.key_id, b"index", signer.sign(b"index"))
    assert not verify(signer.key_id, b"another", signer.sign(b"index"))
    assert not verify(signer.key_id, b"index", other.signer.sign(b"index"))
    assert not verify(other.name, b"index", other.signer.sign(b"index"))
    assert not any(problems)


def test_its_name_is_made_from_it() -> None:
    key = new_index_key()
    assert IndexKey(private=key.private).name == key.name == msgspec.convert(key.name, KeyId)
    assert len({new_index_key().name for _ in range(50)}) == 50


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("secret", "is not a private key in PEM form", id="no-pem"),
        pytest.param("", "is not a private key in PEM form", id="nothing"),
        pytest.param(made.authority().key, "is not an Ed25519 key", id="on-a-curve"),
    ],
)
def test_what_is_no_such_key(text: str, why: str) -> None:
    with pytest.raises(CertificateError, match=why) as refused:
        _ = IndexKey(private=text).signer
    assert "secret" not in str(refused.value)
