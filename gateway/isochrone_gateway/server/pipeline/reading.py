"""A client's request, on its way from its body to a decision: read, and under some policies looked through."""

import functools

from isochrone_gateway.server.pipeline import decide
from isochrone_gateway.server.pipeline.collecting import OFF_LOOP
from isochrone_gateway.server.pipeline.visit import Visit
from isochrone_gateway.wire.body import Request, read_request
from isochrone_gateway.wire.errors import ApiError
from isochrone_gateway.wire.remote import unlawful


class Reading(Visit):
    """One request until its body was read."""

    __slots__ = ()

    # For the subclass.

    def _decide(self, request: Request | ApiError, *, is_looked_through: bool = False) -> None:
        raise NotImplementedError

    # The body.

    def on_body_end(self) -> None:
        if self.bytes_in > OFF_LOOP:
            self._read_beside(read_request, self._read)
            return
        pieces = self._pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._decide(read_request(body))

    def _read_again(self, request: Request) -> None:
        """Nothing is kept of the last decision: the law may be another one now."""
        if self.bytes_in > OFF_LOOP:
            self._read(request)
        else:
            self._decide(request)

    def _read(self, request: Request | ApiError) -> None:
        """A large body was read; under some policies it has to be looked through as well."""
        listed = None if isinstance(request, ApiError) else decide.to_look_for(self, request)
        if listed is None or isinstance(request, ApiError):
            self._decide(request)
        else:
            then = functools.partial(self._looked_through, request)
            self._beside(functools.partial(unlawful, request, listed), then)

    def _looked_through(self, request: Request, error: ApiError | None) -> None:
        self._decide(request if error is None else error, is_looked_through=True)
