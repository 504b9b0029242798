"""References and selectors that several kinds share."""

import enum
from typing import Annotated, ClassVar

from pydantic import Field

from isochrone.api.scalars import Label, LabelKey, LabelMap, LabelValue, ObjectName
from isochrone.api.schema import ATOMIC, SET, Model, Rule

_NEEDS_VALUES = Rule(
    rule="self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 : !has(self.values)",
    message="operators In and NotIn need values; Exists and DoesNotExist take none",
)


class SelectorOperator(enum.StrEnum):
    """How a label is compared."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class PositiveOperator(enum.StrEnum):
    """Comparisons that an added label can only help to match."""

    IN = "In"
    EXISTS = "Exists"


class Requirement(Model):
    """One condition on an object's labels."""

    rules: ClassVar[tuple[Rule, ...]] = (_NEEDS_VALUES,)

    key: LabelKey
    """The label's key."""
    operator: SelectorOperator
    """In, NotIn, Exists or DoesNotExist."""
    values: Annotated[list[LabelValue], Field(max_length=32), ATOMIC] | None = None
    """What In and NotIn compare with."""


class LabelSelector(Model):
    """Which objects are meant, by their labels. An empty selector matches all of them."""

    match_labels: LabelMap | None = None
    """Labels that must be there with these values."""
    match_expressions: Annotated[list[Requirement], Field(max_length=16), ATOMIC] | None = None
    """Conditions that must all hold."""


class PositiveRequirement(Model):
    """One condition on an object's labels that an added label can't undo."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="self.operator == 'In' ? has(self.values) && size(self.values) > 0 : !has(self.values)",
            message="operator In needs values; Exists takes none",
        ),
    )

    key: LabelKey
    """The label's key."""
    operator: PositiveOperator
    """In or Exists."""
    values: Annotated[list[LabelValue], Field(max_length=32), ATOMIC] | None = None
    """What In compares with."""


class PositiveSelector(Model):
    """Which namespaced objects are meant, by labels that they carry.

    There is no NotIn and no DoesNotExist: whoever may label an object could otherwise label it out of a policy.
    """

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="has(self.matchLabels) && size(self.matchLabels) > 0"
            " || has(self.matchExpressions) && size(self.matchExpressions) > 0",
            message="name at least one label; leave the selector out to mean all",
        ),
    )

    match_labels: LabelMap | None = None
    """Labels that must be there with these values."""
    match_expressions: Annotated[list[PositiveRequirement], Field(max_length=16), ATOMIC] | None = None
    """Conditions that must all hold."""


class Namespaces(Model):
    """A set of namespaces: those named, and those whose labels match."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="has(self.names) || has(self.selector)",
            message="give names, a selector, or both; selector: {} means every namespace",
        ),
    )

    names: Annotated[list[Label], Field(min_length=1, max_length=128), SET] | None = None
    """Namespaces by name."""
    selector: LabelSelector | None = None
    """Namespaces by their labels; `{}` means every namespace."""


class ObjectRef(Model):
    """A cluster-scoped object, by name."""

    name: ObjectName
    """The name of the object."""


class SecretKeyRef(Model):
    """One key of a Secret."""

    name: ObjectName
    """The Secret's name."""
    key: Annotated[str, Field(pattern="^[-_a-zA-Z0-9][-._a-zA-Z0-9]*$", max_length=253)]
    """The key in its data, such as `api-key`. It names a file, so it does not begin with a dot."""
