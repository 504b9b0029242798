"""What engines answer, as a function of who answers and what was asked: so a client knows each byte of it."""

import dataclasses
import json
from typing import Self


@dataclasses.dataclass(frozen=True)
class Prompt:
    """So many pieces, one each `gap` seconds. The name makes each prompt another one."""

    name: str
    pieces: int
    gap: float

    def text(self) -> str:
        return f"{self.name} {self.pieces} {self.gap}"

    @classmethod
    def read(cls, text: str) -> Self:
        name, pieces, gap = text.split()
        return cls(name, int(pieces), float(gap))


def frames(engine: str, prompt: Prompt) -> list[bytes]:
    """The frames of a streamed answer, without the last."""
    return [_chunk(engine, f"{prompt.name}:{index}") for index in range(prompt.pieces)]


def stream(engine: str, prompt: Prompt) -> bytes:
    """A whole streamed answer, as a client reads it."""
    return b"".join(b"data: %b\n\n" % frame for frame in (*frames(engine, prompt), b"[DONE]"))


def whole(engine: str, prompt: Prompt) -> bytes:
    """An answer that isn't streamed. It is larger than one segment."""
    message = {"role": "assistant", "content": f"{prompt.name}:" + "x" * 5_000}
    return _dump({"id": engine, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})


def _chunk(engine: str, content: str) -> bytes:
    return _dump({"id": engine, "choices": [{"index": 0, "delta": {"content": content}}]})


def _dump(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
