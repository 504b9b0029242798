"""A bucket of an S3-compatible store that files are put into, once each.

The key needs the right PutObject and no other. A store that has an object already says so (`If-None-Match: *`), and
keeps it. Whether it is the same can only be told if the key may read, too: then the digest that came with it is
compared.

It blocks, so it is for a thread that nobody waits for.
"""

import base64
import contextlib
import dataclasses
import datetime as dt
import enum
import hashlib
import http.client
import pathlib
import re
import ssl
from collections.abc import Callable
from typing import IO, Final, Protocol
from urllib.parse import quote, urlsplit

from isochrone_fetch.sigv4 import EMPTY, Keys, Signable, signed
from isochrone_gateway.ledger.deadline import cut_after

_DIGEST: Final = "x-amz-meta-sha256"
_CHUNK: Final = 256 * 1024
_MOST: Final = 16 * 1024
"""Of an answer: it says why not."""
_CODE: Final = re.compile(rb"<Code>([A-Za-z0-9]{1,64})</Code>")
_CONNECT_S: Final = 10.0
_SLOWEST: Final = 64 * 1024
"""Bytes in a second; what is slower is cut off, and tried again later."""
_OK: Final = 200
_THERE: Final = 412
_SERVER_ERROR: Final = 500


class Answer(enum.Enum):
    """What became of an object."""

    STORED = enum.auto()
    THERE = enum.auto()
    """There is one of that name, whatever it is."""


class BucketError(Exception):
    """It could not be put. The message says why, and holds no key."""

    def __init__(self, message: str, *, may_be_there: bool = True) -> None:
        super().__init__(message)
        self.may_be_there = may_be_there
        """Whether it may have been put nevertheless."""


class Store(Protocol):
    """Where files go; tests have others."""

    def put(self, path: pathlib.Path, key: str, /) -> Answer:
        """Put a file. Raises BucketError, OSError."""

    def holds(self, path: pathlib.Path, key: str, /) -> bool | None:
        """Whether the object is this file; None if this can't be told. Raises BucketError, OSError."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bucket:
    """Where it is, and the files that hold the key to it: they are read each time, so that it may be replaced."""

    endpoint: str
    name: str
    prefix: str
    region: str
    access_key: pathlib.Path
    secret_key: pathlib.Path
    authorities: pathlib.Path | None = None
    patience: float = 30.0
    """Seconds for an answer, beside those that a large file takes."""
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)

    @property
    def id(self) -> str:
        """What tells it from another one, also for people."""
        return "/".join(part for part in (self.endpoint.rstrip("/"), self.name, self.prefix) if part)

    def put(self, path: pathlib.Path, key: str) -> Answer:
        size, sha256, md5 = _digests(path)
        # The MD5 is what buckets with a retention ask for (object lock).
        headers = {"if-none-match": "*", "content-md5": md5, "content-type": "application/x-ndjson", _DIGEST: sha256}
        limit = self.patience + size / _SLOWEST
        with path.open("rb") as file:
            status, _, said = self._ask("PUT", key, _Body(file, size, sha256), headers, limit=limit)
        if status == _OK:
            return Answer.STORED
        if status == _THERE:
            return Answer.THERE
        host = urlsplit(self.endpoint).hostname
        raise BucketError(f"{host} answers with {f'{status} {said}'.rstrip()}", may_be_there=status >= _SERVER_ERROR)

    def holds(self, path: pathlib.Path, key: str) -> bool | None:
        status, digest, _ = self._ask("HEAD", key, None, {}, limit=self.patience)
        return _digests(path)[1] == digest if status == _OK and digest else None

    def _ask(
        self, method: str, key: str, body: "_Body | None", headers: dict[str, str], *, limit: float
    ) -> tuple[int, str, str]:
        """The status of the answer, the digest that came with the object, and the word for what is wrong."""
        url = f"{self.endpoint.rstrip('/')}/{quote('/'.join(part for part in (self.name, self.prefix, key) if part))}"
        signable = Signable(url, method, EMPTY if body is None else body.sha256, headers)
        sent = signed(signable, self._keys(), self.now())
        connection = self._connection()
        try:
            connection.connect()
        except (OSError, ValueError) as error:
            raise BucketError(f"{urlsplit(url).hostname}: {error}", may_be_there=False) from error
        try:
            with cut_after(limit, connection.sock):
                length = {} if body is None else {"Content-Length": str(body.size)}
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # It may have said why not before.
                    connection.request(
                        method, urlsplit(url).path, None if body is None else body.file, {**sent, **length}
                    )
                answer = connection.getresponse()
                said = _CODE.search(answer.read(_MOST))
                return answer.status, answer.getheader(_DIGEST, ""), said[1].decode() if said else ""
        except (OSError, http.client.HTTPException) as error:
            raise BucketError(f"{urlsplit(url).hostname}: {str(error) or type(error).__name__}") from error
        finally:
            connection.close()

    def _keys(self) -> Keys:
        try:
            access, secret = (each.read_text("ascii").strip() for each in (self.access_key, self.secret_key))
        except (OSError, UnicodeDecodeError) as error:
            raise BucketError(f"the key to the bucket can't be read: {error}", may_be_there=False) from error
        if not access or not secret or any(map(str.isspace, access + secret)):
            raise BucketError("the key to the bucket is empty, or has blanks in it", may_be_there=False)
        return Keys(access, secret, region=self.region)

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.endpoint)
        host = parts.hostname or ""
        if parts.scheme == "http":
            return http.client.HTTPConnection(host, parts.port, timeout=_CONNECT_S, blocksize=_CHUNK)
        try:
            context = ssl.create_default_context(cafile=self.authorities)
        except OSError as error:  # SSLError among them
            raise BucketError(f"the bucket's authorities can't be read: {error}", may_be_there=False) from error
        return http.client.HTTPSConnection(host, parts.port, timeout=_CONNECT_S, context=context, blocksize=_CHUNK)


@dataclasses.dataclass(frozen=True)
class _Body:
    file: IO[bytes]
    size: int
    sha256: str


def _digests(path: pathlib.Path) -> tuple[int, str, str]:
    """Its size, its SHA-256 in hex, and its MD5 in base64."""
    size, sha256, md5 = 0, hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            sha256.update(chunk)
            md5.update(chunk)
    return size, sha256.hexdigest(), base64.b64encode(md5.digest()).decode()
