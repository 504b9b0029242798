"""Who may answer: what it takes to make one attempt at a candidate, and to say afterwards how it went.

A lease is the right to one attempt. It is given back exactly once, so that breakers, keys and limits count it once.
"""

from collections.abc import Container, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, Protocol

from isochrone_gateway.route.breaker import Breaker, Ticket
from isochrone_gateway.route.candidates import Blocked, Figures, Standing, Why
from isochrone_gateway.route.keys import KeyRing, Rest
from isochrone_gateway.route.limits import Admission, Exceeded, admit
from isochrone_gateway.route.retry import Failure, Fault
from isochrone_gateway.route.standing import PeerStanding, TargetStanding
from isochrone_gateway.server.pipeline.engines import Engine, Engines
from isochrone_gateway.upstream.target import Target
from isochrone_gateway.wire import hop

_RESTS: Final = {Fault.CREDENTIAL_REFUSED: Rest.REFUSED, Fault.RATE_LIMITED: Rest.LIMITED}


class Lease:
    """The right to one attempt. `lines` are header lines for it alone, such as the key of a provider."""

    __slots__ = ("_admission", "_breaker", "_ring", "_ticket", "engine", "key", "lines", "target")

    def __init__(self, target: Target, breaker: Breaker, ticket: Ticket, *, engine: Engine | None = None) -> None:
        self.target = target
        self.engine = engine
        self.lines = b""
        self.key = -1
        self._breaker = breaker
        self._ticket = ticket
        self._ring: KeyRing | None = None
        self._admission: Admission | None = None
        if engine is not None:
            engine.endpoint.in_flight += 1

    @property
    def tag(self) -> object:
        """Which key was shown to whom: what failed at one endpoint of a provider says nothing of another one there."""
        return (self.target, self.key)

    def use_key(self, ring: KeyRing, key: int, auth: bytes) -> None:
        self._ring, self.key, self.lines = ring, key, auth

    def count_against(self, admission: Admission) -> None:
        self._admission = admission

    def succeeded(self, now: float, tokens: int | None) -> None:
        self._breaker.succeeded(self._ticket)
        if self._ring is not None:
            self._ring.succeeded(self.key)
        self._release(now, tokens)

    def failed(self, failure: Failure, now: float, rand: float) -> None:
        """The attempt failed. Who answers, be it with an error that isn't its fault, is alive."""
        if failure.is_targets_fault:
            self._breaker.failed(self._ticket, now, rand)
        elif failure.status is not None and failure.fault is not Fault.CONNECT:
            self._breaker.succeeded(self._ticket)
        else:
            self._breaker.abandoned(self._ticket)
        if failure.fault is Fault.CONNECT and failure.is_targets_fault and self.engine is not None:
            self.engine.health.refused_connection()
        rest = _RESTS.get(failure.fault)
        if rest is not None and self._ring is not None:
            self._ring.rest(self.key, rest, now, failure.retry_after_s)
        self._release(now, 0)

    def abandoned(self, now: float, tokens: int | None) -> None:
        """The attempt ended without saying anything about the target."""
        self._breaker.abandoned(self._ticket)
        self._release(now, tokens)

    def _release(self, now: float, tokens: int | None) -> None:
        if self.engine is not None:
            self.engine.endpoint.in_flight -= 1
        if self._admission is not None:
            self._admission.settle(now, tokens)


class PeerLease(Lease):
    """The right to one attempt at a peer."""

    __slots__ = ("_standing",)

    def __init__(self, target: Target, standing: PeerStanding, ticket: Ticket, lines: bytes) -> None:
        super().__init__(target, standing.breaker, ticket)
        self.lines = lines
        self._standing = standing

    def failed(self, failure: Failure, now: float, rand: float) -> None:
        super().failed(failure, now, rand)
        if failure.fault is Fault.CONNECT and failure.is_targets_fault:
            self._standing.health.refused_connection()
        elif failure.fault is Fault.NOT_THERE:
            self._standing.not_there(now)


class Asker(Protocol):
    """Who wants a lease: what was tried for it before, what it may use, and when it must be answered."""

    @property
    def deadline(self) -> float: ...
    @property
    def tokens(self) -> int: ...
    @property
    def tried_engines(self) -> Container[Engine]: ...
    @property
    def tried_keys(self) -> AbstractSet[object]: ...

    def affinity(self) -> int | None:
        """A key for how the prompt begins."""


class Backend(Protocol):
    """One candidate's target."""

    @property
    def standing(self) -> Standing: ...

    def lease(self, asker: Asker, now: float, rand: float, *, is_last_resort: bool) -> Lease | None:
        """Leave for one attempt, or none: somebody else was faster."""

    def has_more(self, asker: Asker, now: float) -> bool:
        """Whether another attempt here would differ from those that were made: another engine, another key."""


class EngineBackend:
    """The engines of a pool of this site."""

    __slots__ = ("engines", "standing")

    def __init__(self, engines: Engines) -> None:
        self.engines = engines
        self.standing: Standing = engines

    def lease(self, asker: Asker, now: float, rand: float, *, is_last_resort: bool) -> Lease | None:
        engines = self.engines
        if is_last_resort:
            engine = engines.pick_last_resort(now)
        else:
            key = asker.affinity() if len(engines.members) > 1 else None
            engine = engines.pick(now, key, rand, asker.tried_engines)
        if engine is None:
            return None
        ticket = engine.breaker.begin(now, is_last_resort=is_last_resort)
        return None if ticket is None else Lease(engine.target, engine.breaker, ticket, engine=engine)

    def has_more(self, asker: Asker, now: float) -> bool:
        return self.engines.has_fresh(now, asker.tried_engines)


class RemoteBackend:
    """One endpoint of a provider. `auths` are header lines, one for each credential."""

    __slots__ = ("_auths", "_meters", "_standing", "standing", "target")

    def __init__(self, target: Target, standing: TargetStanding, auths: Sequence[bytes]) -> None:
        self.target = target
        self._standing = standing
        self.standing: Standing = standing
        self._auths = auths
        self._meters = () if standing.meter is None else (standing.meter,)

    def lease(self, asker: Asker, now: float, rand: float, *, is_last_resort: bool) -> Lease | None:  # noqa: ARG002 - nothing is drawn here
        standing = self._standing
        ring, key = standing.keys, None
        if ring is not None and self._auths:
            tried = asker.tried_keys
            key = ring.take(now, lambda index: (self.target, index) in tried) if tried else ring.take(now)
            if key is None:
                return None
        ticket = standing.breaker.begin(now, is_last_resort=is_last_resort)
        if ticket is None:
            return None
        lease = Lease(self.target, standing.breaker, ticket)
        if ring is not None and key is not None:
            lease.use_key(ring, key, self._auths[key])
        if self._meters:
            admission = admit(self._meters, now, asker.tokens)
            if isinstance(admission, Exceeded):
                lease.abandoned(now, 0)
                return None
            lease.count_against(admission)
        return lease

    def has_more(self, asker: Asker, now: float) -> bool:
        ring = self._standing.keys
        tried = asker.tried_keys
        if ring is None or not tried or ring.resting_until(now) is not None:
            return False
        return any((self.target, index) not in tried for index in range(len(self._auths)))


class PeerBackend:
    """One pool at a peer. All pools there share its health; each has its own breaker, since others may be well."""

    __slots__ = ("_standing", "standing", "target")

    def __init__(self, target: Target, standing: PeerStanding) -> None:
        self.target = target
        self._standing = standing
        self.standing: Standing = standing

    def lease(self, asker: Asker, now: float, rand: float, *, is_last_resort: bool) -> Lease | None:  # noqa: ARG002 - nothing is drawn here
        standing = self._standing
        ticket = standing.breaker.begin(now, is_last_resort=is_last_resort)
        if ticket is None:
            return None
        lines = hop.attempt(deadline_ms=int((asker.deadline - now) * 1_000), affinity=asker.affinity())
        return PeerLease(self.target, standing, ticket, lines)

    def has_more(self, asker: Asker, now: float) -> bool:  # noqa: ARG002 - its gateway has tried what there is
        return False


class Absent:
    """A candidate that this gateway can't use: a dialect that it doesn't speak, keys that it doesn't have."""

    __slots__ = ("standing", "why")

    def __init__(self, why: str) -> None:
        self.why = why
        self.standing: Standing = _Never()

    def lease(self, *_: object, **__: object) -> Lease | None:  # It is never chosen.
        return None

    def has_more(self, *_: object) -> bool:
        return False


class _Never:
    """The standing of who is never ready."""

    def __init__(self) -> None:
        self.figures = Figures()

    def blocked(self, now: float) -> Blocked | None:  # noqa: ARG002 - whenever
        return Blocked(Why.NOT_READY)

    def last_resort_at(self, now: float) -> float | None:  # noqa: ARG002 - as above
        return None
