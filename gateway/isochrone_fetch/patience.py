"""Doing the same again when a connection fails or a server is busy, with longer and longer pauses."""

from collections.abc import Callable
from typing import Final, TypeVar

from isochrone_fetch.errors import BrokenOffError, FetchError

ATTEMPTS: Final = 6
_FIRST_PAUSE: Final = 1.0

T = TypeVar("T")
Sleep = Callable[[float], None]


def patiently(work: Callable[[], T], what: str, *, sleep: Sleep) -> T:
    """What `work` returns, in one of some attempts."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return work()
        except BrokenOffError as error:
            if attempt == ATTEMPTS:
                raise FetchError(f"{what}: {error} ({ATTEMPTS} attempts)") from error
            sleep(_FIRST_PAUSE * 2 ** (attempt - 1))
    raise AssertionError("the last attempt returns or raises")
