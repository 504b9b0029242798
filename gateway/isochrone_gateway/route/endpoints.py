"""Which pod of an engine pool gets a request.

Every pod could answer it; the question is where it waits least. A prompt goes to the pod that its beginning is hashed
to, while that pod isn't clearly busier than the others (consistent hashing with bounded loads: Mirrokni, Thorup and
Zadimoghaddam, 2016). Else the less busy of two pods drawn at random gets it: nearly as even as always taking the least
busy, and not a stampede to one pod when the figures are old (Mitzenmacher, 2001).
"""

import math
from collections.abc import Sequence
from typing import Final

from isochrone_gateway.route.affinity import rank, seed_of

_BOUND: Final = 1.25
"""A pod may be this much busier than the mean before its prompts go elsewhere."""
_SLACK: Final = 2
"""And by this many requests, so that a few don't count as busy."""
_CACHE_FULL: Final = 0.95
_FULL_COUNTS_AS: Final = 8.0
"""A full KV cache preempts what runs; it counts as this many waiting requests."""


class Endpoint:
    """One pod, and what is known of its load. The server keeps the figures fresh.

    in_flight   requests of this process that it is answering
    waiting     requests in its queue, whoever sent them, as of its last metrics
    kv_use      the used share of its KV cache
    """

    __slots__ = ("in_flight", "kv_use", "name", "seed", "waiting")

    def __init__(self, *, name: str, in_flight: int = 0, waiting: float = 0.0, kv_use: float = 0.0) -> None:
        self.name = name
        self.seed = seed_of(name)
        self.in_flight = in_flight
        self.waiting = waiting
        self.kv_use = kv_use

    @property
    def load(self) -> float:
        """How many requests stand before the next one."""
        full = _FULL_COUNTS_AS if self.kv_use > _CACHE_FULL else 0.0
        return self.in_flight + self.waiting + full


def pick(endpoints: Sequence[Endpoint], key: int | None, rand: float) -> Endpoint | None:
    """The pod for a prompt. Give it only pods that are ready; `key` is None if like prompts need no company."""
    count = len(endpoints)
    if count <= 1:
        return endpoints[0] if count else None
    if key is not None:
        loads = [endpoint.load for endpoint in endpoints]
        bound = math.ceil(_BOUND * sum(loads) / count) + _SLACK
        wanted = max(range(count), key=lambda index: rank(key, endpoints[index].seed))
        if loads[wanted] < bound:
            return endpoints[wanted]
    first, second = two_of(count, rand)
    one, other = endpoints[first], endpoints[second]
    return other if other.load < one.load else one


def two_of(count: int, rand: float) -> tuple[int, int]:
    """Two different positions out of at least two, all pairs equally likely."""
    drawn = min(int(rand * count * (count - 1)), count * (count - 1) - 1)
    first, second = divmod(drawn, count - 1)
    return first, second + (second >= first)
