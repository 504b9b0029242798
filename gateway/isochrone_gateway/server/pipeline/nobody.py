"""What a client is told where nobody may answer its request, or nobody can."""

from typing import Final

from isochrone_gateway.route.candidates import Nobody, Why
from isochrone_gateway.server.pipeline.decide import Terms
from isochrone_gateway.server.pipeline.rulings import Rulings
from isochrone_gateway.wire.errors import ApiError, ErrorKind

_UNLAWFUL_THERE: Final = ApiError(
    kind=ErrorKind.RESIDENCY_DENIED,
    message="The sites that could answer refuse it by their own configuration.",
    should_retry=False,
)
_AGAIN_S: Final = 5.0


def error_of(nobody: Nobody, terms: Terms, rulings: Rulings, now: float, *, is_refused_there: bool) -> ApiError:
    """Why no candidate was asked. `is_refused_there`: a peer that was asked refused it by its own law."""
    if nobody.why is Why.UNLAWFUL:
        return _why_unlawful(terms, rulings)
    if nobody.why is Why.TRIED and is_refused_there:
        return _UNLAWFUL_THERE
    wait = _AGAIN_S if nobody.until is None else max(1.0, nobody.until - now)
    return ApiError(kind=ErrorKind.NO_CAPACITY, retry_after_s=wait)


def _why_unlawful(terms: Terms, rulings: Rulings) -> ApiError:
    """Why no candidate is lawful: told of the first."""
    route, way = terms.route, terms.route.ways[0]
    refusal = rulings.peers_refusal if way.peer else rulings.refusal
    return refusal(route.id, terms.standpoint, way.place)
