"""An endpoint sets nothing that the gateway decides by, writes, or keeps from going on."""

from isochrone_gateway.config.providers import OWN_HEADERS, OWN_MEMBERS
from isochrone_gateway.server.pipeline import outgoing
from isochrone_gateway.wire.body import ACTED_ON, CHOOSE_HOSTS


def test_no_member_that_decides_something() -> None:
    assert OWN_MEMBERS >= ACTED_ON | CHOOSE_HOSTS


def test_no_header_that_is_never_passed_on_or_is_written() -> None:
    never = {name for name in OWN_HEADERS if not outgoing.passable([name])}
    written = {
        line.partition(b":")[0].decode() for line in outgoing.heads("", b"h")[outgoing.Asked.CHAT].split(b"\r\n")[1:-1]
    }
    assert written == {"host", "content-type", "accept-encoding", "user-agent"}
    assert written <= OWN_HEADERS
    assert {"authorization", "content-length", "x-request-id", "traceparent", "tracestate"} <= never
