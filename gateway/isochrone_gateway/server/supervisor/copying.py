"""Copies an instance's evidence to a bucket, on a thread that nobody waits for.

A store that is slow or away keeps nobody from anything: what it lacks lies on the disk, and one file after the other is
tried until it is there. It takes the memory of one piece of a file, however much waits.
"""

import dataclasses
import pathlib
import random
import threading
from collections.abc import Callable
from typing import Any, Final

from isochrone_gateway.config import Config
from isochrone_gateway.config.report import Copying, shortened
from isochrone_gateway.config.site import LogLevel
from isochrone_gateway.ledger.evidence.bucket import Answer, Bucket, BucketError, Store
from isochrone_gateway.ledger.evidence.copies import PUBLIC_KEY, Copies, File, Seen
from isochrone_gateway.route.copies import place_of_copies, why_not
from isochrone_gateway.route.mask import Age
from isochrone_gateway.server.supervisor.fleet import Say

_PAUSE: Final = 1.0
_FIRST: Final = 1.0
_MOST: Final = 300.0
"""Seconds until the next try after one that failed; doubles from the first to the most, less up to a half by chance."""
_LATE: Final = 900.0
"""Seconds after which what isn't copied is a matter for the hub."""
LAST: Final = 5.0
"""Seconds for the last files at the end."""
_NOBODY: Final = Seen({}, 0, 0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked:
    """Where copies are to go."""

    store: Store
    name: str
    place: str
    """Its jurisdiction; empty if nothing may be copied there, which `problem` says, too."""
    problem: str = ""
    """Why none may go there now."""


def asked_of(config: Config, age: Age, secrets: pathlib.Path | None) -> Asked | None:
    """What a config asks for, at its age; None if nothing is to be copied."""
    evidence = config.site.evidence
    if evidence is None or evidence.objects is None:
        return None
    said, mounted = evidence.objects, secrets or pathlib.Path()
    bucket = Bucket(
        endpoint=said.endpoint,
        name=said.bucket,
        prefix=said.prefix,
        region=said.region,
        access_key=mounted / said.access_key,
        secret_key=mounted / said.secret_key,
        authorities=None if said.ca_bundle is None else mounted / said.ca_bundle,
    )
    place, problem = place_of_copies(config), why_not(config, age)
    if secrets is None:
        problem = problem or "this gateway was started without --secrets, where the key to the bucket is"
    return Asked(store=bucket, name=bucket.id, place=place, problem=problem)


class Copier:
    """One instance's. What is said to it, and what it says of itself, may be said from any thread."""

    def __init__(
        self,
        folder: pathlib.Path,
        *,
        say: Say,
        wall: Callable[[], float],
        chance: Callable[[], float] = random.random,
        first: float = _FIRST,
    ) -> None:
        self._folder = folder
        self._whose = f"{folder.parent.name}/{folder.name}"
        """What names in the bucket begin with, as paths do in the folder of all evidence."""
        self._say = say
        self._wall = wall
        self._chance = chance
        self._first = first
        self._asked: Asked | None = None
        self._copies: Copies | None = None
        self._seen = _NOBODY
        self._troubles: dict[str, str] = {}
        self._in_a_row = 0
        self._oldest: float | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.copied = 0
        self.failures = 0

    def use(self, asked: Asked | None, seen: Seen) -> None:
        """Copy there from now on, if anywhere; the files are as was seen."""
        self._asked, self._seen = asked, seen
        if asked is not None and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="copies", daemon=True)
            self._thread.start()

    def stop(self, patience: float = LAST) -> None:
        """Copy what is left, if that is soon done. What isn't is copied after the next start."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(patience)

    def may_go(self, chain: str, number: int) -> bool:
        """Whether a file needn't be kept for the sake of a copy."""
        asked, copies = self._asked, self._copies
        return asked is None or not asked.place or (copies is not None and copies.has(chain, number))

    @property
    def problem(self) -> str:
        asked = self._asked
        if asked is None:
            return ""
        return asked.problem or next((why for _, why in sorted(self._troubles.items())), "")

    @property
    def age(self) -> float:
        """Seconds since the oldest that is not copied was begun."""
        oldest = self._oldest
        return 0.0 if oldest is None else max(0.0, self._wall() - oldest)

    def describe(self) -> dict[str, Any] | None:
        """The `copies` part of `/status`'s evidence; None if there are to be none."""
        asked = self._asked
        if asked is None:
            return None
        return {
            "bucket": asked.name,
            "place": asked.place,
            "problem": self.problem or None,
            "uncopiedSeconds": round(self.age, 1),
            "copied": self.copied,
            "failures": self.failures,
        }

    def told(self) -> Copying | None:
        """What the hub is told. A store may be away for a while, and that is no news there."""
        asked = self._asked
        if asked is None:
            return None
        late = (self.problem or "the store takes less than is written") if self.age > _LATE else ""
        return Copying(problem=shortened(asked.problem or late))

    def facts(self) -> dict[str, float]:
        """As metrics; see `telling`."""
        if self._asked is None:
            return {}
        return {
            "isochrone_evidence_uncopied_age_seconds": self.age,
            "isochrone_evidence_copies_total": float(self.copied),
            "isochrone_evidence_copy_failures_total": float(self.failures),
        }

    # The thread.

    def _run(self) -> None:
        copies_of = ""
        while True:
            asked, is_last = self._asked, self._stop.is_set()
            if asked is not None and f"{asked.name} {asked.place}" != copies_of:
                self._copies, self._troubles = Copies(self._folder, asked.name, asked.place), {}
                copies_of = f"{asked.name} {asked.place}"
            is_done = asked is not None and self._step(asked)
            if is_last and not is_done:
                return
            if not is_done:
                self._stop.wait(self._delay() if self._in_a_row else _PAUSE)

    def _step(self, asked: Asked) -> bool:
        """Copy one file. Whether that was done, and the next can be looked at."""
        copies = self._copies
        if copies is None or not asked.place:
            self._oldest = None
            return False
        file = None
        try:
            file, self._oldest = copies.look(self._seen)
            self._troubles = {} if file is None and self._oldest is None else self._troubles
            if file is None or asked.problem:
                return False
            self._put(asked, copies, file)
        except (BucketError, OSError) as error:
            self._fail("" if file is None else file.folder, str(error))
            return False
        self._succeed(file.folder)
        return True

    def _put(self, asked: Asked, copies: Copies, file: File) -> None:
        """Raises BucketError if it isn't there afterwards, or isn't known to be."""
        was_sent, name = copies.was_sent(file), f"{self._whose}/{file.key}"
        copies.sending(file)
        try:
            answer = asked.store.put(file.path, name)
        except BucketError as error:
            if not error.may_be_there and not was_sent:
                copies.not_sent(file)
            raise
        if answer is Answer.THERE and file.key != PUBLIC_KEY:
            if not was_sent:
                copies.not_sent(file)
            is_same = asked.store.holds(file.path, name)
            if is_same is False or (is_same is None and not was_sent):
                copies.not_sent(file)
                raise BucketError(
                    f"{name} is in the bucket already, from another gateway or a volume that is lost: set another"
                    " prefix, or let the key read objects, so that they can be compared"
                )
        copies.copied(file)

    def _fail(self, what: str, problem: str) -> None:
        self.failures += 1
        self._in_a_row += 1
        if self._troubles.get(what) != problem:
            self._say(LogLevel.WARNING, "EvidenceNotCopied", problem=problem)
        self._troubles[what] = problem

    def _succeed(self, what: str) -> None:
        self.copied += 1
        self._in_a_row = 0
        self._troubles.pop("", None)
        if self._troubles.pop(what, ""):
            self._say(LogLevel.INFO, "EvidenceCopied", of=what)

    def _delay(self) -> float:
        doubled = self._first * 2.0 ** min(self._in_a_row - 1, 30)
        return min(_MOST, doubled) * (1.0 - self._chance() / 2.0)
