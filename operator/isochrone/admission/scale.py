"""The scale subresource: where the replica counts and the selector are, and that they are numbers and text.

Spec: ValidateScaleSpec and ValidateScaleStatus in apiextensions-apiserver's customresource/validator.go (release 1.37).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from isochrone.admission import gotext
from isochrone.admission.finding import Finding, invalid

_MAX_INT32: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Scale:
    spec_replicas: str
    status_replicas: str
    selector: str | None

    @classmethod
    def parse(cls, scale: Mapping[str, Any]) -> "Scale":
        return cls(scale["specReplicasPath"], scale["statusReplicasPath"], scale.get("labelSelectorPath"))

    def validate(self, obj: dict[str, Any]) -> Iterator[Finding]:
        yield from _count(obj, self.spec_replicas)
        yield from _count(obj, self.status_replicas)
        if self.selector is not None:
            yield from _text(obj, self.selector)


def _count(obj: dict[str, Any], path: str) -> Iterator[Finding]:
    count, problem = _at(obj, path, (int,), "int64")
    if problem:
        yield invalid(path, 0, problem)
    elif count is not None and count < 0:
        yield invalid(path, count, "should be a non-negative integer")
    elif count is not None and count > _MAX_INT32:
        yield invalid(path, count, f"should be less than or equal to {_MAX_INT32}")


def _text(obj: dict[str, Any], path: str) -> Iterator[Finding]:
    _, problem = _at(obj, path, (str,), "string")
    if problem:
        yield invalid(path, "", problem)


def _at(obj: dict[str, Any], path: str, types: tuple[type, ...], expected: str) -> tuple[Any, str]:
    value: Any = obj
    walked = ""
    for name in path.removeprefix(".").split("."):
        walked += f".{name}"
        if not isinstance(value, dict):
            return None, "" if value is None else _problem(walked, value, "map[string]interface{}")
        if name not in value:
            return None, ""
        value = value[name]
    if not isinstance(value, types) or isinstance(value, bool):
        return None, _problem(walked, value, expected)
    return value, ""


def _problem(path: str, value: Any, expected: str) -> str:
    return (
        f"{path} accessor error: {gotext.scalar(value)} is of the type {gotext.type_name(value)}, expected {expected}"
    )
