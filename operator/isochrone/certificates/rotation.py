"""One authority after another, without a moment in which two sites refuse each other.

    state        who signs   who is trusted    goes on when every site ...             for
    settled      old         old               (two thirds of the old one's life over)
    introduced   old         old, new          trusts both                             SETTLE
    replacing    new         new, old          trusts both, its certificate is new's   SETTLE
    settled      new         new

A hub that was restored from a backup may know an older authority than sites have. It sees so from what sites say: one
shows a certificate of an authority that it doesn't know, or doesn't trust the one that it signs with. Then that one is
introduced anew. The newer one is known to sites alone, so they keep it by themselves (see `credentials.bundle`).

    asking       nobody      old, theirs       trusts old                             SETTLE
    returning    old         old, theirs       its certificate is old's               SETTLE
    settled      old         old

A site may be one step behind. While the new one is introduced nobody shows its certificates; when it signs, everybody
trusts it; when the old one goes, nobody shows the old one's. What a site reports is what its Secret holds; its pods
read that within a few minutes, which SETTLE allows for.

A site that can't be reached holds a step up, but no longer than certificates live: each one that was signed since the
step began came together with all that is trusted since (see `credentials`). So after PATIENCE, whoever has not taken
the step has no valid certificate either, and gets both when it is back. Sites that are deleted are waited for no more.
While it asks, nobody is signed for but those who have its certificates already, so that step ends after a week: who was
away for longer is refused by some until it is back.

If an authority ends before that, as after a very long outage of the hub, there is nobody left to wait for.
"""

import dataclasses
import enum
from collections.abc import Callable, Mapping
from typing import Final

from isochrone.certificates import pem
from isochrone.certificates.authority import DAY, SKEW, Authority, name_of
from isochrone.certificates.signing import LIFE
from isochrone.model.peering import Peering

SETTLE: Final = 1800
"""Seconds from a Secret to the pods that mount it, with much to spare: kubelets are up to two minutes late."""
_THIRDS: Final = 2
"""Of its life, after which an authority is replaced: that leaves twenty months."""

PATIENCE: Final = LIFE + SKEW
"""Seconds after which everything that was signed before is over, by every clock."""
ASKING_FOR: Final = 7 * DAY
"""Seconds for which a hub that was restored signs nothing new. Certificates last for twenty days without it."""


class Return(enum.StrEnum):
    """How far an authority is that sites had left behind."""

    ASKING = "Asking"
    """It is to be trusted, and signs for nobody who doesn't have its certificate."""
    SIGNING = "Signing"


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
    returning: Return | None = None
    """Where sites are ahead of us: they go on trusting whom they trust."""

    @property
    def authorities(self) -> str:
        """Everybody who is trusted, the one that signs first, as one PEM bundle."""
        beside = self.coming.certificate if self.coming else self.former
        return self.signer.certificate + (beside or "")

    @property
    def is_settled(self) -> bool:
        return self.coming is None and self.former is None and self.returning is None

    def signs_for(self, said: Peering | None) -> bool:
        """Whether a site that says so may have a certificate now."""
        return self.returning is not Return.ASKING or (said is not None and said.issuer == self.signer.name)


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
    if state.returning is None and (ahead := _ahead(state, sites, now)):
        return Decision(state=_caught_up(state, ahead, now))
    if state.is_settled:
        if is_asked or pem.is_past(_THIRDS, pem.certificate(state.signer.certificate), now):
            return Decision(state=State(signer=state.signer, coming=fresh(), since=now))
        return Decision(state=state)
    missing = _missing(state, sites)
    marked = _marked(state, is_complete=not missing, now=now)
    patience = ASKING_FOR if state.returning is Return.ASKING else PATIENCE
    is_over = state.signer.has_ended(now) or now - state.since >= patience
    has_settled = marked.complete_since is not None and now - marked.complete_since >= SETTLE
    return Decision(state=_next(state, now)) if is_over or has_settled else Decision(state=marked, waits_for=missing)


def _missing(state: State, sites: Mapping[str, Peering | None]) -> tuple[str, ...]:
    return tuple(sorted(site for site, said in sites.items() if said is None or not _has_taken(state, said)))


def _has_taken(state: State, said: Peering) -> bool:
    signer = state.signer.name
    if state.returning is Return.ASKING:
        return signer in said.trusted or not said.issuer
    if state.returning is Return.SIGNING:
        return said.issuer == signer
    return said.issuer == signer and said.trusted == _names(state)


def _names(state: State) -> frozenset[str]:
    return frozenset(map(name_of, pem.certificates(state.authorities)))


def _ahead(state: State, sites: Mapping[str, Peering | None], now: int) -> frozenset[str]:
    """Who vouches for sites that we would cut off: none, unless we have forgotten something.

    A certificate that is over counts for nothing: its site was away while we went on. One of the authority that is to
    come says enough, as we have signed none.
    """
    coming = {state.coming.name} if state.coming is not None else set()
    names, signer = _names(state) - coming, state.signer.name
    valid = [said for said in sites.values() if said is not None and said.issuer and said.expires > now]
    return frozenset(said.issuer for said in valid if said.issuer not in names or signer not in said.trusted)


def _caught_up(state: State, ahead: frozenset[str], now: int) -> State:
    """Where all have gone on to the one that was to come, we follow; else ours is introduced anew."""
    if state.coming is not None and ahead == {state.coming.name}:
        return _next(state, now)
    return State(signer=state.signer, since=now, returning=Return.ASKING)


def _marked(state: State, *, is_complete: bool, now: int) -> State:
    """With the time since when all sites have the step, from the first time that they all say so."""
    if is_complete == (state.complete_since is not None):
        return state
    return dataclasses.replace(state, complete_since=now if is_complete else None)


def _next(state: State, now: int) -> State:
    if state.returning is Return.ASKING:
        return State(signer=state.signer, since=now, returning=Return.SIGNING)
    if state.coming is not None:
        return State(signer=state.coming, former=state.signer.certificate, since=now)
    return State(signer=state.signer, since=now)
