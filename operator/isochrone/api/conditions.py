"""Status as Kubernetes does it: conditions with a reason from one list.

`Ready` sums the others up. It is `Unknown` while something progresses and `False` for faults only, since that is what
Argo CD reads. Whoever sees a reason finds the place that sets it by searching for the enum's member.
"""

import enum
from typing import Annotated, Literal

from pydantic import Field

from isochrone.api.schema import Model, map_list


class ConditionType(enum.StrEnum):
    """What is reported on. `Ready` exists on every kind."""

    READY = "Ready"
    ACCEPTED = "Accepted"
    RESOLVED_REFS = "ResolvedRefs"
    PLACED = "Placed"
    SERVING = "Serving"
    REACHABLE = "Reachable"
    DELIVERED = "Delivered"
    PROGRAMMED = "Programmed"
    EGRESS_ENFORCED = "EgressEnforced"
    EVIDENCE_ANCHORED = "EvidenceAnchored"
    EVIDENCE_COPIED = "EvidenceCopied"
    SATISFIABLE = "Satisfiable"


class Reason(enum.StrEnum):
    """Why a condition has its status: one CamelCase word, the same on every kind."""

    READY = "Ready"
    ACCEPTED = "Accepted"
    PROGRESSING = "Progressing"
    PAUSED = "Paused"
    DRAINING = "Draining"
    DISABLED = "Disabled"
    SUSPENDED = "Suspended"
    INVALID = "Invalid"
    NAME_TAKEN = "NameTaken"
    RESOLVED = "Resolved"
    REF_NOT_FOUND = "RefNotFound"
    REF_NOT_PERMITTED = "RefNotPermitted"
    REF_CYCLE = "RefCycle"
    UNKNOWN_PLACE = "UnknownPlace"
    UNKNOWN_BLOC = "UnknownBloc"
    CREDENTIALS_INVALID = "CredentialsInvalid"
    PLACED = "Placed"
    SERVING = "Serving"
    FAILING = "Failing"
    NO_LAWFUL_PLACE = "NoLawfulPlace"
    NO_CAPACITY = "NoCapacity"
    NO_FITTING_DEVICE = "NoFittingDevice"
    SATISFIABLE = "Satisfiable"
    UNSATISFIABLE = "Unsatisfiable"
    DELIVERED = "Delivered"
    DELIVERY_FAILED = "DeliveryFailed"
    CONFLICT = "Conflict"
    REACHABLE = "Reachable"
    UNREACHABLE = "Unreachable"
    FORBIDDEN = "Forbidden"
    PROGRAMMED = "Programmed"
    CONFIG_REJECTED = "ConfigRejected"
    ERRORS_ROSE = "ErrorsRose"
    ENFORCED = "Enforced"
    NOT_ENFORCED = "NotEnforced"
    AUDITING = "Auditing"
    ANCHORED = "Anchored"
    ANCHOR_WENT_BACK = "AnchorWentBack"
    ANCHORS_NOT_KEPT = "AnchorsNotKept"
    EVIDENCE_NOT_WRITTEN = "EvidenceNotWritten"
    COPIED = "Copied"
    COPIES_FORBIDDEN = "CopiesForbidden"
    EVIDENCE_NOT_COPIED = "EvidenceNotCopied"


class Condition(Model):
    """One aspect of the state of an object, in the shape of `metav1.Condition`."""

    type: Annotated[str, Field(max_length=316)]
    """What is reported on, such as `Ready`."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds; `Unknown` while that is being worked on."""
    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """The generation of the spec that this was said about."""
    last_transition_time: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    """When `status` last changed."""
    reason: Annotated[str, Field(pattern="^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$", max_length=1024)]
    """Why, as one CamelCase word for programs."""
    message: Annotated[str, Field(max_length=32768)]
    """The first difference and the way out, for people."""


class Status(Model):
    """What the operator says back. Every kind's status begins with these."""

    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """The generation of the spec that this status describes."""
    conditions: Annotated[list[Condition], Field(max_length=16), map_list("type")] | None = None
    """The state in detail; `Ready` is the summary."""
