"""Verdicts and changes in words, as commands show them. Those for the reasons of a plan are in `model.words`."""

from collections.abc import Mapping
from typing import Final

from isochrone.law import VerdictReason
from isochrone.model import ChangeKind

VERDICT: Final[Mapping[VerdictReason, str]] = {
    VerdictReason.NO_POLICY_BINDS: "no policy binds it",
    VerdictReason.ALLOWED_BY_POLICIES: "every policy that binds it allows the place",
    VerdictReason.DEFAULT_DENY: "no policy binds it, and what none binds is refused here",
    VerdictReason.UNKNOWN_ORIGIN: "it is not known where the data comes from",
    VerdictReason.UNKNOWN_PLACE: "it is not known where the place is",
    VerdictReason.PLACE_TOO_COARSE: "part of the place may be allowed, but not surely all of it",
    VerdictReason.PLACE_NOT_ALLOWED: "the place is not among those allowed",
    VerdictReason.EVIDENCE_TOO_LOW: "the place is not known well enough",
    VerdictReason.CONFIG_STALE: "the configuration is too old to leave the site's country",
    VerdictReason.CONFIG_EXPIRED: "the configuration is too old for anything that a policy binds",
}

CHANGE: Final[Mapping[ChangeKind, tuple[str, str]]] = {
    ChangeKind.START: ("+", "start"),
    ChangeKind.STOP: ("-", "stop"),
    ChangeKind.MOVE: (">", "move"),
    ChangeKind.RESIZE: ("~", "resize"),
}
"""A mark and a verb."""
