"""The signals that tell a gateway what to do, up to its very end.

An event loop that gives up a signal gives it back to the system, whose default is to kill the process. One more request
to read the config, or to end, would then turn a drain that lost nothing into a death by a signal, which process
supervisors restart and report. So the loop doesn't have them: it only hears of them, and from being heeded they go
straight to being ignored. To block them meanwhile would not do, since any other thread would take them.
"""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def heeding(actions: Mapping[signal.Signals, Callable[[], None]]) -> Iterator[None]:
    """Act on these signals in the running loop; ignore them from then on. For the main thread."""
    with _hearing(actions):
        for number in actions:
            signal.signal(number, _nothing)
            signal.siginterrupt(number, False)
        try:
            yield
        finally:
            for number in actions:
                signal.signal(number, signal.SIG_IGN)


@contextmanager
def _hearing(actions: Mapping[signal.Signals, Callable[[], None]]) -> Iterator[None]:
    """Python writes the number of each signal that it handles into a socket, whichever thread the signal came to."""
    loop = asyncio.get_running_loop()
    heard, told = socket.socketpair()
    with heard, told:
        heard.setblocking(False)
        told.setblocking(False)

        def act() -> None:
            for number in heard.recv(4096):
                if number in actions:
                    actions[signal.Signals(number)]()

        loop.add_reader(heard, act)
        before = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            loop.remove_reader(heard)


def _nothing(*_: object) -> None:
    """A signal without a handler would not be written into the socket."""
