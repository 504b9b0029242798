"""A mirror of Hugging Face with the one model that the quickstart has: pods have no internet in these tests."""

import http.server
import threading
from pathlib import Path
from types import TracebackType
from typing import Self


class Mirror:
    """Answers at a port of one address of this machine, from a thread."""

    def __init__(self, address: str, files: dict[str, Path]) -> None:
        handler = type("Handler", (_Handler,), {"files": files})
        self._server = http.server.ThreadingHTTPServer((address, 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="mirror", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])


class _Handler(http.server.BaseHTTPRequestHandler):
    files: dict[str, Path]

    def do_GET(self) -> None:
        path = self.files.get(self.path)
        if path is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(path.stat().st_size))
        self.end_headers()
        with path.open("rb") as file:
            while chunk := file.read(1024 * 1024):
                self.wfile.write(chunk)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's
        """Tests are quiet."""
