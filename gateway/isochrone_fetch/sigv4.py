"""AWS Signature Version 4 for a request to an S3-compatible store: headers only, no query.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import datetime as dt
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

EMPTY: Final = hashlib.sha256(b"").hexdigest()
"""The hash of no body."""
REGION: Final = "us-east-1"
"""What stores that have no regions take."""


@dataclass(frozen=True)
class Keys:
    """What signs requests."""

    access: str
    secret: str = field(repr=False)
    session: str | None = field(default=None, repr=False)
    region: str = REGION


@dataclass(frozen=True)
class Signable:
    """What is signed. `headers` are those that the signature is to cover, in lower case."""

    url: str
    method: str = "GET"
    payload: str = EMPTY
    """The SHA-256 of the body, in hex."""
    headers: Mapping[str, str] = field(default_factory=dict)


def signed(request: Signable, keys: Keys, now: dt.datetime) -> dict[str, str]:
    """The headers of the request: its own, and those that sign it."""
    parts, moment = urlsplit(request.url), now.strftime("%Y%m%dT%H%M%SZ")
    headers = {
        **request.headers,
        "host": parts.netloc,
        "x-amz-content-sha256": request.payload,
        "x-amz-date": moment,
    }
    if keys.session:
        headers["x-amz-security-token"] = keys.session
    names = ";".join(sorted(headers))
    lines = (f"{name}:{headers[name]}" for name in sorted(headers))
    canonical = "\n".join([request.method, parts.path, "", *lines, "", names, request.payload])
    scope = f"{moment[:8]}/{keys.region}/s3/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signature = hmac.new(_signing_key(keys, moment[:8]), to_sign.encode(), hashlib.sha256).hexdigest()
    authorization = f"AWS4-HMAC-SHA256 Credential={keys.access}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**{name: value for name, value in headers.items() if name != "host"}, "Authorization": authorization}


def _signing_key(keys: Keys, day: str) -> bytes:
    key = f"AWS4{keys.secret}".encode()
    for part in (day, keys.region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
