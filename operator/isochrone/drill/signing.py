"""A report that nobody can change afterwards: its JSON in one form, and an Ed25519 signature over exactly that.

    {"report": {...}, "signature": {"keyId": "ops-2026", "ed25519": "BASE64"}}

Signed is the report as JSON with sorted keys and no spaces, after a line that says what it is: so no signature over
something else, a config for instance, is one over a report.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from isochrone_gateway.config import Verify

_CONTEXT: Final = b"isochrone drill report 1\n"


class BadReport(Exception):  # noqa: N818 - it says what it is
    """A report that isn't signed, or not by a key that is trusted; the message says which."""


def sign(report: Mapping[str, Any], key: Ed25519PrivateKey, key_id: str) -> dict[str, Any]:
    """The report with its signature."""
    signature = base64.b64encode(key.sign(_message(report))).decode()
    return {"report": dict(report), "signature": {"keyId": key_id, "ed25519": signature}}


def check(data: bytes, verify: Verify) -> tuple[Mapping[str, Any], str]:
    """The report and the id of the key that signed it. Raises BadReport."""
    try:
        found = json.loads(data, object_pairs_hook=_once)
        report, signature = found["report"], found["signature"]
        key_id, value = str(signature["keyId"]), base64.b64decode(signature["ed25519"], validate=True)
        message = _message(report)
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise BadReport(f"this is no signed report of isochrone drill: {error!r}") from error
    if not verify(key_id, message, value):
        raise BadReport(f"the signature is not one of key {key_id} over this report, or that key is not trusted")
    return report, key_id


def _message(report: Mapping[str, Any]) -> bytes:
    return _CONTEXT + json.dumps(report, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """What is said twice is not known to be what was signed."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found
