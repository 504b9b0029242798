"""HTTP as fetching needs it: redirects that give no credentials away, and answers that say whether to try again."""

import contextlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Final
from urllib.parse import urlsplit

from isochrone_fetch.errors import BrokenOffError, FetchError

TIMEOUT: Final = 60.0
"""Seconds without a byte."""

CHUNK: Final = 1024 * 1024

PARTIAL: Final = 206
UNAUTHORIZED: Final = 401
BEYOND_END: Final = 416

_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_SECRET: Final = ("authorization", "x-amz-")


@dataclass(frozen=True, slots=True)
class Request:
    """A GET, and the headers that it needs."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Answer:
    """What a server sent: status, headers, and a body to read."""

    def __init__(self, response: http.client.HTTPResponse, host: str) -> None:
        self.status = response.status
        self.headers = response.headers
        self._response = response
        self._host = host

    def chunks(self) -> Iterator[bytes]:
        """The body, to its end: an early one is no end."""
        missing = int(self.headers.get("Content-Length") or -1)
        while chunk := self._read():
            missing -= len(chunk)
            yield chunk
        if missing > 0:
            raise BrokenOffError(f"{self._host} ended {missing} bytes before the end")

    def _read(self) -> bytes:
        try:
            return self._response.read(CHUNK)
        except (OSError, http.client.HTTPException) as error:
            raise BrokenOffError(f"{self._host}: {error}") from error


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to https only (unless it began without), and takes credentials along to the same host only."""

    def redirect_request(  # noqa: PLR0917 - urllib's
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        before, after = urlsplit(req.full_url), urlsplit(newurl)
        if after.scheme != "https" and before.scheme == "https":
            raise FetchError(f"{before.hostname} sends on to {after.hostname} without TLS")
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        if following is not None and (before.scheme, before.netloc) != (after.scheme, after.netloc):
            for name in [each for each in following.headers if each.lower().startswith(_SECRET)]:
                following.remove_header(name)
        return following


_opener: Final = urllib.request.build_opener(_Redirects)


@contextlib.contextmanager
def get(request: Request, *, offset: int = 0) -> Iterator[Answer]:
    """The answer to a GET, of any status below 400. From `offset` on, if the server can."""
    if urlsplit(request.url).scheme not in {"http", "https"}:
        raise FetchError(f"{request.url} is no address of the web")
    headers = {"User-Agent": "isochrone-fetch", "Accept-Encoding": "identity", **request.headers}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    asked = urllib.request.Request(request.url, headers=headers)  # noqa: S310 - the scheme was looked at
    try:
        response = _opener.open(asked, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        raise _refused(request.url, error.code, error.headers.get("WWW-Authenticate", "")) from error
    except (OSError, http.client.HTTPException) as error:
        raise BrokenOffError(f"{_host(request.url)}: {error}") from error
    with response:
        yield Answer(response, _host(request.url))


def read(request: Request, *, at_most: int) -> bytes:
    """A small body."""
    body = b""
    with get(request) as answer:
        for chunk in answer.chunks():
            body += chunk
            if len(body) > at_most:
                raise FetchError(f"{request.url} is larger than {at_most} bytes")
    return body


class RefusedError(FetchError):
    """The server said no."""

    def __init__(self, message: str, status: int, challenge: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.challenge = challenge
        """What the server says of the credentials that it wants."""


def _refused(url: str, status: int, challenge: str) -> Exception:
    if status in _AGAIN:
        return BrokenOffError(f"{_host(url)} answers with {status}")
    meaning = {401: "it wants credentials", 403: "these credentials may not", 404: "there is no such file"}
    return RefusedError(f"{url} answers with {status}: {meaning.get(status, 'it was refused')}", status, challenge)


def _host(url: str) -> str:
    return urlsplit(url).hostname or url
