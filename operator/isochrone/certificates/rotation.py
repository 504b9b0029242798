"""One authority after another, without a moment in which two sites refuse each other.

    state        who signs   who is trusted    goes on when every site ...             for
    settled      old         old               (two thirds of the old one's life over)
    introduced   old         old, new          trusts both                             SETTLE
    replacing    new         new, old          trusts both, its certificate is new's   SETTLE
    settled      new         new

A site may be one step behind. While the new one is introduced nobody shows its certificates; when it signs, everybody
trusts it; when the old one goes, nobody shows the old one's. What a site reports is what its Secret holds; its pods
read that within a few minutes, which SETTLE allows for.

A site that can't be reached holds a step up, but no longer than certificates live: each one that was signed since the
step began came together with all that is trusted since (see `credentials`). So after PATIENCE, whoever has not taken
the step has no valid certificate either, and gets both when it is back. Sites that are deleted are waited for no more.
If an authority ends before that, as after a very long outage of the hub, there is nobody left to wait for.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Final

from isochrone.certificates import pem
from isochrone.certificates.authority import SKEW, Authority, name_of
from isochrone.certificates.signing import LIFE
from isochrone.model.peering import Peering

SETTLE: Final = 1800
"""Seconds from a Secret to the pods that mount it, with much to spare: kubelets are up to two minutes late."""
_THIRDS: Final = 2
"""Of its life, after which an authority is replaced: that leaves twenty months."""

PATIENCE: Final = LIFE + SKEW
"""Seconds after which everything that was signed before is over, by every clock."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Who signs, who is trusted beside it, and since when. At most one of `coming` and `former` is there."""

    signer: Authority
    coming: Authority | None = None
    """Trusted already, to sign later."""
    former: str | None = None
    """The certificate of who signed before, trusted still. Its key is gone."""
    since: int
    """When this step began."""
    complete_since: int | None = None
    """Since when every site reports it."""

    @property
    def authorities(self) -> str:
        """Everybody who is trusted, the one that signs first, as one PEM bundle."""
        beside = self.coming.certificate if self.coming else self.former
        return self.signer.certificate + (beside or "")

    @property
    def is_settled(self) -> bool:
        return self.coming is None and self.former is None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to be stored before anybody is told, and who is waited for."""

    state: State
    waits_for: tuple[str, ...] = ()
    """Sites that have not taken the step, sorted; none when settled."""


def decide(
    state: State,
    sites: Mapping[str, Peering | None],
    *,
    now: int,
    fresh: Callable[[], Authority],
    is_asked: bool = False,
) -> Decision:
    """The next state, which is the same one nearly always.

    `sites` are those whose gateways talk to others, with what each said last; `fresh` makes an authority, which is
    done when the one that signs is old, or when somebody asks for it.
    """
    if state.is_settled:
        if is_asked or pem.is_past(_THIRDS, pem.certificate(state.signer.certificate), now):
            return Decision(state=State(signer=state.signer, coming=fresh(), since=now))
        return Decision(state=state)
    missing = _missing(state, sites)
    marked = _marked(state, is_complete=not missing, now=now)
    is_over = state.signer.has_ended(now) or now - state.since >= PATIENCE
    has_settled = marked.complete_since is not None and now - marked.complete_since >= SETTLE
    return Decision(state=_next(state, now)) if is_over or has_settled else Decision(state=marked, waits_for=missing)


def _missing(state: State, sites: Mapping[str, Peering | None]) -> tuple[str, ...]:
    trusted = frozenset(map(name_of, pem.certificates(state.authorities)))
    signer = state.signer.name
    return tuple(
        sorted(site for site, said in sites.items() if said is None or said.issuer != signer or said.trusted != trusted)
    )


def _marked(state: State, *, is_complete: bool, now: int) -> State:
    """With the time since when all sites have the step, from the first time that they all say so."""
    if is_complete == (state.complete_since is not None):
        return state
    return dataclasses.replace(state, complete_since=now if is_complete else None)


def _next(state: State, now: int) -> State:
    if state.coming is not None:
        return State(signer=state.coming, former=state.signer.certificate, since=now)
    return State(signer=state.signer, since=now)
