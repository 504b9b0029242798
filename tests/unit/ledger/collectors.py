"""A scripted collector: a real server whose answers are the test's, and which reads as a real one would."""

import contextlib
import gzip
import http.server
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.unit.ledger import otlp_json


class Got(NamedTuple):
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int

    @property
    def spans(self) -> list[Span]:
        """Read with the official schema."""
        return otlp_json.spans(self.body)


class Reply(NamedTuple):
    """`trickle`: after the body a byte at a time; `stall`: after the body nothing, though there should be more;
    `hang`: nothing at all. Each until the collector closes.
    """

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = {}
    trickle: bool = False
    stall: bool = False
    hang: bool = False
    closes: bool = False


Choose = Callable[[Got], Reply]


class ScriptedCollector(http.server.ThreadingHTTPServer):
    def __init__(self, choose: Choose, context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.choose = choose
        self.got: list[Got] = []
        self.connections = 0
        self.over = threading.Event()
        self._context = context

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def spans(self) -> list[Span]:
        return [span for got in self.got for span in got.spans]

    def get_request(self) -> tuple[socket.socket, Any]:
        """Take a connection. The first read makes the handshake, in the connection's own thread."""
        sock, address = super().get_request()
        if self._context is not None:
            sock = self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return sock, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away in the middle are what is tested here."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ScriptedCollector

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1
        self._number = self.server.connections

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        got = Got(self.path, {name.lower(): value for name, value in self.headers.items()}, body, self._number)
        self.server.got.append(got)
        reply = self.server.choose(got)
        if reply.hang:
            self.server.over.wait(60)
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "1000000" if reply.trickle or reply.stall else str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)
        while (reply.trickle or reply.stall) and not self.server.over.wait(0.02):
            self.wfile.write(b" " if reply.trickle else b"")
        self.close_connection = self.close_connection or reply.closes

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


@contextlib.contextmanager
def collecting(
    choose: Choose = lambda _: Reply(), context: ssl.SSLContext | None = None
) -> Iterator[ScriptedCollector]:
    with ScriptedCollector(choose, context) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join(10)
