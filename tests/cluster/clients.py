"""Clients that ask a site's gateway again and again."""

import contextlib
import http.client
import json
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Final

from tests.cluster.fleet import Site

from isochrone.render.gateway_settings import DATA_PORT

CLIENTS: Final = 2
PAUSE: Final = 0.2


class Clients:
    """What became of their requests: by status, or by what went wrong."""

    def __init__(self, cluster: Site, site: str, key: str, model: str, *, origin: str = "") -> None:
        self.ends: Counter[object] = Counter()
        self._host = cluster.gateway_host(site)
        self._key = key
        self._model = model
        self._more = {"x-isochrone-origin": origin} if origin else {}
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(CLIENTS)]
        for each in self._threads:
            each.start()

    def _ask(self) -> None:
        while not self._is_over.wait(PAUSE):
            try:
                end: object = self._once()
            except OSError as error:
                end = repr(error)
            self.ends[end] += 1

    def _once(self) -> int:
        body = {"model": self._model, "messages": [{"role": "user", "content": "who are you?"}]}
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json", **self._more}
        connection = http.client.HTTPConnection(self._host, DATA_PORT, timeout=20)
        with contextlib.closing(connection):
            connection.request("POST", "/v1/chat/completions", headers=headers, body=json.dumps(body).encode())
            answer = connection.getresponse()
            answer.read()
            return answer.status

    def end(self) -> None:
        self._is_over.set()
        for each in self._threads:
            each.join(60)


@contextlib.contextmanager
def asking(cluster: Site, site: str, *, key: str, model: str, origin: str = "") -> Iterator[Clients]:
    made = Clients(cluster, site, key, model, origin=origin)
    try:
        yield made
    finally:
        made.end()
