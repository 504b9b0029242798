"""A reader of chains that shares no code with who writes them."""

import hashlib
import json
import pathlib
from collections.abc import Iterable
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_public_key


def check_lines(lines: Iterable[bytes]) -> list[dict[str, Any]]:
    """What lines say, each with its LF and checked against the one before; the first begins a chain."""
    before, found = bytes(32), []
    for line in lines:
        body, _, rest = line.rpartition(b',"hash":"')
        before = hashlib.sha256(before + body).digest()
        assert rest == before.hex().encode() + b'"}\n'
        found.append(json.loads(line))
        assert found[-1]["n"] == len(found) - 1
    return found


def read_chain(folder: pathlib.Path) -> list[dict[str, Any]]:
    """All lines of a chain, each checked against the one before."""
    lines: list[bytes] = []
    for path in sorted(folder.glob("*.jsonl")):
        data = path.read_bytes()
        assert not data or data.endswith(b"\n"), f"{path} ends with half a line"
        lines += data.splitlines(keepends=True)
    return check_lines(lines)


def read_checkpoints(instance: pathlib.Path) -> list[dict[str, Any]]:
    """All checkpoints, each checked against the key and the one before."""
    key: Any = load_pem_public_key((instance / "public-key.pem").read_bytes())
    before, found = "0" * 64, []
    for path in sorted((instance / "checkpoints").glob("*.jsonl")):
        for line in path.read_bytes().splitlines():
            body, _, rest = line.rpartition(b',"signature":"')
            key.verify(bytes.fromhex(rest.removesuffix(b'"}').decode()), body)
            found.append(json.loads(line))
            assert (found[-1]["prev"], found[-1]["n"]) == (before, len(found) - 1)
            before = hashlib.sha256(line).hexdigest()
    return found


def check(instance: pathlib.Path) -> dict[str, list[dict[str, Any]]]:
    """All chains of an instance; each is as long as its checkpoints say, at least, and has the hashes that they say."""
    chains = {folder.name: read_chain(folder) for folder in sorted((instance / "chains").iterdir())}
    for checkpoint in read_checkpoints(instance):
        for name, head in checkpoint["chains"].items():
            assert chains[name][head["count"] - 1]["hash"] == head["hash"]
    return chains
