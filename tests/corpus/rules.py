"""Every CEL rule of the CRDs, with its place, and which cases say something about it."""

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

from tests.corpus import offline
from tests.corpus.cases import Case, Object, definitions, schema

from isochrone import admission

ITEM = "[]"
VALUE = "{}"

_MENTION = re.compile(r"\bself((?:\.[A-Za-z]\w*)+)(\()?")
_SUBSCRIPT = re.compile(r"\[[^\]]*\]")


@dataclasses.dataclass(frozen=True)
class RuleAt:
    """A rule where it stands. `steps` are names of fields, `[]` for items and `{}` for the values of a map."""

    kind: str
    steps: tuple[str, ...]
    rule: str
    message: str
    field: str

    @property
    def id(self) -> str:
        return f"{self.kind}.{self.path}: {self.message}"

    @property
    def path(self) -> str:
        return ".".join(self.steps).replace(f".{ITEM}", ITEM)

    @property
    def is_transition(self) -> bool:
        return "oldSelf" in self.rule

    @property
    def mentions(self) -> set[tuple[str, ...]]:
        """The fields that the rule reads, as steps below its place. A call's name is none."""
        found = ((match[1].split(".")[1:], bool(match[2])) for match in _MENTION.finditer(self.rule))
        return {tuple(steps[:-1] if is_call else steps) for steps, is_call in found}

    def places(self, obj: Any) -> list[Any]:
        """The parts of the object that the rule judges."""
        return list(_at(obj, self.steps))

    def refuses(self, case: Case) -> bool:
        """Whether the case was refused by this rule, in this place."""
        return any(
            refusal.message.endswith(f"Invalid value: {self.message}")
            and _SUBSCRIPT.sub(ITEM, refusal.field) == f"{self.path}{self.field}".lstrip(".")
            for refusal in case.expected or ()
        )


def all_rules() -> list[RuleAt]:
    return [found for kind, crd in definitions().items() for found in _rules(kind, schema(crd), ())]


def stored(case: Case) -> Object:
    """The object with all defaults, as the rules see it."""
    return admission.defaulted(offline.schemas()[case.kind], case.new)


def is_given(place: Any, steps: tuple[str, ...]) -> bool:
    """Whether the field is there, below a place."""
    return not steps or (isinstance(place, dict) and steps[0] in place and is_given(place[steps[0]], steps[1:]))


def _rules(kind: str, node: Object, steps: tuple[str, ...]) -> Iterator[RuleAt]:
    for each in node.get("x-kubernetes-validations", ()):
        yield RuleAt(kind, steps, each["rule"], each["message"], each.get("fieldPath", ""))
    for step, child in children(node):
        yield from _rules(kind, child, (*steps, step))


def children(node: Object) -> Iterator[tuple[str, Object]]:
    """The schemas below a schema."""
    yield from node.get("properties", {}).items()
    if isinstance(node.get("items"), dict):
        yield ITEM, node["items"]
    if isinstance(node.get("additionalProperties"), dict):
        yield VALUE, node["additionalProperties"]


def _at(value: Any, steps: tuple[str, ...]) -> Iterator[Any]:
    if not steps:
        yield value
        return
    match steps[0], value:
        case "[]", list() as items:
            below = items
        case "{}", dict() as fields:
            below = list(fields.values())
        case name, dict() as fields:
            below = [fields[name]] if name in fields else []
        case _:
            below = []
    for each in below:
        yield from _at(each, steps[1:])
