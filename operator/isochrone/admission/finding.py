"""One reason why the API server refuses an object, worded as `status.details.causes[]` words it.

Spec: k8s.io/apimachinery/pkg/util/validation/field (release 1.37), `Error.ErrorBody`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from isochrone.admission import gotext


class Kind(StrEnum):
    """`reason` of a cause; the first two are 400s, which have no causes, the others 422s."""

    BAD_REQUEST = "BadRequest"
    UNKNOWN_FIELD = "UnknownField"
    REQUIRED = "FieldValueRequired"
    INVALID = "FieldValueInvalid"
    TYPE_INVALID = "FieldValueTypeInvalid"
    NOT_SUPPORTED = "FieldValueNotSupported"
    DUPLICATE = "FieldValueDuplicate"
    TOO_LONG = "FieldValueTooLong"
    TOO_MANY = "FieldValueTooMany"
    FORBIDDEN = "FieldValueForbidden"


ROOT: Final = "<nil>"
OMITTED: Final = object()

_WORDS: Final = {
    Kind.INVALID: "Invalid value",
    Kind.TYPE_INVALID: "Invalid value",
    Kind.NOT_SUPPORTED: "Unsupported value",
    Kind.DUPLICATE: "Duplicate value",
    Kind.TOO_MANY: "Too many",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """`path` is the cause's `field` ("<nil>" for the whole object), `rule` the CEL rule that failed, if one did."""

    path: str
    message: str
    kind: Kind
    rule: str | None = None

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def child(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def subscript(path: str, key: str | int) -> str:
    return f"{path}[{key}]"


def finding(kind: Kind, path: str, value: Any, detail: str, *, rule: str | None = None) -> Finding:
    """For the kinds whose message shows the value."""
    shown = "" if value is OMITTED else f": {_shown(value)}"
    return Finding(path or ROOT, f"{_WORDS[kind]}{shown}{_tail(detail)}", kind, rule)


def invalid(path: str, value: Any, detail: str, *, rule: str | None = None) -> Finding:
    return finding(Kind.INVALID, path, value, detail, rule=rule)


def duplicate(path: str, value: Any, *, rule: str | None = None) -> Finding:
    return finding(Kind.DUPLICATE, path, value, "", rule=rule)


def not_supported(path: str, value: Any, supported: Sequence[str]) -> Finding:
    return finding(Kind.NOT_SUPPORTED, path, value, "supported values: " + ", ".join(map(gotext.quote, supported)))


def required(path: str, detail: str = "", *, rule: str | None = None) -> Finding:
    return Finding(path or ROOT, f"Required value{_tail(detail)}", Kind.REQUIRED, rule)


def forbidden(path: str, detail: str, *, rule: str | None = None) -> Finding:
    return Finding(path or ROOT, f"Forbidden{_tail(detail)}", Kind.FORBIDDEN, rule)


def too_long(path: str, limit: int) -> Finding:
    return Finding(
        path or ROOT, f"Too long: may not be more than {limit} byte{'' if limit == 1 else 's'}", Kind.TOO_LONG
    )


def too_many(path: str, actual: int, limit: int) -> Finding:
    items = "item" if limit == 1 else "items"
    return Finding(path or ROOT, f"Too many: {actual}: must have at most {limit} {items}", Kind.TOO_MANY)


def _shown(value: Any) -> str:
    match value:
        case str():
            return gotext.quote(value)
        case bool() | int() | float():
            return gotext.scalar(value)
        case _:
            return gotext.json_text(value)


def _tail(detail: str) -> str:
    return f": {detail}" if detail else ""
