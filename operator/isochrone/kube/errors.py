"""What an API server refuses, by what can be done about it.

Status codes and reasons: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final


class ApiError(Exception):
    """A request that did not succeed. `status` is 0 where there was no answer."""

    def __init__(self, message: str, *, status: int = 0, reason: str = "", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        """As the API server says it, such as `AlreadyExists`."""
        self.retry_after = retry_after
        """Seconds after which the API server wants to be asked again, if it says so."""


class ClusterError(ApiError):
    """A cluster can't be read, in words for people: the message says what to do."""


class Unreachable(ApiError):  # noqa: N818 - named as the condition that it becomes
    """No answer: no connection, a broken one, or none in time."""


class Unauthorized(ApiError):  # noqa: N818
    """The credentials are not accepted."""


class Forbidden(ApiError):  # noqa: N818
    """The credentials are accepted, and don't suffice."""


class NotFound(ApiError):  # noqa: N818
    """There is no such object, or no such kind."""


class Conflict(ApiError):  # noqa: N818
    """Somebody else was first: another version, or a name that is taken."""


class Gone(ApiError):  # noqa: N818
    """The version to go on from is too old: list again."""


class Invalid(ApiError):  # noqa: N818
    """The object itself is refused, by validation or by an admission rule; the same again is refused again."""


class Busy(ApiError):  # noqa: N818
    """Too many requests, or a fault of the server: it is worth asking again."""


_KINDS: Final[Mapping[int, type[ApiError]]] = {
    HTTPStatus.BAD_REQUEST: Invalid,
    HTTPStatus.UNAUTHORIZED: Unauthorized,
    HTTPStatus.FORBIDDEN: Forbidden,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.GONE: Gone,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Invalid,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: Invalid,
    HTTPStatus.UNPROCESSABLE_ENTITY: Invalid,
    HTTPStatus.TOO_MANY_REQUESTS: Busy,
}


def error_of(doing: str, status: int, body: bytes, retry_after: str | None = None) -> ApiError:
    """The error for an answer; `doing` is the request in words, such as `PATCH /api/v1/...`."""
    said, reason = _said(body)
    kind = _KINDS.get(status, Busy if status >= HTTPStatus.INTERNAL_SERVER_ERROR else ApiError)
    message = said or f"{doing}: status {status}"
    return kind(message, status=status, reason=reason, retry_after=_seconds(retry_after))


def _said(body: bytes) -> tuple[str, str]:
    try:
        status = json.loads(body)
    except ValueError:
        return body[:300].decode(errors="replace").strip(), ""
    if not isinstance(status, dict):
        return "", ""
    return str(status.get("message", "")), str(status.get("reason", ""))


def _seconds(text: str | None) -> float | None:
    """Retry-After in seconds; as a date it isn't sent by API servers (RFC 9110, 10.2.3)."""
    return float(text) if text is not None and text.isascii() and text.isdigit() else None
