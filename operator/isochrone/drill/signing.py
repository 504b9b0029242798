"""A report that nobody can change afterwards: its JSON in one form, and an Ed25519 signature over exactly that.

    {"report": {...}, "signature": {"keyId": "ops-2026", "ed25519": "BASE64"}}

Signed is the report as JSON with sorted keys and no spaces, after a line that says what it is: so no signature over
something else, a config for instance, is one over a report.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from isochrone.drill.report import KIND, VERSION
from isochrone_gateway.config import Verify

_CONTEXT: Final = b"isochrone drill report 1\n"
_GIVE: Final = "give what `isochrone drill --report FILE --sign KEY-ID.pem` wrote to FILE"
_NO_SIGNATURE: Final = (
    "its signature can't be read, so the file was changed: it should have `keyId`, and `ed25519` in Base64, and no more"
)


class BadReport(Exception):  # noqa: N818 - it says what it is
    """No report, one that isn't signed, or not by a key that is trusted; the message says which, and what to do."""


def sign(report: Mapping[str, Any], key: Ed25519PrivateKey, key_id: str) -> dict[str, Any]:
    """The report with its signature."""
    signature = base64.b64encode(key.sign(_message(report))).decode()
    return {"report": dict(report), "signature": {"keyId": key_id, "ed25519": signature}}


def check(data: bytes, verify: Verify) -> tuple[Mapping[str, Any], str]:
    """The report and the id of the key that signed it. Raises BadReport."""
    report, signature = _parts(_parsed(data))
    key_id, value = _signature(signature)
    try:
        message = _message(report)
    except (ValueError, RecursionError) as error:
        raise BadReport("it has what isochrone drill never writes: the file was changed") from error
    if not verify(key_id, message, value):
        raise BadReport(f"the signature is not one of key {key_id} over this report, or that key is not trusted")
    if not _is_report(report):
        raise BadReport(
            "what is signed is no report that this version of isochrone knows: check it with the one that wrote it"
        )
    return report, key_id


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data, object_pairs_hook=_once, parse_constant=_no_number)
    except _ChangedError as error:
        raise BadReport(f"{error}, which isochrone drill never writes: the file was changed") from error
    except (ValueError, RecursionError) as error:
        raise BadReport(f"this is no JSON, so no report: {_GIVE}") from error


def _parts(found: Any) -> tuple[Mapping[str, Any], Any]:
    """What is signed, and the signature."""
    if isinstance(found, dict) and isinstance(found.get("report"), dict):
        if "signature" not in found:
            raise BadReport(f"this report is not signed any more, its signature was taken away: {_GIVE}")
        if more := found.keys() - {"report", "signature"}:
            raise BadReport(f"it has {', '.join(sorted(more))} beside what is signed: the file was changed")
        return found["report"], found["signature"]
    if _is_report(found):
        raise BadReport(f"this report is not signed, so nobody can say who made it: {_GIVE}")
    raise BadReport(f"this is no report of isochrone drill: {_GIVE}")


def _signature(found: Any) -> tuple[str, bytes]:
    """The id of its key, and itself."""
    try:
        key_id, text = found["keyId"], found["ed25519"]
        if isinstance(key_id, str) and isinstance(text, str) and found.keys() == {"keyId", "ed25519"}:
            return key_id, base64.b64decode(text, validate=True)
    except (ValueError, KeyError, TypeError) as error:
        raise BadReport(_NO_SIGNATURE) from error
    raise BadReport(_NO_SIGNATURE)


def _is_report(found: Any) -> bool:
    return isinstance(found, dict) and (found.get("kind"), found.get("version")) == (KIND, VERSION)


def _message(report: Mapping[str, Any]) -> bytes:
    return _CONTEXT + json.dumps(report, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


class _ChangedError(Exception):
    """What no report of ours has."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """What is said twice is not known to be what was signed."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _ChangedError("it says something twice")
    return found


def _no_number(text: str) -> Any:
    raise _ChangedError(f"it has {text}")
