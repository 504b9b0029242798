"""An S3-compatible store that checks what real ones check: signatures, digests, and that nothing is overwritten where
that was asked. It can be away, slow, refuse, and lose its answers.

Signatures are worked out here anew, from AWS's description of them.
"""

import base64
import contextlib
import hashlib
import hmac
import http.server
import pathlib
import re
import ssl
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

ACCESS, SECRET = "writer", "not/a+real=key"
REGION = "eu-test-1"
_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, SignedHeaders=([a-z0-9;-]+),"
    r" Signature=([0-9a-f]{64})"
)


class FakeStore:
    """Objects by `bucket/key`. At an address of this machine; `name` is what it is called there, if not by that."""

    def __init__(self, address: str = "127.0.0.1", *, name: str = "", tls: ssl.SSLContext | None = None) -> None:
        self._address, self._name, self._tls = address, name or address, tls
        self.objects: dict[str, bytes] = {}
        self.digests: dict[str, str] = {}
        self.puts: list[str] = []
        """Of each that was stored, in order."""
        self.refused: list[str] = []
        """Those that were there already."""
        self.is_away = False
        self.may_read = False
        self.delay = 0.0
        self.lost_answers = 0
        """So many times it stores, and says nothing."""
        self.status = 0
        """What it says to everything, if not 0."""
        self.port = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self._name}:{self.port}"

    @contextlib.contextmanager
    def running(self) -> Iterator["FakeStore"]:
        server = _Server((self._address, self.port), _Handler)
        server.store = self
        self.port = server.server_port
        if self._tls is not None:  # Each connection's own thread shakes hands: who never does holds nobody up.
            server.socket = self._tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def download(self, folder: pathlib.Path, prefix: str) -> None:
        """What a user gets who copies all that begins so."""
        for name, content in list(self.objects.items()):
            if name.startswith(prefix):
                path = folder / name.removeprefix(prefix)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)

    def put(self, name: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        if headers["x-amz-content-sha256"] != hashlib.sha256(body).hexdigest():
            return 400, "XAmzContentSHA256Mismatch"
        if headers["content-md5"] != base64.b64encode(hashlib.md5(body).digest()).decode():
            return 400, "BadDigest"
        with self._lock:
            if name in self.objects and headers.get("if-none-match") == "*":
                self.refused.append(name)
                return 412, "PreconditionFailed"
            self.objects[name] = body
            self.digests[name] = headers.get("x-amz-meta-sha256", "")
            self.puts.append(name)
        return 200, ""


def is_signed(method: str, path: str, headers: dict[str, str]) -> bool:
    """Whether the request is signed with the key, over the headers that matter."""
    found = _SIGNED.fullmatch(headers.get("authorization", ""))
    if found is None or found[1] != ACCESS or found[3] != REGION:
        return False
    names = found[4].split(";")
    if not {"host", "x-amz-content-sha256", "x-amz-date"} <= set(names) or names != sorted(names):
        return False
    lines = [f"{name}:{' '.join(headers[name].split())}" for name in names]
    request = "\n".join([method, path, "", *lines, "", found[4], headers["x-amz-content-sha256"]])
    scope = f"{found[2]}/{REGION}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{SECRET}".encode()
    for part in (found[2], REGION, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.compare_digest(hmac.new(key, text.encode(), "sha256").hexdigest(), found[5])


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    store: FakeStore


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_PUT(self) -> None:
        store, body = self.server.store, self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(store.delay)
        status, said = self._refusal() or store.put(self._name(), body, self._headers())
        if status == 200 and store.lost_answers:
            store.lost_answers -= 1
            self.close_connection = True
            return
        self._answer(status, said)

    def do_HEAD(self) -> None:
        store, name = self.server.store, self._name()
        refusal = self._refusal() or (None if store.may_read else (403, "AccessDenied"))
        self._answer(*(refusal or (200 if name in store.objects else 404, "")), digest=store.digests.get(name, ""))

    def _refusal(self) -> tuple[int, str] | None:
        store = self.server.store
        if store.is_away:
            return 503, "ServiceUnavailable"
        if store.status:
            return store.status, "Scripted"
        return None if is_signed(self.command, self.path, self._headers()) else (403, "SignatureDoesNotMatch")

    def _name(self) -> str:
        return unquote(self.path.removeprefix("/"))

    def _headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _answer(self, status: int, said: str, *, digest: str = "") -> None:
        body = f"<Error><Code>{said}</Code></Error>".encode() if said else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if digest:
            self.send_header("x-amz-meta-sha256", digest)
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.suppress(BrokenPipeError):
                self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Tests print enough."""
