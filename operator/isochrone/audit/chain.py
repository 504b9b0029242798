"""One chain: lines that each hold the hash of all before them."""

import dataclasses
import hashlib
import math
import pathlib
import re
from typing import Annotated, Final

import msgspec

from isochrone.audit import lines
from isochrone.audit.finding import Finding, Rule, of_line

ZERO: Final = "0" * 64
_TAIL: Final = re.compile(rb',"hash":"([0-9a-f]{64})"\}')
_TAIL_LENGTH: Final = len(',"hash":""}') + 64


Digest = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
"""A SHA-256."""


class Mark(msgspec.Struct, frozen=True):
    """How far a chain had come: its number of lines, and the hash of the last."""

    count: int
    hash: Digest


class Record(msgspec.Struct, rename="camel", gc=False):
    """What of a line an audit looks at."""

    n: int
    kind: str
    at: float
    id: str = ""
    try_: int = 0
    """`try`, which is a word of Python's."""
    count: int = 0
    why: str = ""
    site: str = ""
    instance: str = ""
    writer: str = ""
    boot: str = ""
    after: str = ""
    after_count: int = 0
    after_hash: str = ZERO
    clean: bool = False


_DECODER: Final = msgspec.json.Decoder(Record)


@dataclasses.dataclass(slots=True)
class Chain:
    """What was read of one chain."""

    folder: pathlib.Path
    signed: int
    """How far checkpoints sign it."""
    findings: list[Finding] = dataclasses.field(default_factory=list)
    count: int = 0
    hash: str | None = ZERO
    whole: int = 0
    start: int = 0
    """The first line whose text is held to its hash: that takes the hash before it, which a removed line had."""
    reached: int = 0
    """How many lines it had at the last hash that a checkpoint says."""
    since: float = math.inf
    until: float = -math.inf
    """When the first and the last line were written that no checkpoint signs."""
    boot: Record | None = None
    torn: lines.Line | None = None
    lost: dict[str, int] = dataclasses.field(default_factory=dict)
    open: dict[tuple[str, int], lines.Line] = dataclasses.field(default_factory=dict)

    def say(self, rule: Rule, line: lines.Line, message: str) -> None:
        self.findings.append(of_line(line, rule, message))


def walk(folder: pathlib.Path, *, dropped: int, marks: dict[int, str]) -> Chain:
    """Read a chain whose first `dropped` lines retention removed; `marks` are hashes that checkpoints say, by count."""
    chain = Chain(folder, max(marks, default=0))
    for line in lines.read(lines.segments(folder)):
        if chain.torn is not None:
            chain.say(Rule.EDITED, chain.torn, "this line has lost its end, yet others follow: it was edited")
            chain.torn = None
        if not line.whole:
            chain.torn = line
            continue
        _take(chain, line, dropped, marks)
    if chain.torn is not None and _TAIL.search(chain.torn.data):
        chain.say(Rule.EDITED, chain.torn, "bytes were put in place of the line's end, or after it")
        chain.torn = None
    return chain


def _take(chain: Chain, line: lines.Line, dropped: int, marks: dict[int, str]) -> None:
    body = line.data[:-_TAIL_LENGTH]
    tail = _TAIL.fullmatch(line.data[-_TAIL_LENGTH:])
    try:
        record = _DECODER.decode(line.data)
    except lines.UNREADABLE:
        record = None
    if tail is None or record is None:
        chain.say(Rule.EDITED, line, f"line {chain.count} of the chain is no line of evidence any more")
        # What follows is held to its own hashes: one edit is one finding.
        chain.count, chain.hash = chain.count + 1, None
        return
    if not chain.whole and 0 < record.n <= dropped:
        _begin(chain, line, record.n, marks)
    if record.n != chain.count:
        chain.say(Rule.OUT_OF_ORDER, line, f"it is line {record.n} of the chain where {chain.count} should be")
        chain.count, chain.hash = record.n, None
    stored = tail[1].decode()
    if chain.hash is not None and hashlib.sha256(bytes.fromhex(chain.hash) + body).hexdigest() != stored:
        chain.say(Rule.EDITED, line, "its hash is not that of its text and all lines before: one of them was changed")
    chain.count, chain.hash, chain.whole = record.n + 1, stored, chain.whole + 1
    if chain.count in marks:
        chain.reached = chain.count
        if marks[chain.count] != stored:
            said = "a signed checkpoint has another hash for it: the chain was written anew"
            chain.say(Rule.NOT_AS_SIGNED, line, said)
    _note(chain, line, record)


def _begin(chain: Chain, line: lines.Line, number: int, marks: dict[int, str]) -> None:
    """Begin among or after what retention removed, with the line of this number.

    Unless the hash before it is signed, that line can say anything, as its own hash can't be computed. What follows
    can't: hash by hash it leads to what is signed.
    """
    chain.count, chain.hash = number, marks.get(number)
    if chain.hash is None:
        chain.start = number + 1
        why = "whoever can write there could have written it"
        chain.say(Rule.NOT_SIGNED, line, f"it counts for nothing, as the line before it was removed: {why}")


def _note(chain: Chain, line: lines.Line, record: Record) -> None:
    if record.n >= chain.signed:
        chain.since, chain.until = min(chain.since, record.at), max(chain.until, record.at)
    match record.kind:
        case "Boot":
            chain.boot = record
            if record.n != 0:
                chain.say(Rule.OUT_OF_ORDER, line, "a chain has one Boot, its first line")
            if record.after and not record.clean:
                chain.say(Rule.UNCLEAN, line, f"{record.after} before it ended without End: killed, or crashed")
        case _ if record.n < chain.start:
            pass
        case "Intent":
            chain.open[record.id, record.try_] = line
        case "Outcome":
            chain.open.pop((record.id, record.try_), None)
        case "Lost":
            chain.lost[record.why] = chain.lost.get(record.why, 0) + record.count
