"""One connection to a collector, on which bodies are posted one after the other.

It blocks, so it is for a thread that nobody waits for.
"""

import http.client
import select
import socket
import ssl
from typing import Final, NamedTuple

from isochrone_gateway.ledger.collector import Collector
from isochrone_gateway.ledger.deadline import cut_after

_MOST: Final = 65_536
"""Of an answer: it says no more than how many spans were refused."""


class Answer(NamedTuple):
    """What the collector said. `retry_after` is as sent."""

    status: int
    body: bytes = b""
    retry_after: bytes | None = None


class Poster:
    """A connection to a collector, made when it is needed and kept."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._tls: ssl.SSLContext | None = None
        self._connection: http.client.HTTPConnection | None = None
        zipped = {"Content-Encoding": "gzip"} if collector.zips else {}
        self._headers = {
            "User-Agent": "isochrone-gateway",
            **collector.headers,
            "Content-Type": "application/json",
            **zipped,
        }

    def post(self, body: bytes, limit: float) -> Answer:
        """Send a body and read the answer within so many seconds. Raises OSError or HTTPException.

        If the collector's setting says so, the body is compressed already. Time-outs of sockets are for one read each,
        so an answer that trickles is cut off.
        """
        try:
            connection = self._connect(limit)
            with cut_after(limit, connection.sock):
                connection.request("POST", self._collector.path, body, self._headers)
                answer = connection.getresponse()
                found = Answer(answer.status, answer.read(_MOST), _latin(answer.getheader("Retry-After")))
        except BaseException:
            self.close()
            raise
        if not answer.isclosed():  # There is more of it than anybody wants.
            self.close()
        return found

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _connect(self, limit: float) -> http.client.HTTPConnection:
        """Give the kept connection, or a new one if the collector has closed it."""
        connection = self._connection
        if connection is None or connection.sock is None or _is_readable(connection.sock):
            self.close()
            connection = self._connection = self._new(limit)
            connection.connect()
        return connection

    def _new(self, limit: float) -> http.client.HTTPConnection:
        where = self._collector
        if not where.is_secure:
            return http.client.HTTPConnection(where.host, where.port, timeout=limit)
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=where.certificate)
        return http.client.HTTPSConnection(where.host, where.port, timeout=limit, context=self._tls)


def _is_readable(sock: socket.socket) -> bool:
    """Of a connection that is idle: the other side has closed it, since the end is all that there can be to read."""
    poll = select.poll()  # Not `select`, which ends at 1024 open files.
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def _latin(value: str | None) -> bytes | None:
    return None if value is None else value.encode("latin-1")
