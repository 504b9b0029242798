"""The tree of a document as it was written: with lines, anchors and the text of every scalar.

libyaml splits the text into events. The library that kubectl uses (go.yaml.in/yaml/v2) is a port of it, so both agree
on what is YAML at all; what the scalars mean is decided in `scalars`, by kubectl's rules and not PyYAML's.
"""

import bisect
import dataclasses
import re
from collections.abc import Iterator
from typing import Any

import yaml

from isochrone.manifests import scalars

MAX_DEPTH = 128
"""Deeper than any Kubernetes object is meant to be, and safe for whoever walks it by recursion."""


class Malformed(ValueError):  # noqa: N818 - it says what is wrong with the text
    """A document that can't be read. `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


@dataclasses.dataclass(slots=True, eq=False)
class Node:
    """Something that stands in a file, on this line."""

    line: int


@dataclasses.dataclass(slots=True, eq=False)
class Scalar(Node):
    """A scalar: its text, whether it stood without quotes and tag, and what it means."""

    text: str
    is_plain: bool
    value: scalars.Value
    is_merge: bool = False


@dataclasses.dataclass(slots=True, eq=False)
class Sequence(Node):
    """A list."""

    items: list[Node] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True, eq=False)
class Mapping(Node):
    """An object: keys and values in the order of the text, those that stand twice included."""

    entries: list[tuple[Node, Node]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True, eq=False)
class Alias(Node):
    """`*name`: what the anchor stands for."""

    name: str
    target: Node


@dataclasses.dataclass(slots=True)
class Builder:
    """Puts nodes into the collection that is open. Keys and values of a mapping come one after the other."""

    root: Node | None = None
    _open: list[tuple[Node, list[Node]]] = dataclasses.field(default_factory=list)

    def add(self, node: Node) -> None:
        """A node that is complete, or is about to be opened."""
        if self._open:
            self._open[-1][1].append(node)
        elif self.root is None:
            self.root = node

    def open(self, node: Sequence | Mapping) -> None:
        """Nodes go into this one until it is closed."""
        self.add(node)
        if len(self._open) >= MAX_DEPTH:
            raise Malformed(node.line, f"nested more than {MAX_DEPTH} levels deep")
        self._open.append((node, []))

    def close(self) -> None:
        """The innermost open node is complete."""
        match self._open.pop():
            case Sequence() as node, children:
                node.items = children
            case Mapping() as node, children:
                node.entries = list(zip(children[::2], children[1::2], strict=True))


@dataclasses.dataclass(frozen=True, slots=True)
class _Lines:
    """Lines as editors count them. YAML 1.1 breaks lines at U+0085, U+2028 and U+2029 as well."""

    text: str
    first: int
    ends: list[int]

    @classmethod
    def of(cls, text: str, first: int) -> "_Lines":
        """`text` begins on the line `first`."""
        return cls(text, first, [end.start() for end in re.finditer("\n", text) if end.end() < len(text)])

    def at(self, mark: Any) -> int:
        """The line of a mark of the parser."""
        return self.first + bisect.bisect_left(self.ends, mark.index)


def compose(text: str, *, first_line: int = 1) -> Node | None:
    """The tree of the first YAML document in `text`, which begins on this line; None where there is nothing."""
    builder, lines = Builder(), _Lines.of(text, first_line)
    anchors: dict[str, Node] = {}
    documents = 0
    for event in _events(lines):
        line = lines.at(event.start_mark)
        documents += isinstance(event, yaml.DocumentStartEvent)
        if documents > 1:
            raise Malformed(line, "nothing after '...' is read by kubectl: begin the next document with '---'")
        if isinstance(event, yaml.CollectionEndEvent):
            builder.close()
        elif isinstance(event, yaml.NodeEvent):
            _add(event, line, builder, anchors)
    return builder.root


def _add(event: yaml.NodeEvent, line: int, builder: Builder, anchors: dict[str, Node]) -> None:
    if isinstance(event, yaml.AliasEvent):
        if event.anchor not in anchors:
            raise Malformed(line, f"unknown anchor '{event.anchor}' referenced")
        builder.add(Alias(line, event.anchor, anchors[event.anchor]))
        return
    node = _node(event, line)
    if event.anchor:
        anchors[event.anchor] = node
    if isinstance(node, Sequence | Mapping):
        builder.open(node)
    else:
        builder.add(node)


def _node(event: yaml.NodeEvent, line: int) -> Node:
    if isinstance(event, yaml.SequenceStartEvent):
        return Sequence(line)
    if isinstance(event, yaml.MappingStartEvent):
        return Mapping(line)
    assert isinstance(event, yaml.ScalarEvent)  # noqa: S101 - the only kind of node event that is left
    return scalar(text=event.value, tag=event.tag or "", is_implicit=bool(event.implicit[0]), line=line)


def scalar(*, text: str, tag: str, is_implicit: bool, line: int) -> Scalar:
    """A scalar of YAML with its meaning."""
    try:
        value = text if not tag and not is_implicit else scalars.resolve(tag, text)
    except ValueError as error:
        raise Malformed(line, str(error)) from error
    is_merge = text == "<<" and (is_implicit or tag == scalars.MERGE)
    return Scalar(line, text, is_implicit and not tag, value, is_merge)


def _events(lines: _Lines) -> Iterator[Any]:
    try:
        yield from yaml.parse(lines.text, Loader=_loader())
    except yaml.MarkedYAMLError as error:
        words = [part for part in (error.context, error.problem) if part]
        mark: Any = error.problem_mark or error.context_mark
        if lines.text[mark.index : mark.index + 1] == "\t":
            words.append("a tab: indent with spaces")
        raise Malformed(lines.at(mark), ", ".join(words)) from error
    except yaml.reader.ReaderError as error:
        # libyaml counts in the bytes that it was given, its stand-in in characters.
        data = lines.text.encode() if yaml.__with_libyaml__ else lines.text
        before = data[: error.position]
        newlines = before.count(b"\n") if isinstance(before, bytes) else before.count("\n")
        raise Malformed(lines.first + newlines, f"U+{error.character:04X}: {error.reason}") from error


def _loader() -> Any:
    """libyaml; where PyYAML was built without it, its stand-in, which is slower and refuses more tabs."""
    return yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
