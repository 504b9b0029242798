"""Who answers a request: of a route's candidates those that may and can, then the best of them.

1. **May**: lawful by the mask, and not tried before for this request.
2. **Can**: ready, its circuit closed, a key free, below its limits. A `Standing` says so, and until when not.
3. **Tier**: the first that has one left. The later ones are fallbacks.
4. **Backend**: candidates of one backend (the route's own engines here and at peers; one provider with all its
   endpoints) are one choice. Weights split the traffic between backends; a weight of 0 is no traffic.
5. **Best**: the lowest score within the backend: expected milliseconds, and what the price is worth in them. Among
   those that are nearly as good a prompt goes where its beginning went before, or to the better of two at random.

If all that may answer are only cooling down, the best of them is tried as a last resort rather than nobody, once its
breaker agrees; otherwise the answer says when to come back. Never an unlawful one.

Nothing is recorded while deciding. `explain` decides again from the same figures and says what became of each.
"""

import enum
import math
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

import msgspec

from isochrone_gateway.config.routes import Candidate, EngineTarget, PeerTarget, ProviderTarget, Route
from isochrone_gateway.route.affinity import rank, seed_of
from isochrone_gateway.route.endpoints import two_of
from isochrone_gateway.route.mask import Mask


class Why(enum.StrEnum):
    """What became of a candidate."""

    CHOSEN = "Chosen"
    WORSE = "Worse"
    LATER_TIER = "LaterTier"
    OTHER_BACKEND = "OtherBackend"
    NO_TRAFFIC = "NoTraffic"
    TRIED = "Tried"
    UNLAWFUL = "Unlawful"
    UNLAWFUL_THERE = "UnlawfulThere"
    """Lawful by our config; the peer's own gateway refused it by its own."""
    NOT_READY = "NotReady"
    COOLING = "CoolingDown"
    KEYS_RESTING = "KeysResting"
    LIMITED = "Limited"


class Blocked(NamedTuple):
    """Why a candidate can't answer now, and when it may be able to (None: nobody knows)."""

    why: Why
    until: float | None = None


class Figures:
    """What is known of how long a candidate takes. The server keeps it fresh.

    rtt_ms    measured; the planner's estimate holds until then
    waiting   requests in its queue, per pod
    kv_use    the used share of its KV caches
    """

    __slots__ = ("kv_use", "rtt_ms", "waiting")

    def __init__(self, rtt_ms: float | None = None, waiting: float = 0.0, kv_use: float = 0.0) -> None:
        self.rtt_ms = rtt_ms
        self.waiting = waiting
        self.kv_use = kv_use


class Standing(Protocol):
    """The live state of one candidate's target."""

    figures: Figures

    def blocked(self, now: float) -> Blocked | None:
        """Why it can't answer now."""

    def last_resort_at(self, now: float) -> float | None:
        """When it may be tried although it is cooling down, if that is all that blocks it."""


class Preferences(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What counts how much, in milliseconds."""

    waiting_ms: float = 50.0
    """For each request in the queue."""
    full_cache_ms: float = 500.0
    """For a KV cache that is full; it begins to count at nine tenths."""
    dollar_ms: float = 0.0
    """For each dollar per million tokens, of input and output together."""
    alike_ms: float = 5.0
    """What is at most so much worse than the best, or a tenth, is as good."""


class Option:
    """One candidate, prepared. `index` counts through all tiers of its route.

    `place_bit` is the bit in a mask that makes it lawful; that of a peer stands `hops` higher than its place's own,
    since more must be lawful there (see `server.pipeline.rulings`).
    """

    __slots__ = ("backend", "candidate", "dollars", "index", "name", "place_bit", "seed", "tier")

    def __init__(self, index: int, tier: int, candidate: Candidate, hops: int = 0) -> None:
        price = candidate.price
        self.index = index
        self.tier = tier
        self.candidate = candidate
        self.name = _name(candidate)
        self.backend = _backend(candidate)
        self.place_bit = 1 << candidate.place + (hops if isinstance(candidate.target, PeerTarget) else 0)
        self.seed = seed_of(self.name)
        self.dollars = 0.0 if price is None else float(price.input) + float(price.output)


class Choice:
    """Who answers. A last resort is one whose circuit is open: begin it as such."""

    __slots__ = ("is_last_resort", "option")

    def __init__(self, option: Option, *, is_last_resort: bool = False) -> None:
        self.option = option
        self.is_last_resort = is_last_resort


class Nobody(NamedTuple):
    """Nobody can answer now: why the best of them can't, and when to come back, as far as that is known."""

    why: Why
    until: float | None


class Request:
    """What the decision depends on besides the candidates. `tried` has a bit for each index; `rand` is in [0, 1)."""

    __slots__ = ("key", "mask", "now", "rand", "tried")

    def __init__(self, mask: Mask, now: float, rand: float, *, key: int | None = None, tried: int = 0) -> None:
        self.mask = mask
        self.now = now
        self.rand = rand
        self.key = key
        self.tried = tried


class Explained(NamedTuple):
    """What became of one candidate, for people: lower scores are better."""

    name: str
    tier: int
    why: Why
    score: float
    until: float | None


_CACHE_FULLS_UP: Final = 0.9
_ALIKE: Final = 1.1
_HOPE: Final = {Why.COOLING: 0, Why.KEYS_RESTING: 1, Why.LIMITED: 2, Why.NOT_READY: 3}
"""Of several reasons why nobody can answer, the one that is most likely to pass soon is told."""


class Picker:
    """The candidates of one route with their standings, in the order of `options`."""

    __slots__ = ("_choices", "_mixed", "_preferences", "_standings", "_tiers", "options")

    def __init__(
        self,
        route: Route,
        standings: Sequence[Standing],
        preferences: Preferences = Preferences(),  # noqa: B008 - frozen
        *,
        hops: int = 0,
    ) -> None:
        self.options = prepare(route, hops)
        self._standings = tuple(standings)
        self._preferences = preferences
        tiers: dict[int, list[Option]] = {}
        for option in self.options:
            tiers.setdefault(option.tier, []).append(option)
        # What gets no traffic is never chosen; what is asked for each request stands side by side.
        self._tiers = tuple(
            tuple((option, 1 << option.index, standings[option.index]) for option in options if option.candidate.weight)
            for options in tiers.values()
        )
        self._choices = tuple(Choice(option) for option in self.options)
        self._mixed = {tier for tier, options in tiers.items() if len({option.backend for option in options}) > 1}

    def pick(self, request: Request) -> Choice | Nobody:
        """Who answers this request."""
        allowed, now, tried = request.mask.allowed, request.now, request.tried
        for tier in self._tiers:
            able: list[Option] = []
            for option, bit, standing in tier:
                if allowed & option.place_bit and not tried & bit and standing.blocked(now) is None:
                    able.append(option)
            if able:
                return self._choices[(able[0] if len(able) == 1 else self._best(able, request)).index]
        return self._last_resort(request)

    def explain(self, request: Request) -> list[Explained]:
        """What becomes of every candidate, and why."""
        choice = self.pick(request)
        return [self._explained(option, choice, request) for option in self.options]

    def score(self, option: Option) -> float:
        """Expected milliseconds until the first token, and what the price is worth in them."""
        figures, wants = self._standings[option.index].figures, self._preferences
        rtt = option.candidate.rtt_ms if figures.rtt_ms is None else figures.rtt_ms
        fullness = max(0.0, figures.kv_use - _CACHE_FULLS_UP) / (1 - _CACHE_FULLS_UP)
        waiting = wants.waiting_ms * figures.waiting + wants.full_cache_ms * fullness
        return rtt + waiting + wants.dollar_ms * option.dollars

    def _best(self, able: list[Option], request: Request) -> Option:
        rand = request.rand
        if able[0].tier in self._mixed:
            able, rand = _by_weight(able, rand)
        if len(able) == 1:
            return able[0]
        scores = [self.score(option) for option in able]
        best = min(scores)
        bound = max(best * _ALIKE, best + self._preferences.alike_ms)
        alike = [index for index, score in enumerate(scores) if score <= bound]
        if len(alike) == 1:
            return able[alike[0]]
        key = request.key
        if key is not None:
            return able[max(alike, key=lambda index: rank(key, able[index].seed))]
        first, second = (alike[index] for index in two_of(len(alike), rand))
        return able[second] if scores[second] < scores[first] else able[first]

    def _last_resort(self, request: Request) -> Choice | Nobody:
        """Nobody is free: the best of those that are merely cooling down, or why not and until when."""
        now = request.now
        blocked: list[tuple[Option, Blocked]] = []
        willing: list[Option] = []
        for option in self.options:
            refusal = self._refusal(option, request)
            if refusal is not None and refusal.why in _HOPE:
                at = self._standings[option.index].last_resort_at(now)
                if at is not None and at <= now:
                    willing.append(option)
                blocked.append((option, refusal if at is None else Blocked(refusal.why, at)))
        if willing:
            best = min(willing, key=lambda option: (option.tier, self.score(option), option.index))
            return Choice(best, is_last_resort=True)
        if not blocked:
            return Nobody(self._hopeless(request), None)
        why = min((refusal.why for _, refusal in blocked), key=lambda why: _HOPE[why])
        untils = [refusal.until for _, refusal in blocked if refusal.until is not None]
        return Nobody(why, min(untils, default=None))

    def _hopeless(self, request: Request) -> Why:
        """Why there is nobody to wait for: all that is left was tried, gets no traffic, or is unlawful."""
        whys = {refusal.why for option in self.options if (refusal := self._refusal(option, request)) is not None}
        return next((why for why in (Why.TRIED, Why.UNLAWFUL) if why in whys), Why.NO_TRAFFIC)

    def _refusal(self, option: Option, request: Request) -> Blocked | None:
        """The law comes first: nothing else is told about a candidate that it forbids."""
        if not request.mask.allowed & option.place_bit:
            return Blocked(Why.UNLAWFUL)
        if not option.candidate.weight:
            return Blocked(Why.NO_TRAFFIC)
        if request.tried >> option.index & 1:
            return Blocked(Why.TRIED)
        return self._standings[option.index].blocked(request.now)

    def _explained(self, option: Option, choice: Choice | Nobody, request: Request) -> Explained:
        refusal = self._refusal(option, request)
        if isinstance(choice, Choice) and option is choice.option:
            refusal = Blocked(Why.CHOSEN)
        elif refusal is None:
            refusal = Blocked(_passed_over(option, choice))
        score = math.nan if refusal.why is Why.UNLAWFUL else self.score(option)
        return Explained(option.name, option.tier, refusal.why, score, refusal.until)


def prepare(route: Route, hops: int = 0) -> tuple[Option, ...]:
    """A route's candidates in order, with what doesn't change worked out."""
    flat = [(tier, candidate) for tier, each in enumerate(route.tiers) for candidate in each.candidates]
    return tuple(Option(index, tier, candidate, hops) for index, (tier, candidate) in enumerate(flat))


def _by_weight(able: list[Option], rand: float) -> tuple[list[Option], float]:
    """One backend's options, drawn by weight, and the random number that is left over.

    Each candidate of a backend carries the backend's weight.
    """
    weights: dict[str, int] = {}
    for option in able:
        weights[option.backend] = max(weights.get(option.backend, 0), option.candidate.weight)
    if len(weights) == 1:
        return able, rand
    at = rand * sum(weights.values())
    for backend, weight in weights.items():  # noqa: B007 - the last one, if rounding leads past it
        if at < weight:
            break
        at -= weight
    return [option for option in able if option.backend == backend], at / weight


def _passed_over(option: Option, choice: Choice | Nobody) -> Why:
    if isinstance(choice, Nobody) or choice.option.tier < option.tier:
        return Why.LATER_TIER
    return Why.WORSE if choice.option.backend == option.backend else Why.OTHER_BACKEND


def _name(candidate: Candidate) -> str:
    match candidate.target:
        case EngineTarget(pool=pool):
            return f"engine/{pool}"
        case PeerTarget(site=site, pool=pool):
            return f"peer/{site}/{pool}"
        case ProviderTarget(provider=provider, endpoint=endpoint):
            return f"provider/{provider}/{endpoint}/{candidate.model}"


def _backend(candidate: Candidate) -> str:
    match candidate.target:
        case EngineTarget(pool=pool) | PeerTarget(pool=pool):
            return f"pool/{pool}"
        case ProviderTarget(provider=provider):
            return f"provider/{provider}/{candidate.model}"
