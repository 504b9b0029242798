"""Where spans go, as the standard variables say it (https://opentelemetry.io/docs/specs/otel/protocol/exporter/).

| variable                                              | says                                                   |
|-------------------------------------------------------|--------------------------------------------------------|
| `OTEL_EXPORTER_OTLP_ENDPOINT`                         | the collector; `/v1/traces` is added                   |
| `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`                  | the same, used as it is                                |
| `OTEL_EXPORTER_OTLP_HEADERS`                          | headers to send, `name=value,...` with %-escapes       |
| `OTEL_EXPORTER_OTLP_TIMEOUT`                          | milliseconds for one request (10000)                   |
| `OTEL_EXPORTER_OTLP_COMPRESSION`                      | `gzip`, which is the default here, or `none`           |
| `OTEL_EXPORTER_OTLP_CERTIFICATE`                      | a file of authorities to trust instead of the system's |
| `OTEL_EXPORTER_OTLP_PROTOCOL`                         | `http/json`; see below                                 |
| `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`       | what all spans have in common                          |
| `OTEL_SDK_DISABLED=true`, `OTEL_TRACES_EXPORTER=none` | that nothing is sent                                   |

Those of `OTEL_EXPORTER_OTLP_*` may be said for traces alone: `OTEL_EXPORTER_OTLP_TRACES_*`. An empty variable is none.

Spans are sent as JSON over HTTP. Whoever takes `http/protobuf` should take JSON at the same address, by the same
standard; a gRPC port doesn't, so `grpc` is an error and not a stream of failures.
"""

import dataclasses
import pathlib
import re
import urllib.parse
from collections.abc import Mapping
from typing import Final

_PREFIX: Final = "OTEL_EXPORTER_OTLP_"
_PATH: Final = "/v1/traces"
_TIMEOUT_MS: Final = "10000"
_SERVICE: Final = "isochrone-gateway"
_PROTOCOLS: Final = frozenset({"", "http/json", "http/protobuf"})
_COMPRESSIONS: Final = {"": True, "gzip": True, "none": False}
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_MAX_TIMEOUT_MS: Final = 600_000


class CollectorError(ValueError):
    """A setting can't be used; the message names it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Collector:
    """Where spans go, and how."""

    is_secure: bool
    host: str
    port: int
    path: str
    headers: Mapping[str, str]
    timeout: float
    """Seconds."""
    zips: bool
    certificate: str | None
    resource: Mapping[str, str]


def find_collector(environ: Mapping[str, str], url: str | None = None) -> Collector | None:
    """Read the variables; None if spans go nowhere. `url` is said instead of `OTEL_EXPORTER_OTLP_ENDPOINT`.

    Raises CollectorError.
    """
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER") == "none":
        return None
    source, endpoint = _endpoint(environ, url)
    if not endpoint:
        return None
    is_secure, host, port, path = _parts(source, endpoint)
    name, protocol = _said(environ, "PROTOCOL")
    if protocol not in _PROTOCOLS:
        raise CollectorError(f"{name}: {protocol!r} is not spoken here; say http/json, at the collector's HTTP port")
    name, compression = _said(environ, "COMPRESSION")
    if compression not in _COMPRESSIONS:
        raise CollectorError(f"{name}: {compression!r} is neither gzip nor none")
    return Collector(
        is_secure=is_secure,
        host=host,
        port=port,
        path=path,
        headers=_headers(environ),
        timeout=_timeout(environ),
        zips=_COMPRESSIONS[compression],
        certificate=_certificate(environ),
        resource=_resource(environ),
    )


def _said(environ: Mapping[str, str], what: str) -> tuple[str, str]:
    """Give the variable that decides, and its value."""
    own = f"{_PREFIX}TRACES_{what}"
    name = own if environ.get(own) else _PREFIX + what
    return name, environ.get(name, "").strip()


def _endpoint(environ: Mapping[str, str], url: str | None) -> tuple[str, str]:
    if url:
        return "--otlp", url.rstrip("/") + _PATH
    name, value = _said(environ, "ENDPOINT")
    is_whole = name.endswith("TRACES_ENDPOINT") or not value
    return name, value if is_whole else value.rstrip("/") + _PATH


def _parts(source: str, endpoint: str) -> tuple[bool, str, int, str]:
    try:
        parts = urllib.parse.urlsplit(endpoint)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise CollectorError(f"{source}: {endpoint!r}: {error}") from error
    if parts.scheme not in {"http", "https"} or not host or not endpoint.isprintable() or " " in endpoint:
        raise CollectorError(f"{source}: {endpoint!r} is no http:// or https:// address")
    if parts.username is not None:
        raise CollectorError(f"{source}: has a user name in it; say credentials in {_PREFIX}HEADERS")
    is_secure = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return is_secure, host, port or (443 if is_secure else 80), urllib.parse.quote(path, safe="/?&=%:@!$'()*+,;~")


def _headers(environ: Mapping[str, str]) -> dict[str, str]:
    """Values are credentials, so none is ever repeated in a message."""
    name, value = _said(environ, "HEADERS")
    found = _pairs(name, value)
    for key, text in found.items():
        if not _HEADER_NAME.fullmatch(key) or not _HEADER_VALUE.fullmatch(text):
            raise CollectorError(f"{name}: a header's name or value has a character that none may have")
    return found


def _timeout(environ: Mapping[str, str]) -> float:
    name, value = _said(environ, "TIMEOUT")
    value = value or _TIMEOUT_MS
    if not value.isdecimal() or not 0 < int(value) <= _MAX_TIMEOUT_MS:
        raise CollectorError(f"{name}: {value!r} is no number of milliseconds up to {_MAX_TIMEOUT_MS}")
    return int(value) / 1_000


def _certificate(environ: Mapping[str, str]) -> str | None:
    name, value = _said(environ, "CERTIFICATE")
    if value and not pathlib.Path(value).is_file():
        raise CollectorError(f"{name}: there is no file {value}")
    return value or None


def _resource(environ: Mapping[str, str]) -> dict[str, str]:
    name = "OTEL_RESOURCE_ATTRIBUTES"
    found = {"service.name": _SERVICE, **_pairs(name, environ.get(name, ""))}
    service = environ.get("OTEL_SERVICE_NAME")
    return {**found, "service.name": service} if service else found


def _pairs(name: str, text: str) -> dict[str, str]:
    """`key=value,key=value`, values with %-escapes, as in W3C Baggage."""
    found = {}
    for pair in filter(None, map(str.strip, text.split(","))):
        key, separator, value = pair.partition("=")
        if not separator or not key.strip():
            raise CollectorError(f"{name}: has a part that is not NAME=VALUE")
        found[key.strip()] = urllib.parse.unquote(value.strip())
    return found
