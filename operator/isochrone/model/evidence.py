"""What sites say of the evidence that their gateways keep, and what of that is kept outside of them."""

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Anchor:
    """The digest of a checkpoint: it fixes everything before it (docs/reference/evidence.md)."""

    n: int
    """The number of the checkpoint, from 0."""
    at: float
    """When it was made, in seconds since the epoch by the gateway's clock."""
    digest: str
    """SHA-256 of its line, in hex."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)
class EvidenceTold:
    """What a gateway pod says of the evidence that it keeps."""

    at: int = 0
    """When it said so, by its clock."""
    anchor: Anchor | None = None
    """Of its last checkpoint."""
    problem: str = ""
    """Why it can't write or sign; empty if it can."""
    copying: str | None = None
    """Why copies of it don't get to a bucket; empty if they do, None where there are to be none."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Anchoring:
    """What is known of the anchors that the hub keeps."""

    instances: Mapping[str, frozenset[str]] = dataclasses.field(default_factory=dict)
    """EdgeNode -> the gateways of which one is kept."""
    keys: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """EdgeNode -> the id of the key that signs there now."""
    back: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """EdgeNode -> how evidence there contradicts what is kept, in words."""
    untaken: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """EdgeNode -> why some of its gateways' are not kept."""
    problem: str = ""
    """Why none can be kept now."""
