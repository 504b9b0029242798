"""The threads of a loop, where large bodies are read, in the hands of a test."""

import concurrent.futures
import threading
from typing import Any


class Gate(concurrent.futures.ThreadPoolExecutor):
    """A loop's threads, which begin only when the test lets them."""

    def __init__(self) -> None:
        super().__init__(max_workers=1)
        self.free = threading.Event()
        self.given: list[Any] = []

    def submit(self, work: Any, /, *args: Any, **kwargs: Any) -> Any:
        self.given.append(work)

        def later() -> Any:
            assert self.free.wait(60)
            return work(*args, **kwargs)

        return super().submit(later)


class Broken(concurrent.futures.ThreadPoolExecutor):
    """A loop's threads, on which nothing works."""

    def submit(self, work: Any, /, *args: Any, **kwargs: Any) -> Any:
        def fail() -> Any:
            raise MemoryError(work, args, kwargs)

        return super().submit(fail)
