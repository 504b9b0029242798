"""Listening sockets, owned by the supervisor: they stay open while workers come and go, so no queue is ever reset.

At the end one must close, and closing resets what is in its queue. Accepting until the queue is empty isn't enough:
between that and the close another connection may come, whose client believes that it is connected. So the kernel is
told first to take no new ones (`take_no_more`); then those that are half-way come in, and only then it is closed.
"""

import contextlib
import ctypes
import socket
import struct
import sys
from typing import Final

_BACKLOG: Final = 4096
_SO_ATTACH_FILTER: Final = 26  # asm-generic/socket.h; Python has no name for it.
_NO_SYN: Final = b"".join(
    struct.pack("=HBBI", *instruction)  # struct sock_filter of linux/filter.h
    for instruction in (
        (0x30, 0, 0, 13),  # load the byte of the TCP header with its flags (RFC 9293 section 3.1)
        (0x54, 0, 0, 0x12),  # of these, SYN and ACK
        (0x15, 0, 1, 0x02),  # SYN alone begins a connection:
        (0x06, 0, 0, 0),  # drop it
        (0x06, 0, 0, 0xFFFFFFFF),  # take everything else
    )
)
"""A classic BPF program. Whoever owns a socket may filter what comes to it, without privileges."""


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


def take_no_more(sock: socket.socket) -> None:
    """Let no connection begin at this listening socket any more; those that have begun come in.

    Clients that are too late hear nothing, try again a second later, and are refused then. Elsewhere than on Linux, and
    where a sandbox forbids it, nothing changes: a connection that comes at the very moment of the close is lost.
    """
    if sys.platform == "linux":
        program = ctypes.create_string_buffer(_NO_SYN)
        described = struct.pack("@HP", len(_NO_SYN) // 8, ctypes.addressof(program))  # struct sock_fprog
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)


def name(sock: socket.socket) -> str:
    """`host:port`, as it is bound."""
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
