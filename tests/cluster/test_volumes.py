"""Files of volumes: replaced all at once, as the kubelet does."""

from pathlib import Path

import pytest
from tests.cluster.volumes import MountError, content, field, picked, project


def read(folder: Path) -> dict[str, bytes]:
    """What a program finds there: files by name, and no others."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for top in folder.iterdir()
        if not top.name.startswith("..")
        for file in ([top] if top.is_file() else top.rglob("*"))
        if file.is_file()
    }


def test_files_come_change_and_go_and_nothing_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "volume"
    for files in (
        {"token": b"1", "peer/ca.crt": b"a", "peer/tls.crt": b"b"},
        {"token": b"2", "peer/ca.crt": b"a"},
        {"other": b"x"},
        {},
        {"token": b"3"},
    ):
        project(folder, files)
        assert read(folder) == files
        assert len([each for each in folder.iterdir() if each.is_dir() and not each.is_symlink()]) == 1


def test_a_reader_in_a_file_sees_it_whole(tmp_path: Path) -> None:
    project(tmp_path, {"token": b"before"})
    with (tmp_path / "token").open("rb") as file:
        project(tmp_path, {"token": b"after"})
        assert (file.read(), (tmp_path / "token").read_bytes()) == (b"before", b"after")


def test_an_empty_volume_is_a_folder(tmp_path: Path) -> None:
    project(tmp_path / "state", {})
    assert list((tmp_path / "state").iterdir()) == []


def test_what_objects_hold() -> None:
    assert content({"kind": "Secret", "data": {"key": "Yg=="}}) == {"key": b"b"}
    assert content({"kind": "ConfigMap", "data": {"a": "b"}, "binaryData": {"c": "Yg=="}}) == {"a": b"b", "c": b"b"}
    assert content({"kind": "ConfigMap"}) == {}


def test_items_are_picked_and_those_that_must_be_there_are_missed() -> None:
    items = [{"key": "key", "path": "providers/openai/key"}]
    assert picked({"key": b"b", "more": b"c"}, items, name="openai", optional=False) == {"providers/openai/key": b"b"}
    assert picked({}, items, name="openai", optional=True) == {}
    with pytest.raises(MountError, match='non-existent key "key" of "openai"'):
        picked({}, items, name="openai", optional=False)


def test_a_fact_about_a_pod() -> None:
    assert field({"metadata": {"name": "a"}}, "metadata.name") == "a"
