"""The anchors of all sites' evidence, as the hub keeps them: digests, which only ever go on.

    SITE.jsonl        the last anchor of each gateway, a line each, as `isochrone audit verify --anchors` reads them
    SITE.back.jsonl   what gateways said that contradicts theirs, the first time
    SITE.KEY.pem      each public key that the site's evidence was ever signed with, KEY its id

These are entries of one ConfigMap. A checkpoint that is older than the one that was kept, or another one of the same
number, means that evidence was lost or changed. It is never stored, and nothing of that gateway is until somebody has
looked and removed both entries of the site. Nothing is forgotten on its own: evidence outlives gateways and sites, and
whoever could make the hub forget an anchor could cut evidence off. Pure.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from isochrone.certificates import CertificateError, key_id
from isochrone.model import Anchor, Anchoring, EvidenceTold, SiteReport

MOST_OF_SITE: Final = 200
"""Gateways of one site: more than it may have at once, with some that are gone. A line takes some 170 bytes."""
MOST_KEYS: Final = 50
"""Of one site."""
MOST_BYTES: Final = 900_000
"""Of all entries. A ConfigMap holds 1 MiB."""
_BACK: Final = ".back"
_LINES: Final = ".jsonl"
_DIGEST: Final = re.compile("[0-9a-f]{64}")


class Line(msgspec.Struct, frozen=True):
    """One anchor, as the gateway's `/status` has it too."""

    site: str
    instance: str
    at: float
    n: int
    digest: str


Lines = Mapping[str, Mapping[str, Line]]
"""EdgeNode -> instance -> anchor."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Everything that is kept. `untaken` is what was not, in words; it is said anew each time."""

    last: Lines = dataclasses.field(default_factory=dict)
    back: Lines = dataclasses.field(default_factory=dict)
    keys: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """`SITE.KEY.pem` -> the key."""
    current: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """EdgeNode -> the id of its key now; said anew each time, too."""
    untaken: Mapping[str, str] = dataclasses.field(default_factory=dict)


def read(data: Mapping[str, str]) -> Kept:
    """What a ConfigMap's data hold. Raises ValueError for what can't be read."""
    lines = {name.removesuffix(_LINES): _read(name, text) for name, text in data.items() if name.endswith(_LINES)}
    return Kept(
        last={site: found for site, found in lines.items() if not site.endswith(_BACK)},
        back={site.removesuffix(_BACK): found for site, found in lines.items() if site.endswith(_BACK)},
        keys={name: text for name, text in data.items() if not name.endswith(_LINES)},
    )


def data_of(kept: Kept) -> dict[str, str]:
    """As a ConfigMap's data."""
    found = {f"{site}{_LINES}": text_of(lines) for site, lines in kept.last.items() if lines}
    found |= {f"{site}{_BACK}{_LINES}": text_of(lines) for site, lines in kept.back.items() if lines}
    return dict(sorted((found | dict(kept.keys)).items()))


def taken(kept: Kept, reports: Iterable[SiteReport]) -> Kept:
    """What is to be kept after these reports."""
    last, back = dict(kept.last), dict(kept.back)
    keys, current, untaken = dict(kept.keys), dict[str, str](), dict[str, str]()
    size = sum(len(name) + len(text) for name, text in data_of(kept).items())
    for report in sorted(reports, key=lambda each: each.site):
        site = report.site
        last[site], back[site], missed = _of_site(report, kept, has_room=size < MOST_BYTES)
        if key := _key(report):
            current[site] = key
            keys |= _entry(report, key, kept, has_room=size < MOST_BYTES)
        if missed:
            untaken[site] = missed
    return Kept(last=_some(last), back=_some(back), keys=keys, current=current, untaken=untaken)


def told(kept: Kept) -> Anchoring:
    """What there is to say of it."""
    return Anchoring(
        instances={site: frozenset(lines) - kept.back.get(site, {}).keys() for site, lines in kept.last.items()},
        keys=kept.current,
        back={site: _contradiction(lines, kept.last.get(site, {})) for site, lines in kept.back.items()},
        untaken=kept.untaken,
    )


def is_kept(reports: Iterable[SiteReport]) -> bool:
    """Whether any site keeps evidence."""
    return any(each.evidence_key or any(pod.evidence for pod in each.gateway_pods) for each in reports)


def _of_site(report: SiteReport, kept: Kept, *, has_room: bool) -> tuple[dict[str, Line], dict[str, Line], str]:
    """The last anchors of its gateways, those that went back, and why some were not taken."""
    site = report.site
    last, back = dict(kept.last.get(site, {})), dict(kept.back.get(site, {}))
    missed = ""
    for pod in report.gateway_pods:
        said, before = _line(site, pod.pod, pod.evidence), last.get(pod.pod)
        if said is None or pod.evidence is None or pod.pod in back:
            continue
        if before is None and (len(last) >= MOST_OF_SITE or not has_room):
            missed = f"there is no room for the anchors of {pod.pod}"
        elif before is None or said.n > before.n:
            last[pod.pod] = said
        elif (said.n, said.digest) != (before.n, before.digest) and pod.evidence.at > before.at:
            back[pod.pod] = said
    return last, back, missed


def _line(site: str, instance: str, said: EvidenceTold | None) -> Line | None:
    """What can't be an anchor was not said."""
    anchor: Anchor | None = None if said is None else said.anchor
    if anchor is None or anchor.n < 0 or not _DIGEST.fullmatch(anchor.digest):
        return None
    return Line(site=site, instance=instance, at=anchor.at, n=anchor.n, digest=anchor.digest)


def _key(report: SiteReport) -> str:
    """The id of the site's key; empty if it says none, or what is none."""
    try:
        return key_id(report.evidence_key) if report.evidence_key else ""
    except CertificateError:
        return ""


def _entry(report: SiteReport, key: str, kept: Kept, *, has_room: bool) -> dict[str, str]:
    """The key, if it can be kept."""
    is_full = sum(name.startswith(f"{report.site}.") for name in kept.keys) >= MOST_KEYS
    return {} if is_full or not has_room else {f"{report.site}.{key}.pem": report.evidence_key}


def _contradiction(back: Mapping[str, Line], last: Mapping[str, Line]) -> str:
    """The first, by name."""
    instance, said = min(back.items())
    kept = last.get(instance)
    if kept is None:
        return f"{instance} once said a checkpoint that contradicts what was kept"
    if kept.n == said.n:
        return f"{instance} says that checkpoint {said.n} is another than the one that was kept"
    return f"{instance} says that its last checkpoint is {said.n}, and {kept.n} was kept"


def _some(lines: Lines) -> dict[str, Mapping[str, Line]]:
    return {site: found for site, found in sorted(lines.items()) if found}


def _read(name: str, text: str) -> dict[str, Line]:
    try:
        lines = [msgspec.json.decode(each, type=Line) for each in text.splitlines() if each.strip()]
    except msgspec.DecodeError as error:
        raise ValueError(f"{name} can't be read: {error}") from error
    return {each.instance: each for each in lines}


def text_of(lines: Mapping[str, Line]) -> str:
    """Of a site, a line each."""
    return "".join(f"{msgspec.json.encode(lines[name]).decode()}\n" for name in sorted(lines))
