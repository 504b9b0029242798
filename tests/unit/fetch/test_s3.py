"""Objects of a real S3-compatible store, SeaweedFS, which verifies signatures."""

import contextlib
import functools
import hashlib
import itertools
import json
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from tests.cluster.controlplane import unbound_ports
from tests.unit.fetch.conftest import Fetch

from isochrone_fetch import cli, manifest
from isochrone_fetch.errors import FetchError

KEYS = {"AWS_ACCESS_KEY_ID": "reader", "AWS_SECRET_ACCESS_KEY": "secret"}
FILES = {"config.json": b"{}", "deep/model 1+2.safetensors": b"1" * 3_000_000}
LIST = manifest.text({path: hashlib.sha256(content).hexdigest() for path, content in FILES.items()}).encode()
DIGEST = f"--digest=sha256:{hashlib.sha256(LIST).hexdigest()}"
LIMIT = 120.0
WRITER = "writer"
"""May write to the bucket `evidence`, and read nothing."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of a store that has a model."""
    folder = tmp_path_factory.mktemp("store")
    key = {"secretKey": KEYS["AWS_SECRET_ACCESS_KEY"]}
    identities = [
        {"name": name, "credentials": [{"accessKey": name, **key}], "actions": [action]}
        for name, action in ((KEYS["AWS_ACCESS_KEY_ID"], "Read:models"), (WRITER, "Write:evidence"))
    ]
    (folder / "identities.json").write_text(json.dumps({"identities": identities}))
    # It binds them one after the other, and connects to itself meanwhile.
    ports = list(itertools.islice(unbound_ports(), 8))
    names = [f"{part}.port{kind}" for part in ("master", "volume", "filer", "s3") for kind in ("", ".grpc")]
    command = [str(pathlib.Path(sys.executable).with_name("weed")), "server", f"-dir={folder}", "-ip=127.0.0.1", "-s3"]
    command += [f"-s3.config={folder}/identities.json", "-volume.max=30", "-master.volumeSizeLimitMB=64"]
    command += [f"-{name}={port}" for name, port in zip(names, ports, strict=True)]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log, cwd=folder) as process:
        try:
            put(f"http://127.0.0.1:{ports[4]}/buckets/models/llama")
            put(f"http://127.0.0.1:{ports[4]}/buckets/evidence/others")
            endpoint = f"http://127.0.0.1:{ports[6]}"
            until_it_answers(endpoint)
            yield endpoint
        finally:
            process.kill()


def put(folder: str) -> None:
    """By way of the filer, which asks for no keys."""
    for path, content in {**FILES, manifest.NAME: LIST}.items():
        url = f"{folder}/{urllib.request.pathname2url(path)}"
        request = urllib.request.Request(url, data=content, method="PUT", headers={"Content-Type": "a/b"})
        patiently(functools.partial(send, request))


def send(request: urllib.request.Request) -> None:
    with urllib.request.urlopen(request, timeout=10):
        pass


def until_it_answers(endpoint: str) -> None:
    def ask() -> None:
        with contextlib.suppress(urllib.error.HTTPError):
            send(urllib.request.Request(f"{endpoint}/models/llama/config.json"))

    patiently(ask)


def patiently(work: Callable[[], None]) -> None:
    deadline = time.monotonic() + LIMIT
    while True:
        try:
            return work()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def found(place: pathlib.Path) -> dict[str, bytes]:
    return {str(each.relative_to(place)): each.read_bytes() for each in place.rglob("*") if each.is_file()}


def test_a_folder(fetch: Fetch, store: str, tmp_path: pathlib.Path) -> None:
    fetch(DIGEST, f"--s3-endpoint={store}", "s3://models/llama/", environment=KEYS)
    assert found(tmp_path / "models") == FILES


def test_a_file_that_goes_on(fetch: Fetch, store: str, tmp_path: pathlib.Path) -> None:
    name, content = "model 1+2.safetensors", FILES["deep/model 1+2.safetensors"]
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / f".{name}.part").write_bytes(content[:1_000_000])
    digest = f"--digest=sha256:{hashlib.sha256(content).hexdigest()}"
    fetch(digest, f"--s3-endpoint={store}", f"s3://models/llama/deep/{name}", environment=KEYS)
    assert found(tmp_path / "models") == {name: content}


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({}, id="nobody"),
        pytest.param({**KEYS, "AWS_SECRET_ACCESS_KEY": "guess"}, id="wrong secret"),
        pytest.param({**KEYS, "AWS_ACCESS_KEY_ID": "stranger"}, id="wrong key"),
    ],
)
def test_who_may_not_read(fetch: Fetch, store: str, environment: dict[str, str]) -> None:
    with pytest.raises(FetchError, match="answers with 403: these credentials may not"):
        fetch(DIGEST, f"--s3-endpoint={store}", "s3://models/llama/", environment=environment)


@pytest.mark.parametrize(
    ("environment", "endpoint", "expected"),
    [
        pytest.param({}, None, "https://s3.us-east-1.amazonaws.com/models/a/x%2By.bin", id="AWS"),
        pytest.param(
            {"AWS_REGION": "eu-central-1"},
            None,
            "https://s3.eu-central-1.amazonaws.com/models/a/x%2By.bin",
            id="region",
        ),
        pytest.param({}, "http://store:9000/", "http://store:9000/models/a/x%2By.bin", id="another store"),
    ],
)
def test_where_an_object_is(environment: dict[str, str], endpoint: str | None, expected: str) -> None:
    request = cli._bucket("models/a/", endpoint, environment).request("x+y.bin")
    assert (request.url, request.headers) == (expected, {}), "nothing to sign with"


def test_a_session_is_told() -> None:
    keys = {**KEYS, "AWS_SESSION_TOKEN": "session"}
    headers = cli._bucket("models/a", "http://store", keys).request("a").headers
    assert headers["x-amz-security-token"] == "session"
    assert "x-amz-security-token" in headers["Authorization"], "and signed"
