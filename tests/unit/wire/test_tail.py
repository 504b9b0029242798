"""Usage at the end of what passes by."""

import pytest

from isochrone_gateway.wire.schema import Usage
from isochrone_gateway.wire.tail import Tail

DELTA = b'data: {"choices":[{"delta":{"content":"%b"}}],"usage":null}\n\n' % (b"x" * 50)
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}\n\n'
DONE = b"data: [DONE]\n\n"


def fed(*pieces: bytes, most: int = 200) -> Tail:
    tail = Tail(most)
    for piece in pieces:
        tail.feed(piece)
    return tail


@pytest.mark.parametrize("cut", [1, 2, 7, 50, 10_000])
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_the_usage_of_a_stream_however_it_is_cut(cut: int, ends: bytes) -> None:
    data = (DELTA * 40 + USAGE + DONE).replace(b"\n", ends)
    tail = fed(*(data[at : at + cut] for at in range(0, len(data), cut)))
    assert tail.usage_of_stream() == Usage(7, 3)


def test_usage_that_grows_with_the_stream_is_read_from_its_end() -> None:
    frames = [b'data: {"usage":{"prompt_tokens":7,"completion_tokens":%d}}\n\n' % count for count in range(50)]
    assert fed(*frames).usage_of_stream() == Usage(7, 49)


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        pytest.param([], None, id="nothing"),
        pytest.param([DELTA[:20]], None, id="a part of a frame"),
        pytest.param([DELTA, DELTA + DELTA, DELTA[:30]], Usage(0, 3), id="frames"),
        pytest.param([DELTA, b'data: {"usage":"none"}\n\n'], Usage(0, 2), id="usage that is none"),
    ],
)
def test_a_stream_that_breaks_off_has_a_token_for_each_frame(pieces: list[bytes], expected: Usage | None) -> None:
    assert fed(*pieces).usage_of_stream() == expected


def test_a_whole_answer_is_read_only_if_it_was_kept_whole() -> None:
    answer = b'{"x":"%b","usage":{"prompt_tokens":7,"completion_tokens":3}}' % (b"x" * 500)
    pieces = [answer[at : at + 100] for at in range(0, len(answer), 100)]
    assert fed(*pieces, most=1_000).usage_of_whole() == Usage(7, 3)
    assert fed(*pieces, most=300).usage_of_whole() is None


def test_no_more_is_kept_than_is_needed() -> None:
    tail = fed(*[b"x" * 150] * 100)
    assert sum(map(len, tail._pieces)) < 200 + 150
