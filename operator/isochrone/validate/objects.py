"""Stage one: each object for itself, as the API server would judge it, in words that lead to the place in the file."""

import dataclasses
import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pydantic

from isochrone import admission
from isochrone.admission.structure import Node
from isochrone.api import GROUP, KINDS, VERSION, Resource, crd
from isochrone.manifests import Manifest
from isochrone.validate.finding import Finding, Key, Rule
from isochrone.validate.item import Item, finding_at, key_of, meant

_BY_NAME: Mapping[str, type[Resource]] = {kind.__name__: kind for kind in KINDS}
_CONSEQUENCE = "some validation rules were not checked"
_JSON_VALUE = re.compile(r"^Invalid value: (?=[{\[])")
_UNQUOTED = re.compile(r'must be of type string: "(\w+)"$')
_READ_AS = {"boolean": "a boolean", "integer": "a number", "number": "a number", "null": "null"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Objects that the API server would take, those that it would not, and why not."""

    items: tuple[Item[Any], ...]
    broken: frozenset[Key]
    findings: tuple[Finding, ...]


def is_ours(manifest: Manifest) -> bool:
    """Whether the object belongs to our API group, whatever its version."""
    return manifest.api_version.partition("/")[0] == GROUP


def is_asked(manifest: Manifest) -> bool:
    """Whether the object is of another group, but one that ours refer to."""
    return manifest.api_version == "v1" and manifest.kind in {"Namespace", "Secret"}


def judge(manifests: Sequence[Manifest], against: Sequence[Manifest]) -> Judged:
    """Every object of our group; of other groups, only what has no kind at all."""
    old = {key_of(manifest): manifest.obj for manifest in against if is_ours(manifest)}
    items, broken, findings = [], set(), []
    for manifest in manifests:
        faults = list(_findings(manifest, old.get(key_of(manifest))))
        findings += faults
        item = None if faults or not is_ours(manifest) else _parsed(manifest)
        if isinstance(item, Item):
            items.append(item)
        elif is_ours(manifest):
            broken.add(key_of(manifest))
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
    elif is_ours(manifest) and (wrong := _unknown_kind(manifest)):
        yield wrong
    elif is_ours(manifest):
        for refusal in admission.admit(_schema(manifest.kind), manifest.obj, old):
            if _CONSEQUENCE not in refusal.message:
                yield _worded(manifest, refusal)


def _unknown_kind(manifest: Manifest) -> Finding | None:
    if manifest.kind not in _BY_NAME:
        return finding_at(
            manifest,
            Rule.UNKNOWN_KIND,
            field="kind",
            message=f'{GROUP} has no kind "{manifest.kind}"',
            way_out=meant(manifest.kind, _BY_NAME) or f"its kinds are {', '.join(_BY_NAME)}",
        )
    if manifest.api_version != f"{GROUP}/{VERSION}":
        return finding_at(
            manifest,
            Rule.UNKNOWN_KIND,
            field="apiVersion",
            message=f'{manifest.kind} has no version "{manifest.api_version}"',
            way_out=f"write {GROUP}/{VERSION}",
        )
    return None


@functools.cache
def _schema(kind: str) -> admission.Schema:
    return admission.Schema.from_crd(crd.definition(_BY_NAME[kind]))[VERSION]


def _parsed(manifest: Manifest) -> Item[Any] | Finding:
    """The typed object. The models and their CRDs are one source, so what one takes, the other should too."""
    stored = admission.defaulted(_schema(manifest.kind), manifest.obj)
    try:
        resource = _BY_NAME[manifest.kind].model_validate(stored)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
        return finding_at(manifest, Rule.INVALID, field=field.removeprefix("."), message=first["msg"], way_out="")
    return Item(manifest, resource, key_of(manifest))


def _worded(manifest: Manifest, refusal: admission.Finding) -> Finding:
    field = "" if refusal.path == "<nil>" else refusal.path
    message, way_out = _unquoted(manifest, refusal) or (_message(refusal, field), _way_out(manifest, refusal, field))
    return finding_at(manifest, Rule(refusal.kind.value), field=field, message=message, way_out=way_out)


def _unquoted(manifest: Manifest, refusal: admission.Finding) -> tuple[str, str] | None:
    """The Norway problem: `NO` is a boolean in YAML 1.1, `1.10` a number; where text must be, they need quotes."""
    found, written = _UNQUOTED.search(refusal.message), manifest.written(refusal.path)
    if found is None or written is None or found[1] not in _READ_AS:
        return None
    if not written:
        return "the value is empty", "give a value, or remove the field"
    if found[1] == "boolean":
        way_out = "YAML reads yes, no, on, off, y, n, true and false as booleans unless they are in quotes"
    else:
        way_out = "text that looks like a number, or like null, needs quotes"
    return f'{written} was read as {_READ_AS[found[1]]}: write "{written}"', way_out


def _message(refusal: admission.Finding, field: str) -> str:
    """The server's words, without the JSON of a whole object and without the path, which stands beside them."""
    message = refusal.message
    if begin := _JSON_VALUE.match(message):
        try:
            _, end = json.JSONDecoder().raw_decode(message, begin.end())
        except json.JSONDecodeError:
            return message
        message = message[end:].removeprefix(": ")
    if refusal.rule is not None:
        message = message.removeprefix("Invalid value: ")
    return message.replace(f"{field} in body ", "", 1) if field else message


def _way_out(manifest: Manifest, refusal: admission.Finding, field: str) -> str:
    if refusal.kind is admission.Kind.UNKNOWN_FIELD:
        above, _, name = field.rpartition(".")
        node = _node(_schema(manifest.kind).root, above)
        known = [*node.properties] if node else []
        return meant(name, known) or (f"remove it; known here: {', '.join(known)}" if known else "remove it")
    path = re.sub(r"\[[^\]]*\]", "", field)
    return f"kubectl explain {'.'.join(part for part in (manifest.kind.lower(), path) if part)}"


def _node(root: Node, path: str) -> Node | None:
    node: Node | None = root
    for part in re.findall(r"[^.\[\]]+", path):
        if node is not None:
            node = node.items if part.isdecimal() else node.properties.get(part, node.values)
    return node
