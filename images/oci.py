"""Images as files: a tree of files becomes a layer, layers become an archive in the OCI layout. No container engine.

Everything is the same to the byte for the same tree: names are sorted, times are zero, and all belongs to root. Layers
aren't compressed: such an archive is loaded on the machine that made it, where that would only cost time.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

import dataclasses
import hashlib
import io
import json
import pathlib
import platform
import tarfile
from collections.abc import Mapping, Sequence
from typing import IO, Any, Final

_TYPE: Final = "application/vnd.oci.image"
_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
_FOLDER: Final = 0o755


@dataclasses.dataclass(frozen=True, slots=True)
class File:
    """A file of a layer: what is in it, or where it is on this machine."""

    content: bytes | pathlib.Path
    mode: int = 0o644


@dataclasses.dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link."""

    to: str


Tree = Mapping[str, File | Link]
"""Paths in the image, without the slash at the beginning. Folders above them come by themselves; one that has a path
of its own ends in a slash, and its mode counts."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What an image is made from."""

    name: str
    """With its tag."""
    layers: Sequence[bytes]
    config: Mapping[str, Any]
    """As the `config` of an image's configuration: Entrypoint, Env, User, Labels."""


def layer(tree: Tree) -> bytes:
    """The tree as an uncompressed tar."""
    packed = io.BytesIO()
    _pack(tree, packed)
    return packed.getvalue()


def _pack(tree: Tree, file: IO[bytes]) -> None:
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted({*tree, *_folders(tree)}):
            info, content = _entry(path, tree.get(path, File(b"", _FOLDER)))
            tar.addfile(info, io.BytesIO(content))


def _folders(tree: Tree) -> set[str]:
    above = {f"{parent}/" for path in tree for parent in pathlib.PurePosixPath(path).parents}
    return above - {"./"}


def _entry(path: str, what: File | Link) -> tuple[tarfile.TarInfo, bytes]:
    """Belongs to root, and is as old as time: what a new TarInfo says."""
    info = tarfile.TarInfo(path.rstrip("/"))
    if isinstance(what, Link):
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, what.to, 0o777
        return info, b""
    info.mode = what.mode
    if path.endswith("/"):
        info.type = tarfile.DIRTYPE
        return info, b""
    content = what.content if isinstance(what.content, bytes) else what.content.read_bytes()
    info.size = len(content)
    return info, content


def write(images: Sequence[Image], archive: pathlib.Path) -> list[str]:
    """One archive of all of them, whole or not at all; returns their digests. What they share is in it once.

    `ctr images import` and `docker load` take it.
    """
    blobs: dict[str, bytes] = {}
    found = [_manifest(blobs, each) for each in images]
    files = {
        "oci-layout": File(_json({"imageLayoutVersion": "1.0.0"})),
        "index.json": File(_json({"schemaVersion": 2, "manifests": found})),
        **{f"blobs/sha256/{digest}": File(content) for digest, content in blobs.items()},
    }
    unfinished = archive.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        _pack(files, file)
    unfinished.rename(archive)
    return [each["digest"] for each in found]


def _manifest(blobs: dict[str, bytes], image: Image) -> dict[str, Any]:
    """As the index names it."""
    layers = [_blob(blobs, f"{_TYPE}.layer.v1.tar", each) for each in image.layers]
    kind = f"{_TYPE}.manifest.v1+json"
    config = _blob(blobs, f"{_TYPE}.config.v1+json", _json(_configuration(image, layers)))
    content = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers}
    tag = image.name.rpartition(":")[2]
    named = {"io.containerd.image.name": image.name, "org.opencontainers.image.ref.name": tag}
    return {**_blob(blobs, kind, _json(content)), "annotations": named}


def _configuration(image: Image, layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "architecture": architecture(),
        "os": "linux",
        "config": image.config,
        "rootfs": {"type": "layers", "diff_ids": [each["digest"] for each in layers]},
    }


def architecture() -> str:
    """What this machine's is called by Go."""
    return _ARCHITECTURES.get(platform.machine(), platform.machine())


def _blob(blobs: dict[str, bytes], kind: str, content: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    blobs[digest] = content
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content)}


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
