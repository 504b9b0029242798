"""The network of a pod, for a program that runs without one. Python reads this file when it starts (see `site`).

The pod 10.x.y.z is 127.x.y.z on this machine. What the program binds to all addresses is bound to that one, and what
it connects to in 10.0.0.0/8 is looked for in 127.0.0.0/8. So each pod has all its ports, as in a cluster, and needs no
rights for it. Sockets that Python opens are all that there is to it: what libuv or C opens by itself stays as it is.
Linux only: elsewhere 127.0.0.1 alone is there.
"""

import os
import socket
from typing import Any

_OWN = os.environ["POD_NETWORK_ADDRESS"]
_PODS, _LOOPBACK = "10.", "127."
_bind, _connect = socket.socket.bind, socket.socket.connect


def _here(address: Any) -> Any:
    if isinstance(address, tuple) and str(address[0]).startswith(_PODS):
        return (_LOOPBACK + address[0].removeprefix(_PODS), *address[1:])
    return address


def _bind_own(self: socket.socket, address: Any) -> None:
    match address:
        case ("" | "0.0.0.0", port):
            address = (_OWN, port)
        case ("::", port, *_):
            address = (f"::ffff:{_OWN}", port)
    _bind(self, _here(address))


def _connect_here(self: socket.socket, address: Any) -> None:
    _connect(self, _here(address))


socket.socket.bind = _bind_own  # type: ignore[assignment, method-assign]
socket.socket.connect = _connect_here  # type: ignore[assignment, method-assign]
