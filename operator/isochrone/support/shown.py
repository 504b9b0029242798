"""An object as somebody may see it who helps: what it is and how it is, without what is nobody else's business."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from isochrone.support.scrubbing import REDACTED, Scrubber

Json = Mapping[str, Any]

_OURS: Final = ("isochrone.dev/", "pod.isochrone.dev/", "deployment.kubernetes.io/revision")
"""Annotations whose values are told; of others, only their names are."""
_UNTOLD: Final = frozenset({"managedFields", "selfLink"})
_SECRET_FIELD: Final = re.compile(
    r"(?i)(?:token|passw(?:or)?d|secret|api[-_]?key|private[-_]?key|credentials?|authorization|ca-?bundle|csr)$"
)
_SECRET_OPTION: Final = re.compile(r"(?i)^--?[\w-]*(?:key|token|secret|passw(?:or)?d|credential)[\w-]*$")
_NAMED_VALUES: Final = frozenset({"env", "httpHeaders"})
_COMMANDS: Final = frozenset({"args", "command"})


def shown(item: Json, scrubber: Scrubber) -> Json:
    """What is told of it."""
    known = {key: value for key, value in item.items() if key in {"apiVersion", "kind", "type", "immutable"}}
    metadata = _metadata(item.get("metadata") or {}, scrubber)
    if item.get("kind") in {"Secret", "ConfigMap"}:
        return {**known, "metadata": metadata, "bytes": sizes(item)}
    rest = {key: value for key, value in item.items() if key not in {"metadata", *known}}
    if item.get("kind") == "InferenceTenant":
        rest["spec"] = _tenant(rest.get("spec") or {})
    return {**known, "metadata": metadata, **told("", rest, scrubber)}


def sizes(item: Json) -> dict[str, int]:
    """Key -> characters, as they are stored."""
    return {
        key: len(str(value))
        for field in ("data", "binaryData", "stringData")
        for key, value in sorted((item.get(field) or {}).items())
    }


def _metadata(metadata: Json, scrubber: Scrubber) -> Json:
    found = {key: value for key, value in metadata.items() if key not in _UNTOLD}
    annotations = found.pop("annotations", None) or {}
    rest: dict[str, Any] = told("", found, scrubber)
    if annotations:
        rest["annotations"] = {
            key: scrubber.text(str(value)) if key.startswith(_OURS) else REDACTED for key, value in annotations.items()
        }
    return rest


def _tenant(spec: Json) -> Json:
    """Who has a key's hash can tell whether a key that he finds is of this tenant."""
    keys = [{**each, "sha256": REDACTED} for each in spec.get("keys") or ()]
    return {**spec, "keys": keys} if keys else spec


def told(field: str, value: Any, scrubber: Scrubber) -> Any:
    """A value of a field with that name, and all that is in it."""
    if isinstance(value, Mapping):
        return {str(key): told(str(key), each, scrubber) for key, each in value.items()}
    if isinstance(value, list | tuple):
        if field in _NAMED_VALUES:
            return [_named_value(each, scrubber) for each in value]
        return list(_arguments(value, scrubber)) if field in _COMMANDS else [told("", each, scrubber) for each in value]
    if not isinstance(value, str):
        return value
    return REDACTED if _SECRET_FIELD.search(field) else scrubber.text(value)


def _named_value(entry: Any, scrubber: Scrubber) -> Any:
    """A variable of the environment, or a header: where its value is from, but not the value."""
    if not isinstance(entry, Mapping):
        return REDACTED
    rest = {key: told(key, each, scrubber) for key, each in entry.items() if key != "value"}
    return {**rest, "value": REDACTED} if "value" in entry else rest


def _arguments(words: Any, scrubber: Scrubber) -> Iterator[Any]:
    """Those of a program. What follows an option for a key or a token is one."""
    is_secret = False
    for word in words:
        yield REDACTED if is_secret else told("", word, scrubber)
        is_secret = isinstance(word, str) and bool(_SECRET_OPTION.match(word))
