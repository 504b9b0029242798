"""Evidence in a real S3-compatible store, SeaweedFS, by a key that may write and nothing else."""

import dataclasses
import pathlib

import pytest
from tests.unit.fetch.test_s3 import KEYS, WRITER, store

from isochrone_gateway.ledger.evidence.bucket import Answer, Bucket, BucketError

__all__ = ["store"]

NAME = "fra1/gw-0/chains/w0-20261126T230100Z-1a2b3c4d/000000.jsonl"


def bucket(store: str, folder: pathlib.Path, access: str = WRITER) -> Bucket:
    for name, value in (("access", access), ("secret", KEYS["AWS_SECRET_ACCESS_KEY"])):
        (folder / name).write_text(value)
    return Bucket(
        endpoint=store,
        name="evidence",
        prefix="isochrone/a b",
        region="us-east-1",
        access_key=folder / "access",
        secret_key=folder / "secret",
    )


def test_a_name_is_put_once(store: str, tmp_path: pathlib.Path) -> None:
    made, file = bucket(store, tmp_path), tmp_path / "file"
    file.write_bytes(b"1" * 3_000_000)
    assert made.put(file, NAME) is Answer.STORED
    assert made.put(file, NAME) is Answer.THERE
    assert made.holds(file, NAME) is None, "it may not read"


def test_who_may_not_write_is_told_so(store: str, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"1")
    reader = bucket(store, tmp_path, KEYS["AWS_ACCESS_KEY_ID"])
    with pytest.raises(BucketError, match="answers with 403 AccessDenied"):
        reader.put(file, NAME)
    (tmp_path / "secret").write_text("guess")
    with pytest.raises(BucketError, match="answers with 403 SignatureDoesNotMatch"):
        dataclasses.replace(reader, prefix="").put(file, NAME)
