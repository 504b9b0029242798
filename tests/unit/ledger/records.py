"""Records of requests, as tests need them."""

from typing import Any

from msgspec.structs import replace

from isochrone_gateway.ledger import spans
from isochrone_gateway.ledger.record import Operation, Outcome, Record, Times
from isochrone_gateway.wire.schema import Usage

ANSWERED = Record(
    id="req-1",
    at=1_800_000_000.5,
    outcome=Outcome.ANSWERED,
    status=200,
    times=Times(total=2.0, first_byte=0.2, first_token=0.5),
    operation=Operation.CHAT,
    trace="4bf92f3577b34da6a3ce929d0e0e4736",
    tenant="shop/web",
    key="first",
    route="shop/chat",
    model="chat",
    candidate="engine:shop/chat",
    provider="vllm",
    upstream_model="llama-3.1-8b",
    attempts=2,
    jurisdiction="DE",
    origin=("DE",),
    policies=("health-data-stays-in-europe",),
    revision="1/42",
    stream=True,
    usage=Usage(100, 31, 64, 7),
    bytes_in=1200,
    bytes_out=900,
    tags={"team": "blue"},
)


def record(**changes: Any) -> Record:
    return replace(ANSWERED, **changes)


def body_of(*records: Record, **resource: str) -> bytes:
    """What tells a collector of these."""
    before, after = spans.request(resource)
    return before + b",".join(map(spans.encode, records)) + after
