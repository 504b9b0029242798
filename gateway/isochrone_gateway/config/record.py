"""What every record of the contract shares, and the scalar types they are made of.

Conventions, the same everywhere: camelCase on the wire; durations are whole milliseconds and end in `Ms`; sizes are
bytes; money is a decimal string; instants are RFC 3339. A field at its default is not written, so a default never
changes within one major version. Tuples are ordered, sets are not. Patterns are read alike by Python and by JSON
Schema (ECMA 262).
"""

import datetime as dt
from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class Record(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    gc=False,
    forbid_unknown_fields=True,
    omit_defaults=True,
    rename="camel",
):
    """An immutable record that refuses fields that it doesn't know.

    Records hold no cycles, so the garbage collector need not look at them (`gc=False`).
    """


def whole(pattern: str, *, max_length: int | None = None) -> Meta:
    """Text that matches from its first to its very last character.

    Python's `$` also matches before a final newline, which would let one into file names and headers.
    """
    return Meta(pattern=rf"^(?:{pattern})$(?!\n)", max_length=max_length)


_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_HOST = rf"(\[[0-9a-f:.]+\]|{_LABEL}(\.{_LABEL})*)"
_PORT = "(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
_SEGMENT = "[A-Za-z0-9_-][A-Za-z0-9._-]*"  # never starts with a dot, so neither `.` nor `..` is one

Name = Annotated[str, whole(rf"{_LABEL}(\.{_LABEL})*", max_length=253)]
QualifiedName = Annotated[str, whole(rf"{_LABEL}/{_LABEL}(\.{_LABEL})*", max_length=317)]
ModelName = Annotated[str, whole("[A-Za-z0-9][A-Za-z0-9._:/@-]*", max_length=128)]
UpstreamModel = Annotated[str, Meta(min_length=1, max_length=256)]
DataClass = Annotated[str, whole(_LABEL, max_length=63)]
Jurisdiction = Annotated[str, whole("[A-Z]{2}(-[A-Z0-9]{1,3})?")]
Country = Annotated[str, whole("[A-Z]{2}")]
Area = Annotated[str, whole("[A-Z][A-Za-z0-9-]{0,30}")]

Milliseconds = Annotated[int, Meta(ge=0, le=31_622_400_000)]  # a leap year; a typo in units shows
Bytes = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Positive = Annotated[int, Meta(ge=1, le=2**53 - 1)]
Percent = Annotated[int, Meta(ge=0, le=100)]
Index0 = Annotated[int, Meta(ge=0, le=1_000_000)]
Port = Annotated[int, Meta(ge=1, le=65535)]

Money = Annotated[str, whole(r"(0|[1-9][0-9]{0,8})(\.[0-9]{1,9})?")]
Currency = Literal["USD"]
Sha256 = Annotated[str, whole("[0-9a-f]{64}")]

Hostname = Name
Address = Annotated[str, whole(f"{_HOST}:[0-9]{{1,5}}", max_length=261)]
BaseUrl = Annotated[str, whole(f"https?://{_HOST}(:{_PORT})?(/[A-Za-z0-9._~%:@-]+)*/?", max_length=512)]
Instant = Annotated[dt.datetime, Meta(tz=True)]
UrlPath = Annotated[str, whole("/[A-Za-z0-9._~%/-]*", max_length=256)]
Cidr = Annotated[str, whole("[0-9a-f.:]{2,45}/[0-9]{1,3}")]
WebOrigin = Annotated[str, whole(r"([*]|https?://[a-z0-9.:-]+)", max_length=256)]
HeaderName = Annotated[str, whole("[a-z0-9][a-z0-9-]*", max_length=64)]
HeaderValue = Annotated[str, whole("[!-~]([ -~]*[!-~])?", max_length=256)]
SecretFile = Annotated[str, whole(f"{_SEGMENT}(/{_SEGMENT})*", max_length=512)]
