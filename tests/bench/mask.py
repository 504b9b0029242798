"""`python -m tests.bench.mask`: what the law costs a request, in one gateway's process.

Three policies bind each request, at 330 places. Most requests share a head with one before, and pay only for the bits
that the choice among candidates looks at; those with a new head look their rulings up; a kind of request that was never
seen has its rulings worked out, once until the config changes.
"""

import hashlib
import itertools
import sys
import time
import timeit
from collections.abc import Callable
from typing import Final

from isochrone_gateway.config.law import Law, Policy, Scope, Table, encode_row
from isochrone_gateway.config.places import Place, Places
from isochrone_gateway.route.mask import Age, Lawbook
from isochrone_gateway.server.pipeline.callers import Caller
from isochrone_gateway.server.pipeline.rulings import Rulings, Standpoint

BUDGET_US: Final = 2.0
"""Microseconds for each request."""
_PLACES: Final = 330
_POLICIES: Final = 3
_ROUTES: Final = {f"lab/route-{number}": frozenset[str]() for number in range(200)}
_CODES: Final = [first + second for first, second in itertools.product("ABCDEFGHIJ", repeat=2)]
_CALLER: Final = Caller(tenant_id="lab/team", routes=frozenset({"lab/route-7"}))
_STANDPOINT: Final = Standpoint("lab/team", frozenset({"AB"}), frozenset({"health"}), Age.FRESH)


def rulings() -> Rulings:
    """Those of a large installation."""
    every = (1 << _PLACES) - 1
    rows = tuple(encode_row(every >> number) for number in range(len(_CODES)))
    table = Table(rows={code: number for number, code in enumerate(_CODES)})
    scopes: dict[Scope, int] = {"Inference": 0, "Ingress": 0}
    policies = tuple(
        Policy(name=name, generation=1, digest=hashlib.sha256(name.encode()).hexdigest(), scopes=scopes)
        for name in (f"policy-{number}" for number in range(_POLICIES))
    )
    places = Places(places=tuple(Place(codes=frozenset({"DE"}), country="DE") for _ in range(_PLACES)))
    return Rulings(Lawbook(Law(policies=policies, tables=(table,), rows=rows), places, site_country="DE"), 0)


def measured() -> dict[str, float]:
    """Microseconds for each request."""
    known = rulings()
    allowed = known.of("lab/route-7", _STANDPOINT, ()).lawful.allowed
    bits = [1 << place for place in range(0, 2 * _PLACES, _PLACES // 4)]

    def look_up() -> None:
        known.entry(_STANDPOINT, _CALLER, _ROUTES)
        known.of("lab/route-7", _STANDPOINT.on(frozenset({"health"})), ())

    def look_at_bits() -> None:
        """As `route.candidates.Picker.pick` does."""
        for bit in bits:
            if allowed & bit:
                pass

    fresh = itertools.count()

    def work_out() -> None:
        known.of("lab/route-7", _STANDPOINT._replace(tenant=f"lab/{next(fresh)}"), ())

    return {
        f"a head that is known: the bits of {len(bits)} candidates": _us(look_at_bits, 100_000),
        "a new head: ingress and candidates looked up": _us(look_up, 100_000),
        "a kind never seen: rulings worked out, once": _us(work_out, 2_000),
    }


def _us(work: Callable[[], None], times: int) -> float:
    """Of the best of several runs: what is slower than that is something else's doing."""
    return min(timeit.repeat(work, timer=time.process_time, number=times, repeat=15)) / times * 1e6


def main() -> int:
    found = measured()
    for what, cost in found.items():
        sys.stdout.write(f"{cost:8.2f} us  {what}\n")
    dearest = max(list(found.values())[:2])
    held = "held" if dearest < BUDGET_US else "NOT held"
    sys.stdout.write(f"The budget of {BUDGET_US:g} us for each request that shares its kind with another is {held}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
