"""The last good config on disk: complete at any time, judged when read, and never younger than it is."""

import concurrent.futures
import errno
import os
import pathlib

import pytest
from tests.contract.config_cases import trust
from tests.unit.source.publishing import ManualClock, publish, published

from isochrone_gateway.source import files, judging
from isochrone_gateway.source.contact import age_seconds, made
from isochrone_gateway.source.judging import Complete, Refused, Trust, Wanted, Why
from isochrone_gateway.source.store import Store, Stored


def complete(sequence: int, *, signer: str = "") -> Complete:
    index, blobs = published(sequence, signer=signer)
    wanted = judging.judge_index(index, None, Trust(verify=trust(signer) if signer else None))
    assert isinstance(wanted, Wanted)
    loaded = judging.load(index, wanted, blobs)
    assert isinstance(loaded, Complete)
    return loaded


def stored(folder: pathlib.Path, clock: ManualClock) -> Stored:
    found = Store(folder).load(clock.clock())
    assert isinstance(found, Stored)
    return found


def test_nothing_is_stored_at_first(tmp_path: pathlib.Path) -> None:
    assert Store(tmp_path / "absent").load(ManualClock().clock()) is None


def test_what_was_saved_is_found(tmp_path: pathlib.Path) -> None:
    time = ManualClock()
    store = Store(tmp_path)
    contact = made(time.clock())
    store.save(complete(1), contact, time.clock())
    time.pass_by(30)
    store.touch(complete(1).revision, made(time.clock()), time.clock())
    store.close()
    time.pass_by(12)
    found = stored(tmp_path, time)
    assert found.complete.loaded.config == complete(1).loaded.config
    assert age_seconds(found.contact, time.clock()) == 12


def test_a_newer_config_replaces_the_older_and_its_files(tmp_path: pathlib.Path) -> None:
    time = ManualClock()
    store = Store(tmp_path)
    for sequence in (1, 2):
        store.save(complete(sequence), made(time.clock()), time.clock())
    store.close()
    found = stored(tmp_path, time)
    assert found.complete.revision.sequence == 2
    names = {path.name for path in (tmp_path / "config").iterdir()}
    assert len(names) == len(found.complete.blobs) + 2
    assert names > set(found.complete.blobs)


def test_confirming_another_revision_does_not_make_the_stored_one_young(tmp_path: pathlib.Path) -> None:
    time = ManualClock()
    store = Store(tmp_path)
    store.save(complete(1), made(time.clock()), time.clock())
    time.pass_by(100)
    store.touch(complete(2).revision, made(time.clock()), time.clock())
    store.close()
    assert age_seconds(stored(tmp_path, time).contact, time.clock()) == 100


def test_an_unreadable_contact_makes_it_old_not_unusable(tmp_path: pathlib.Path) -> None:
    time = ManualClock()
    store = Store(tmp_path)
    store.save(complete(1), made(time.clock()), time.clock())
    store.close()
    (contact,) = (tmp_path / "config").glob("contact-*")
    contact.write_bytes(b"{")
    assert stored(tmp_path, time).contact is None


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        pytest.param(lambda folder: (folder / files.INDEX).write_bytes(b"{"), Why.INVALID_INDEX, id="index"),
        pytest.param(lambda folder: next(folder.glob("site-*")).unlink(), Why.INCOMPLETE, id="lost shard"),
        pytest.param(
            lambda folder: next(folder.glob("site-*")).write_bytes(b"x"), Why.INVALID_CONFIG, id="damaged shard"
        ),
    ],
)
def test_a_damaged_store_is_refused(tmp_path: pathlib.Path, damage: object, reason: Why) -> None:
    assert callable(damage)
    store = Store(tmp_path)
    store.save(complete(1), None, ManualClock().clock())
    store.close()
    damage(tmp_path / "config")
    found = Store(tmp_path).load(ManualClock().clock())
    assert isinstance(found, Refused)
    assert found.reason is reason


def test_the_stored_config_must_be_signed_too(tmp_path: pathlib.Path) -> None:
    store = Store(tmp_path)
    store.save(complete(1, signer="hub"), None, ManualClock().clock())
    store.close()
    assert isinstance(Store(tmp_path).load(ManualClock().clock(), Trust(verify=trust("hub"))), Stored)
    assert isinstance(Store(tmp_path).load(ManualClock().clock(), Trust(verify=trust("another"))), Refused)


def test_two_processes_do_not_share_a_folder(tmp_path: pathlib.Path) -> None:
    first, second = Store(tmp_path), Store(tmp_path)
    first.save(complete(1), None, ManualClock().clock())
    with pytest.raises(OSError, match="another process"):
        second.save(complete(2), None, ManualClock().clock())
    first.close()
    second.save(complete(2), None, ManualClock().clock())
    second.close()


class CrashError(Exception):
    """The machine is gone."""


@pytest.mark.parametrize("survived", range(40))
def test_a_crash_at_any_point_leaves_one_complete_config(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, survived: int
) -> None:
    """Each change of the folder is made to be the last, in turn."""
    time = ManualClock()
    store = Store(tmp_path)
    store.save(complete(1), made(time.clock()), time.clock())
    left = survived
    rename, unlink = os.rename, os.unlink

    def before_change() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise CrashError

    def replace(source: str, target: str) -> None:
        before_change()
        rename(source, target)

    def remove(path: str) -> None:
        before_change()
        unlink(path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", replace)
        patched.setattr(os, "unlink", remove)
        try:
            store.save(complete(2), made(time.clock()), time.clock())
        except CrashError:
            finished = False
        else:
            finished = True
    store.close()
    found = stored(tmp_path, time)
    assert found.complete.revision.sequence in ({2} if finished else {1, 2})
    assert found.contact is not None
    assert survived > 0 or not finished


def test_files_follow_a_swapped_link_as_a_whole(tmp_path: pathlib.Path) -> None:
    publish(tmp_path / "one", 1)
    publish(tmp_path / "two", 2)
    link = tmp_path / "current"
    link.symlink_to("one")
    with files.opened(link) as opened:
        index = opened.index()
        (tmp_path / "new").symlink_to("two")
        (tmp_path / "new").rename(link)
        wanted = judging.judge_index(index, None)
        assert isinstance(wanted, Wanted)
        assert len(opened.shards(wanted.names)) == len(wanted.names)


def test_files_find_the_shards_where_a_linked_index_lies(tmp_path: pathlib.Path) -> None:
    """The form in which a kubelet mounts a ConfigMap."""
    publish(tmp_path / "..2026_1", 1)
    (tmp_path / "..data").symlink_to("..2026_1")
    (tmp_path / files.INDEX).symlink_to(f"..data/{files.INDEX}")
    with files.opened(tmp_path) as opened:
        wanted = judging.judge_index(opened.index(), None)
        assert isinstance(wanted, Wanted)
        assert len(opened.shards(wanted.names)) == len(wanted.names)


def test_what_is_no_regular_file_is_not_read(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / files.INDEX)
    with files.opened(tmp_path) as opened, pytest.raises(OSError, match="not a regular file"):
        opened.index()


def test_a_full_disk_leaves_what_was_there(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    time = ManualClock()
    store = Store(tmp_path)
    store.save(complete(1), made(time.clock()), time.clock())

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            store.save(complete(2), made(time.clock()), time.clock())
    store.close()
    assert stored(tmp_path, time).complete.revision.sequence == 1


def test_other_things_are_kept_beside_the_config(tmp_path: pathlib.Path) -> None:
    store = Store(tmp_path)
    assert store.kept("notes") is None
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(store.keep, f"note-{number}", b"x") for number in range(8)]:
            done.result()
    store.keep("notes", b"last")
    other = Store(tmp_path)
    assert other.kept("notes") == b"last"
    with pytest.raises(BlockingIOError, match="another process keeps its state here"):
        other.keep("notes", b"theirs")
    store.close()
    other.keep("notes", b"theirs")
    other.close()
