"""The checkpoints of an instance: signed, and each holds the hash of the one before."""

import dataclasses
import hashlib
import pathlib
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

import msgspec

from isochrone.audit import lines
from isochrone.audit.chain import ZERO, Mark
from isochrone.audit.finding import Finding, Rule, of_line
from isochrone.audit.keys import KeyRing
from isochrone.audit.retention import Growth, Removal

_SIGNED: Final = re.compile(rb'(\{.*),"signature":"([0-9a-f]{128})"\}', re.DOTALL)


class Checkpoint(msgspec.Struct, frozen=True):
    n: int
    at: float
    site: str
    instance: str
    prev: str
    key: str
    signature: str
    chains: dict[str, Mark] = {}
    dropped: dict[str, Mark] = {}


_DECODER: Final = msgspec.json.Decoder(Checkpoint)


@dataclasses.dataclass(slots=True)
class Signed:
    """What all checkpoints together say."""

    findings: list[Finding] = dataclasses.field(default_factory=list)
    count: int = 0
    heads: dict[str, Mark] = dataclasses.field(default_factory=dict)
    dropped: dict[str, Mark] = dataclasses.field(default_factory=dict)
    removals: list[Removal] = dataclasses.field(default_factory=list)
    anchored: dict[str, Mark] = dataclasses.field(default_factory=dict)
    """The heads as of the last anchor."""
    marks: dict[str, dict[int, str]] = dataclasses.field(default_factory=dict)
    """Chain -> the hashes that are said of it, by count: as of each anchor, at the end, and of each removal."""
    digest: str = ZERO
    _grown: dict[str, Growth] = dataclasses.field(default_factory=dict)

    def say(self, rule: Rule, line: lines.Line, message: str) -> None:
        self.findings.append(of_line(line, rule, message))

    def take(self, said: Checkpoint) -> None:
        """What a checkpoint says of chains."""
        for name in _go_on(self.heads, said.chains):
            self._growth(name).add(said.chains[name].count, said.at)
        for name in _go_on(self.dropped, said.dropped):
            mark = said.dropped[name]
            self.marks.setdefault(name, {}).setdefault(mark.count, mark.hash)
            self.removals.append(Removal(name, mark.count, said.at - self._growth(name).without(mark.count)))

    def _growth(self, chain: str) -> Growth:
        if chain not in self._grown:
            self._grown[chain] = Growth(chain)
        return self._grown[chain]

    def fix(self) -> None:
        """Whatever is said from here on, what has been said until now holds."""
        for name, mark in self.heads.items():
            self.marks.setdefault(name, {}).setdefault(mark.count, mark.hash)


def walk(folder: pathlib.Path, *, site: str, keys: KeyRing, anchors: Mapping[int, Collection[str]]) -> Signed:
    """Read all checkpoints of an instance's folder; `anchors` are the digests that were kept of each, by its number."""
    signed = Signed()
    instance, torn = folder.parent.name, None
    for line in lines.read(lines.segments(folder)):
        if torn is not None:
            signed.say(Rule.EDITED, torn, "this line has lost its end, yet others follow: it was edited")
            torn = None
        if line.whole:
            _take(signed, line, (site, instance), keys)
            _hold(signed, line, anchors)
        elif _SIGNED.match(line.data):
            signed.say(Rule.EDITED, line, "bytes were put in place of the line's end, or after it")
        else:
            torn = line
    if torn is not None:
        signed.say(Rule.TORN, torn, "the last checkpoint was being written: it counts for nothing")
    signed.fix()
    if anchors and signed.count <= max(anchors):
        said = f"checkpoint {max(anchors)} was anchored, and only {signed.count} are here: the others were removed"
        signed.findings.append(Finding(rule=Rule.MISSING, path=folder, message=said))
    return signed


def _take(signed: Signed, line: lines.Line, where: tuple[str, str], keys: KeyRing) -> None:
    before, signed.digest = signed.digest, hashlib.sha256(line.data).hexdigest()
    signed.count += 1
    found = _SIGNED.fullmatch(line.data)
    try:
        said = _DECODER.decode(line.data)
    except lines.UNREADABLE:
        said = None
    if found is None or said is None:
        signed.say(Rule.EDITED, line, f"checkpoint {signed.count - 1} can't be read any more")
        return
    if said.n != signed.count - 1 or said.prev != before:
        signed.say(
            Rule.OUT_OF_ORDER, line, f"checkpoint {said.n} doesn't follow the one before: one was changed or removed"
        )
        signed.count = said.n + 1
    if said.key not in keys:
        signed.say(Rule.OTHER_KEY, line, f"it is signed by the key {said.key}, which is not trusted")
    elif not keys[said.key].has_signed(found[1], bytes.fromhex(found[2].decode())):
        signed.say(Rule.EDITED, line, "its signature is not of this text: it was changed after it was signed")
    elif (said.site, said.instance) != where:
        signed.say(Rule.MISPLACED, line, f"it is of {said.site}/{said.instance}, not of this folder")
    else:
        signed.take(said)


def _hold(signed: Signed, line: lines.Line, anchors: Mapping[int, Collection[str]]) -> None:
    """A checkpoint against the anchors that were kept of it."""
    n = signed.count - 1
    if n not in anchors:
        return
    signed.anchored = dict(signed.heads)
    signed.fix()
    if any(digest != signed.digest for digest in anchors[n]):
        signed.say(Rule.NOT_AS_ANCHORED, line, f"checkpoint {n} is not the one that was anchored")


def _go_on(marks: dict[str, Mark], said: Mapping[str, Mark]) -> Iterator[str]:
    """Chains of which more is said than before. Nothing is taken back by who says that one is shorter, or another."""
    for name, mark in said.items():
        if name not in marks or mark.count > marks[name].count:
            marks[name] = mark
            yield name
