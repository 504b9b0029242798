"""Which files are copied, when, and in which order; and what of that is known after a crash."""

import fcntl
import json
import os
import pathlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.ledger.evidence.checking import check
from tests.unit.ledger.evidence.test_instance import KEY

from isochrone_gateway.ledger.evidence.chain import Head
from isochrone_gateway.ledger.evidence.copies import Copies, File, Seen, read_head
from isochrone_gateway.ledger.evidence.instance import Instance
from isochrone_gateway.ledger.evidence.lines import Config, Outcome
from isochrone_gateway.ledger.evidence.writer import Whose, Writer

NOBODY = Seen({}, 0, 1)
BUCKET = "https://store/bucket"
START = 4_000_000_000.0


def line(kind: str = "Outcome", at: float = 1.0, **fields: Any) -> str:
    return json.dumps({"n": 0, "kind": kind, "at": at, **fields, "hash": "0" * 64}, ensure_ascii=False) + "\n"


def write(folder: pathlib.Path, files: dict[str, str]) -> pathlib.Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
    return folder


def boot(at: float = 1.0, to: str = "DE", **fields: Any) -> str:
    return line("Boot", at, copiedTo=to, **fields)


W0, W1 = "chains/w0-a/{:06}.jsonl", "chains/w1-a/{:06}.jsonl"

NEXT = [
    pytest.param({}, NOBODY, (None, None), id="nothing"),
    pytest.param({W0.format(0): boot(2.0)}, Seen({"w0-a": 0}, 0, 1), (None, 2.0), id="written to"),
    pytest.param({W0.format(0): boot(2.0)}, Seen({"w0-a": 1}, 0, 1), (W0.format(0), 2.0), id="closed"),
    pytest.param(
        {W0.format(0): boot(2.0), W0.format(1): line()},
        Seen({"w0-a": 0}, 0, 1),
        (W0.format(0), 2.0),
        id="closed, as another follows",
    ),
    pytest.param({W0.format(0): boot(2.0)}, NOBODY, (None, 2.0), id="nobody looked at its end yet"),
    pytest.param({W0.format(0): boot(2.0) + line("End")}, NOBODY, (W0.format(0), 2.0), id="ended"),
    pytest.param(
        {W0.format(0): boot(2.0), "chains/w0-b/000000.jsonl": boot(3.0, after="w0-a")},
        Seen({"w0-b": 0}, 0, 1),
        (W0.format(0), 2.0),
        id="another one follows",
    ),
    pytest.param(
        {W0.format(0): boot(2.0), "chains/w0-b/000000.jsonl": boot(3.0, after="w0-0")},
        Seen({"w0-b": 0}, 0, 1),
        (None, 2.0),
        id="another one that doesn't follow it",
    ),
    pytest.param(
        {W0.format(0): boot(3.0) + line("End"), W1.format(0): boot(2.0) + line("End")},
        NOBODY,
        (W1.format(0), 2.0),
        id="the oldest first",
    ),
    pytest.param(
        {W0.format(0): boot(1.0), W1.format(0): boot(2.0) + line("End")},
        Seen({"w0-a": 0}, 0, 2),
        (W1.format(0), 1.0),
        id="one is closed, an older one isn't",
    ),
    pytest.param({W0.format(0): boot(2.0, "") + line("End")}, NOBODY, (None, None), id="may not be copied"),
    pytest.param({W0.format(0): boot(2.0, "FR") + line("End")}, NOBODY, (None, None), id="elsewhere only"),
    pytest.param(
        {W0.format(0): boot(1.0, ""), W0.format(1): line("Config", 5.0, copiedTo="DE"), W0.format(2): line("End", 9.0)},
        NOBODY,
        (W0.format(1), 5.0),
        id="from the second on",
    ),
    pytest.param(
        {W0.format(0): boot(1.0, ""), W0.format(1): line("Lost", 4.0) + line("Config", 5.0, copiedTo="DE")},
        Seen({"w0-a": 2}, 0, 1),
        (W0.format(1), 4.0),
        id="what was lost is said first",
    ),
    pytest.param(
        {W0.format(3): line("Intent", 5.0) + line("End")},
        NOBODY,
        (None, None),
        id="the beginning, which said it, is gone",
    ),
    pytest.param({W0.format(0): "nonsense\n" + boot()}, Seen({"w0-a": 1}, 0, 1), (None, None), id="was changed"),
    pytest.param({W0.format(0): boot(after="\udc80")}, Seen({"w0-a": 1}, 0, 1), (None, None), id="no text"),
    pytest.param({W0.format(0): '{"n":0,"ki'}, Seen({"w0-a": 0}, 0, 1), (None, None), id="half a line"),
    pytest.param({"chains/w7-a/000000.jsonl": boot(2.0)}, NOBODY, ("chains/w7-a/000000.jsonl", 2.0), id="of nobody"),
]


@pytest.mark.parametrize(("files", "seen", "expected"), NEXT)
def test_what_is_next(
    tmp_path: pathlib.Path, files: dict[str, str], seen: Seen, expected: tuple[str | None, float | None]
) -> None:
    folder = write(tmp_path, {**files, "w7.lock": ""})
    ready, oldest = Copies(folder, BUCKET, "DE").look(seen)
    assert (ready and ready.key, oldest) == expected


def test_a_worker_that_is_too_many_and_lives_is_let_end(tmp_path: pathlib.Path) -> None:
    folder = write(tmp_path, {"chains/w7-a/000000.jsonl": boot(2.0), "w7.lock": ""})
    copies = Copies(folder, BUCKET, "DE")
    with (folder / "w7.lock").open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert copies.look(NOBODY).ready is None
    assert copies.look(NOBODY).ready is not None


def copied(copies: Copies, seen: Seen = NOBODY) -> list[str]:
    """Everything that can be, in order."""
    found = []
    while (file := copies.look(seen).ready) is not None:
        copies.sending(file)
        copies.copied(file)
        found.append(file.key)
    return found


def test_checkpoints_wait_for_what_was_begun_before_they_were_closed(tmp_path: pathlib.Path) -> None:
    files = {
        W0.format(0): boot(100.0),
        W0.format(1): line(at=400.0),
        "checkpoints/000000.jsonl": line(at=110.0),
        "checkpoints/000001.jsonl": line(at=420.0),
    }
    folder = write(tmp_path, files)
    for number, at in enumerate((410.0, 710.0)):
        os.utime(folder / f"checkpoints/{number:06}.jsonl", (at, at))
    copies = Copies(folder, BUCKET, "DE")
    assert copied(copies, Seen({"w0-a": 1}, 2, 1)) == [W0.format(0)]
    assert copies.look(Seen({"w0-a": 1}, 2, 1)).oldest == 110.0
    write(folder, {W0.format(2): line(at=500.0)})
    assert copied(copies, Seen({"w0-a": 2}, 2, 1)) == [W0.format(1), "checkpoints/000000.jsonl"]
    assert copied(copies, Seen({"w0-a": 3}, 1, 1)) == [W0.format(2)], "the last one is still written to"
    assert copied(copies, Seen({"w0-a": 3}, 2, 1)) == ["checkpoints/000001.jsonl"]
    assert copies.look(Seen({"w0-a": 3}, 2, 1)) == (None, None)


def test_what_was_copied_is_known_after_a_restart_by_bucket(tmp_path: pathlib.Path) -> None:
    folder = write(tmp_path, {W0.format(0): boot(1.0), W0.format(1): line("End", 2.0), "public-key.pem": "key"})
    names = [W0.format(0), W0.format(1), "public-key.pem"]
    assert copied(Copies(folder, BUCKET, "DE")) == names
    assert copied(Copies(folder, BUCKET, "DE")) == []
    assert copied(Copies(folder, f"{BUCKET}/other", "DE")) == names
    assert copied(Copies(folder, BUCKET, "DE")) == []


def test_a_name_is_noted_before_it_is_sent(tmp_path: pathlib.Path) -> None:
    folder = write(tmp_path, {W0.format(0): boot() + line("End")})
    killed = Copies(folder, BUCKET, "DE")
    file = killed.look(NOBODY).ready
    assert file is not None
    assert not killed.was_sent(file)
    killed.sending(file)
    after = Copies(folder, BUCKET, "DE")
    assert after.look(NOBODY).ready == file
    assert after.was_sent(file)
    after.not_sent(file)
    assert not Copies(folder, BUCKET, "DE").was_sent(file)


def test_what_was_kept_of_chains_that_are_gone_is_forgotten(tmp_path: pathlib.Path) -> None:
    folder = write(tmp_path, {W0.format(0): boot() + line("End")})
    copies = Copies(folder, BUCKET, "DE")
    copied(copies)
    assert copies.has("w0-a", 0)
    assert not copies.has("w0-a", 1)
    (folder / W0.format(0)).unlink()
    (folder / "chains/w0-a").rmdir()
    copies.look(NOBODY)
    assert not copies.has("w0-a", 0)


DEEP = '{"a": ' + "[" * 20_000


@pytest.mark.parametrize(
    "text", ["", "{", '{"a": 1}', "[]", DEEP], ids=["empty", "cut", "of another shape", "a list", "too deep"]
)
def test_a_state_that_cannot_be_read_is_none(tmp_path: pathlib.Path, text: str) -> None:
    folder = write(tmp_path, {W0.format(0): boot() + line("End"), "copied.json": text})
    assert copied(Copies(folder, BUCKET, "DE")) == [W0.format(0)]


def test_a_file_that_is_gone_has_no_head(tmp_path: pathlib.Path) -> None:
    assert read_head(tmp_path / "none") is None


def test_of_a_file_that_cannot_be_read_nothing_may_go_anywhere(tmp_path: pathlib.Path) -> None:
    for text in (b"{", b"\xff", DEEP.encode()):
        (tmp_path / "file").write_bytes(text + b"\n")
        assert read_head(tmp_path / "file") == (0.0, "", "")


# Real writers


class Gateway:
    """An instance of two workers that live, die, and are told of other buckets, all on one thread."""

    def __init__(self, root: pathlib.Path) -> None:
        self.now = START
        self.root = root
        self.place = ""
        self.is_turned = False
        self.lives = 0
        self.workers: dict[int, Writer] = {}
        self.instance = Instance(root, "fra1", "gw-0", KEY)
        self.objects: dict[str, bytes] = {}
        self.allowed: dict[int, set[str]] = {}
        """Where each line may be, by the number in its id."""
        self.count = 0
        self.copies = Copies(self.instance.folder, BUCKET, "DE")

    def start(self, number: int) -> None:
        self.lives += 1
        whose = Whose(site="fra1", instance="gw-0", writer=f"w{number}", copied_to=self.place)
        writer = Writer(self.instance.chains, whose, f"{self.lives:06}", wall=lambda: self.now)
        writer.closes_after = 300.0
        writer._drain()
        self.workers[number] = writer

    def put(self, number: int) -> None:
        if number not in self.workers:
            self.start(number)
        self.count += 1
        self.allowed[self.count] = {self.place}
        self.workers[number].pen.put(Outcome(at=self.now, id=str(self.count), attempt=1, outcome="Answered"))

    def turn(self, place: str) -> None:
        self.is_turned = True
        self.place = place
        for each in self.workers.values():
            each.pen.turn([Config(at=self.now, revision="1/1", digest="", copied_to=place)])

    def work(self, seconds: float) -> None:
        self.now += seconds
        for each in self.workers.values():
            each._drain()
            each._sync()
            each._close_if_due(self.now)
            self.instance.note(each.name, Head(each.synced.lines, each.synced.digest))
        self.instance.checkpoint(self.now)
        for path in (self.instance.folder / "checkpoints").iterdir():
            if path.stat().st_mtime < START:  # It was written to just now, by the clock of this machine.
                os.utime(path, (self.now, self.now))
        self.instance.close_if_due(self.now, 300.0)

    def kill(self, number: int) -> None:
        writer = self.workers.pop(number, None)
        if writer is not None:
            if writer._segments is not None:
                writer._segments.close()
            os.close(writer._held)
            self.start(number)

    def end(self) -> None:
        for each in self.workers.values():
            each.stop("Drained")
            self.instance.note(each.name, Head(each.synced.lines, each.synced.digest))
        self.workers = {}
        self.instance.checkpoint(self.now)
        self.instance.finish()

    @property
    def seen(self) -> Seen:
        return Seen({each.name: each.closed for each in self.workers.values()}, self.instance.closed, 2)

    def copy(self, most: int) -> None:
        for _ in range(most):
            if (file := self.copies.look(self.seen).ready) is None:
                return
            self._send(file)
            self.copies.copied(file)

    def lose(self, _: int) -> None:
        """The answer of the store."""
        if (file := self.copies.look(self.seen).ready) is not None:
            self._send(file)

    def die(self, _: int) -> None:
        self.lose(1)
        self.copies = Copies(self.instance.folder, BUCKET, "DE")

    def _send(self, file: File) -> None:
        content, was_sent = file.path.read_bytes(), self.copies.was_sent(file)
        self.copies.sending(file)
        if file.key in self.objects:
            assert was_sent
            assert self.objects[file.key] == content, "what is there is what would have been sent"
        self.objects[file.key] = content
        if file.folder == "checkpoints" and not self.is_turned:
            self._check_heads(content)

    def _check_heads(self, checkpoints: bytes) -> None:
        """Where all may be copied, the bucket has what is signed before it has the signature."""
        for checkpoint in checkpoints.splitlines():
            for chain, head in json.loads(checkpoint)["chains"].items():
                lines = sum(
                    each.count(b"\n") for key, each in self.objects.items() if key.startswith(f"chains/{chain}/")
                )
                assert self.place != "DE" or lines >= head["count"]


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("copies")


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 1)),
        st.tuples(st.just("turn"), st.sampled_from(["", "DE", "FR"])),
        st.tuples(st.just("work"), st.sampled_from([1.0, 200.0, 400.0, 90_000.0])),
        st.tuples(st.just("kill"), st.integers(0, 1)),
        st.tuples(st.just("copy"), st.integers(1, 4)),
        st.tuples(st.sampled_from(["lose", "die"]), st.just(1)),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, starts=st.sampled_from(["", "DE"]))
def test_whatever_happens_the_bucket_gets_what_it_may_have_and_all_of_it(
    roots: pathlib.Path, steps: list[tuple[str, Any]], starts: str
) -> None:
    gateway = Gateway(roots / os.urandom(8).hex())
    gateway.place = starts
    for name, argument in steps:
        getattr(gateway, name)(argument)
    gateway.end()
    gateway.copy(10_000)
    chains = check(gateway.instance.folder)
    there = {int(each["id"]) for lines in chains.values() for each in lines if "id" in each}
    found = {
        int(json.loads(each)["id"])
        for key, content in gateway.objects.items()
        if key.startswith("chains/")
        for each in content.splitlines()
        if b'"id"' in each
    }
    assert found == {number for number in there if gateway.allowed[number] == {"DE"}}
    for key, content in gateway.objects.items():
        assert content == (gateway.instance.folder / key).read_bytes()
    gateway.instance.close()
