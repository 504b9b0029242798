"""What an answer of a peer means: its gateway's own words are told from those of the engine behind it."""

import pytest

from isochrone_gateway.route.retry import Failure, Fault
from isochrone_gateway.server.pipeline import failures
from isochrone_gateway.wire.hop import REFUSAL, Refused
from isochrone_gateway.wire.http import ResponseHead


@pytest.mark.parametrize(
    ("status", "word", "fault", "is_targets_fault"),
    [
        pytest.param(200, "", None, False, id="an-answer"),
        pytest.param(403, Refused.UNLAWFUL, Fault.UNLAWFUL, False, id="unlawful-there"),
        pytest.param(403, Refused.UNKNOWN_PEER, Fault.SERVER_ERROR, False, id="we-are-not-known-there"),
        pytest.param(400, Refused.BAD_HOP, Fault.SERVER_ERROR, False, id="we-were-not-understood"),
        pytest.param(404, Refused.UNKNOWN_ROUTE, Fault.NOT_THERE, False, id="unknown-route"),
        pytest.param(404, Refused.UNKNOWN_POOL, Fault.NOT_THERE, False, id="unknown-pool"),
        pytest.param(451, "a_word_of_a_later_version", Fault.SERVER_ERROR, False, id="a-later-version"),
        pytest.param(503, Refused.NO_CAPACITY, Fault.SERVER_ERROR, True, id="no-engine"),
        pytest.param(503, Refused.DRAINING, Fault.SERVER_ERROR, True, id="draining"),
        pytest.param(400, "", Fault.REJECTED, False, id="the-engine-rejects"),
        pytest.param(403, "", Fault.CREDENTIAL_REFUSED, False, id="the-engine-wants-a-key"),
        pytest.param(429, "", Fault.RATE_LIMITED, False, id="the-engine-is-limited"),
        pytest.param(500, "", Fault.SERVER_ERROR, True, id="the-engine-fails"),
    ],
)
def test_an_answer_of_a_peer(status: int, word: str, fault: Fault | None, is_targets_fault: bool) -> None:
    headers = [(REFUSAL, word.encode())] if word else []
    found = failures.of_peer(ResponseHead(status, headers, 0, chunked=False, keep_alive=True), 0.0)
    if fault is None:
        assert found is None
    else:
        assert found == Failure(fault=fault, status=status)
        assert found.is_targets_fault is is_targets_fault


def test_a_provider_that_speaks_like_a_peer_is_not_heard() -> None:
    head = ResponseHead(403, [(REFUSAL, b"residency_denied")], 0, chunked=False, keep_alive=True)
    assert failures.of_status(head, 0.0) == Failure(fault=Fault.CREDENTIAL_REFUSED, status=403)
