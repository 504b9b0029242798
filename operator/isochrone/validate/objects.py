"""Stage one: each object for itself, as the API server would judge it."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pydantic

from isochrone import admission
from isochrone.api import VERSION, crd
from isochrone.manifests import Manifest
from isochrone.validate import kinds, wording
from isochrone.validate.finding import Finding, Key, Rule
from isochrone.validate.item import Item, finding_at, key_of

_CONSEQUENCE: Final = "some validation rules were not checked"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Objects that the API server would take, those that it would not, and why not."""

    items: tuple[Item[Any], ...]
    broken: frozenset[Key]
    findings: tuple[Finding, ...]


def judge(manifests: Sequence[Manifest], against: Sequence[Manifest]) -> Judged:
    """Every object that is ours or was meant to be; of other groups, only what has no kind at all."""
    old = {key_of(manifest): manifest.obj for manifest in against if kinds.is_ours(manifest)}
    items, broken, findings = [], set(), []
    for manifest in manifests:
        faults = list(_findings(manifest, old.get(key_of(manifest))))
        findings += faults
        item = None if faults or not kinds.is_ours(manifest) else _parsed(manifest)
        if isinstance(item, Item):
            items.append(item)
        elif kinds.is_meant(manifest):
            broken.add(kinds.meant_key(manifest))
            findings += [item] if item else []
    return Judged(items=tuple(items), broken=frozenset(broken), findings=tuple(findings))


def _findings(manifest: Manifest, old: Mapping[str, Any] | None) -> Iterator[Finding]:
    if not manifest.kind or not manifest.api_version:
        missing = "apiVersion" if manifest.kind else "kind"
        yield finding_at(
            manifest,
            Rule.NOT_AN_OBJECT,
            message=f"{missing} is missing or no text",
            way_out="every object begins with apiVersion and kind",
        )
        return
    misnamed = list(kinds.misnamed(manifest))
    yield from misnamed
    if kinds.is_ours(manifest) and not misnamed:
        yield from _refusals(manifest, old)


def _refusals(manifest: Manifest, old: Mapping[str, Any] | None) -> Iterator[Finding]:
    for refusal in admission.admit(_schema(manifest.kind), manifest.obj, old):
        if _CONSEQUENCE not in refusal.message:
            yield wording.worded(manifest, refusal)
    metadata = manifest.obj.get("metadata")
    if not manifest.name and isinstance(metadata, dict) and metadata.get("generateName"):
        yield finding_at(
            manifest,
            Rule.GENERATED_NAME,
            field="metadata.generateName",
            message="kubectl apply refuses objects without metadata.name, and nothing can refer to this one",
            way_out="give it a name: metadata.name",
        )


@functools.cache
def _schema(kind: str) -> admission.Schema:
    return admission.Schema.from_crd(crd.definition(kinds.BY_NAME[kind]))[VERSION]


def _parsed(manifest: Manifest) -> Item[Any] | Finding:
    """The typed object. The models and their CRDs are one source, so what one takes, the other should too."""
    stored = admission.defaulted(_schema(manifest.kind), manifest.obj)
    try:
        resource = kinds.BY_NAME[manifest.kind].model_validate(stored)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
        return finding_at(manifest, Rule.INVALID, field=field.removeprefix("."), message=first["msg"], way_out="")
    return Item(manifest, resource, key_of(manifest))
