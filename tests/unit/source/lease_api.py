"""An API server that holds one Lease, and the ways in which it refuses to be told something."""

import asyncio
import contextlib
import itertools
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.unit.source.scripted_api import whole

from isochrone_gateway.config import report
from isochrone_gateway.config.report import PodReport

LEASE = "index"


class LeaseApi:
    """What is annotated by whom."""

    def __init__(self) -> None:
        self.annotations: dict[str, dict[str, str]] = {}
        """Field manager -> its annotations."""
        self.times: list[float] = []
        """When it was asked, by the loop's clock."""
        self.contents: list[dict[str, Any]] = []
        self.refusal = 0
        """The status of every answer, if not 0."""
        self.is_silent = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                first, *lines = head.strip().split("\r\n")
                headers = dict(line.split(": ", 1) for line in lines)
                body = json.loads(await reader.readexactly(int(headers["content-length"])))
                self.times.append(asyncio.get_running_loop().time())
                if self.is_silent:
                    await asyncio.Event().wait()
                if self.refusal:
                    writer.write(whole({"message": f"refused with {self.refusal}"}, self.refusal))
                else:
                    self._take(first, headers, body)
                    writer.write(whole({}))

    def _take(self, first: str, headers: dict[str, str], body: dict[str, Any]) -> None:
        method, target, _ = first.split()
        url = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        assert (method, url.path) == ("PATCH", f"/apis/coordination.k8s.io/v1/namespaces/edge/leases/{LEASE}")
        assert headers["content-type"] == "application/apply-patch+yaml"
        assert headers["authorization"] == "Bearer the-token"
        assert query["force"] == "true"
        assert body["kind"] == "Lease"
        self.contents.append(body)
        self.annotations[query["fieldManager"]] = body["metadata"].get("annotations", {})

    @property
    def asked(self) -> int:
        return len(self.times)

    @property
    def gaps(self) -> list[float]:
        """Between one answer and the next request, at most."""
        return [later - earlier for earlier, later in itertools.pairwise(self.times)]

    def said(self, pod: str) -> PodReport:
        """What the pod said last."""
        return report.decode(self.annotations[report.field_manager(pod)][report.annotation(pod)])
