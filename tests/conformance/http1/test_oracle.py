"""h11 and we agree on what a request is, but for the differences listed here.

Ours is the stricter, with three exceptions.
"""

import random
import re
from typing import Final

import pytest
from tests.conformance.http1 import cases, oracle
from tests.conformance.http1.memory import EchoHandler, Session
from tests.fuzz import grammar

STRICTER: Final = {
    "unknown_version": "h11 leaves the version to its user; HTTP/1.1 is all that is spoken here",
    "unknown_method": "h11 takes any token; what isn't implemented is a 501 (RFC 9110 section 9.1)",
    "bad_target": "h11 takes any visible ASCII; a target must be one of RFC 9112 section 3.2, in RFC 3986's characters",
    "bad_host": "h11 counts Host headers; their value must be a host too (RFC 9112 section 3.2: otherwise a 400)",
    "bare_line_feed": "h11 ends lines at LF, which RFC 9112 section 2.2 allows; those that don't see another request",
    "repeated_header": "h11 keeps both; a header that someone acts on may have one value (RFC 9110 section 5.3)",
    "expectation_failed": "h11 leaves it to its user (RFC 9110 section 10.1.1)",
    "target_too_long": "h11 was given no limit",
    "head_too_large": "h11 was given no limit",
    "too_many_headers": "h11 has no limit",
    "body_too_large": "h11 has no limit",
    "chunk_overhead": "h11 has no limit of its own for extensions",
    "trailers_too_large": "h11 was given no limit",
    "bad_trailer": "h11 unfolds continued lines, in trailers too",
    "bad_chunk": "h11 takes white space after a size, control characters in extensions, sizes beyond 64 bits",
    "bad_request_line": "what can't become a request is refused at its first byte; h11 waits for a line",
    "bad_content_length": "more than 19 digits",
}
STRICTER_IN_HEADERS: Final = {
    "obs-fold is unfolded by h11 (RFC 9112 section 5.2: refuse or replace)": rb"\r\n[ \t]",
    "control characters in values are let through by h11 (RFC 9110 section 5.5)": rb"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]",
    "equal lengths in a list are one to h11 (RFC 9112 section 6.3 allows it)": rb"(?is)content-length:[^\r]*,",
    "equal lengths in two lines are one to h11": rb"(?is)content-length:.*content-length:",
    "a length beyond 64 bits is a number to h11": rb"(?i)content-length:[ \t]*[0-9]{19}",
    "a coding after a length wins in h11 (RFC 9112 6.1 allows it)": rb"(?is)content-length:.*transfer-encoding:",
    "a coding before a length wins in h11": rb"(?is)transfer-encoding:.*content-length:",
}
LOOSER: Final = {
    "an empty line before a request is ignored (RFC 9112 section 2.2: SHOULD); h11 refuses it": rb"\r\n",
    "bad white space before a chunk's semicolon is parsed (RFC 9112 section 7.1.1: MUST); h11 refuses it": (
        rb"(?s).*\r\n[0-9A-Fa-f]+[ \t]+;"
    ),
    "trailers are dropped unread; h11 checks them as if they were headers": (
        rb"(?is).*\r\n0+(?:;[^\r]*)?\r\n(?:[^\r]*\r\n)*(transfer-encoding|content-length|host):"
    ),
}


def verdict(data: bytes) -> tuple[str, str, Session[EchoHandler]]:
    """What we make of the first request, and the code if it is a refusal."""
    session = Session(EchoHandler())
    session.send(data)
    refused = next(iter(session.listener.counters.refusals), "")
    seen = session.handler.seen
    if seen and seen[0].events == ["end"]:
        return "takes", "", session
    return ("refuses" if refused else "waits"), refused, session


def difference(data: bytes) -> str | None:
    """Give the reason for a disagreement, None for agreement; fail if there is no reason."""
    ours, code, session = verdict(data)
    theirs = oracle.read(data)
    if isinstance(theirs, oracle.Refused):
        if ours != "takes":
            return None  # We may still wait for the end of a head that h11 refuses by its beginning.
        return next((why for why, pattern in LOOSER.items() if re.match(pattern, data)), f"looser: {theirs.reason}")
    if ours == "refuses":
        return why_stricter(data, code, waits=isinstance(theirs, oracle.Waits))
    assert isinstance(theirs, oracle.Taken) is (ours == "takes")
    if isinstance(theirs, oracle.Taken):
        agree_on_content(session, theirs)
    return None


def why_stricter(data: bytes, code: str, *, waits: bool) -> str:
    if code == "bad_header":
        head = data.partition(b"\r\n\r\n")[0]
        return next((why for why, pattern in STRICTER_IN_HEADERS.items() if re.search(pattern, head)), "bad_header?")
    if code == "bad_request_line" and not waits:
        return "bad_request_line?"
    return STRICTER.get(code, f"stricter: {code}")


def agree_on_content(session: Session[EchoHandler], theirs: oracle.Taken) -> None:
    seen = session.handler.seen[0]
    head = seen.exchange.head
    assert (head.method, head.target) == (theirs.method, theirs.target)
    assert bytes(seen.body) == theirs.body
    headers = [header for header in theirs.headers if header[0] != b"content-length"]
    length = dict(theirs.headers).get(b"content-length")
    assert seen.exchange.length == (None if length is None else int(length))
    names = [name for name, _ in headers]
    for name, value in headers:
        if names.count(name) == 1:
            expected = b"chunked" if name == b"transfer-encoding" else value
            ours = head.get(name) or b""
            assert (ours.lower() if name == b"transfer-encoding" else ours) == expected
    assert set(names) == set(head.fields)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in cases.load()])
def test_every_difference_in_the_table_has_a_reason(case: cases.Case) -> None:
    reason = difference(case.send)

    assert reason in {None, *STRICTER.values(), *STRICTER_IN_HEADERS, *LOOSER}


def test_every_reason_is_needed() -> None:
    found = {difference(case.send) for case in cases.load()}

    assert found >= {*STRICTER_IN_HEADERS, *LOOSER}
    assert found >= {why for code, why in STRICTER.items() if code not in {"bad_content_length", "bad_request_line"}}


@pytest.mark.parametrize("seed", range(20))
def test_every_difference_in_mutated_requests_has_a_reason(seed: int) -> None:
    source = random.Random(seed)
    for _ in range(100):
        data = grammar.mutated(source, grammar.request(source).data)
        reason = difference(data)
        assert reason in {None, *STRICTER.values(), *STRICTER_IN_HEADERS, *LOOSER}, data
