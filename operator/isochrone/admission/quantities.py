"""Kubernetes quantities as exact fractions: parsing, and the text by which CEL carries them.

Spec: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/ and
k8s.io/apimachinery/pkg/api/resource (release 1.37): at most nano precision, rounded away from zero; binary ones are
capped at 2^63-1.
"""

import re
from fractions import Fraction
from typing import Final

# Looser than the documented grammar: the server reads "Gi", "." and "+" as zero.
_SYNTAX: Final = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)")
_EXPONENT: Final = re.compile(r"[eE][+-]?[0-9]+")
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY: Final = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_NANO: Final = 10**9
_INT64_MAX: Final = 2**63 - 1
# Beyond this Go's result depends on its overflow; no quantity of anything is that large.
_MAX_EXPONENT: Final = 1000


def parse(text: str) -> Fraction:
    """Raises ValueError, with the server's sentence, for what is no quantity."""
    found = _SYNTAX.fullmatch(text)
    if not text or found is None:
        raise ValueError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    sign, whole, part, suffix = found[1], found[2], found[3] or "", found[4]
    amount = Fraction(int(whole + part or "0"), 10 ** len(part)) * _factor(suffix)
    rounded = Fraction(-(-amount * _NANO // 1), _NANO)
    if suffix in _BINARY:
        rounded = min(rounded, Fraction(_INT64_MAX))
    return -rounded if sign == "-" else rounded


def _factor(suffix: str) -> Fraction:
    if suffix in _BINARY:
        return Fraction(2 ** _BINARY[suffix])
    if suffix not in _DECIMAL and not _EXPONENT.fullmatch(suffix):
        raise ValueError("unable to parse quantity's suffix")
    exponent = _DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:])
    if abs(exponent) > _MAX_EXPONENT:
        raise ValueError("unable to parse quantity's suffix")
    return Fraction(10) ** exponent


def is_quantity(text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def text(amount: Fraction) -> str:
    """One text per amount, so that equal quantities are equal strings."""
    return f"{amount.numerator}/{amount.denominator}"


def from_text(carried: str) -> Fraction:
    return Fraction(carried)


def as_integer(amount: Fraction) -> int:
    if amount.denominator != 1 or not -(2**63) <= amount <= _INT64_MAX:
        raise ValueError("cannot convert value to integer")
    return amount.numerator
