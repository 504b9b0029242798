"""Write the golden example anew: `python -m tests.contract.config_example`. What changed is for a human to review."""

import pathlib
from collections.abc import Mapping

from tests.contract.config_cases import FILES, RELEASE, example, sign_as

from isochrone_gateway.config import Config, Index, encode_index, shard

EXAMPLE = FILES / "example"
KEY_ID = "example-key"


def render(config: Config) -> dict[str, bytes]:
    """File name -> content: the index, and the shard of each kind under its kind's name."""
    index, blobs = shard(config, RELEASE, signers=[sign_as(KEY_ID)], readable=True)
    files = {f"{entry.kind.lower()}.json": blobs[entry.name] for entry in index.shards}
    return {"index.json": encode_index(index, readable=True), **files}


def read(folder: pathlib.Path) -> tuple[bytes, dict[str, bytes]]:
    return (folder / "index.json").read_bytes(), {path.name: path.read_bytes() for path in folder.glob("*.json")}


def blobs_of(index: Index, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Give the files the names that the index knows them by."""
    return {entry.name: files[f"{entry.kind.lower()}.json"] for entry in index.shards}


def write(config: Config, folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in render(config).items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    write(example(), EXAMPLE)
