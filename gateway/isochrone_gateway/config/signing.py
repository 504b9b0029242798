"""Which bytes of an index are signed and summed. The cryptography itself is the caller's.

Both are taken over canonical JSON: keys sorted, no white space, strings escaped as little as RFC 8259 allows. For
what an index holds (ASCII keys, strings and integers) that is RFC 8785. A signature covers the index without
`signatures` and `checksum`, after a line that keeps it from being taken for a signature of anything else. The
checksum covers all but itself, so that damage is found even where nothing is signed; it proves nothing about the
sender.

Reader and writer go through the generic JSON value, never through a record: fields that a reader doesn't know are
signed too.
"""

import base64
import binascii
import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from isochrone_gateway.config.index import Index, Signature

Sign = Callable[[bytes], bytes]
"""Message -> the 64 bytes of an Ed25519 signature."""
Verify = Callable[[str, bytes, bytes], bool]
"""(key id, message, signature) -> whether a key trusted under this id made it.

Unknown ids are False, never an exception.
"""

_CONTEXT: Final = b"isochrone.dev config index v1\n"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Signer:
    """A private key under the name that readers trust it by."""

    key_id: str
    sign: Sign


def signed_bytes(index: Mapping[str, Any]) -> bytes:
    """What a signature of this index, a generic JSON object, is made over."""
    return _CONTEXT + _canonical(index, leave_out=("signatures", "checksum"))


def checksum(index: Mapping[str, Any]) -> str:
    """The index's sum over all its fields but the sum."""
    return hashlib.sha256(_canonical(index, leave_out=("checksum",))).hexdigest()


def seal(index: Index, signers: Iterable[Signer]) -> Index:
    """Sign an index and fill in its checksum."""
    message = signed_bytes(msgspec.to_builtins(index))
    signatures = tuple(
        Signature(key_id=signer.key_id, value=base64.b64encode(signer.sign(message)).decode()) for signer in signers
    )
    signed = msgspec.structs.replace(index, signatures=signatures)
    return msgspec.structs.replace(signed, checksum=checksum(msgspec.to_builtins(signed)))


def trusted_signatures(index: Mapping[str, Any], signatures: Iterable[Signature], verify: Verify) -> tuple[str, ...]:
    """The ids of the trusted keys that signed this index, sorted."""
    message = signed_bytes(index)
    return tuple(sorted({each.key_id for each in signatures if verify(each.key_id, message, _raw(each))}))


def _raw(signature: Signature) -> bytes:
    try:
        return base64.b64decode(signature.value, validate=True)
    except binascii.Error:  # pragma: no cover - the field's pattern admits only base64
        return b""


def _canonical(index: Mapping[str, Any], *, leave_out: tuple[str, ...]) -> bytes:
    kept = {name: value for name, value in index.items() if name not in leave_out}
    return msgspec.json.encode(kept, order="sorted")
