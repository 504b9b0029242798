"""Evidence as its format says, for tests: written here from the format, not by the gateway."""

import dataclasses
import hashlib
import json
import pathlib
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ZERO = "0" * 64


@dataclasses.dataclass
class Instance:
    root: pathlib.Path
    site: str = "fra1"
    name: str = "gateway-0"
    seed: int = 1
    heads: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    checkpoints: int = 0
    prev: str = ZERO

    def __post_init__(self) -> None:
        self.key = Ed25519PrivateKey.from_private_bytes(bytes([self.seed]) * 32)
        self.folder.mkdir(parents=True)
        self.write_key()

    @property
    def folder(self) -> pathlib.Path:
        return self.root / self.site / self.name

    @property
    def key_id(self) -> str:
        raw = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return hashlib.sha256(raw).hexdigest()[:16]

    def write_key(self) -> None:
        pem = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (self.folder / "public-key.pem").write_bytes(pem)

    def line(self, chain: str, kind: str, *, segment: int = 0, **fields: Any) -> None:
        head = self.heads.setdefault(chain, {"count": 0, "hash": ZERO})
        text = json.dumps({"n": head["count"], "kind": kind, "at": 1.5, **fields}, separators=(",", ":"))[:-1].encode()
        digest = hashlib.sha256(bytes.fromhex(head["hash"]) + text).hexdigest()
        self.heads[chain] = {"count": head["count"] + 1, "hash": digest}
        path = self.folder / "chains" / chain / f"{segment:06}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(text + b',"hash":"' + digest.encode() + b'"}\n')

    def boot(self, writer: str, boot: str, **fields: Any) -> str:
        self.line(f"{writer}-{boot}", "Boot", site=self.site, instance=self.name, writer=writer, boot=boot, **fields)
        return f"{writer}-{boot}"

    def request(self, chain: str, id_: str, *, segment: int = 0) -> None:
        self.line(chain, "Intent", segment=segment, id=id_, **{"try": 1}, jurisdiction="DE")
        self.line(chain, "Outcome", segment=segment, id=id_, **{"try": 1}, outcome="Answered")

    def checkpoint(self, **more: Any) -> dict[str, Any]:
        said = {"n": self.checkpoints, "at": 2.5, "site": self.site, "instance": self.name, "prev": self.prev}
        said |= {"chains": self.heads, **more, "key": self.key_id}
        text = json.dumps(said, separators=(",", ":"))[:-1].encode()
        line = text + b',"signature":"' + self.key.sign(text).hex().encode() + b'"}'
        path = self.folder / "checkpoints" / "000000.jsonl"
        path.parent.mkdir(exist_ok=True)
        with path.open("ab") as file:
            file.write(line + b"\n")
        self.prev = hashlib.sha256(line).hexdigest()
        self.checkpoints += 1
        return {"site": self.site, "instance": self.name, "at": 3.5, "n": self.checkpoints - 1, "digest": self.prev}


def small(root: pathlib.Path, *, seed: int = 1, name: str = "gateway-0") -> tuple[Instance, dict[str, Any]]:
    """Two boots of one worker, the first of two segments, two checkpoints; and the anchor."""
    made = Instance(root, name=name, seed=seed)
    first = made.boot("w0", "20261126T230100Z-1a2b3c4d")
    made.request(first, "a")
    made.checkpoint()
    made.request(first, "b", segment=1)
    made.line(first, "End", segment=1)
    last = made.heads[first]
    second = made.boot(
        "w0", "20261126T230200Z-00000000", after=first, afterCount=last["count"], afterHash=last["hash"], clean=True
    )
    made.request(second, "c")
    return made, made.checkpoint()
