"""The admin port: is it alive, is it ready, what does it count, what does it run.

    /healthz   200 while the supervisor works
    /readyz    200 while requests should come; else 503 and why
    /metrics   Prometheus; all workers together
    /status    JSON; asks for the bearer token of a file, which is read each time, so that it can be replaced

It is served by the same HTTP server as everything else, so what is hardened there is hardened here. Nothing is on the
data port, and nothing here is needed by clients.
"""

import asyncio
import hmac
import pathlib
from collections.abc import Awaitable
from typing import Any, Final, Protocol

import msgspec

from isochrone_gateway.config.site import Limits
from isochrone_gateway.ledger import exposition
from isochrone_gateway.server.exchange import Exchange, ExchangeHandler
from isochrone_gateway.wire.http import status_line

LIMITS: Final = Limits(header_bytes=8 * 1024, body_bytes=0, connections=128)
_JSON: Final = b"application/json"
_TEXT: Final = b"text/plain; charset=utf-8"
_MIN_TOKEN: Final = 16


class Facts(Protocol):
    """What there is to tell."""

    def why_not_ready(self) -> str:
        """Nothing if requests should come."""

    async def metrics(self) -> exposition.Snapshots: ...

    async def status(self) -> dict[str, Any]: ...


class AdminHandler:
    """Answers on the admin port."""

    def __init__(self, facts: Facts, *, token: pathlib.Path | None) -> None:
        self._facts = facts
        self._token = token
        self._tasks: set[asyncio.Task[None]] = set()

    def on_request(self, exchange: Exchange) -> ExchangeHandler:
        head = exchange.head
        if head.method not in {b"GET", b"HEAD"}:
            _respond(exchange, 405, b"only GET\n", extra=b"allow: GET, HEAD\r\n")
        elif head.path == b"/healthz":
            _respond(exchange, 200, b"ok\n")
        elif head.path == b"/readyz":
            why = self._facts.why_not_ready()
            _respond(exchange, 503 if why else 200, f"{why or 'ok'}\n".encode())
        elif head.path == b"/metrics":
            self._start(exchange, self._metrics(exchange))
        elif head.path == b"/status":
            self._start(exchange, self._status(exchange))
        else:
            _respond(exchange, 404, b"here are /healthz, /readyz, /metrics and /status\n")
        return _NOTHING

    async def _metrics(self, exchange: Exchange) -> None:
        page = exposition.render(await self._facts.metrics())
        _respond(exchange, 200, page, kind=exposition.CONTENT_TYPE)

    async def _status(self, exchange: Exchange) -> None:
        if self._token is None:
            _respond(exchange, 404, b"start the gateway with --status-token to have /status\n")
            return
        try:
            token = (await asyncio.to_thread(self._token.read_bytes)).strip()
        except OSError as error:
            _respond(exchange, 503, f"the status token can't be read: {error.strerror}\n".encode())
            return
        if len(token) < _MIN_TOKEN:
            _respond(exchange, 503, b"the status token has less than %d characters; use a longer one\n" % _MIN_TOKEN)
        elif not hmac.compare_digest(exchange.head.get(b"authorization") or b"", b"Bearer " + token):
            challenge = b'www-authenticate: Bearer realm="isochrone-gateway"\r\n'
            _respond(exchange, 401, b"this needs the status token\n", extra=challenge)
        else:
            body = msgspec.json.format(msgspec.json.encode(await self._facts.status()), indent=2)
            _respond(exchange, 200, body + b"\n", kind=_JSON)

    def _start(self, exchange: Exchange, answer: Awaitable[None]) -> None:
        task = asyncio.ensure_future(_answer(exchange, answer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _answer(exchange: Exchange, answer: Awaitable[None]) -> None:
    try:
        await answer
    except Exception as error:  # noqa: BLE001 - a bug here must cost this answer only
        if not exchange.begun:
            _respond(exchange, 500, b"this failed; the log says why\n")
        context = {"message": "an admin request failed", "exception": error}
        asyncio.get_running_loop().call_exception_handler(context)


def _respond(exchange: Exchange, status: int, body: bytes, *, kind: bytes = _TEXT, extra: bytes = b"") -> None:
    lines = b"content-type: %b\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n" % kind
    exchange.respond(status_line(status) + lines + extra, body)


class _Nothing:
    """No body is read, and there is nothing to cancel: a late answer to a client that is gone goes nowhere."""

    def on_body(self, data: bytes) -> None: ...
    def on_body_end(self) -> None: ...
    def on_disconnect(self) -> None: ...
    def on_writable(self) -> None: ...


_NOTHING: Final = _Nothing()
