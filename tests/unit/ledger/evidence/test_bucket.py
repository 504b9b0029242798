"""One object into a bucket: what is signed, what becomes of it, and what is said when it can't be put."""

import dataclasses
import pathlib
from collections.abc import Iterator

import pytest
from tests.unit.ledger.evidence.store import ACCESS, REGION, SECRET, FakeStore

from isochrone_gateway.ledger.evidence.bucket import Answer, Bucket, BucketError

KEY = "fra1/gw-0/chains/w0-a/000000.jsonl"


@pytest.fixture
def store() -> Iterator[FakeStore]:
    with FakeStore().running() as found:
        yield found


@pytest.fixture
def bucket(store: FakeStore, tmp_path: pathlib.Path) -> Bucket:
    for name, value in (("access", ACCESS), ("secret", f"{SECRET}\n")):
        (tmp_path / name).write_text(value)
    return Bucket(
        endpoint=store.url,
        name="evidence",
        prefix="a/b",
        region=REGION,
        access_key=tmp_path / "access",
        secret_key=tmp_path / "secret",
        patience=5,
    )


@pytest.fixture
def file(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "file"
    path.write_bytes(b'{"n":0}\n' * 100_000)
    return path


def test_a_file_is_put_once_and_never_over_another(store: FakeStore, bucket: Bucket, file: pathlib.Path) -> None:
    assert bucket.put(file, KEY) is Answer.STORED
    assert store.objects == {f"evidence/a/b/{KEY}": file.read_bytes()}
    before = file.read_bytes()
    file.write_bytes(b"other")
    assert bucket.put(file, KEY) is Answer.THERE
    assert list(store.objects.values()) == [before]


def test_an_empty_prefix_and_a_slash_after_the_endpoint(store: FakeStore, bucket: Bucket, file: pathlib.Path) -> None:
    other = dataclasses.replace(bucket, prefix="", endpoint=f"{store.url}/")
    other.put(file, KEY)
    assert list(store.objects) == [f"evidence/{KEY}"]
    assert other.id == f"{store.url}/evidence"
    assert bucket.id == f"{store.url}/evidence/a/b"


@pytest.mark.parametrize(
    ("may_read", "content", "expected"),
    [
        pytest.param(True, b"", True, id="the same"),
        pytest.param(True, b"other", False, id="another"),
        pytest.param(False, b"", None, id="it may not be asked"),
    ],
)
def test_whether_what_is_there_is_this_file(
    store: FakeStore, bucket: Bucket, file: pathlib.Path, *, may_read: bool, content: bytes, expected: bool | None
) -> None:
    bucket.put(file, KEY)
    store.may_read = may_read
    if content:
        file.write_bytes(content)
    assert bucket.holds(file, KEY) is expected


def test_what_is_not_there_is_not_known_to_be(store: FakeStore, bucket: Bucket, file: pathlib.Path) -> None:
    store.may_read = True
    assert bucket.holds(file, KEY) is None


@pytest.mark.parametrize(
    ("attributes", "message", "may_be_there"),
    [
        pytest.param({"is_away": True}, "127.0.0.1 answers with 503 ServiceUnavailable", True, id="away"),
        pytest.param({"status": 307}, "127.0.0.1 answers with 307 Scripted", False, id="sent on"),
        pytest.param({"status": 409}, "127.0.0.1 answers with 409 Scripted", False, id="somebody else puts it, too"),
        pytest.param({"lost_answers": 1}, "127.0.0.1: Remote end closed", True, id="no answer"),
        pytest.param({"delay": 1.0}, "127.0.0.1: (timed out|the answer took too long)", True, id="slow"),
    ],
)
def test_what_a_store_refuses(
    store: FakeStore,
    bucket: Bucket,
    file: pathlib.Path,
    attributes: dict[str, float],
    message: str,
    *,
    may_be_there: bool,
) -> None:
    for name, value in attributes.items():
        setattr(store, name, value)
    impatient = dataclasses.replace(bucket, patience=0.2)
    small = file.with_name("small")
    small.write_bytes(b"{}\n")
    with pytest.raises(BucketError, match=message) as caught:
        impatient.put(small, KEY)
    assert caught.value.may_be_there is may_be_there


def test_nobody_listens(bucket: Bucket, file: pathlib.Path) -> None:
    nobody = dataclasses.replace(bucket, endpoint="http://127.0.0.1:1")
    with pytest.raises(BucketError, match="refused") as caught:
        nobody.put(file, KEY)
    assert not caught.value.may_be_there


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        pytest.param("secret", "guess", "answers with 403 SignatureDoesNotMatch", id="wrong secret"),
        pytest.param("access", "stranger", "answers with 403 SignatureDoesNotMatch", id="another's key"),
        pytest.param("secret", "", "the key to the bucket is empty", id="empty"),
        pytest.param("access", "a\nb", "or has blanks in it", id="two lines"),
        pytest.param("secret", None, "the key to the bucket can't be read", id="missing"),
        pytest.param("secret", "ä", "the key to the bucket can't be read", id="no ASCII"),
    ],
)
def test_a_key_that_is_no_good_is_said_and_not_shown(
    store: FakeStore, bucket: Bucket, file: pathlib.Path, name: str, value: str | None, message: str
) -> None:
    path = file.with_name(name)
    if value is None:
        path.unlink()
    else:
        path.write_text(value)
    with pytest.raises(BucketError, match=message) as caught:
        bucket.put(file, KEY)
    assert not caught.value.may_be_there
    assert SECRET not in str(caught.value)
    path.write_text({"secret": SECRET, "access": ACCESS}[name])
    assert bucket.put(file, KEY) is Answer.STORED, "it is read again"
    assert len(store.objects) == 1


def test_authorities_that_are_missing_are_said(bucket: Bucket, file: pathlib.Path) -> None:
    private = dataclasses.replace(bucket, endpoint="https://127.0.0.1:1", authorities=file.with_name("ca.crt"))
    with pytest.raises(BucketError, match="authorities can't be read"):
        private.put(file, KEY)
