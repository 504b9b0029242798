"""The quickstart on this machine, with its real model: what `make run` promises."""

import concurrent.futures
import contextlib
import http.client
import itertools
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletion
from tests.local.up import COMMAND, KEY, Up, running

QUESTION: Any = [{"role": "user", "content": "What is the capital of Germany?"}]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running(tmp_path_factory.mktemp("up")) as started:
        started.until(started.answers)
        yield started


def ask(up: Up, client: openai.OpenAI | None = None, *, model: str = "smollm2") -> tuple[str, ChatCompletion]:
    """Who answered, and what."""
    with contextlib.nullcontext(client) if client is not None else up.client() as asking:
        raw = asking.chat.completions.with_raw_response.create(
            model=model, messages=QUESTION, max_tokens=12, temperature=0
        )
        return raw.headers["x-isochrone-site"], raw.parse()


def knows(up: Up, model: str) -> bool:
    """Whether the front door's gateway does."""
    with up.client() as client:
        try:
            return client.models.retrieve(model).id == model
        except openai.NotFoundError:
            return False


def state(up: Up, site: str) -> str:
    found: str = next(each["state"] for each in up.view()["sites"] if each["name"] == site)
    return found


def front(up: Up) -> str:
    """Where the front door leads now."""
    found: str = next(each["name"] for each in up.view()["sites"] if each["is_front"])
    return found


def test_a_chat_is_answered_by_the_real_model_at_the_nearest_site(up: Up) -> None:
    site, answer = ask(up)
    assert site == front(up) == "fra1"
    assert "Berlin" in (answer.choices[0].message.content or "")


def test_another_is_streamed(up: Up) -> None:
    with up.client() as client:
        asked = client.chat.completions.create(
            model="smollm2", messages=QUESTION, max_tokens=12, temperature=0, stream=True
        )
        chunks = list(asked)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "Berlin" in text
    assert len(chunks) > 3


def test_what_is_said_to_type_next_does_what_it_says(up: Up) -> None:
    """Typed as it stands: what is asked by curl, and the program."""
    _, _, said = up.log.read_text().partition("What to type next, in another terminal:")
    answers = [pasted(each) for each in re.findall(r"^curl (?:.*\\\n)*.*", said, re.MULTILINE)]
    assert [(status, next(iter(answer))) for status, answer in answers] == [
        (200, "choices"),
        (200, "model"),
        (403, "error"),
    ]
    assert len(answers[1][1]["data"][0]["embedding"]) == 576
    program = re.search(r"- <<'END'\n(.*?)^END$", said, re.MULTILINE | re.DOTALL)
    assert program is not None
    typed = subprocess.run(
        [sys.executable, "-"], input=program[1], capture_output=True, text=True, timeout=300, check=True
    )
    assert re.search(r"Berlin.*\n\Z", typed.stdout), typed


def pasted(command: str) -> tuple[int, Any]:
    """What curl would get."""
    words = shlex.split(command)
    url = next(each for each in words if each.startswith("http"))
    headers = dict(each.split(": ", 1) for name, each in itertools.pairwise(words) if name == "-H")
    at = urllib.parse.urlsplit(url)
    with contextlib.closing(http.client.HTTPConnection(at.netloc, timeout=300)) as connection:
        connection.request("POST", at.path, words[words.index("-d") + 1], headers)
        found = connection.getresponse()
        return found.status, json.load(found)


def test_a_text_is_embedded(up: Up) -> None:
    texts = ["a cat sat on the mat", "a kitten sat on the rug", "interest rates rose again"]
    with up.client() as client:
        made = client.embeddings.create(model="smollm2-embed", input=texts).data
    cat, kitten, rates = (each.embedding for each in made)
    assert len(cat) == 576

    def likeness(one: list[float], other: list[float]) -> float:
        return sum(a * b for a, b in zip(one, other, strict=True))

    assert likeness(cat, kitten) > likeness(cat, rates)


def test_what_the_law_forbids_is_refused(up: Up) -> None:
    with up.client(up.ports()["iad1"]) as there, pytest.raises(openai.PermissionDeniedError) as refused:
        ask(up, there)
    assert refused.value.code == "residency_denied"
    assert "eu-data-stays" in refused.value.message


def test_a_site_without_engines_asks_a_peer(up: Up) -> None:
    running_at = {each["site"] for each in up.view()["engines"]}
    (idle,) = {"ber1", "cdg1", "fra1"} - running_at
    with up.client(up.ports()[idle]) as there:
        site, answer = ask(up, there)
    assert site in running_at
    assert "Berlin" in (answer.choices[0].message.content or "")


def test_a_provider_without_a_key_is_said_to_be_unavailable(up: Up) -> None:
    assert up.view()["missing_keys"] == {"openai": "OPENAI_API_KEY"}
    assert "Provider openai is unavailable: set OPENAI_API_KEY" in up.log.read_text()


def test_an_engine_that_dies_is_started_again(up: Up) -> None:
    def found() -> dict[str, Any]:
        engines = up.view()["engines"]
        return next(each for each in engines if (each["route"], each["site"]) == ("demo/smollm2-embed", "fra1"))

    before = found()
    os.kill(before["pid"], signal.SIGKILL)
    up.until(lambda: found()["restarts"] == before["restarts"] + 1 and found()["is_ready"])
    assert found()["pid"] != before["pid"]


def test_nobody_notices_that_the_nearest_site_is_stopped(up: Up) -> None:
    stopped = threading.Event()

    def keep_asking(client: openai.OpenAI | None) -> list[str]:
        found = []
        while not stopped.is_set():
            found.append(ask(up, client)[0])
        return found

    with up.client() as kept, concurrent.futures.ThreadPoolExecutor() as threads:
        assert ask(up, kept)[0] == "fra1"
        asking = [threads.submit(keep_asking, kept), threads.submit(keep_asking, None)]
        try:
            assert "fra1 is stopped" in up.sites("stop", "fra1")
        finally:
            stopped.set()
        assert all(each.result() for each in asking)
        site, answer = ask(up, kept)
    assert state(up, "fra1") == "Stopped"
    assert site == front(up) != "fra1"
    assert "Berlin" in (answer.choices[0].message.content or "")
    up.sites("start", "fra1")
    up.until(lambda: front(up) == "fra1")


def test_what_is_open_at_a_killed_site_breaks_and_nothing_else(up: Up) -> None:
    nearest = front(up)
    body = {"model": "smollm2", "messages": QUESTION, "stream": True, "max_tokens": 1500, "ignore_eos": True}
    connection = http.client.HTTPConnection("127.0.0.1", up.ports()[nearest], timeout=300)
    with contextlib.closing(connection):
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"x-api-key": KEY})
        stream = connection.getresponse()
        assert stream.readline().startswith(b"data:")
        assert f"{nearest} is gone" in up.sites("kill", nearest)
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            stream.read()
    site, answer = ask(up)
    assert site != nearest
    assert "Berlin" in (answer.choices[0].message.content or "")
    assert state(up, nearest) == "Killed"
    up.sites("start", nearest)
    up.until(lambda: front(up) == nearest)


def test_manifests_are_planned_anew_when_they_change(up: Up) -> None:
    models = up.manifests / "models.yaml"
    before = models.read_text()
    models.write_text(before.replace("  modelName: smollm2\n", "  modelName: smollm2\n  aliases: [small]\n"))
    up.until(lambda: knows(up, "small"))
    models.write_text("kind: ModelRoute\n" + before)
    up.until(lambda: bool(up.view()["problem"]))
    assert "not valid; what was runs on" in up.log.read_text()
    assert ask(up)[1].choices
    models.write_text(before)
    up.until(lambda: not knows(up, "small"))
    assert up.view()["problem"] == ""


def test_a_second_network_does_not_start_in_its_folder(up: Up) -> None:
    options = ("--port", str(up.port), "--state", str(up.state))
    second = subprocess.run(
        [*COMMAND, "up", str(up.manifests), *options], capture_output=True, text=True, timeout=300, check=False
    )
    assert second.returncode == 2
    assert "a network runs already" in second.stderr
    assert ask(up)[1].choices
