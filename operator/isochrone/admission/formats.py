"""String formats that the server checks; names are compared without dashes, all others are ignored.

Spec: k8s.io/kube-openapi/pkg/validation/strfmt and the list in apiextensions-apiserver's formats.go (release 1.37).
Formats that are not implemented here are refused when the CRD is read, never silently accepted.
"""

import ipaddress
import re
from collections.abc import Callable
from datetime import date
from typing import Final

from isochrone.admission import regex

_NUMERIC: Final = {"integer": ("int32", "int64"), "number": ("float", "double")}
_OTHERS: Final = (
    *("bsonobjectid", "uri", "email", "isbn", "isbn10", "isbn13", "creditcard"),
    *("ssn", "hexcolor", "rgbcolor", "mac", "hostname"),
)
_UUID: Final = r"(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?%s-?%s-?[0-9a-f]{12}$"
_NAME: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAME_LIMITS: Final = {"k8sshortname": 63, "k8slongname": 253}
_PATTERNS: Final = {
    "byte": r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$",
    "uuid": _UUID % ("[0-9a-f]{4}", "[0-9a-f]{4}"),
    "uuid3": _UUID % ("3[0-9a-f]{3}", "[0-9a-f]{4}"),
    "uuid4": _UUID % ("4[0-9a-f]{3}", "[89ab][0-9a-f]{3}"),
    "uuid5": _UUID % ("5[0-9a-f]{3}", "[89ab][0-9a-f]{3}"),
    "k8sshortname": f"^{_NAME}$",
    "k8slongname": rf"^{_NAME}(\.{_NAME})*$",
}
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK: Final = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|[+-][0-9]{2}:[0-9]{2})")
_GO_DURATION: Final = re.compile(
    r"[+-]?(0|([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))*)"
)
_GO_PARTS: Final = re.compile(r"([0-9]*\.?[0-9]*)(ns|us|µs|μs|ms|s|m|h)")
_GO_UNITS: Final = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
# "22 ns", "1 day", "3 weeks": a number and a unit anywhere in the text is enough.
_SCALA_DURATION: Final = re.compile(r"([0-9]+)[\t\n\f\r ]*([A-Za-zµ]+)")
_SCALA_EXACT: Final = frozenset({"ns", "us", "µs", "ms", "s", "m", "h", "hr", "d", "w", "wk"})
_SCALA_PREFIXES: Final = ("nano", "micro", "milli", "sec", "min", "hour", "day", "week")
_INT64: Final = 2**63 - 1


def checked(name: str, type_: str) -> str:
    """The format if the server looks at it for a schema of this type, else ""."""
    if type_ in ("", "string"):
        plain = name.replace("-", "")
        return name if plain in _CHECKS or plain in _OTHERS else ""
    return name if name in _NUMERIC.get(type_, ()) else ""


def implemented(name: str) -> bool:
    return name.replace("-", "") not in _OTHERS


def is_string_format(name: str) -> bool:
    return name.replace("-", "") in _CHECKS


def valid(name: str, text: str) -> bool:
    return _CHECKS[name.replace("-", "")](text)


def _matches(name: str) -> Callable[[str], bool]:
    limit = _NAME_LIMITS.get(name, _INT64)
    return lambda text: len(text.encode()) <= limit and regex.found(_PATTERNS[name], text)


def _is_date(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    year, month, day = (int(part) for part in text.split("-"))
    try:
        # Go knows the year 0, which is a leap year; so is 4.
        date(year or 4, month, day)
    except ValueError:
        return False
    return True


def _is_date_time(text: str) -> bool:
    day, separator, rest = text.lower().partition("t")
    # Go splits at every t and looks at the first two parts only.
    clock = _CLOCK.fullmatch(rest.split("t")[0])
    if not separator or not _is_date(day) or clock is None:
        return False
    return clock[1] <= "23" and clock[2] <= "59" and clock[3] <= "59"


def _is_duration(text: str) -> bool:
    if _GO_DURATION.fullmatch(text) and _go_nanoseconds(text) <= _INT64:
        return True
    found = _SCALA_DURATION.findall(text)
    if any(int(count) > _INT64 for count, _ in found):
        return False
    return any(unit.lower() in _SCALA_EXACT or unit.lower().startswith(_SCALA_PREFIXES) for _, unit in found)


def _go_nanoseconds(text: str) -> int:
    parts = _GO_PARTS.findall(text.lstrip("+-"))
    return sum(int(float(count) * _GO_UNITS[unit]) for count, unit in parts)


def _is_ipv4(text: str) -> bool:
    octets = text.split(".")
    # Leading zeros are tolerated, as Go before 1.17 did.
    if all(re.fullmatch(r"[0-9]+", octet) and int(octet) <= 255 for octet in octets):  # noqa: PLR2004 - an octet
        return len(octets) == 4  # noqa: PLR2004 - octets of an address
    return "." in text and _is_ipv6(text)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return ":" in text and "%" not in text


def _is_cidr(text: str) -> bool:
    address, slash, prefix = text.partition("/")
    if not slash or not re.fullmatch(r"[0-9]{1,8}", prefix):
        return False
    if ":" in address:
        return _is_ipv6(address) and int(prefix) <= 128  # noqa: PLR2004 - bits of an address
    return _is_ipv4(address) and int(prefix) <= 32  # noqa: PLR2004 - bits of an address


_CHECKS: Final[dict[str, Callable[[str], bool]]] = {
    **{name: _matches(name) for name in _PATTERNS},
    "date": _is_date,
    "datetime": _is_date_time,
    "duration": _is_duration,
    "ipv4": _is_ipv4,
    "ipv6": _is_ipv6,
    "cidr": _is_cidr,
    "password": lambda _: True,
}
