"""Clients of a tenant whose data may not leave the EU: what each of their requests got, and from where."""

import collections
import dataclasses
import http.client
import itertools
import json
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, Self

EU: Final = ("ber1", "cdg1", "fra1")
SECRET: Final = "marker-of-a-secret-of-the-eu"
OTHER: Final = "marker-of-the-us"
LIMIT: Final = 60.0
_WINDOW: Final = 0.7
_MOST: Final = 10.0
"""Seconds that clients are looked at: until each has got an answer, on a busy machine."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a client asks, whoever answers. `marker` is in its prompt; `more` are members of its body."""

    key: str
    model: str
    marker: str = SECRET
    origin: str = ""
    more: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a client got; nothing of it where the connection broke. `entered`: the site, where a client chose one."""

    entered: str = ""
    status: int = 0
    code: str = ""
    site: str = ""
    backend: str = ""
    jurisdiction: str = ""


_NUMBERS: Final = itertools.count()


def ask(host: str, port: int, question: Question, *, entered: str = "") -> Answer:
    """One request, on a connection of its own."""
    # Each begins in another way, lest all go to where the first of them has gone.
    messages = [{"role": "user", "content": f"{next(_NUMBERS)} {question.marker}"}]
    body = {"messages": messages, "model": question.model, **question.more}
    headers = {"authorization": f"Bearer {question.key}", "content-type": "application/json"}
    if question.origin:
        headers["x-isochrone-origin"] = question.origin
    connection = http.client.HTTPConnection(host, port, timeout=LIMIT)
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        found = connection.getresponse()
        document = json.load(found)
    except (OSError, http.client.HTTPException):
        return Answer(entered=entered)
    finally:
        connection.close()
    named = (found.headers.get(f"x-isochrone-{name}", "") for name in ("site", "backend", "jurisdiction"))
    site, backend, jurisdiction = named
    code = document.get("error", {}).get("code") or ""
    return Answer(
        entered=entered, status=found.status, code=code, site=site, backend=backend, jurisdiction=jurisdiction
    )


def is_inside(answer: Answer) -> bool:
    """Whether it says that nobody outside the EU has answered."""
    return (
        answer.site in EU
        and answer.jurisdiction[:2] in {"DE", "FR"}
        and answer.backend.startswith(("engine:", "peer:"))
    )


class Load:
    """Clients that never stop asking; their answers since they were last looked at."""

    def __init__(self, clients: Sequence[Callable[[], Answer]], *, pause: float = 0.0) -> None:
        """Each waits so many seconds before it asks again."""
        self._pause = pause
        self._answers: collections.Counter[Answer] = collections.Counter()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._answered: set[int] = set()
        """Clients that have got an answer since they were last looked at."""
        self._threads = [threading.Thread(target=self._ask, args=each) for each in enumerate(clients)]
        self.every: collections.Counter[Answer] = collections.Counter()

    def _ask(self, number: int, client: Callable[[], Answer]) -> None:
        while not self._ended.wait(self._pause):
            found = client()
            with self._lock:
                self._answered.add(number)
                self._answers[found] += 1
                self.every[found] += 1

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(LIMIT)

    def until(
        self, holds: Callable[[Collection[Answer]], bool], *, limit: float = LIMIT, why: Callable[[], str] = lambda: ""
    ) -> set[Answer]:
        """What clients get once it holds for all that they get, and it stays so for a while."""
        deadline = time.monotonic() + limit
        while True:
            found = self._window()
            if found and holds(found):
                return set(found)
            assert time.monotonic() < deadline, f"{found}\n{why()}"

    def _window(self) -> Collection[Answer]:
        """What clients get for a while, in which each has got something, if that isn't too long."""
        with self._lock:
            self._answers.clear()
            self._answered.clear()
        began = time.monotonic()
        time.sleep(_WINDOW)
        while len(self._answered) < len(self._threads) and time.monotonic() - began < _MOST:
            time.sleep(_WINDOW / 10)
        with self._lock:
            return dict(self._answers)


def all_answered(found: Collection[Answer]) -> bool:
    return all(each.status == 200 for each in found)


def all_refused(found: Collection[Answer]) -> bool:
    return all(each.status not in {0, 200} for each in found)
