"""h11 as a second opinion on one request: does it take it, refuse it, or wait for more?"""

import dataclasses

import h11


@dataclasses.dataclass(frozen=True)
class Taken:
    """A complete request, as h11 understands it, and what follows it."""

    method: bytes
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    rest: bytes


@dataclasses.dataclass(frozen=True)
class Refused:
    """h11 says that the client broke the protocol."""

    reason: str


@dataclasses.dataclass(frozen=True)
class Waits:
    """h11 needs more."""


def read(data: bytes) -> Taken | Refused | Waits:
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    connection.receive_data(data)
    request: h11.Request | None = None
    body = bytearray()
    while True:
        try:
            event = connection.next_event()
        except h11.RemoteProtocolError as error:
            return Refused(str(error))
        if isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and request is not None:
            headers = tuple((bytes(name), bytes(value)) for name, value in request.headers)
            rest, _ = connection.trailing_data
            return Taken(bytes(request.method), bytes(request.target), headers, bytes(body), bytes(rest))
        else:
            return Waits()
