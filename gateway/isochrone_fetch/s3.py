"""Objects of an S3-compatible store, by path-style URLs, signed where there are keys."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from isochrone_fetch.http import Request
from isochrone_fetch.sigv4 import REGION, Keys, Signable, signed

Now = Callable[[], dt.datetime]


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
        return Request(url, signed(Signable(url), self.keys, self.now()) if self.keys else {})


def endpoint_of(region: str) -> str:
    return f"https://s3.{region}.amazonaws.com"


def keys(environment: Mapping[str, str]) -> Keys | None:
    """Keys by the names that all tools use; None without them."""
    access, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    if not access or not secret:
        return None
    return Keys(access, secret, environment.get("AWS_SESSION_TOKEN") or None, region(environment))


def region(environment: Mapping[str, str]) -> str:
    return environment.get("AWS_REGION") or REGION
