"""Objects of an S3-compatible store, by path-style URLs, signed where there are keys (AWS Signature Version 4).

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html. Only GETs without query are
signed, and the body is none: that is all of S3 that is needed here.
"""

import datetime as dt
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlsplit

from isochrone_fetch.http import Request

_EMPTY: Final = hashlib.sha256(b"").hexdigest()
_REGION: Final = "us-east-1"

Now = Callable[[], dt.datetime]


@dataclass(frozen=True)
class Keys:
    """What signs requests."""

    access: str
    secret: str = field(repr=False)
    session: str | None = field(default=None, repr=False)
    region: str = _REGION


@dataclass(frozen=True)
class Bucket:
    """Objects of a bucket whose keys begin alike."""

    endpoint: str
    name: str
    prefix: str
    keys: Keys | None
    now: Now

    def request(self, path: str) -> Request:
        target = "/" + quote(f"{self.name}/{self.prefix}{path}", safe="/-_.~")
        url = self.endpoint.rstrip("/") + target
        return Request(url, signed(url, self.keys, self.now()) if self.keys else {})


def endpoint_of(region: str) -> str:
    return f"https://s3.{region}.amazonaws.com"


def keys(environment: Mapping[str, str]) -> Keys | None:
    """Keys by the names that all tools use; None without them."""
    access, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    if not access or not secret:
        return None
    return Keys(access, secret, environment.get("AWS_SESSION_TOKEN") or None, region(environment))


def region(environment: Mapping[str, str]) -> str:
    return environment.get("AWS_REGION") or _REGION


def signed(url: str, keys: Keys, now: dt.datetime) -> dict[str, str]:
    """The headers that sign a GET of this URL."""
    parts, moment = urlsplit(url), now.strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": parts.netloc, "x-amz-content-sha256": _EMPTY, "x-amz-date": moment}
    if keys.session:
        headers["x-amz-security-token"] = keys.session
    names = ";".join(sorted(headers))
    canonical = "\n".join(
        ["GET", parts.path, "", *(f"{name}:{headers[name]}" for name in sorted(headers)), "", names, _EMPTY]
    )
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
