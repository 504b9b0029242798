"""Who wrote an index: signatures over all of it, by keys that the reader trusts."""

import msgspec
import pytest
from msgspec.structs import replace
from tests.contract import ed25519
from tests.contract.config_cases import RELEASE, example, sign_as, trust

from isochrone_gateway.config import ConfigError, Index, encode_index, read_index, shard
from isochrone_gateway.config.signing import checksum, seal, signed_bytes

UNSIGNED = shard(example(), RELEASE)[0]
SIGNED = shard(example(), RELEASE, signers=[sign_as("k1")])[0]


def test_signed_bytes_are_a_context_line_and_canonical_json() -> None:
    index = {"site": "fra", "apiVersion": "v", "n": {"b": 1, "a": "\u00e9/\n"}, "signatures": [1], "checksum": "x"}
    expected = '{"apiVersion":"v","n":{"a":"\u00e9/\\n","b":1},"site":"fra"}'
    assert signed_bytes(index) == b"isochrone.dev config index v1\n" + expected.encode()


def test_the_signatures_of_these_tests_are_ed25519() -> None:
    """RFC 8032, section 7.1, test 2."""
    secret = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    public = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    signature = (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert ed25519.public_key(secret).hex() == public
    assert ed25519.sign(secret, b"\x72").hex() == signature
    assert ed25519.verify(bytes.fromhex(public), b"\x72", bytes.fromhex(signature))
    assert not ed25519.verify(bytes.fromhex(public), b"\x73", bytes.fromhex(signature))


def test_a_signed_index_is_known_by_its_trusted_keys() -> None:
    index, _ = shard(example(), RELEASE, signers=[sign_as("old"), sign_as("new")])
    data = encode_index(index)
    assert read_index(data, verify=trust("new")).signed_by == ("new",)
    assert read_index(data, verify=trust("new", "old", "other")).signed_by == ("new", "old")
    assert read_index(data).signed_by == ()


@pytest.mark.parametrize(
    "index",
    [
        pytest.param(UNSIGNED, id="unsigned"),
        pytest.param(shard(example(), RELEASE, signers=[sign_as("k2")])[0], id="by another key"),
        pytest.param(seal(replace(SIGNED, installation="evil", signatures=()), []), id="changed, signature taken off"),
    ],
)
def test_an_index_that_no_trusted_key_signed_is_refused(index: Index) -> None:
    with pytest.raises(ConfigError, match=r"^index: \$.signatures: is not signed by a trusted key"):
        read_index(encode_index(index), verify=trust("k1"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("version", "1.2", id="version"),
        pytest.param("installation", "other", id="installation"),
        pytest.param("site", "par", id="site"),
        pytest.param("issuedAt", "2027-01-01T00:00:00Z", id="issuedAt"),
        pytest.param("revision", {"epoch": 9, "sequence": 42, "digest": SIGNED.revision.digest}, id="epoch"),
        pytest.param("revision", {"epoch": 1, "sequence": 43, "digest": SIGNED.revision.digest}, id="sequence"),
        pytest.param("shards", list(reversed(msgspec.to_builtins(SIGNED)["shards"])), id="shards"),
    ],
)
def test_a_signature_covers_every_field(field: str, value: object) -> None:
    """Someone who may write, but has no key, can make the checksum fit, never the signature."""
    index = {**msgspec.to_builtins(SIGNED), field: value}
    index["checksum"] = checksum(index)
    data = msgspec.json.encode(index)
    assert read_index(data).index.signatures == SIGNED.signatures
    with pytest.raises(ConfigError, match="is not signed by a trusted key"):
        read_index(data, verify=trust("k1"))
