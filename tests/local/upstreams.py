"""Engines and a provider, played by servers that remember every body that they got."""

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any, Final

_PATIENCE: Final = 60


class Upstream(http.server.ThreadingHTTPServer):
    """Answers every chat, or fails every one, and remembers what it was asked."""

    daemon_threads = True

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.name = name
        self.fails = False
        self.bodies: list[bytes] = []

    def handle_error(self, *_: object) -> None:
        """Gateways are killed here, and connections with them."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def got(self, marker: str) -> int:
        """How often a request had this in it."""
        return sum(marker.encode() in body for body in list(self.bodies))


class _Answering(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _PATIENCE
    server: Upstream

    def do_GET(self) -> None:
        """Whether it is well."""
        self._answer(200, {"object": "list", "data": []})

    def do_POST(self) -> None:
        """A chat."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.bodies.append(body)
        if self.server.fails:
            self._answer(500, {"error": {"message": "broken on purpose"}})
            return
        message = {"role": "assistant", "content": f"answered by {self.server.name}"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        self._answer(200, {"id": "1", "object": "chat.completion", "created": 1, "choices": choices, "usage": usage})

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # Whoever asked was killed.
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@contextlib.contextmanager
def upstream(name: str) -> Iterator[Upstream]:
    """One that listens."""
    with Upstream(name) as server:
        thread = threading.Thread(target=server.serve_forever, name=name)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(_PATIENCE)
