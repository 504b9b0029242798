"""Syntax of names, labels and annotations, with the server's sentences.

Spec: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ and .../labels/; the wording is that of
k8s.io/apimachinery/pkg/api/validate/content (release 1.37). Lengths are counted in bytes, whatever the sentence says.
"""

import re
from typing import Final

_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035: Final = "[a-z]([-a-z0-9]*[a-z0-9])?"
_KEY: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE: Final = f"({_KEY})?"

_LABEL_RULE: Final = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character"
)
_SUBDOMAIN_RULE: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character"
)
_LABEL_1035_RULE: Final = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
    "start with an alphabetic character, and end with an alphanumeric character"
)
_KEY_RULE: Final = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)
_VALUE_RULE: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character"
)
_MAX_LABEL: Final = 63
_MAX_SUBDOMAIN: Final = 253


def subdomain(text: str, *, unit: str = "characters") -> list[str]:
    return _too_long(text, _MAX_SUBDOMAIN, unit) + _mismatch(text, _SUBDOMAIN, _SUBDOMAIN_RULE, "example.com")


def label(text: str) -> list[str]:
    faults = _too_long(text, _MAX_LABEL, "characters")
    if not _full(_LABEL, text) and _full(_SUBDOMAIN, text):
        return [*faults, "must not contain dots"]
    return faults + _mismatch(text, _LABEL, _LABEL_RULE, "my-name", "123-abc")


def label_1035(text: str) -> list[str]:
    return _too_long(text, _MAX_LABEL, "characters") + _mismatch(
        text, _LABEL_1035, _LABEL_1035_RULE, "my-name", "abc-123"
    )


def prefix(text: str) -> str:
    """The generateName as it is checked: a dash at its end is fine, random characters follow."""
    return text[:-2] + "a" if len(text) > 1 and text.endswith("-") else text


def qualified(text: str) -> list[str]:
    """Keys of labels and annotations, and finalizers."""
    parts = text.split("/")
    examples = ("MyName", "my.name", "123-abc")
    if len(parts) > 2:  # noqa: PLR2004 - prefix/name
        fault = _regex_fault(_KEY_RULE, _KEY, *examples)
        return [f"a valid label key {fault} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    faults: list[str] = []
    if len(parts) == 2:  # noqa: PLR2004 - prefix/name
        faults = (
            [f"prefix part {fault}" for fault in subdomain(parts[0], unit="bytes")]
            if parts[0]
            else ["prefix part must be non-empty"]
        )
    name = parts[-1]
    if not name:
        faults.append("name part must be non-empty")
    faults += [f"name part {fault}" for fault in _too_long(name, _MAX_LABEL)]
    return faults + [f"name part {fault}" for fault in _mismatch(name, _KEY, _KEY_RULE, *examples)]


def label_value(text: str) -> list[str]:
    return _too_long(text, _MAX_LABEL) + _mismatch(text, _VALUE, _VALUE_RULE, "MyValue", "my_value", "12345")


def path_segment(text: str) -> list[str]:
    """What every object's name must be, on updates too: one segment of a URL path."""
    if text in (".", ".."):
        return [f"may not be '{text}'"]
    return [f"may not contain '{char}'" for char in "/%" if char in text]


def _too_long(text: str, limit: int, unit: str = "bytes") -> list[str]:
    return [f"must be no more than {limit} {unit}"] if len(text.encode()) > limit else []


def _mismatch(text: str, pattern: str, rule: str, *examples: str) -> list[str]:
    return [] if _full(pattern, text) else [_regex_fault(rule, pattern, *examples)]


def _regex_fault(rule: str, pattern: str, *examples: str) -> str:
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{rule} (e.g. {shown}regex used for validation is '{pattern}')"


def _full(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern, text) is not None
