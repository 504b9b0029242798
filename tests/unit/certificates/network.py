"""A hub and its sites on a virtual clock: certificates are real, time is a number.

Each site takes what the hub says while it is reached, and its pods read the Secret up to LAG later, each when it likes:
so a site shows and trusts everything that it held within that time. Whoever has a valid certificate must be accepted by
everybody else who has one.
"""

import copy
import dataclasses
import datetime as dt
import functools
import itertools
from collections.abc import Iterator
from typing import Final

from cryptography import x509
from cryptography.x509 import verification
from tests.unit.certificates import made
from tests.unit.certificates.made import DAY, NOW

from isochrone import certificates
from isochrone.certificates import Credentials, State, pem, stored
from isochrone.model import Peering
from isochrone.render.config.peers import identity_of

HOUR: Final = 3600
LAG: Final = 1500
TICK: Final = 900
"""While an authority is replaced; when nothing happens the clock goes faster."""


@dataclasses.dataclass(frozen=True, slots=True)
class Outage:
    """When the hub can't reach a site."""

    site: str
    begins: int
    ends: int


class Network:
    def __init__(self, sites: tuple[str, ...], outages: tuple[Outage, ...] = ()) -> None:
        self.now = NOW
        self.state = State(signer=made.authority(), since=NOW)
        self.outages = outages
        self.held: dict[str, list[tuple[int, Credentials]]] = {site: [] for site in sites}
        self.reports: dict[str, Peering | None] = dict.fromkeys(sites)
        self.steps: list[tuple[int, State]] = []
        self.has_looked = True
        self.deliver()

    def go_on(self, until: int, *, calm: int = DAY, busy: int = TICK, asked_at: frozenset[int] = frozenset()) -> None:
        """Let time pass. Raises AssertionError where two sites would refuse each other."""
        asked = sorted(asked_at)
        while self.now < until:
            self.now += calm if self.state.is_settled else busy
            is_asked = bool(asked) and asked[0] <= self.now and self.state.is_settled
            if is_asked:
                asked.pop(0)
            self.decide(is_asked=is_asked)
            self.deliver()
            self.check()

    def go_on_without_hub(self, until: int) -> None:
        """Let time pass while nobody decides, signs or delivers; every site must be able to talk to all, always."""
        while self.now < until:
            self.now += HOUR
            self.check()
            self.check_all_are_well()

    def restore(self, state: State) -> None:
        """The hub is back as a backup has it, and knows nothing of what its sites have."""
        self.state = state
        self.reports = dict.fromkeys(self.reports)
        self.has_looked = False

    def check_all_are_well(self) -> None:
        for site in self.held:
            assert self.is_well(site), f"{site} has no valid certificate at {self.now}, {len(self.steps)} steps on"

    def copy(self, outages: tuple[Outage, ...] = ()) -> "Network":
        """What would come of this one, were these the outages from now on."""
        copied = copy.copy(self)
        copied.outages = outages
        copied.held = {site: list(history) for site, history in self.held.items()}
        copied.reports, copied.steps = dict(self.reports), list(self.steps)
        return copied

    def decide(self, *, is_asked: bool) -> None:
        if not self.has_looked:
            return
        decided = certificates.decide(
            self.state, self.reports, now=self.now, fresh=lambda: made.authority(self.now), is_asked=is_asked
        ).state
        if (decided.authorities, decided.returning) != (self.state.authorities, self.state.returning):
            self.steps.append((self.now, decided))
        # A hub that starts anew reads what the last one wrote.
        self.state = stored.state_of(stored.data_of(decided)) if decided != self.state else decided

    def deliver(self) -> None:
        for site, history in self.held.items():
            if not self.is_reached(site):
                continue
            last = history[-1][1] if history else Credentials()
            taken = self._taken(site, last, identity_of(site, made.INSTALLATION))
            if taken != last:
                history.append((self.now, taken))
            self.reports[site] = taken.peering
        self.has_looked = True

    def is_reached(self, site: str) -> bool:
        return not any(each.site == site and each.begins <= self.now < each.ends for each in self.outages)

    def _taken(self, site: str, last: Credentials, identity: str) -> Credentials:
        """What a hub and a site's operator make of it (`kube.peering`, `controller.keys`)."""
        keeps = self.state.returning is not None or not self.has_looked
        authorities = certificates.bundle(last, self.state.authorities, keeps=keeps, now=self.now)
        is_signed = self.has_looked and self.state.signs_for(self.reports[site])
        is_due = certificates.due(last, identity=identity, authorities=authorities, now=self.now)
        if not is_due or (not is_signed and last.certificate):
            return dataclasses.replace(last, authorities=authorities)
        if not is_signed:
            return last
        request = certificates.new_request(identity)
        answer = certificates.sign(request.csr, identity=identity, authority=self.state.signer, now=self.now)
        return certificates.installed(request, answer, authorities, identity=identity, now=self.now)

    def views(self, site: str) -> Iterator[Credentials]:
        """All that some pod of a site may have loaded now."""
        history = self.held[site]
        for (_, each), (replaced, _) in itertools.zip_longest(history, history[1:], fillvalue=(self.now + 1, None)):
            if each is not None and replaced > self.now - LAG and is_valid(each.certificate, self.now):
                yield each

    def check(self) -> None:
        views = {site: list(self.views(site)) for site in self.held}
        for one, other in itertools.permutations(views, 2):
            for shown, believed in itertools.product(views[one], views[other]):
                assert verifies(shown.certificate, believed.authorities), (
                    f"{other} refuses {one} at {self.now}, {len(self.steps)} steps on"
                )

    def is_well(self, site: str) -> bool:
        return any(True for _ in self.views(site))


@functools.cache
def _ends(certificate: str) -> tuple[int, int]:
    found = pem.certificate(certificate)
    return pem.starts(found), pem.ends(found)


def is_valid(certificate: str, now: int) -> bool:
    begins, ends = _ends(certificate)
    return begins <= now < ends


@functools.cache
def verifies(certificate: str, authorities: str) -> bool:
    """Whether the chain is good at all; when, is a matter of `is_valid`, as no certificate outlives its authority."""
    begins, ends = _ends(certificate)
    return verified(certificate, authorities, (begins + ends) // 2)


def verified(certificate: str, authorities: str, now: int) -> bool:
    store = verification.Store(x509.load_pem_x509_certificates(authorities.encode()))
    policy = verification.PolicyBuilder().store(store).time(dt.datetime.fromtimestamp(now, dt.UTC))
    try:
        policy.build_client_verifier().verify(pem.certificate(certificate), [])
    except verification.VerificationError:
        return False
    return True
