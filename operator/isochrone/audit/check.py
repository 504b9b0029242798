"""Evidence of all sites against its checkpoints and anchors."""

import dataclasses
import pathlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Final

import msgspec

from isochrone.audit import chain as chains
from isochrone.audit import checkpoint as checkpoints
from isochrone.audit import keys as reading
from isochrone.audit import lines, retention
from isochrone.audit.chain import Chain, Digest, Mark, Record
from isochrone.audit.finding import Extent, Finding, Report, Rule, of_line
from isochrone.audit.keys import KeyRing
from isochrone.audit.retention import Removal


class NotEvidence(Exception):  # noqa: N818 - what it is
    """A folder in which there is no evidence."""


@dataclasses.dataclass(frozen=True, slots=True)
class Anchor:
    """The digest of a checkpoint, as kept elsewhere."""

    site: str
    instance: str
    n: Annotated[int, msgspec.Meta(ge=0)]
    digest: Digest


_DAY: Final = 86_400.0
_DUE: Final = 60.0
"""Seconds of a chain that no checkpoint signs: one is due each 10."""
_Kept = dict[int, set[str]]
"""The digests of an instance's anchors, by number. Two of one number contradict each other: one of them is found."""


def check(
    root: pathlib.Path,
    *,
    trusted: KeyRing | None = None,
    anchors: Iterable[Anchor] = (),
    keep: float | None = None,
) -> Report:
    """Look at all instances in ROOT/SITE/INSTANCE. Raises NotEvidence, OSError.

    Without trusted keys, the key that lies beside each instance's evidence is believed, and the report says so.
    `keep` is for how many seconds lines had to be kept; without it, whoever has the key may have removed anything.
    """
    folders = sorted(each for each in root.glob("*/*") if (each / "chains").is_dir() or (each / "checkpoints").is_dir())
    kept: dict[tuple[str, str], _Kept] = {}
    for each in anchors:
        kept.setdefault((each.site, each.instance), {}).setdefault(each.n, set()).add(each.digest)
    if not folders and not kept:
        raise NotEvidence(f"{root} holds no evidence: give the folder that has one folder for each site")
    parts = [_Instance(each, trusted, kept.get((each.parent.name, each.name), {}), keep) for each in folders]
    there = {(each.parent.name, each.name) for each in folders}
    gone = [
        Finding(rule=Rule.MISSING, path=root / site / name, message="it was anchored, and all its evidence is gone")
        for site, name in sorted(set(kept) - there)
    ]
    alone = [
        Finding(
            rule=Rule.NOT_ANCHORED, path=part.folder, message="none of the anchors is of it: a cut would not be seen"
        )
        for part in parts
        if kept and not part.anchors
    ]
    return Report(
        findings=(*gone, *alone, *(each for part in parts for each in part.findings)),
        instances=len(parts),
        chains=sum(len(each.chains) for each in parts),
        lines=sum(chain.whole for each in parts for chain in each.chains.values()),
        checkpoints=sum(each.signed.count for each in parts),
        anchored=sum(bool(each.anchors) for each in parts),
        believed=tuple(each.believed for each in parts if each.believed),
        extents={path: extent for each in parts for path, extent in each.extents()},
    )


def _of_site(trusted: KeyRing, site: str) -> KeyRing:
    return {name: key for name, key in trusted.items() if key.may_sign(site)}


class _Instance:
    """One instance: its key, its checkpoints, its chains, and how they fit."""

    def __init__(self, folder: pathlib.Path, trusted: KeyRing | None, anchors: _Kept, keep: float | None) -> None:
        self.folder, self.anchors, self.believed = folder, anchors, ""
        self.findings: list[Finding] = []
        keys = self._keys(trusted)
        self.signed = checkpoints.walk(folder / "checkpoints", site=folder.parent.name, keys=keys, anchors=anchors)
        self.findings += self.signed.findings
        self.chains = {each.name: self._walk(each) for each in sorted(folder.glob("chains/*")) if each.is_dir()}
        self._sealed, self._short = self._sure(self.signed.heads), self._shorter()
        for name, chain in self.chains.items():
            self.findings += [*chain.findings, *self._placed(name, chain), *self._noted(name, chain)]
        self.findings += [*self._covered(), *self._linked(), *self._retired(), *self._strange()]
        if keep is not None:
            self.findings += self._early(keep)

    def extents(self) -> Iterator[tuple[pathlib.Path, Extent]]:
        """How far each chain goes, and is signed."""
        for name, chain in self.chains.items():
            yield chain.folder, Extent(chain.count, self._sealed[name], chain.start)

    def _keys(self, trusted: KeyRing | None) -> KeyRing:
        path, site = self.folder / "public-key.pem", self.folder.parent.name
        own = _of_site(trusted or {}, site)
        try:
            beside = reading.read(path)
        except FileNotFoundError:
            less = "no signature can be checked: give --trusted-keys" if trusted is None else "it was removed"
            self._say(Rule.MISSING, path, f"the key beside the evidence is gone: {less}")
            return own
        except (OSError, ValueError) as error:
            self._say(Rule.OTHER_KEY, path, f"the key beside the evidence can't be read: {error}")
            return own
        if trusted is None:
            self.believed = f"{self.folder.parent.name}/{self.folder.name} {beside.id}"
            return {beside.id: beside}
        if beside.id not in own:
            less = f" for {site}" if beside.id in trusted else ""
            self._say(Rule.OTHER_KEY, path, f"the key beside the evidence, {beside.id}, is not trusted{less}")
        return own

    def _say(self, rule: Rule, path: pathlib.Path, message: str) -> None:
        self.findings.append(Finding(rule=rule, path=path, message=message))

    def _walk(self, folder: pathlib.Path) -> Chain:
        return chains.walk(folder, dropped=self._removed(folder.name), marks=self.signed.marks.get(folder.name, {}))

    def _removed(self, name: str) -> int:
        """How many lines retention removed of a chain, as checkpoints say."""
        mark = self.signed.dropped.get(name)
        return mark.count if mark is not None else 0

    def _placed(self, name: str, chain: Chain) -> Iterator[Finding]:
        boot, here = chain.boot, (self.folder.parent.name, self.folder.name, name)
        if boot is not None and (boot.site, boot.instance, f"{boot.writer}-{boot.boot}") != here:
            said = f"its Boot is of {boot.site}/{boot.instance}/{boot.writer}-{boot.boot}"
            yield Finding(rule=Rule.MISPLACED, path=chain.folder, message=said)
        elif boot is None and chain.whole and name not in self.signed.dropped:
            yield Finding(rule=Rule.MISSING, path=chain.folder, message="its first line, the Boot, is missing")

    def _noted(self, name: str, chain: Chain) -> Iterator[Finding]:
        for why, count in sorted(chain.lost.items()):
            rule = Rule.WITHHELD if why == "Withheld" else Rule.LOST
            yield Finding(rule=rule, path=chain.folder, message=f"{count} records were not written: {why}")
        if chain.open:
            first = min(chain.open.values())
            said = f"{len(chain.open)} requests were sent, and of their end nothing is known; this is the first"
            yield of_line(first, Rule.NO_OUTCOME, said)
        if (dropped := self.signed.dropped.get(name)) is not None:
            said = f"its first {dropped.count} lines were removed because they were old, as a checkpoint says"
            yield Finding(rule=Rule.RETENTION, path=chain.folder, message=said)

    def _shorter(self) -> dict[str, int]:
        """How long those chains are that were signed with more lines, what retention removed counted in."""
        found = {}
        for name, mark in self.signed.heads.items():
            told = (self.chains.get(name), self.signed.dropped.get(name))
            have = max((each.count for each in told if each is not None), default=0)
            if have < mark.count:
                found[name] = have
        return found

    def _covered(self) -> Iterator[Finding]:
        """Whether all that was signed is here, and what is here that wasn't."""
        for name, have in sorted(self._short.items()):
            signed = self.signed.heads[name].count
            said = f"{signed} lines were signed, and it ends after {have}: lines were cut off or removed"
            yield Finding(rule=Rule.MISSING, path=self.folder / "chains" / name, message=said)
        anchored = self._sure(self.signed.anchored)
        for name, chain in self.chains.items():
            more = max(chain.count - self._sealed[name], 0)
            yield from self._loose(chain, more)
            later = chain.count - more - anchored[name]
            if self.anchors and later > 0:
                said = f"signed after the last anchor: {later} of its lines, so a cut after it would not be seen"
                yield Finding(rule=Rule.NOT_ANCHORED, path=chain.folder, message=said)

    def _loose(self, chain: Chain, more: int) -> Iterator[Finding]:
        """Its last lines, which no checkpoint signs."""
        span = chain.until - chain.since
        if not more:
            return
        if self._lacks_its_end(chain):
            said = f"what held its last {more} lines was removed: whoever can write there could have written them"
            yield Finding(rule=Rule.NOT_SIGNED, path=chain.folder, message=said)
        elif span > _DUE:
            said = f"its last {more} lines, of {span:.0f} seconds, are not signed: checkpoints are missing"
            yield Finding(rule=Rule.MISSING, path=chain.folder, message=said)
        else:
            said = f"its last {more} lines are not signed yet: whoever can write there could have written them"
            yield Finding(rule=Rule.NOT_SIGNED, path=chain.folder, message=said)

    def _sure(self, marks: Mapping[str, Mark]) -> dict[str, int]:
        """How far chains are fixed: by what is said of them, and by a worker's next chain, if that is fixed itself."""
        said = dict.fromkeys(self.chains, 0) | {name: mark.count for name, mark in marks.items()}
        for name, chain in self.chains.items():
            if self._lacks_its_end(chain):
                said[name] = max(min(said[name], chain.reached), chain.start)
        sure = dict(said)
        for boot in self._boots():
            if boot.after in sure and said.get(f"{boot.writer}-{boot.boot}"):
                sure[boot.after] = max(sure[boot.after], boot.after_count)
        return sure

    def _lacks_its_end(self, chain: Chain) -> bool:
        """Whether it ends among what retention removed: then what is signed of its end fixes none of its lines."""
        return chain.count < self._removed(chain.folder.name)

    def _boots(self) -> list[Record]:
        return [chain.boot for chain in self.chains.values() if chain.boot is not None and chain.boot.after]

    def _linked(self) -> Iterator[Finding]:
        """Whether each chain is as its worker's next lives found it: each of them, since a forged one may say less."""
        boots = self._boots()
        for boot in sorted(boots, key=lambda boot: boot.after):
            here, path = self.chains.get(boot.after), self.folder / "chains" / boot.after
            if here is None or not here.count:
                dropped = self.signed.dropped.get(boot.after)
                if dropped is None or dropped.count < boot.after_count:
                    yield Finding(
                        rule=Rule.MISSING, path=path, message="the worker's next chain speaks of it: it was removed"
                    )
            elif (here.count, here.hash) != (boot.after_count, boot.after_hash):
                said = f"it had {boot.after_count} lines when its worker started again, and has {here.count}, or others"
                yield Finding(rule=Rule.NOT_AS_SIGNED, path=path, message=said)
        followed = {boot.after for boot in boots}
        for name, chain in self.chains.items():
            if (torn := chain.torn) is not None:
                rule = Rule.EDITED if name in followed else Rule.TORN
                yield of_line(torn, rule, "its last line is not whole")

    def _retired(self) -> Iterator[Finding]:
        """Chains of which retention has left nothing."""
        signed = self.signed
        gone = [name for name in signed.dropped if name not in self.chains and name not in self._short]
        if gone:
            said = f"removed as a whole because of their age, as checkpoints say: {len(gone)} of its chains"
            yield Finding(rule=Rule.RETENTION, path=self.folder / "chains", message=said)

    def _early(self, keep: float) -> Iterator[Finding]:
        """What a checkpoint says is removed, and isn't here, and had to be."""
        gone = [each for each in self.signed.removals if not self._has(each)]
        for name, removal in retention.early(gone, keep).items():
            said = (
                f"its first {removal.count} lines were removed when the last of them were at most"
                f" {removal.age / _DAY:.1f} days old, as a checkpoint says, and had to be kept for {keep / _DAY:g}"
            )
            yield Finding(rule=Rule.REMOVED_EARLY, path=self.folder / "chains" / name, message=said)

    def _has(self, removal: Removal) -> bool:
        """Whether the lines are here nevertheless."""
        chain = self.chains.get(removal.chain)
        return chain is not None and chain.boot is not None and chain.count >= removal.count

    def _strange(self) -> Iterator[Finding]:
        own = {"chains", "checkpoints", "public-key.pem", "lock", "copied.json"}
        more = [each for each in self.folder.iterdir() if each.name not in own and each.suffix != ".lock"]
        more += [each for each in self.folder.glob("chains/*") if not each.is_dir()]
        for folder in (self.folder / "checkpoints", *(each.folder for each in self.chains.values())):
            more += lines.strange(folder)
        for path in sorted(more):
            yield Finding(rule=Rule.STRANGE, path=path, message="it is no part of evidence, and was not read")
