"""From the bytes of a file to its objects, split into documents as kubectl splits them.

A file whose first character is a brace is JSON, as long as it goes; all else is YAML, cut at lines that begin with
`---`. Lists are unwrapped. Where kubectl goes on in silence with something else than what stands there (bytes that are
not UTF-8, keys that stand twice, documents after `...`), there is a fault.

Spec: `YAMLOrJSONDecoder` in k8s.io/apimachinery/pkg/util/yaml and `StreamVisitor` in k8s.io/cli-runtime (release 1.37).
"""

import codecs
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from isochrone.manifests import jsontext, nodes, positions, values
from isochrone.manifests.manifest import Fault, Manifest, Reading, Source
from isochrone.manifests.nodes import Malformed, Node

_SEPARATOR: Final = "---"
_TEMPLATE: Final = re.compile(r"\{\{-?\s*(\.|/\*|(if|with|range|include|template|define|end|else|toYaml|tpl|block)\b)")
_HELM: Final = "this looks like a Helm template: helm template CHART | isochrone validate -f -"
_CORRECT: Final = "kubectl can't read it either: correct the text"

Document = Node | Malformed | None
Found = Manifest | Fault


def parse(data: bytes, file: str) -> Reading:
    """All objects in a file."""
    try:
        text = _decoded(data)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        message = f"byte 0x{error.object[error.start]:02x} is not {error.encoding.upper()}"
        fault = _malformed(Malformed(line, message), file, "save the file as UTF-8")
        return Reading(faults=(fault,))
    way_out = _HELM if _TEMPLATE.search(text) else _CORRECT
    found = [each for document in _documents(text) for each in _found(document, file, way_out)]
    return Reading(
        manifests=tuple(each for each in found if isinstance(each, Manifest)),
        faults=tuple(each for each in found if isinstance(each, Fault)),
    )


def _decoded(data: bytes) -> str:
    """UTF-8, unless a byte order mark says UTF-16."""
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16") if is_utf16 else data.removeprefix(codecs.BOM_UTF8).decode("utf-8")


def _documents(text: str) -> Iterator[Document]:
    if not jsontext.is_object_ahead(text):
        yield from _yaml_documents(text, 1)
        return
    count, position = 0, 0
    while (start := _skip(text, position, jsontext.SPACE)) < len(text):
        try:
            end = jsontext.end_of(text, start)
        except Malformed as error:
            yield from [error] if count > 1 else _not_json(text, position, error)
            return
        yield _tried(jsontext.compose, text[start:end], _line(text, start))
        count, position = count + 1, end


def _not_json(text: str, position: int, error: Malformed) -> Iterator[Document]:
    """What began as JSON goes on as YAML; where it is neither, the complaint is about JSON."""
    blank = _skip(text, position, jsontext.SPACE)
    newline = text.find("\n", position, blank)
    start = blank if newline < 0 else newline + 1
    for index, document in enumerate(_yaml_documents(text[start:], _line(text, start))):
        yield error if index == 0 and position == 0 and isinstance(document, Malformed) else document


def _yaml_documents(text: str, line: int) -> Iterator[Document]:
    chunk: list[str] = []
    for number, content in enumerate(text.split("\n"), line):
        if content.startswith(_SEPARATOR):
            yield _tried(nodes.compose, "\n".join(chunk), number - len(chunk))
            chunk = []
            behind = content.removeprefix(_SEPARATOR).strip()
            if behind and not behind.startswith("#"):
                yield Malformed(number, f"invalid document separator: nothing but a comment may follow '---': {behind}")
        else:
            chunk.append(content)
    yield _tried(nodes.compose, "\n".join(chunk), line + text.count("\n") + 1 - len(chunk))


def _tried(compose: Callable[..., Node | None], text: str, first_line: int) -> Document:
    try:
        return compose(text, first_line=first_line)
    except Malformed as error:
        return error


def _found(document: Document, file: str, way_out: str) -> Iterator[Found]:
    if document is None:
        return
    try:
        if isinstance(document, Malformed):
            raise document
        value, repeated = values.value_of(document)
    except Malformed as error:
        yield _malformed(error, file, way_out)
        return
    for key in repeated:
        yield Fault(
            source=Source(file, key.line),
            reason="DuplicateKey",
            message=f'the key "{key.key}" stands twice in one object, first on line {key.first_line}',
            way_out="remove one of them: kubectl takes the last and says nothing",
        )
    if value is not None:
        yield from _objects(value, document, Source(file, document.line))


def _objects(value: Any, node: Node, source: Source) -> Iterator[Found]:
    """The object, or the objects in it if it is a list of them."""
    if not _is_list(value):
        yield _object(value, node, source)
        return
    for index, item in enumerate(value["items"]):
        spot = positions.find(node, f"items[{index}]")
        yield _object(_item(item, value), spot.node, Source(source.file, spot.line))


def _is_list(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    kind = value.get("kind")
    return isinstance(kind, str) and kind.endswith("List") and isinstance(value.get("items"), list)


def _object(value: Any, node: Node, source: Source) -> Found:
    if isinstance(value, dict) and not _is_list(value):
        return Manifest(obj=value, source=source, tree=lambda: node)
    if isinstance(value, dict):
        message, way_out = "a list in a list: kubectl refuses it", "put its items where it stands"
    else:
        message, way_out = "this is no object", "an object has apiVersion, kind and metadata: check the indentation"
    return Fault(source=source, reason="NotAnObject", message=message, way_out=way_out)


def _item(item: Any, within: dict[str, Any]) -> Any:
    """Items of a typed list (`EdgeNodeList`) may leave out what they are."""
    kind = within["kind"].removesuffix("List")
    if not isinstance(item, dict) or not kind or item.get("kind") or item.get("apiVersion"):
        return item
    return {"apiVersion": within.get("apiVersion"), "kind": kind} | item


def _malformed(error: Malformed, file: str, way_out: str) -> Fault:
    return Fault(source=Source(file, error.line), reason="MalformedText", message=error.message, way_out=way_out)


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _skip(text: str, position: int, blank: str) -> int:
    while position < len(text) and text[position] in blank:
        position += 1
    return position
