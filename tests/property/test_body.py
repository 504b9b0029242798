"""Request bodies: what is read is what a full parser reads, duplicates are found, splicing changes nothing else."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from isochrone_gateway.wire.errors import ApiError, ErrorKind
from isochrone_gateway.wire.members import MAX_DEPTH, Members, is_too_deep, read_members

KEYS = st.sampled_from(["model", "stream", "n", "a", "", "caf\u00e9", 'q"', "b\\", "\u2028", "messages"]) | st.text(
    max_size=4
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
SPACE = st.sampled_from(["", " ", "\n", "\t ", "\r\n  "])
SEPARATORS = st.sampled_from([(",", ":"), (", ", ": ")])


@st.composite
def written(draw: st.DrawFn, *, repeated: bool) -> tuple[list[tuple[str, Any]], bytes]:
    """Members, and one of the ways to write them as JSON."""
    members = draw(st.lists(st.tuples(KEYS, VALUES), unique_by=lambda member: member[0], max_size=6))
    if repeated:
        members += [
            (key, draw(VALUES)) for key, _ in draw(st.lists(st.sampled_from(members or [("a", 1)]), min_size=1))
        ]
        members = draw(st.permutations(members if len(members) > 1 else members * 2))
    separators = draw(SEPARATORS)
    ascii_only = draw(st.booleans())
    loose = draw(st.booleans())

    def space() -> str:
        return draw(SPACE) if loose else ""

    def text(value: Any) -> str:
        return json.dumps(value, ensure_ascii=ascii_only, separators=separators)

    parts = [f"{space()}{text(key)}{space()}{separators[1]}{space()}{text(value)}{space()}" for key, value in members]
    whole = f"{space()}{{{separators[0].join(parts) or space()}}}{space()}"
    return members, whole.encode()


def read(body: bytes) -> Members:
    members = read_members(body)
    assert isinstance(members, Members), members
    return members


@given(written(repeated=False))
@example(([("a", 1)], b'{"a":1}'))
def test_members_are_those_of_a_full_parser(body: tuple[list[tuple[str, Any]], bytes]) -> None:
    expected, text = body
    found = read(text)
    assert [(key, json.loads(bytes(value))) for key, value in found.values.items()] == expected
    for key, value in found.values.items():
        start = found.start(key)
        assert text[start : start + len(value)] == bytes(value)


@given(written(repeated=True))
@example(([], b'{"a":1,"x":5,"a":1234567}'))
@example(([], b'{"a":12,"b":3,"a":1}'))
@example(([], b'{"a":1, "a":1}'))
@example(([], b'{"a":"a", "b": 1,"b":1}'))
@example(([], b'{"n": 1, "n": 1, "n": 1}'))
@example(([], b'{"mod\\u0065l":1,"model":1}'))
@example(([], b'{"model":1,"mod\\u0065l":1}'))
def test_a_key_that_occurs_twice_is_always_found(body: tuple[list[tuple[str, Any]], bytes]) -> None:
    found = read_members(body[1])
    assert isinstance(found, ApiError)
    assert found.kind is ErrorKind.DUPLICATE_KEY
    pairs = json.loads(body[1], object_pairs_hook=list)
    assert sum(key[:64] == found.param for key, _ in pairs) > 1


@given(written(repeated=False), st.dictionaries(KEYS, VALUES, max_size=4))
def test_a_splice_leaves_all_other_bytes_identical(
    body: tuple[list[tuple[str, Any]], bytes], changes: dict[str, Any]
) -> None:
    members, text = body
    # A key that has to be escaped is never one of ours.
    changes = {key: value for key, value in changes.items() if json.dumps(key, ensure_ascii=False) == f'"{key}"'}
    found = read(text)
    spliced = b"".join(found.splice({key: json.dumps(value).encode() for key, value in changes.items()}))
    added = {key: value for key, value in changes.items() if key not in dict(members)}
    expected = [*added.items(), *((key, changes.get(key, value)) for key, value in members)]
    assert json.loads(spliced, object_pairs_hook=list) == json.loads(
        json.dumps(Pairs(expected)), object_pairs_hook=list
    )
    undone = read(spliced)
    back = {key: bytes(found.values[key]) for key in changes if key in found.values}
    restored = b"".join(undone.splice(back))
    opening = text.index(b"{") + 1
    assert restored.startswith(text[:opening])
    assert restored.endswith(text[opening:])


class Pairs(dict[str, Any]):
    """Writes members in this order."""

    def __init__(self, members: list[tuple[str, Any]]) -> None:
        super().__init__(members)


@given(st.binary(max_size=40) | written(repeated=False).map(lambda body: body[1][:-1]))
def test_what_is_read_is_json(body: bytes) -> None:
    found = read_members(body)
    if isinstance(found, Members):
        assert isinstance(json.loads(body), dict)


@given(st.integers(MAX_DEPTH - 2, MAX_DEPTH + 2), st.booleans())
def test_depth_is_counted_outside_strings_only(depth: int, objects: bool) -> None:
    opening, closing = (b'{"[{\\"":', b"}") if objects else (b"[", b"]")
    body = opening * depth + b"1" + closing * depth
    assert is_too_deep(body) == (depth > MAX_DEPTH)
    assert not is_too_deep(b"[" + b'"[[",[],' * MAX_DEPTH + b"0]")
