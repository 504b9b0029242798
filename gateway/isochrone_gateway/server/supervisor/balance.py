"""Who accepts next: workers tell each other how many connections they hold, in a page of shared memory.

All workers accept from the same socket, and the kernel wakes whichever it likes; the first to run could take a whole
burst of connections and keep them for hours. So a worker that is ahead of the mean waits for a moment, and takes what
is then still waiting: the others are slow, hang, or have gone.

Each worker writes its own number only. A number is 32 bits and aligned, so no reader sees half of one.
"""

import mmap
import os
from typing import Final

_ABSENT: Final = -1
_SLACK: Final = 1


class Loads:
    """The numbers of all workers. An absent worker doesn't count."""

    def __init__(self, size: int, descriptor: int | None = None) -> None:
        """Share the memory behind the descriptor; without one, make new memory."""
        length = size * 4
        if descriptor is None:
            self.descriptor = os.memfd_create("loads")
            os.ftruncate(self.descriptor, length)
        else:
            self.descriptor = descriptor
        self._memory = mmap.mmap(self.descriptor, length)
        self._numbers = memoryview(self._memory).cast("i")
        if descriptor is None:
            for number in range(size):
                self.leave(number)

    def tell(self, number: int, load: int) -> None:
        self._numbers[number] = load

    def leave(self, number: int) -> None:
        """Say that this worker doesn't accept, or has ended."""
        self._numbers[number] = _ABSENT

    def is_ahead(self, number: int) -> bool:
        """Does this worker hold more than its share?"""
        present = [load for load in self._numbers if load != _ABSENT]
        return self._numbers[number] * len(present) > sum(present) + _SLACK * len(present)

    def close(self) -> None:
        self._numbers.release()
        self._memory.close()
        os.close(self.descriptor)
