"""A web server on 127.0.0.1 whose answers a test scripts: files in ranges, ends in between, refusals, redirects."""

import contextlib
import dataclasses
import http.server
import threading
from collections.abc import Callable, Iterator
from typing import Any


@dataclasses.dataclass
class Seen:
    """A request that came in."""

    path: str
    headers: dict[str, str]


@dataclasses.dataclass
class Reply:
    """An answer. `cut` ends the connection after so many bytes of the body."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    cut: int | None = None


Script = Callable[[Seen], Reply]


class Server:
    """Answers with what `files` has, unless `script` says otherwise."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.files: dict[str, bytes] = {}
        self.replies: list[Reply | None] = []
        """Answers to the next requests, None for the ordinary one."""
        self.script: Script | None = None
        self.seen: list[Seen] = []
        self._server = http.server.ThreadingHTTPServer((host, 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://{host}:{self._server.server_port}"

    @contextlib.contextmanager
    def running(self) -> Iterator["Server"]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    @property
    def paths(self) -> list[str]:
        return [each.path for each in self.seen]

    def answer(self, seen: Seen) -> Reply:
        self.seen.append(seen)
        scripted = self.replies.pop(0) if self.replies else None
        if scripted is not None:
            return scripted
        return self.script(seen) if self.script else self.file(seen)

    def file(self, seen: Seen) -> Reply:
        content = self.files.get(seen.path)
        if content is None:
            return Reply(status=404)
        wanted = seen.headers.get("Range")
        if wanted is None:
            return Reply(content)
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
        return Reply(content[start:], status=206) if start < len(content) else Reply(status=416)

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                reply = server.answer(Seen(self.path, dict(self.headers.items())))
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body[: reply.cut])
                self.close_connection = reply.cut is not None

            def log_message(self, *_: Any) -> None:
                """Tests print enough."""

        return Handler
