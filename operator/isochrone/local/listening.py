"""Ports of this machine: whether nobody has them."""

import socket
from collections.abc import Iterable


class PortsTaken(Exception):  # noqa: N818 - it says what is the matter
    """Somebody else listens on a port that is needed; says which, and the way out."""


def taken(host: str, port: int, first: int, last: int) -> PortsTaken:
    """`port` is, of those from `first` to `last`."""
    other = first + 100
    return PortsTaken(
        f"{host}:{port} is taken, and ports {first} to {last} are needed; end what listens there, or take others: "
        f"ISOCHRONE_PORT={other}, or --port {other}"
    )


def is_free(host: str, port: int) -> bool:
    try:
        with socket.create_server((host, port)):
            return True
    except OSError:
        return False


def first_taken(host: str, ports: Iterable[int]) -> int | None:
    return next((port for port in ports if not is_free(host, port)), None)
