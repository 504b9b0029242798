"""Event streams: how a stream is cut on its way changes nothing, and no byte is lost, added or moved."""

import itertools
import json
import re

from hypothesis import example, given
from hypothesis import strategies as st

from isochrone_gateway.wire.sse import FrameSplitter, data_of
from isochrone_gateway.wire.stream import State, StreamRelay

PIECES = st.sampled_from(
    [
        *(b"\n", b"\r", b"\r\n", b"\n\n", b"\r\n\r\n", b"\r\r", b": ping", b"event: x", b"id: 1", b"", b"\xef\xbb\xbf"),
        *(b"data: [DONE]", b"data:", b"data: {}", b"data: x\xff", "data: caf\u00e9 \u2028".encode()),
        b'data: {"choices":[]}',
        b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}',
        b'data: {"choices":[{"delta":{"role":"assistant"}}]}',
        b'data: {"choices":[{"delta":{"content":"say [DONE] or \\"usage\\":{"}}],"usage":null}',
        b'data: {"error":{"message":"no"}}',
    ]
)
STREAMS = st.lists(PIECES, max_size=30).map(b"".join) | st.binary(max_size=60)
CHAT = st.lists(PIECES.flatmap(lambda piece: st.sampled_from([piece + b"\n\n", piece + b"\r\n\r\n"])), max_size=12)


@st.composite
def cut(draw: st.DrawFn, streams: st.SearchStrategy[bytes]) -> tuple[bytes, list[bytes]]:
    """A stream, and the same in pieces."""
    whole = draw(streams)
    places = sorted(draw(st.sets(st.integers(0, len(whole)))) | {0, len(whole)})
    return whole, [whole[start:end] for start, end in itertools.pairwise(places)]


def split(pieces: list[bytes]) -> tuple[list[bytes], bytes]:
    splitter = FrameSplitter()
    frames = [frame for piece in pieces for frame in splitter.feed(piece)]
    frames += splitter.finish()
    return frames, bytes(splitter.pending)


def reference(whole: bytes) -> tuple[list[bytes], bytes]:
    """Line by line: a frame ends where a line is empty and has one before it."""
    frames, current, seen = [], b"", False
    for line in re.findall(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", whole):
        current += line
        if seen and line in (b"\n", b"\r", b"\r\n"):
            frames.append(current)
            current, seen = b"", False
        else:
            seen = line.endswith((b"\r", b"\n"))
    return frames, current


@given(cut(STREAMS))
@example((b"a\n\n\n", [b"a\n\n\n"]))
@example((b"a\r\n\r\n", [b"a\r\n\r", b"\n"]))
@example((b"a\r\rb", [b"a\r", b"\r", b"b"]))
def test_frames_are_the_same_however_the_stream_was_cut(stream: tuple[bytes, list[bytes]]) -> None:
    whole, pieces = stream
    assert split(pieces) == split([whole]) == reference(whole)


@given(cut(STREAMS))
def test_no_byte_is_lost(stream: tuple[bytes, list[bytes]]) -> None:
    whole, pieces = stream
    frames, rest = split(pieces)
    assert b"".join(frames) + rest == whole


@given(STREAMS, st.integers(1, 40))
def test_no_more_than_the_bound_is_given_or_kept(whole: bytes, bound: int) -> None:
    splitter = FrameSplitter(bound)
    frames = []
    for at in range(len(whole)):
        frames += splitter.feed(whole[at : at + 1])
        assert len(splitter.pending) <= bound + 1
    assert all(len(frame) <= bound for frame in frames)
    assert splitter.is_too_long == any(len(frame) > bound for frame in [*split([whole])[0], split([whole])[1]]) or (
        # A last CR that only the end of the stream completes.
        split([whole])[0][-1:] == [bytes(splitter.pending)]
    )


def relay(pieces: list[bytes], *, strips_usage: bool) -> tuple[bytes, StreamRelay]:
    relay = StreamRelay(strips_usage=strips_usage)
    sent = b"".join([relay.feed(piece) for piece in pieces]) + relay.end()
    return sent, relay


@given(cut(CHAT.map(b"".join)), st.booleans())
def test_a_relay_sends_the_same_however_the_stream_was_cut(stream: tuple[bytes, list[bytes]], strips: bool) -> None:
    whole, pieces = stream
    (sent, one), (again, other) = relay(pieces, strips_usage=strips), relay([whole], strips_usage=strips)
    assert (sent, one.state, one.usage, one.fault) == (again, other.state, other.usage, other.fault)


@given(cut(CHAT.map(b"".join)))
def test_a_relay_that_strips_nothing_sends_the_stream_up_to_its_end(stream: tuple[bytes, list[bytes]]) -> None:
    whole, pieces = stream
    sent, relayed = relay(pieces, strips_usage=False)
    match relayed.state:
        case State.DONE:
            assert whole.startswith(sent)
            assert data_of(split([sent])[0][-1]).startswith(b"[DONE]")
        case State.REFUSED:
            assert sent == b""
        case _:
            assert relayed.state is State.BROKEN
            last = split([sent])[0][-1]
            assert b'"error"' in data_of(last)
            assert whole.startswith(sent.removesuffix(last))


@given(cut(CHAT.map(b"".join)), st.booleans())
def test_done_is_never_invented(stream: tuple[bytes, list[bytes]], strips: bool) -> None:
    whole, pieces = stream
    sent, _ = relay(pieces, strips_usage=strips)
    assert sent.count(b"data: [DONE]") <= min(1, whole.count(b"data: [DONE]"))


TEXTS = st.sampled_from(["Hello", "", "[DONE]", "caf\u00e9", "a", "error", "usage:", "x" * 200]) | st.text(max_size=8)
ODD = st.sampled_from(
    [b'"', b"\\", b'\\"', b"\n", b"\r", b"\n\n", b"\r\r", b"\n\ndata: [DONE]\n\n", b'"error"', b'"usage":{}']
)
BITS = TEXTS.map(lambda text: json.dumps(text)[1:-1].encode()) | ODD


def saying(text: bytes) -> bytes:
    return b'data: {"choices":[{"delta":{"content":"%b"},"finish_reason":null}]}\n\n' % text


SAME = st.lists(BITS, max_size=3).map(lambda bits: saying(b"".join(bits)))
KNOWN = [saying(b"a"), saying(b"b"), saying(b"c")]


@example(frames=[*KNOWN, saying(b"x\n\ndata: [DONE]\n\ny")], strips=False)
@example(frames=[*KNOWN, saying(b"x\r\rdata: [DONE]\r\ry")], strips=False)
@example(frames=[*KNOWN, saying(b'"}}],"error":{"message":"')], strips=False)
@example(frames=[*KNOWN, saying(b'"}}],"usage":{"prompt_tokens":1},"x":[{"y":{"z":"')], strips=True)
@given(frames=st.lists(SAME | st.just(b"data: [DONE]\n\n"), min_size=3, max_size=20), strips=st.booleans())
def test_frames_that_differ_in_their_text_only_are_read_as_all_others(frames: list[bytes], *, strips: bool) -> None:
    (sent, one), (again, other) = (
        relay(pieces, strips_usage=strips) for pieces in (frames, [bytes([byte]) for frame in frames for byte in frame])
    )
    assert (sent, one.state, one.usage, one.error_data) == (again, other.state, other.usage, other.error_data)
