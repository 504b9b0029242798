"""An engine in a process of its own, so that it can be killed: `python -m tests.faults.engine NAME [PORT]`.

What it answers follows from the request alone, so that a client can check each byte: see `answers`. Prints its port.
Ends with its standard input: it doesn't outlive who started it, however that ends.
"""

import asyncio
import json
import sys

import uvloop
from tests.faults import answers

from isochrone_gateway.upstream import scripts
from isochrone_gateway.upstream.fake import FakeUpstream, Received
from isochrone_gateway.upstream.scripts import Script, Send, Wait

_WELL = scripts.answer(b"{}")


class Engine(FakeUpstream):
    """Answers probes and prompts."""

    def __init__(self, name: str) -> None:
        super().__init__(self._answer)
        self._name = name

    def _answer(self, request: Received) -> Script:
        self.requests.clear()  # It runs for long.
        if request.path in {b"/health", b"/metrics"}:
            return _WELL
        asked = json.loads(request.body)
        wanted = answers.Prompt.read(asked["messages"][0]["content"])
        if not asked.get("stream"):
            body = scripts.whole(answers.whole(self._name, wanted))
            return Script((Wait(wanted.pieces * wanted.gap), Send(body)))
        return scripts.stream(answers.frames(self._name, wanted), gap=wanted.gap)


async def _serve(name: str, port: int) -> None:
    engine = Engine(name)
    await engine.start(port=port)
    print(engine.port, flush=True)  # noqa: T201 - this is what it is asked for
    await asyncio.to_thread(sys.stdin.buffer.read)
    await engine.close()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0))
