"""Which of two revisions a gateway may run. Config is written by whoever leads the hub; an old leader must not win.

The rule, first match decides:

1. Another installation's or another site's index is refused: other than what runs, or than what the gateway was told
   to expect. A gateway that was told nothing, and runs nothing, takes the first index as its owner's.
2. With nothing running, any index of the expected owner is accepted. (A gateway starts from the last good one on its
   disk, so this happens once.)
3. Once a signed index runs, an unsigned one is refused.
4. A lower epoch is refused. A higher one is accepted only if a trusted key signed it: a new epoch follows a restore,
   may start at any sequence, and would otherwise be a way to roll a gateway back.
5. In the same epoch a lower sequence is refused: it is from a leader that has been replaced, or a replay.
6. The same epoch and sequence is accepted as unchanged if the digest is the same, else refused: two leaders wrote it.
7. A higher sequence is accepted.

The writer's part: persist the sequence before publishing it, and never publish two contents under one.
"""

import dataclasses
import enum

from isochrone_gateway.config.index import Index


class RefusalReason(enum.StrEnum):
    """Why an index may not replace the running one."""

    OTHER_INSTALLATION = "OtherInstallation"
    OTHER_SITE = "OtherSite"
    UNSIGNED = "Unsigned"
    OLD_EPOCH = "OldEpoch"
    UNSIGNED_EPOCH = "UnsignedEpoch"
    OLD_SEQUENCE = "OldSequence"
    DIGEST_CONFLICT = "DigestConflict"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Received:
    """An index that has been read and checked.

    `signed_by` are the trusted keys that signed it; `ignored` the fields left out.
    """

    index: Index
    signed_by: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Owner:
    """Whose config it is. What is None is not known, and not compared."""

    installation: str | None = None
    site: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Accept:
    """The candidate may be loaded; `unchanged` means that it is the running revision."""

    unchanged: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Refuse:
    """The running config stays."""

    reason: RefusalReason
    message: str


def newer(running: Received | None, candidate: Received, *, expected: Owner | None = None) -> Accept | Refuse:
    """Decide whether the candidate may replace what runs. `expected` is whose config this gateway was told to run."""
    for owner in (expected, None if running is None else _owner_of(running)):
        if owner is not None and (refusal := _owner(owner, _owner_of(candidate))):
            return refusal
    if running is None:
        return Accept()
    if refusal := _signature(running, candidate) or _order(running, candidate):
        return refusal
    return Accept(unchanged=running.index.revision == candidate.index.revision)


def _owner_of(received: Received) -> Owner:
    return Owner(installation=received.index.installation, site=received.index.site)


def _owner(ours: Owner, theirs: Owner) -> Refuse | None:
    if ours.installation not in (None, theirs.installation):
        return Refuse(
            reason=RefusalReason.OTHER_INSTALLATION,
            message=f"the index is of installation {theirs.installation}, this gateway belongs to {ours.installation}",
        )
    if ours.site not in (None, theirs.site):
        return Refuse(
            reason=RefusalReason.OTHER_SITE,
            message=f"the index is for site {theirs.site}, this gateway is at {ours.site}",
        )
    return None


def _signature(running: Received, candidate: Received) -> Refuse | None:
    if running.signed_by and not candidate.signed_by:
        return Refuse(
            reason=RefusalReason.UNSIGNED,
            message="the running config is signed, this index is not signed by a trusted key; sign it",
        )
    if candidate.index.revision.epoch > running.index.revision.epoch and not candidate.signed_by:
        return Refuse(
            reason=RefusalReason.UNSIGNED_EPOCH,
            message=f"epoch {candidate.index.revision.epoch} is new and must be signed by a trusted key",
        )
    return None


def _order(running: Received, candidate: Received) -> Refuse | None:
    ours, theirs = running.index.revision, candidate.index.revision
    if theirs.epoch > ours.epoch:
        return None
    if theirs.epoch < ours.epoch:
        return Refuse(
            reason=RefusalReason.OLD_EPOCH,
            message=f"epoch {theirs.epoch} is over, epoch {ours.epoch} runs; stop whoever still writes it",
        )
    if theirs.sequence < ours.sequence:
        return Refuse(
            reason=RefusalReason.OLD_SEQUENCE,
            message=f"sequence {theirs.sequence} is older than the running {ours.sequence}",
        )
    if theirs.sequence == ours.sequence and theirs.digest != ours.digest:
        return Refuse(
            reason=RefusalReason.DIGEST_CONFLICT,
            message=f"two contents claim epoch {ours.epoch}, sequence {ours.sequence}; two leaders write",
        )
    return None
