"""The signals that tell a gateway what to do, up to its very end.

An event loop that closes gives its signals back to the system, whose default is to kill the process. One more request
to read the config, or to end, would then turn a drain that lost nothing into a death by a signal, which process
supervisors restart and report. So they are ignored first.
"""

import asyncio
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def heeding(actions: Mapping[signal.Signals, Callable[[], None]]) -> Iterator[None]:
    """Act on these signals in the running loop; ignore them from then on. For the main thread."""
    loop = asyncio.get_running_loop()
    for number, act in actions.items():
        loop.add_signal_handler(number, act)
    try:
        yield
    finally:
        for number in actions:
            _ignore(loop, number)


def _ignore(loop: asyncio.AbstractEventLoop, number: signal.Signals) -> None:
    """The loop sets the default before we can set anything: one that comes meanwhile waits, and is then dropped."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [number])
    loop.remove_signal_handler(number)
    signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
