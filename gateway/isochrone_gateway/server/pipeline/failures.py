"""What went wrong upstream, in the words of the retry rules."""

from typing import Final

import msgspec

from isochrone_gateway.route.retry import Failure, Fault, fault_of, retry_after_s
from isochrone_gateway.upstream.call import Failure as CallFailure
from isochrone_gateway.upstream.call import FailureKind
from isochrone_gateway.wire import hop
from isochrone_gateway.wire.http import ResponseHead
from isochrone_gateway.wire.stream import Fault as StreamFault

_FAULTS: Final = {
    FailureKind.RESOLVE: Fault.CONNECT,
    FailureKind.FORBIDDEN_ADDRESS: Fault.CONNECT,
    FailureKind.CONNECT: Fault.CONNECT,
    FailureKind.TLS: Fault.CONNECT,
    FailureKind.POOL_FULL: Fault.CONNECT,
    FailureKind.FIRST_BYTE_TIMEOUT: Fault.TIMEOUT,
    FailureKind.IDLE_TIMEOUT: Fault.TIMEOUT,
    FailureKind.TOTAL_TIMEOUT: Fault.TIMEOUT,
    FailureKind.RESET: Fault.SERVER_ERROR,
    FailureKind.PROTOCOL: Fault.SERVER_ERROR,
}
_ELSEWHERE: Final = {
    hop.Refused.UNLAWFUL.value.encode(): Fault.UNLAWFUL,
    hop.Refused.UNKNOWN_ROUTE.value.encode(): Fault.NOT_THERE,
    hop.Refused.UNKNOWN_POOL.value.encode(): Fault.NOT_THERE,
}
"""Nobody has worked on the request, so somebody else may."""
BROKEN: Final = Failure(fault=Fault.SERVER_ERROR)
_BUSY: Final = Failure(fault=Fault.CONNECT, status=503)
"""Our own pool is full: no word about the target's health."""
_SERVER_ERRORS: Final = 500


class _Inner(msgspec.Struct, gc=False):
    code: int | str | None = None
    status: int | str | None = None


class _ErrorFrame(msgspec.Struct, gc=False):
    error: _Inner


_decode: Final = msgspec.json.Decoder(_ErrorFrame).decode


def of_call(failure: CallFailure) -> Failure:
    """An attempt without an answer, or with a part of one."""
    if failure.kind is FailureKind.POOL_FULL:
        return _BUSY
    return Failure(fault=_FAULTS[failure.kind])


def of_status(head: ResponseHead, wall: float) -> Failure | None:
    """An answer that is none; None for one that is."""
    fault = fault_of(head.status)
    if fault is None:
        return None
    return Failure(fault=fault, status=head.status, retry_after_s=retry_after_s(head.get, wall))


def of_peer(head: ResponseHead, wall: float) -> Failure | None:
    """The same of a peer: what its gateway says of itself is told from what an engine said through it.

    What it refuses is no client's mistake, and where it isn't overloaded or without engines, no fault of its own.
    """
    refused = head.get(hop.REFUSAL)
    elsewhere = None if refused is None else _ELSEWHERE.get(refused)
    if elsewhere is not None:
        return Failure(fault=elsewhere, status=head.status)
    if refused is not None and head.status < _SERVER_ERRORS:
        return Failure(fault=Fault.SERVER_ERROR, status=head.status)
    return of_status(head, wall)


def of_stream(fault: StreamFault | None, error_data: bytes) -> Failure:
    """A stream that failed before its first content. Engines put the status that they would have sent in the frame."""
    status = _status_in(error_data) if fault is StreamFault.ERROR_FRAME else None
    known = None if status is None else fault_of(status)
    return BROKEN if known is None else Failure(fault=known, status=status)


def _status_in(data: bytes) -> int | None:
    try:
        inner = _decode(data).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return next((code for code in (inner.code, inner.status) if isinstance(code, int)), None)
