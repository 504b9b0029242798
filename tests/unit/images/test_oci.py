"""Images that are made without a container engine: same bytes for same files, in the layout that engines read."""

import hashlib
import io
import json
import os
import pathlib
import tarfile

from images import build, oci, packages
from images.oci import File, Image, Link

_TREE: oci.Tree = {
    "usr/local/bin/tool": File(b"#!/bin/sh\n", 0o755),
    "etc/hosts": File(b""),
    "lib": Link("usr/lib"),
    "tmp/": File(b"", 0o1777),
}


def _members(layer: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        return tar.getmembers()


def test_a_layer_has_sorted_entries_of_no_time_and_of_root() -> None:
    members = _members(oci.layer(_TREE))
    assert [(each.name, oct(each.mode)) for each in members] == [
        ("etc", "0o755"),
        ("etc/hosts", "0o644"),
        ("lib", "0o777"),
        ("tmp", "0o1777"),
        ("usr", "0o755"),
        ("usr/local", "0o755"),
        ("usr/local/bin", "0o755"),
        ("usr/local/bin/tool", "0o755"),
    ]
    assert {(each.mtime, each.uid, each.gid, each.uname) for each in members} == {(0, 0, 0, "")}
    assert members[2].linkname == "usr/lib"


def test_the_order_of_files_and_their_times_change_no_digest(tmp_path: pathlib.Path) -> None:
    source = tmp_path / "hosts"
    source.write_bytes(b"")
    tree = {**dict(reversed(list(_TREE.items()))), "etc/hosts": File(source)}
    assert oci.layer(tree) == oci.layer(_TREE)


def test_an_archive_says_what_is_in_it_by_digest(tmp_path: pathlib.Path) -> None:
    layer = oci.layer(_TREE)
    image = Image(name="example.org/some/tool:1", layers=[layer], config={"Entrypoint": ["/usr/local/bin/tool"]})
    archive = tmp_path / "tool.tar"
    other = Image(name="example.org/some/tool:2", layers=[layer], config={})
    digest, _ = oci.write([image, other], archive)
    with tarfile.open(archive) as tar:
        blobs = {each.name: tar.extractfile(each).read() for each in tar.getmembers() if each.isfile()}  # type: ignore[union-attr]
    entry, _ = json.loads(blobs["index.json"])["manifests"]
    assert (entry["digest"], entry["annotations"]["io.containerd.image.name"]) == (digest, image.name)
    for name, content in blobs.items():
        if name.startswith("blobs/"):
            assert name == f"blobs/sha256/{hashlib.sha256(content).hexdigest()}"
    manifest = json.loads(blobs[f"blobs/sha256/{digest.removeprefix('sha256:')}"])
    config = json.loads(blobs[f"blobs/sha256/{manifest['config']['digest'].removeprefix('sha256:')}"])
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    assert len([name for name in blobs if name.startswith("blobs/")]) == 5  # the layer is there once
    assert oci.write([image], archive) == [digest]


def test_bytecode_is_the_same_each_time_and_bound_to_no_time() -> None:
    tree = {"opt/some/thing.py": File(b"KINDS = {'a', 'b', 'c'}\nFOUND = frozenset({'x', 'y'}) & KINDS\n")}
    first, second = packages.with_bytecode(tree), packages.with_bytecode(tree)
    (path,) = set(first) - set(tree)
    assert path.startswith("opt/some/__pycache__/thing.")
    made = first[path]
    assert isinstance(made, File)
    assert isinstance(made.content, bytes)
    assert made == second[path]
    assert made.content[4:8] == b"\x01\0\0\0"  # by hash, unchecked: PEP 552


def test_the_gateway_is_made_without_what_the_operator_needs() -> None:
    names = {line.partition("==")[0] for line in packages.requirements("gateway").splitlines() if "==" in line}
    assert {"uvloop", "httptools", "msgspec", "cryptography"} <= names
    assert not names & {"kopf", "kubernetes", "aiohttp", "pydantic", "click", "numpy"}


def test_layers_are_made_once_and_kept_while_they_are_used(tmp_path: pathlib.Path) -> None:
    options, made = build.Options(cache=tmp_path), []

    def make() -> dict[str, File | Link]:
        made.append(1)
        return {"a": File(b"")}

    first = build._cached(options, "one", make)
    (stored,) = tmp_path.iterdir()
    os.utime(stored, (0, 0))
    assert build._cached(options, "one", make) == first  # used now, so it stays
    build._cached(options, "two", make)
    assert (len(made), stored.exists()) == (2, True)
    os.utime(stored, (0, 0))
    build._cached(options, "three", make)
    assert not stored.exists()
