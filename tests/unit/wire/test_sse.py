"""Cutting event streams into frames."""

import pytest

from isochrone_gateway.wire.sse import FrameSplitter, data_of, frame_of


@pytest.mark.parametrize(
    ("stream", "frames", "rest"),
    [
        pytest.param(b"data: 1\n\n", [b"data: 1\n\n"], b"", id="one frame"),
        pytest.param(b"data: 1\n\ndata: 2\n\n", [b"data: 1\n\n", b"data: 2\n\n"], b"", id="two frames"),
        pytest.param(b"data: 1\n\ndata: 2", [b"data: 1\n\n"], b"data: 2", id="an unfinished frame"),
        pytest.param(b"data: 1\r\n\r\n", [b"data: 1\r\n\r\n"], b"", id="CRLF"),
        pytest.param(b"data: 1\n\r\ndata: 2", [b"data: 1\n\r\n"], b"data: 2", id="mixed line ends"),
        pytest.param(b"data: 1\r\rdata: 2", [b"data: 1\r\r"], b"data: 2", id="CR"),
        pytest.param(b"data: 1\r\n\r", [], b"data: 1\r\n\r", id="a last CR may be half of CRLF"),
        pytest.param(b": ping\n\n", [b": ping\n\n"], b"", id="comment"),
        pytest.param(b"data: a\ndata: b\n\n", [b"data: a\ndata: b\n\n"], b"", id="several data lines"),
        pytest.param(b"data: 1\n\n\ndata: 2\n\n", [b"data: 1\n\n", b"\ndata: 2\n\n"], b"", id="a blank line too many"),
        pytest.param(b"", [], b"", id="nothing"),
        pytest.param(b"\n", [], b"\n", id="a line end"),
    ],
)
def test_a_stream_is_cut_after_blank_lines(stream: bytes, frames: list[bytes], rest: bytes) -> None:
    splitter = FrameSplitter()
    assert splitter.feed(stream) == frames
    assert bytes(splitter.pending) == rest


def test_a_chunk_that_is_one_frame_is_not_copied() -> None:
    chunk = b"data: {}\n\n"
    assert FrameSplitter().feed(chunk)[0] is chunk


def test_the_end_of_the_stream_completes_a_last_cr() -> None:
    splitter = FrameSplitter()
    assert splitter.feed(b"data: 1\r\n\r") == []
    assert splitter.finish() == [b"data: 1\r\n\r"]
    assert splitter.finish() == []


@pytest.mark.parametrize("pieces", [pytest.param(1, id="whole"), pytest.param(3, id="in pieces")])
def test_a_frame_that_is_too_long_ends_the_stream(pieces: int) -> None:
    splitter = FrameSplitter(10)
    stream = b"data: 1\n\n" + b"data: 4567\n\n" + b"data: 1\n\n"
    size = -(-len(stream) // pieces)
    frames = [f for at in range(0, len(stream), size) for f in splitter.feed(stream[at : at + size])]
    assert frames == [b"data: 1\n\n"]
    assert splitter.is_too_long
    assert splitter.feed(b"data: 1\n\n") == []


@pytest.mark.parametrize(
    ("frame", "data"),
    [
        pytest.param(b"data: {}\n\n", b"{}", id="usual"),
        pytest.param(b"data:{}\n\n", b"{}", id="no space"),
        pytest.param(b"data:  {}\n\n", b" {}", id="only one space belongs to the syntax"),
        pytest.param(b"data: a\ndata: b\n\n", b"a\nb", id="several lines"),
        pytest.param(b"event: x\r\ndata: a\r\nid: 7\r\n\r\n", b"a", id="other fields, CRLF"),
        pytest.param(b"data: a\rdata: b\r\r", b"a\nb", id="CR"),
        pytest.param(b"data: a\rdata: b\n\n", b"a\nb", id="CR inside, LF at the end"),
        pytest.param(b": ping\n\n", b"", id="comment"),
        pytest.param(b"database: 1\n\n", b"", id="another field"),
        pytest.param(b"\xef\xbb\xbfdata: a\n\n", b"a", id="byte order mark"),
        pytest.param("data: \u2028\u0085\n\n".encode(), "\u2028\u0085".encode(), id="Unicode line ends are text"),
        pytest.param(b"data\n\n", b"", id="a field without a colon is empty"),
    ],
)
def test_the_data_of_a_frame(frame: bytes, data: bytes) -> None:
    assert data_of(frame) == data


def test_a_frame_is_made() -> None:
    assert data_of(frame_of(b"{}")) == b"{}"
    assert FrameSplitter().feed(frame_of(b"{}")) == [frame_of(b"{}")]
