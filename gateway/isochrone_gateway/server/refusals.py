"""The answers that the server gives by itself, in the shape of the OpenAI API's errors.

Each is complete and closes the connection: after a request that was not understood, where the next one begins is
a guess, and guesses are how requests are smuggled (RFC 9112 section 11.2).
"""

import dataclasses
import functools
import http

import msgspec

from isochrone_gateway.wire.http import status_line


@dataclasses.dataclass(frozen=True, slots=True)
class Refusal:
    """Why the server didn't give a request to its handler. `code` is stable: metrics and clients may match it."""

    status: int
    code: str
    message: str


BAD_REQUEST_LINE = Refusal(400, "bad_request_line", "The request line must be METHOD SP target SP HTTP/1.1 CRLF.")
BAD_TARGET = Refusal(400, "bad_target", "The request target must be a path, as in /v1/chat/completions.")
BAD_HEADER = Refusal(400, "bad_header", "The header section is malformed.")
BARE_LINE_FEED = Refusal(400, "bare_line_feed", "Lines must end in CRLF.")
REPEATED_HEADER = Refusal(400, "repeated_header", "A header that may appear only once was repeated.")
BAD_HOST = Refusal(400, "bad_host", "The request must have exactly one valid Host header.")
BAD_CONTENT_LENGTH = Refusal(400, "bad_content_length", "Content-Length must be a decimal number.")
BAD_TRANSFER_ENCODING = Refusal(400, "bad_transfer_encoding", "Transfer-Encoding must be exactly: chunked.")
TWO_LENGTHS = Refusal(400, "two_lengths", "Transfer-Encoding and Content-Length must not be sent together.")
BAD_CHUNK = Refusal(400, "bad_chunk", "The chunked body is malformed.")
BAD_TRAILER = Refusal(400, "bad_trailer", "The trailer section is malformed.")
CHUNK_OVERHEAD = Refusal(400, "chunk_overhead", "The chunk extensions are too long.")
REQUEST_TIMEOUT = Refusal(408, "request_timeout", "The request did not arrive in time.")
BODY_TOO_LARGE = Refusal(413, "body_too_large", "The request body is too large.")
TARGET_TOO_LONG = Refusal(414, "target_too_long", "The request line is too long.")
EXPECTATION_FAILED = Refusal(417, "expectation_failed", "The only known expectation is 100-continue.")
HEAD_TOO_LARGE = Refusal(431, "head_too_large", "The header section is too large.")
TOO_MANY_HEADERS = Refusal(431, "too_many_headers", "There are too many headers.")
TRAILERS_TOO_LARGE = Refusal(431, "trailers_too_large", "The trailer section is too large.")
INTERNAL_ERROR = Refusal(500, "internal_error", "The gateway failed to handle the request.")
UNKNOWN_METHOD = Refusal(501, "unknown_method", "The method is not implemented.")
UNKNOWN_CODING = Refusal(501, "unknown_transfer_coding", "The only implemented transfer coding is chunked.")
UNKNOWN_VERSION = Refusal(505, "unknown_version", "Only HTTP/1.1 is spoken here.")


@functools.lru_cache(maxsize=64)
def render(refusal: Refusal) -> tuple[bytes, bytes]:
    """Give the answer's head (without `date` and the empty line) and its body."""
    kind = "server_error" if refusal.status == http.HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    error = {"message": refusal.message, "type": kind, "param": None, "code": refusal.code}
    body = msgspec.json.encode({"error": error})
    head = b"%bcontent-type: application/json\r\ncontent-length: %d\r\n" % (status_line(refusal.status), len(body))
    return head, body
