"""What a scalar means to kubectl: YAML 1.1, as go.yaml.in/yaml/v2 reads it and JSON then carries it.

PyYAML reads some scalars differently, so its resolver is not used. Where the two part:

| written       | here                         | PyYAML               |
|---------------|------------------------------|----------------------|
| `y`, `N`      | boolean                      | string               |
| `12:30:45`    | string                       | 45045 (base 60)      |
| `2026-01-27`  | string                       | date                 |
| `1e3`, `08`   | number                       | string               |
| `0o17`        | 15                           | string               |
| `1.0`         | 1, since JSON carries it     | 1.0                  |
| `!!set`, `!x` | the tag is ignored           | a set; refused       |

Specs: resolve.go of that library (v2.4.4), `strconv` of Go, and `float64Encoder` of Go's encoding/json.
"""

import base64
import binascii
import decimal
import math
import re
import struct
from typing import Final

Value = str | int | float | bool | None

_PREFIX: Final = "tag:yaml.org,2002:"
MERGE: Final = f"{_PREFIX}merge"
_BINARY: Final = f"{_PREFIX}binary"

_WORDS: Final[dict[str, Value]] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INTEGER: Final = re.compile(r"([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_TIMESTAMP: Final = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    r"([Tt][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}([.][0-9]*)?(Z|[+-][0-9]{2}:[0-9]{2})"
    r"| [0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}([.][0-9]*)?)?"
)
_WITHOUT_EXPONENT: Final = range(-4, 6)
_BASES: Final = {"x": 16, "b": 2, "o": 8}
_LONGEST: Final = 70
"""No 64-bit integer needs more characters in any base, unless it begins with zeros."""
_INT64: Final = range(-(2**63), 2**63)
_UINT64: Final = range(2**64)
_NAMES: Final = {bool: "bool", int: "int", float: "float", str: "str", type(None): "null"}


def resolve(tag: str, text: str) -> Value:
    """What a scalar with this tag ('' for none) stands for. Raises ValueError where they don't fit each other."""
    short = tag.removeprefix(_PREFIX)
    if tag == _BINARY:
        return _from_base64(text)
    if (tag and short == tag) or short not in {"", "bool", "int", "float", "null", "timestamp"}:
        return text
    value = _untagged(text)
    if short == "float" and type(value) is int:
        return float(value)
    found = "timestamp" if isinstance(value, str) and _TIMESTAMP.fullmatch(value) else _NAMES[type(value)]
    if short not in {"", found}:
        raise ValueError(f"cannot decode !!{found} `{text}` as a !!{short}")
    return value


def carried(value: Value) -> Value:
    """What is left of a value after a way through JSON: whole numbers are int64 where they fit, else floats.

    Raises ValueError for infinity and NaN.
    """
    match value:
        case bool() | str() | None:
            return value
        case int():
            return value if value in _INT64 else float(value)
        case _ if not math.isfinite(value):
            raise ValueError(f"JSON has no number {value}")
        case _:
            # Go writes the fewest digits that name the float and fills up with zeros, which needn't be its value.
            written = decimal.Decimal(repr(value))
            return int(written) if value.is_integer() and int(written) in _INT64 else value


def key(value: Value) -> str:
    """The string that a key of an object becomes. Raises ValueError for null, and for integers beyond int64."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() if value in _INT64:
            return str(value)
        case float():
            return _shortest(value)
        case _:
            raise ValueError(f"{'null' if value is None else value} is no name for a field: put it in quotes")


def _untagged(text: str) -> Value:
    if text in _WORDS:
        return _WORDS[text]
    if text[0] == ".":
        return _float(text) if _FLOAT.fullmatch(text) else text
    if text[0] not in "+-0123456789":
        return text
    digits = text.replace("_", "")
    integer = _integer(digits)
    if integer is not None:
        return integer
    return text if not _FLOAT.fullmatch(digits) or (value := _float(digits)) == digits else value


def _integer(digits: str) -> int | None:
    matched = _INTEGER.fullmatch(digits)
    if matched is None or len(digits) > _LONGEST:
        return None
    sign, body = matched.groups()
    base = _BASES.get(body[1:2].lower(), 8 if body.startswith("0") else 10)
    value = int(body[2:] if base != 10 and body[1:2].isalpha() else body, base)  # noqa: PLR2004 - decimal
    signed = -value if sign == "-" else value
    fits = signed in _INT64 or (not sign and signed in _UINT64)
    return signed if fits else None


def _float(text: str) -> float | str:
    """As `strconv.ParseFloat`: what is too large for a float stays text."""
    value = float(text)
    return text if math.isinf(value) else value


def _from_base64(text: str) -> str:
    try:
        return base64.b64decode("".join(text.split("\n")), validate=True).decode(errors="replace")
    except binascii.Error as error:
        raise ValueError("!!binary value contains invalid base64 data") from error


def _shortest(value: float) -> str:
    """As `strconv.FormatFloat(value, 'g', -1, 32)`: the fewest digits that are the same in single precision."""
    single = _single(value)
    if not math.isfinite(single):
        return ".nan" if math.isnan(single) else ".inf" if single > 0 else "-.inf"
    shown = next(text for places in range(9) if _single(float(text := f"{single:.{places}e}")) == single)
    mantissa, _, exponent = shown.partition("e")
    if int(exponent) in _WITHOUT_EXPONENT:
        return f"{single:.{max(0, len(mantissa.lstrip('-').replace('.', '')) - 1 - int(exponent))}f}"
    return shown


def _single(value: float) -> float:
    try:
        narrowed: float = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return narrowed
