"""How the API server prints values: its messages quote them with Go's `%q`, `%v` and `encoding/json`."""

import json
import math
import re
from decimal import Decimal
from typing import Any, Final

_SHORT_ESCAPES: Final = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
    '"': '\\"',
}
_HTML: Final = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_HTML_PATTERN: Final = re.compile("[<>&\u2028\u2029]")
# From here on strconv and encoding/json switch to an exponent.
_V_EXPONENTS: Final = range(-4, 6)
_JSON_EXPONENTS: Final = range(-6, 21)


def quote(text: str) -> str:
    """Go's strconv.Quote, which is `%q` of a string."""
    return '"' + "".join(_quoted(char) for char in text) + '"'


def _quoted(char: str) -> str:
    if short := _SHORT_ESCAPES.get(char):
        return short
    if char.isprintable():
        return char
    code = ord(char)
    if char.isascii():
        return f"\\x{code:02x}"
    return f"\\U{code:08x}" if char > "\uffff" else f"\\u{code:04x}"


def number(value: float) -> str:
    """Go's `%v` of a float64 (exponents from 1e+06 on) or of an int64."""
    return str(value) if isinstance(value, int) else _float(value, _V_EXPONENTS, pad=2)


def _float(value: float, plain: range, *, pad: int) -> str:
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    if not isinstance(exponent, int):
        raise TypeError(f"not a JSON number: {value}")
    text, point = "".join(map(str, digits)), len(digits) + exponent
    body = _plain(text, point) if point - 1 in plain else _scientific(text, point - 1, pad)
    return ("-" if sign else "") + body


def _plain(digits: str, point: int) -> str:
    if point <= 0:
        return "0." + "0" * -point + digits
    if point >= len(digits):
        return digits + "0" * (point - len(digits))
    return digits[:point] + "." + digits[point:]


def _scientific(digits: str, exponent: int, pad: int) -> str:
    mantissa = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    width = pad if exponent < 0 else 2
    return f"{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):0{width}d}"


def scalar(value: Any) -> str:
    """Go's `%v` of anything that JSON holds."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return number(value)
        case list():
            return "[" + " ".join(map(scalar, value)) + "]"
        case dict():
            return "map[" + " ".join(f"{key}:{scalar(value[key])}" for key in sorted(value)) + "]"
        case _:
            return str(value)


def json_text(value: Any) -> str:
    """Go's json.Marshal: sorted keys, no blanks, HTML characters escaped."""
    match value:
        case float():
            return _float(value, _JSON_EXPONENTS, pad=1)
        case str():
            return _HTML_PATTERN.sub(lambda found: _HTML[found[0]], json.dumps(value, ensure_ascii=False))
        case list():
            return "[" + ",".join(map(json_text, value)) + "]"
        case dict():
            return "{" + ",".join(f"{json_text(key)}:{json_text(value[key])}" for key in _by_bytes(value)) + "}"
        case _:
            return json.dumps(value)


def _by_bytes(value: dict[str, Any]) -> list[str]:
    return sorted(value, key=str.encode)


_TYPE_NAMES: Final = {
    type(None): ("<nil>", "null"),
    bool: ("bool", "bool"),
    int: ("int64", "number"),
    float: ("float64", "number"),
    str: ("string", "string"),
    list: ("[]interface {}", "array"),
    dict: ("map[string]interface {}", "object"),
}


def type_name(value: Any) -> str:
    """Go's `%T` of a decoded JSON value."""
    return _TYPE_NAMES[type(value)][0]


def json_kind(value: Any) -> str:
    """The word that encoding/json uses for a value that it cannot store."""
    return _TYPE_NAMES[type(value)][1]
