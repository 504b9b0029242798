"""One HTTP client for the Kubernetes API: requests with bounded answers, and watches.

It is small because it needs little: one server, GET and server-side apply, JSON, a bearer token, and every wait
bounded. A connection carries one request at a time and is kept for the next. What is asked may be asked twice. Formats
and the meaning of status codes: https://kubernetes.io/docs/reference/using-api/api-concepts/.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import httptools
import msgspec

from isochrone_gateway.source.credentials import CredentialsError, ServiceAccount

_KEPT: Final = 8
_READ: Final = 64 * 1024
_MAX_ANSWER: Final = 16 * 1024 * 1024
_MAX_HEAD: Final = 64 * 1024
_OK: Final = 200
_CREATED: Final = 201
_APPLY: Final = "application/apply-patch+yaml"  # JSON is YAML.
_FIRST_FINAL: Final = 200
"""Below are interim answers, and the 0 of an answer that hasn't come."""


class ApiError(Exception):
    """The API server could not be asked, or refused. `status` is that of its answer, or 0 without one."""

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class _Status(msgspec.Struct):
    """The part of a `Status` object that is for people."""

    message: str = ""


class _Answer:
    """What llhttp reports of one answer."""

    def __init__(self) -> None:
        self.status = 0
        self.pieces: list[bytes] = []
        self.over = False
        self.keep_alive = False
        self.parser = httptools.HttpResponseParser(self)

    def on_headers_complete(self) -> None:
        self.status = self.parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        self.pieces.append(data)

    def on_message_complete(self) -> None:
        self.over = True
        self.keep_alive = self.parser.should_keep_alive()

    def take(self) -> bytes:
        data = b"".join(self.pieces)
        self.pieces.clear()
        return data


class _Connection:
    """One connection, one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._answer = _Answer()

    @property
    def is_usable(self) -> bool:
        return not self._reader.at_eof() and not self._writer.is_closing()

    def close(self) -> None:
        # Nothing is left to send: waiting for the server's goodbye would keep the socket open past the end of the loop.
        self._writer.transport.abort()

    async def ask(self, request: bytes, *, limit: float) -> int:
        """Send a request and wait for the head of its answer; gives the status."""
        self._answer = _Answer()
        self._writer.write(request)
        async with asyncio.timeout(limit):
            await self._writer.drain()
            read = 0
            while self._answer.status < _FIRST_FINAL:
                read += await self._read()
                if self._answer.status < _FIRST_FINAL and read > _MAX_HEAD:
                    raise ApiError("the head of the answer has no end")
        return self._answer.status

    async def body(self, *, silence: float) -> AsyncGenerator[bytes, None]:
        """The pieces of the body; ApiError if none comes for so long."""
        while True:
            if data := self._answer.take():
                yield data
            if self._answer.over:
                return
            async with asyncio.timeout(silence):
                await self._read()

    @property
    def can_be_kept(self) -> bool:
        return self._answer.over and self._answer.keep_alive and self.is_usable

    async def _read(self) -> int:
        data = await self._reader.read(_READ)
        if not data:
            raise ApiError("the API server closed the connection")
        self._answer.parser.feed_data(data)
        return len(data)


class ApiClient:
    """Asks one API server, as one service account."""

    def __init__(self, account: ServiceAccount, *, limit: float = 15.0) -> None:
        self._account = account
        self._limit = limit
        self._kept: list[_Connection] = []

    def close(self) -> None:
        while self._kept:
            self._kept.pop().close()

    async def get(self, path: str, parameters: Mapping[str, str] | None = None) -> bytes:
        """A whole answer of success. Raises ApiError."""
        return await self._whole("GET", path, parameters or {})

    async def apply(self, path: str, content: Any, *, manager: str) -> bytes:
        """Make this what `manager` has said of an object, whoever said something else of it before. Raises ApiError.

        Where the object isn't there, it is made if the account may do that, and 403 if not. See
        https://kubernetes.io/docs/reference/using-api/server-side-apply/.
        """
        parameters = {"fieldManager": manager, "force": "true"}
        return await self._whole("PATCH", path, parameters, msgspec.json.encode(content))

    async def watch(self, path: str, parameters: Mapping[str, str], *, silence: float) -> AsyncGenerator[bytes, None]:
        """The lines of a watch until the server ends it. Raises ApiError, also if nothing comes for so long."""
        with _as_api_error(path):
            connection, status = await self._ask(self._request("GET", path, {**parameters, "watch": "true"}))
            try:
                if status != _OK:
                    raise ApiError(await _refusal(connection, self._limit), status=status)
                async with contextlib.aclosing(_lines(connection, silence)) as lines:
                    async for line in lines:
                        yield line
            finally:
                self._done_with(connection)

    async def _whole(self, method: str, path: str, parameters: Mapping[str, str], body: bytes | None = None) -> bytes:
        with _as_api_error(path):
            async with asyncio.timeout(self._limit):
                return await self._answer(self._request(method, path, parameters, body))

    async def _answer(self, request: bytes) -> bytes:
        connection, status = await self._ask(request)
        try:
            if status not in (_OK, _CREATED):
                raise ApiError(await _refusal(connection, self._limit), status=status)
            return await _whole(connection, self._limit)
        finally:
            self._done_with(connection)

    async def _ask(self, request: bytes) -> tuple[_Connection, int]:
        """Send a request; once more on a new connection if a kept one turns out to be dead."""
        while self._kept:
            connection = self._kept.pop()
            try:
                return connection, await connection.ask(request, limit=self._limit)
            except BaseException as error:
                connection.close()
                if not isinstance(error, ApiError | OSError):
                    raise
        connection = await self._connect()
        try:
            return connection, await connection.ask(request, limit=self._limit)
        except BaseException:
            connection.close()
            raise

    async def _connect(self) -> _Connection:
        context = await asyncio.to_thread(self._account.tls)
        async with asyncio.timeout(self._limit):
            reader, writer = await asyncio.open_connection(
                self._account.host, self._account.port, ssl=context, limit=4 * _READ
            )
        return _Connection(reader, writer)

    def _done_with(self, connection: _Connection) -> None:
        if connection.can_be_kept and len(self._kept) < _KEPT:
            self._kept.append(connection)
        else:
            connection.close()

    def _request(self, method: str, path: str, parameters: Mapping[str, str], body: bytes | None = None) -> bytes:
        host = f"[{self._account.host}]" if ":" in self._account.host else self._account.host
        query = f"?{urlencode(parameters)}" if parameters else ""
        lines = [
            f"{method} {path}{query} HTTP/1.1",
            f"host: {host}:{self._account.port}",
            f"authorization: Bearer {self._account.token()}",
            "accept: application/json",
            "user-agent: isochrone-gateway",
        ]
        if body is not None:
            lines += [f"content-type: {_APPLY}", f"content-length: {len(body)}"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii") + (body or b"")


async def _whole(connection: _Connection, silence: float) -> bytes:
    pieces, size = [], 0
    async with contextlib.aclosing(connection.body(silence=silence)) as body:
        async for piece in body:
            size += len(piece)
            if size > _MAX_ANSWER:
                raise ApiError(f"an answer of more than {_MAX_ANSWER} bytes")
            pieces.append(piece)
    return b"".join(pieces)


async def _lines(connection: _Connection, silence: float) -> AsyncGenerator[bytes, None]:
    """The complete lines of a body; an unfinished one at the end is none."""
    rest = b""
    async with contextlib.aclosing(connection.body(silence=silence)) as body:
        async for piece in body:
            *lines, rest = (rest + piece).split(b"\n")
            if len(rest) > _MAX_ANSWER:
                raise ApiError(f"a line of more than {_MAX_ANSWER} bytes")
            for line in lines:
                yield line


async def _refusal(connection: _Connection, silence: float) -> str:
    """Why the server refused, in its own words."""
    body = await _whole(connection, silence)
    try:
        return msgspec.json.decode(body, type=_Status).message or "refused"
    except msgspec.DecodeError:
        return body[:200].decode(errors="replace")


@contextlib.contextmanager
def _as_api_error(path: str) -> Iterator[None]:
    """Give foreign errors one form, and all of them the path."""
    try:
        yield
    except ApiError as error:
        raise ApiError(f"{path}: {error}", status=error.status) from error
    except TimeoutError as error:
        raise ApiError(f"{path}: no answer in time") from error
    except (OSError, httptools.HttpParserError, CredentialsError) as error:
        raise ApiError(f"{path}: {error}") from error
