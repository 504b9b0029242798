"""Clients that ask again and again, one for each address, and note what goes wrong. They never ask twice for it."""

import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import openai
from tests.cluster.waiting import until

_LIMIT = 600.0


class Load:
    """Chats, streams and embeddings in turn, over connections that are kept."""

    def __init__(self, addresses: Sequence[str], key: str) -> None:
        self.failures: list[str] = []
        self._answers = dict.fromkeys(addresses, 0)
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=[each, key], daemon=True) for each in addresses]

    def __enter__(self) -> Self:
        for each in self._threads:
            each.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for each in self._threads:
            each.join(timeout=_LIMIT)

    def go_on(self, *, for_answers: int) -> None:
        """Until each client has so many more answers; or failures, which end the test later."""
        before = dict(self._answers)
        until(
            lambda: min(now - before[address] for address, now in self._answers.items()) >= for_answers,
            limit=_LIMIT,
            why=lambda: f"{self._answers} {self.failures}",
        )

    def _work(self, address: str, key: str) -> None:
        with openai.OpenAI(base_url=address, api_key=key, max_retries=0, timeout=90) as client:
            while not self._over.wait(0.2):
                try:
                    _KINDS[self._answers[address] % len(_KINDS)](client)
                except openai.OpenAIError as error:
                    self.failures.append(f"{time.time():.1f} {address}: {error!r}")
                self._answers[address] += 1


_MESSAGES: Any = [{"role": "user", "content": "Say hello."}]


def _chat(client: openai.OpenAI) -> None:
    client.chat.completions.create(model="smollm2", messages=_MESSAGES, max_tokens=4)


def _stream(client: openai.OpenAI) -> None:
    for _ in client.chat.completions.create(model="smollm2", messages=_MESSAGES, max_tokens=4, stream=True):
        pass


def _embed(client: openai.OpenAI) -> None:
    client.embeddings.create(model="smollm2-embed", input="hello", encoding_format="float")


_KINDS = (_chat, _embed, _stream, _embed)
