"""Engines that answer: in each pod of an engine a scripted server, at the address that gateways find in EndpointSlices.

What it says is which pod it is, so that a test sees where its request was answered.
"""

import json
from typing import Any, Final

from tests.cluster.lifecycle import Behaviour
from tests.cluster.subnets import on_this_machine
from tests.cluster.watching import AsyncClient

from isochrone_gateway.upstream import scripts
from isochrone_gateway.upstream.fake import FakeUpstream, Received
from isochrone_gateway.upstream.scripts import Script

Json = dict[str, Any]

BREAKS: Final = 1313
"""Asked for so many tokens, an engine fails: so that a route's configuration can be wrong."""


def is_engine(pod: Json) -> bool:
    return bool(pod["metadata"].get("labels", {}).get("app.kubernetes.io/component") == "engine")


class Engines:
    """Those of one cluster."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        """All that they were ever asked; engines that are gone, too."""

    def find(self, _client: AsyncClient, pod: Json, address: str) -> "EngineProgram | None":
        return EngineProgram(pod, address, self.bodies) if is_engine(pod) else None

    def got(self, marker: str) -> int:
        """How often a request had this in it."""
        return sum(marker.encode() in body for body in list(self.bodies))


class EngineProgram:
    """In the loop of the kubelet: no process of its own."""

    def __init__(self, pod: Json, address: str, bodies: list[bytes]) -> None:
        """What it is asked is added to the bodies."""
        self._bodies = bodies
        self._name = pod["metadata"]["name"]
        self._address = on_this_machine(address)
        self._servers: list[FakeUpstream] = []

    async def tend(self, pod: Json) -> Behaviour:
        if not self._servers:
            for container in pod["spec"]["containers"]:
                for port in container.get("ports", []):
                    server = FakeUpstream(self._answer)
                    await server.start(self._address, port["containerPort"])
                    self._servers.append(server)
        return Behaviour()

    async def stop(self, limit: float) -> None:  # noqa: ARG002 - it ends at once
        await self.kill()

    async def kill(self) -> None:
        for server in self._servers:
            await server.close()
        self._servers.clear()

    def _answer(self, request: Received) -> Script:
        if not request.body:
            return scripts.answer(b"{}")
        self._bodies.append(request.body)
        asked = json.loads(request.body)
        if BREAKS in (asked.get("max_tokens"), asked.get("max_completion_tokens")):
            return scripts.answer(b'{"error": {"message": "out of memory"}}', status=500)
        if asked.get("stream"):
            return scripts.stream([_encode(self._chunk(piece, asked)) for piece in ("I am", " ", self._name)])
        return scripts.answer(_encode(self._completion(asked)))

    def _completion(self, asked: Json) -> Json:
        message = {"role": "assistant", "content": f"I am {self._name}"}
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": asked.get("model", ""),
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4},
        }

    def _chunk(self, text: str, asked: Json) -> Json:
        delta = {"role": "assistant", "content": text}
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": asked.get("model", ""),
            "choices": [{"index": 0, "delta": delta, "finish_reason": None}],
        }


def _encode(item: Json) -> bytes:
    return json.dumps(item).encode()
