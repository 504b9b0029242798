"""Which chains there are, where their gateways stand, and whether they are proved."""

import dataclasses
import enum
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from isochrone.audit import entries, lines
from isochrone.audit.check import Anchor, NotEvidence, check
from isochrone.audit.finding import Extent, Finding, Report
from isochrone.audit.keys import KeyRing


class Proof(enum.StrEnum):
    """What is known of a chain's integrity."""

    PROVED = "Proved"
    NOT_PROVED = "NotProved"
    UNSIGNED = "Unsigned"
    """Only of lines: they fit together, and no checkpoint has signed them yet."""
    UNCHECKED = "Unchecked"


_NEW: Final = Extent(end=0, signed=0)
"""Of a chain that began after the proof."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One chain on disk."""

    folder: pathlib.Path
    """ROOT/SITE/INSTANCE/chains/NAME"""
    site: str
    instance: str
    name: str
    place: str
    """Where its gateway stands, as its Boot says, or else those of other chains; empty if that isn't known."""
    proof: Proof
    end: int | None
    """The number of the first line that was written after the proof; None if all lines are to be read."""
    signed: int
    """The number after that of the last line that a checkpoint signs."""
    start: int
    """The number of the first line that counts."""


def prove(
    roots: Sequence[pathlib.Path], *, trusted: KeyRing | None = None, anchors: Iterable[Anchor] = ()
) -> tuple[Report, ...]:
    """A report of each folder. An anchor of what none of them has is held against the first. Raises as `check` does."""
    every = list(anchors)
    of: dict[pathlib.Path, list[Anchor]] = {root: [] for root in roots}
    for anchor in every:
        holders = [root for root in roots if (root / anchor.site / anchor.instance).is_dir()]
        for root in holders or roots[:1]:
            of[root].append(anchor)
    return tuple(check(root, trusted=trusted, anchors=of[root]) for root in roots)


def sources(roots: Sequence[pathlib.Path], reports: Sequence[Report] | None) -> tuple[Source, ...]:
    """All chains, by site, instance and name; `reports` are those of `prove`, or None. Raises NotEvidence, OSError."""
    folders = [each for root in roots for each in _chains(root)]
    _refuse_copies(folders)
    extents = {folder: extent for report in reports or () for folder, extent in report.extents.items()}
    bad = [each.path for each in tampering(reports or ())]
    proofs = {each: _proof(each, bad) if reports is not None else Proof.UNCHECKED for each in folders}
    places = {each: place for each in folders if (place := _place(each)) is not None}
    elsewhere = _elsewhere({each: places[each] for each in places if _is_sure(proofs[each], extents.get(each, _NEW))})
    found = [
        _source(each, places.get(each, elsewhere.get(each.parent, "")), proofs[each], extents.get(each, _NEW))
        for each in folders
    ]
    return tuple(sorted(found, key=lambda each: (each.site, each.instance, each.name)))


def _source(folder: pathlib.Path, place: str, proof: Proof, extent: Extent) -> Source:
    is_proved = proof is Proof.PROVED
    return Source(
        folder=folder,
        site=folder.parts[-4],
        instance=folder.parts[-3],
        name=folder.name,
        place=place,
        proof=proof,
        # Of a chain that isn't proved all is shown.
        end=extent.end if is_proved else None,
        signed=extent.signed,
        start=extent.start if is_proved else 0,
    )


def tampering(reports: Iterable[Report]) -> Iterator[Finding]:
    """What makes them not hold."""
    return (each for report in reports for each in report.findings if each.is_tampering)


def _chains(root: pathlib.Path) -> list[pathlib.Path]:
    found = [each for each in root.glob("*/*/chains/*") if each.is_dir()]
    if not found and not any(root.glob("*/*/checkpoints")):
        raise NotEvidence(f"{root} holds no evidence: give the folder that has one folder for each site")
    return found


def _refuse_copies(folders: Iterable[pathlib.Path]) -> None:
    """A chain that is there twice would be told twice."""
    seen: dict[tuple[str, ...], pathlib.Path] = {}
    for each in folders:
        first = seen.setdefault(each.parts[-4:], each)
        if first is not each:
            raise NotEvidence(f"{first} and {each} are copies of one chain: give one of them")


def _place(folder: pathlib.Path) -> str | None:
    """Where a chain's Boot says that its gateway stands; None if it has no Boot any more."""
    first = next(lines.read(lines.segments(folder)), None)
    said = entries.read(first.data) if first is not None else None
    return said.place if isinstance(said, entries.Boot) else None


def _is_sure(proof: Proof, extent: Extent) -> bool:
    """Whether a chain's Boot may speak for its gateway's other chains: not one that anybody could have written."""
    return proof is Proof.UNCHECKED or (proof is Proof.PROVED and extent.signed > 0)


def _elsewhere(places: Mapping[pathlib.Path, str]) -> Mapping[pathlib.Path, str]:
    """Folder of a gateway's chains -> where they all say that it stands; not where one says something else."""
    said: dict[pathlib.Path, set[str]] = {}
    for chain, place in places.items():
        said.setdefault(chain.parent, set()).add(place)
    return {folder: each.pop() for folder, each in said.items() if len(each) == 1}


def _proof(folder: pathlib.Path, bad: Iterable[pathlib.Path]) -> Proof:
    """A chain isn't proved if something is wrong with it, or with the checkpoints or the key of its instance."""
    instance = folder.parent.parent
    for path in bad:
        is_of_instance = path.is_relative_to(instance) and not path.is_relative_to(folder.parent)
        if path.is_relative_to(folder) or is_of_instance:
            return Proof.NOT_PROVED
    return Proof.PROVED
