"""`x-isochrone-tags: team=search, feature=summaries`: what a caller counts its costs by.

They end in the request's record and its log line, and tokens are counted by tag. So they are short and plain, and few.
"""

import re
from typing import Final

from isochrone_gateway.wire.errors import ApiError, ErrorKind

HEADER: Final = b"x-isochrone-tags"
MOST: Final = 8

_TAG: Final = re.compile(rb"([a-z][a-z0-9_.-]{0,31})=([A-Za-z0-9][A-Za-z0-9_.:/@+-]{0,63})")


def read_tags(value: bytes) -> dict[str, str] | ApiError:
    """The tags in a header, or what is wrong with it."""
    tags: dict[str, str] = {}
    for part in value.split(b",", MOST + 1):
        text = part.strip(b" \t")
        found = _TAG.fullmatch(text)
        if found is None:
            return _bad(
                f"{text[:64].decode('latin-1')!r} is not name=value, the name in lower case, both short and plain"
            )
        name = found[1].decode()
        if name in tags:
            return _bad(f"{name} occurs twice")
        tags[name] = found[2].decode()
    return tags if len(tags) <= MOST else _bad(f"there are more than {MOST}")


def _bad(text: str) -> ApiError:
    name = HEADER.decode()
    return ApiError(kind=ErrorKind.BAD_VALUE, message=f"{name} is not valid: {text}.", param=name)
