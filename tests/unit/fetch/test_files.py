"""One file: verified, resumed, put in its place at once, or not at all."""

import hashlib
import pathlib

import pytest
from tests.unit.fetch.conftest import Fetch
from tests.unit.fetch.server import Reply, Seen, Server

from isochrone_fetch.errors import FetchError

WEIGHTS = bytes(range(256)) * 5000
DIGEST = f"--digest=sha256:{hashlib.sha256(WEIGHTS).hexdigest()}"
WRONG = f"--digest=sha256:{'0' * 64}"


@pytest.fixture
def weights(server: Server) -> str:
    """The URL of a file."""
    server.files["/a/weights.gguf"] = WEIGHTS
    return f"{server.url}/a/weights.gguf"


@pytest.fixture
def place(tmp_path: pathlib.Path) -> pathlib.Path:
    """Where it is to be."""
    return tmp_path / "models" / "weights.gguf"


@pytest.fixture
def part(place: pathlib.Path) -> pathlib.Path:
    """Where it is while it isn't complete."""
    place.parent.mkdir()
    return place.with_name(".weights.gguf.part")


def test_a_file_is_put_in_its_place(fetch: Fetch, weights: str, place: pathlib.Path) -> None:
    fetch(DIGEST, weights)
    assert place.read_bytes() == WEIGHTS
    assert [each.name for each in place.parent.iterdir()] == ["weights.gguf"]


def test_what_is_there_already_is_not_fetched(fetch: Fetch, weights: str, server: Server) -> None:
    fetch(DIGEST, weights)
    fetch(DIGEST, weights)
    assert len(server.seen) == 1


def test_what_is_there_and_wrong_is_fetched(
    fetch: Fetch, weights: str, part: pathlib.Path, place: pathlib.Path
) -> None:
    assert not part.exists()
    place.write_bytes(b"other weights")
    fetch(DIGEST, weights)
    assert place.read_bytes() == WEIGHTS


def test_another_file_than_asked_for_is_no_file(fetch: Fetch, weights: str, place: pathlib.Path) -> None:
    with pytest.raises(FetchError, match=r"weights.gguf is not what was asked for: it is sha256:[0-9a-f]{64}, not"):
        fetch(WRONG, weights)
    assert list(place.parent.iterdir()) == [], "nothing to go on from"


@pytest.mark.parametrize("at", [1, 700_000, len(WEIGHTS) - 1])
def test_a_file_that_is_cut_off_goes_on_from_there(
    fetch: Fetch, weights: str, server: Server, place: pathlib.Path, at: int
) -> None:
    server.replies = [Reply(WEIGHTS, cut=at)]
    fetch(DIGEST, weights)
    assert place.read_bytes() == WEIGHTS
    assert [each.headers.get("Range") for each in server.seen] == [None, f"bytes={at}-"]


def test_a_run_goes_on_where_another_was_broken_off(
    fetch: Fetch, weights: str, server: Server, part: pathlib.Path, place: pathlib.Path
) -> None:
    part.write_bytes(WEIGHTS[:1000])
    fetch(DIGEST, weights)
    assert place.read_bytes() == WEIGHTS
    assert server.seen[0].headers["Range"] == "bytes=1000-"


def test_a_part_that_is_complete(fetch: Fetch, weights: str, part: pathlib.Path, place: pathlib.Path) -> None:
    part.write_bytes(WEIGHTS)
    fetch(DIGEST, weights)
    assert place.read_bytes() == WEIGHTS


@pytest.mark.parametrize(
    "left",
    [pytest.param(b"?" * 1000, id="of another file"), pytest.param(WEIGHTS + b"?", id="longer than the file")],
)
def test_a_part_that_is_wrong_is_thrown_away(
    fetch: Fetch, weights: str, part: pathlib.Path, place: pathlib.Path, left: bytes
) -> None:
    part.write_bytes(left)
    with pytest.raises(FetchError, match="is not what was asked for"):
        fetch(DIGEST, weights)
    fetch(DIGEST, weights)
    assert place.read_bytes() == WEIGHTS, "the next run begins anew"


def test_a_file_that_is_gone_while_a_part_of_it_is_there(
    fetch: Fetch, weights: str, server: Server, part: pathlib.Path
) -> None:
    part.write_bytes(WEIGHTS[:1000])
    server.replies = [Reply(status=404)]
    with pytest.raises(FetchError, match="there is no such file"):
        fetch(DIGEST, weights)
    assert part.read_bytes() == WEIGHTS[:1000], "it may come back"


def test_a_server_that_knows_no_ranges_sends_all_again(
    fetch: Fetch, weights: str, server: Server, part: pathlib.Path, place: pathlib.Path
) -> None:
    part.write_bytes(WEIGHTS[:1000])
    server.replies = [Reply(WEIGHTS)]
    fetch(DIGEST, weights)
    assert place.read_bytes() == WEIGHTS


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(
    fetch: Fetch, weights: str, server: Server, place: pathlib.Path, status: int
) -> None:
    server.replies = [Reply(status=status)] * 5
    fetch(DIGEST, weights)
    assert place.read_bytes() == WEIGHTS


def test_not_for_ever(fetch: Fetch, weights: str, server: Server) -> None:
    server.replies = [Reply(status=503)] * 6
    with pytest.raises(FetchError, match=r"weights.gguf: 127.0.0.1 answers with 503 \(6 attempts\)"):
        fetch(DIGEST, weights)
    assert len(server.seen) == 6


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "it wants credentials"),
        (403, "these credentials may not"),
        (404, "there is no such file"),
        (410, "refused"),
    ],
)
def test_a_refusal_is_final(fetch: Fetch, weights: str, server: Server, status: int, words: str) -> None:
    server.replies = [Reply(status=status)]
    with pytest.raises(FetchError, match=f"answers with {status}: .*{words}"):
        fetch(DIGEST, weights)
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"TOKEN": "t"}, "Bearer t", id="token"),
        pytest.param({"USERNAME": "u", "PASSWORD": "p"}, "Basic dTpw", id="name and password"),
    ],
)
def test_credentials(
    fetch: Fetch, weights: str, server: Server, environment: dict[str, str], expected: str | None
) -> None:
    fetch(DIGEST, weights, environment=environment)
    assert server.seen[0].headers.get("Authorization") == expected


def test_credentials_go_along_to_the_same_server_only(
    fetch: Fetch, weights: str, server: Server, other: Server, place: pathlib.Path
) -> None:
    other.files["/b"] = WEIGHTS
    server.replies = [
        Reply(status=302, headers={"Location": "/elsewhere"}),
        Reply(status=307, headers={"Location": f"{other.url}/b"}),
    ]
    fetch(DIGEST, weights, environment={"TOKEN": "secret"})
    assert place.read_bytes() == WEIGHTS
    assert [each.headers.get("Authorization") for each in server.seen] == ["Bearer secret"] * 2
    assert [each.headers.get("Authorization") for each in other.seen] == [None]


def test_a_redirect_to_no_web_address(fetch: Fetch, weights: str, server: Server, tmp_path: pathlib.Path) -> None:
    (tmp_path / "secret").write_bytes(WEIGHTS)
    server.replies = [Reply(status=302, headers={"Location": f"file://{tmp_path}/secret"})]
    with pytest.raises(FetchError):
        fetch(DIGEST, weights)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["https://a/b"], "needs --digest", id="no digest"),
        pytest.param([WRONG, "ftp://a/b"], "nothing is known of ftp://", id="unknown scheme"),
        pytest.param([WRONG, "hf://org"], "names no repository", id="no repository"),
        pytest.param([WRONG, "hf://org/model/folder/"], "fetched as a whole, or one file", id="folder of a repository"),
        pytest.param(["oci://registry/name:tag"], "no image by digest", id="image by tag"),
    ],
)
def test_what_can_t_be_asked_for(fetch: Fetch, arguments: list[str], words: str) -> None:
    with pytest.raises(FetchError, match=words):
        fetch(*arguments)


def test_a_file_that_is_there_is_verified(fetch: Fetch, tmp_path: pathlib.Path) -> None:
    (tmp_path / "there.gguf").write_bytes(WEIGHTS)
    fetch(DIGEST, f"file://{tmp_path}/there.gguf")
    with pytest.raises(FetchError, match="is not what was asked for"):
        fetch(WRONG, f"file://{tmp_path}/there.gguf")


def test_requests_say_who_asks(fetch: Fetch, weights: str, server: Server) -> None:
    def script(seen: Seen) -> Reply:
        assert seen.headers["User-Agent"] == "isochrone-fetch"
        assert seen.headers["Accept-Encoding"] == "identity", "what is compressed has another digest"
        return server.file(seen)

    server.script = script
    fetch(DIGEST, weights)
