"""Who says in which region a provider processes: whoever runs this gateway, and never a caller.

Some providers read their region from a member of the body (Anthropic's `inference_geo`). An endpoint's config sets it,
and what a caller sends under that name is not passed on. Nor is it passed over: a caller who asks for another region
than it would get is refused, so nobody believes to have what they have not.

| the caller sends               | what happens                                                        |
|--------------------------------|---------------------------------------------------------------------|
| nothing, or null               | the endpoint's own value is set                                     |
| the value that is set anyway   | the same, if every candidate that may answer sets that very value   |
| any other value                | 400 `parameter_not_allowed`                                         |
| the key in another case, or with escapes | 400 `ambiguous_key`: a provider could read it as the member itself |
| the name deeper in the body    | it is another one, and passes                                       |

(Two copies of a key are refused before, see `wire.members`.) Keys that are known to choose regions are treated so on
every route, be it set there or not.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from isochrone_gateway.wire.body import CHOOSE_REGIONS, Request
from isochrone_gateway.wire.errors import ApiError, ErrorKind

_SHOWN: Final = 64


class Regions:
    """What the candidates of one route set: for each the bit that makes it lawful, and its members."""

    __slots__ = ("_candidates", "_names", "sets_any")

    def __init__(self, candidates: Sequence[tuple[int, Mapping[str, str]]] = ()) -> None:
        self._candidates = tuple(candidates)
        self._names = CHOOSE_REGIONS.union(*(members for _, members in self._candidates))
        self.sets_any = any(members for _, members in self._candidates)
        """Whether more has to be looked at than keys that are unusual anyway."""

    def objection(self, request: Request, lawful: int) -> ApiError | None:
        """Why a request is refused that says what only this gateway may say; `lawful` is a mask of places."""
        members = request.members
        for key in members.values:
            name = key.strip().casefold()
            if name not in self._names:
                continue
            if name != key or key in members.escaped:
                text = f"The key {key[:_SHOWN]!r} could be read as {name!r}; write it plainly."
                return ApiError(kind=ErrorKind.AMBIGUOUS_KEY, message=text, param=name)
            if request.has(key) and not self._is_what_is_set(key, bytes(members.values[key]), lawful):
                text = f"{key} is set by whoever runs this gateway, and this request asks for something else"
                return ApiError(
                    kind=ErrorKind.NOT_ALLOWED_HERE, message=f"{text}; leave it out.", param=key, should_retry=False
                )
        return None

    def _is_what_is_set(self, key: str, value: bytes, lawful: int) -> bool:
        try:
            asked = msgspec.json.decode(value)
        except msgspec.DecodeError:
            return False
        return all(members.get(key) == asked for bit, members in self._candidates if lawful & bit)
