"""A limit for all that is read from and written to a socket: its own time-outs are for one step each."""

import contextlib
import socket
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def cut_after(seconds: float, sock: socket.socket) -> Iterator[None]:
    """Shut a socket down after some time, and raise TimeoutError then, whatever its reader made of it."""
    is_late = threading.Event()

    def cut() -> None:
        is_late.set()
        with contextlib.suppress(OSError):
            # TLS's own shutdown would change the object that another thread is reading from.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)

    sock.settimeout(seconds)
    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        if is_late.is_set():
            raise TimeoutError("the answer took too long")
