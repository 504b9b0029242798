"""Random worlds for the planner, and for all that works on what it plans.

    seeds.map(world)            whole snapshots: what is declared, and what was observed
    applied(snapshot, plan)     the same once the plan has been carried out
    edited(dice, snapshot)      the same after a change or two
    shuffled(dice, snapshot)    the same in another order

Hypothesis draws a seed, and the world follows from it: drawn field by field, it would take far longer.
"""

from hypothesis import strategies as st
from tests.worlds.build import snapshot
from tests.worlds.declared import Size, objects
from tests.worlds.dice import Dice
from tests.worlds.happened import NOW, applied, edited, shuffled, world

__all__ = ["NOW", "Dice", "Size", "applied", "edited", "objects", "seeds", "shuffled", "snapshot", "world"]

seeds = st.binary(min_size=12, max_size=12).map(int.from_bytes)
