"""Listening sockets, owned by the supervisor: they stay open while workers come and go, so no queue is ever reset."""

import contextlib
import socket
from typing import Final

_BACKLOG: Final = 4096


def listen(host: str, port: int) -> socket.socket:
    """Listen on one address; an empty host means all of them, by IPv6 and IPv4 alike where the machine has both."""
    if host:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return _listen(host, port, family=family, dual=False)
    if socket.has_dualstack_ipv6():
        with contextlib.suppress(OSError):
            return _listen("::", port, family=socket.AF_INET6, dual=True)
    return _listen("0.0.0.0", port, family=socket.AF_INET, dual=False)  # noqa: S104 - all addresses were asked for


def _listen(host: str, port: int, *, family: socket.AddressFamily, dual: bool) -> socket.socket:
    made = socket.create_server((host, port), family=family, backlog=_BACKLOG, dualstack_ipv6=dual)
    made.setblocking(False)
    return made


def name(sock: socket.socket) -> str:
    """`host:port`, as it is bound."""
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
