"""When a crashed worker is started again, and when it is no use.

A worker that ran for a while starts again at once; one that crashes soon waits longer each time. Giving up is for the
case that no worker runs: then an orchestrator should see the whole gateway fail. As long as one runs, the others are
tried for ever, since giving up would only take capacity away.
"""

import dataclasses
from typing import Final

STEADY: Final = 10.0
"""Seconds that a worker must live for its crashes before to be forgotten."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Restarts:
    """The crashes in a row of one worker."""

    first: float = 0.1
    most: float = 10.0
    limit: int = 8
    in_a_row: int = 0

    def crashed(self, *, lived: float) -> "Restarts":
        in_a_row = 1 if lived >= STEADY else self.in_a_row + 1
        return dataclasses.replace(self, in_a_row=in_a_row)

    @property
    def delay(self) -> float:
        """Seconds until the next start."""
        if self.in_a_row <= 1:
            return 0.0
        return float(min(self.most, self.first * 2.0 ** min(self.in_a_row - 2, 30)))

    @property
    def is_hopeless(self) -> bool:
        return self.in_a_row >= self.limit
