"""From bytes to objects and faults, each with its line. What kubectl itself reads is compared in tests/cluster."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from isochrone import manifests
from isochrone.manifests import nodes

JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=8), JSON_VALUES, max_size=5).filter(lambda each: "items" not in each)


def faults(data: bytes) -> list[tuple[str, int]]:
    return [(fault.reason, fault.source.line) for fault in manifests.parse(data, "f").faults]


def objects(data: bytes) -> list[dict[str, Any]]:
    reading = manifests.parse(data, "f")
    assert not reading.faults
    return [manifest.obj for manifest in reading.manifests]


@pytest.mark.parametrize(
    ("data", "is_said"),
    [
        pytest.param(b"a:\n\tb: 1\n", True, id="a tab that indents"),
        pytest.param("# ä\na:\n  b:\n\t\tc: 1\n".encode(), True, id="two, behind an umlaut"),
        pytest.param(b"a:\n  @b: 1\n", False, id="something else that begins nothing"),
        pytest.param(b"a: [", False, id="the end"),
    ],
)
def test_a_tab_is_called_a_tab(data: bytes, is_said: bool) -> None:
    (fault,) = manifests.parse(data, "f").faults
    assert fault.message.endswith("a tab: indent with spaces") == is_said


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"a: [", [("MalformedText", 1)], id="open-list"),
        pytest.param(b"a: 1\nb:\n  c: d: e\n", [("MalformedText", 3)], id="two-colons"),
        pytest.param(b"a: 1\n---\nb: *x\n", [("MalformedText", 3)], id="unknown-anchor"),
        pytest.param(b"---\n---\n\n\ta: 1\n", [("MalformedText", 4)], id="tab"),
        pytest.param(b"a: 1\nb: \x00\n", [("MalformedText", 2)], id="nul"),
        pytest.param("ä: ä\nb: \x07\n".encode(), [("MalformedText", 2)], id="bell-behind-umlauts"),
        pytest.param(b"a: 1\nb: \xff\xfe\n", [("MalformedText", 2)], id="not-utf-8"),
        pytest.param(b"a: \xc3\x28\n", [("MalformedText", 1)], id="half-a-character"),
        pytest.param(b"a: \xed\xa0\x80\n", [("MalformedText", 1)], id="surrogate-in-utf-8"),
        pytest.param(b"\xff\xfea\x00:\x00 \x001", [("MalformedText", 1)], id="half-of-utf-16"),
        pytest.param(b"a: !!int x\n", [("MalformedText", 1)], id="tag-does-not-fit"),
        pytest.param(b"a: .inf\n", [("MalformedText", 1)], id="infinity"),
        pytest.param(b"x: 1\n~: 2\n", [("MalformedText", 2)], id="null-as-key"),
        pytest.param(b"x: 1\n[a]: 2\n", [("MalformedText", 2)], id="list-as-key"),
        pytest.param(
            b"a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\na: 4\n", [("DuplicateKey", 5), ("DuplicateKey", 6)], id="keys-twice"
        ),
        pytest.param(b"x: &x {a: 1, a: 2}\ny: *x\nz: *x\n", [("DuplicateKey", 1)], id="key-twice-behind-aliases"),
        pytest.param(b'{"a": 1,\n "a": 2}', [("DuplicateKey", 2)], id="json-key-twice"),
        pytest.param(b'{"a": 1}\n{"a": 1}\n{"a" 1}', [("MalformedText", 3)], id="third-json-is-none"),
        pytest.param(b'{"a": 1\n "b": ]}', [("MalformedText", 2)], id="neither-json-nor-yaml"),
        pytest.param(b"- a\n", [("NotAnObject", 1)], id="list"),
        pytest.param(b"---\njust text\n", [("NotAnObject", 2)], id="text"),
        pytest.param(
            b"kind: List\nitems:\n- 1\n- {a: b}\n- null\n", [("NotAnObject", 3), ("NotAnObject", 5)], id="items"
        ),
        pytest.param(b"--- {a: 1}\n", [("MalformedText", 1)], id="content-behind-separator"),
        pytest.param(b"a: 1\n...\nb: 2\n", [("MalformedText", 3)], id="behind-document-end"),
        pytest.param(b"[" * 5000, [("MalformedText", 1)], id="deep-yaml"),
        pytest.param(b"a: " + b"[" * 200 + b"]" * 200, [("MalformedText", 1)], id="deep-list"),
        pytest.param(b'{"a":' * 5000 + b"1" + b"}" * 5000, [("MalformedText", 1)], id="deep-json"),
        pytest.param(
            b"a: &a " + b"[" * 99 + b"]" * 99 + b"\nb: " + b"[" * 99 + b"*a" + b"]" * 99,
            [("MalformedText", 1)],
            id="deep-by-alias",
        ),
        pytest.param(b"a: &a [*a]\n", [("MalformedText", 1)], id="alias-in-itself"),
    ],
)
def test_faults(data: bytes, expected: list[tuple[str, int]]) -> None:
    assert faults(data) == expected


def test_alias_bomb() -> None:
    lines = ["l0: &l0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"l{i}: &l{i} [{','.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 12)]
    reading = manifests.parse("\n".join(lines).encode(), "f")
    assert [fault.message for fault in reading.faults] == ["document contains excessive aliasing"]


def test_what_comes_after_a_fault_is_read() -> None:
    reading = manifests.parse(b"kind: A\n---\nb: [\n---\nkind: C\n", "f")
    assert [(each.kind, each.source.line) for each in reading.manifests] == [("A", 1), ("C", 5)]
    assert [fault.source for fault in reading.faults] == [manifests.Source("f", 3)]


def test_of_keys_that_stand_twice_the_last_counts() -> None:
    assert manifests.parse(b"a: 1\na: 2\n", "f").manifests[0].obj == {"a": 2}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"\xef\xbb\xbf", [], id="only-a-bom"),
        pytest.param(b"# x\n---\n# y\n", [], id="comments"),
        pytest.param(b"\xef\xbb\xbfa: NO\r\n---\r\nb: 010\r\n", [{"a": False}, {"b": 8}], id="bom-and-crlf"),
        pytest.param("a: ü".encode("utf-16"), [{"a": "ü"}], id="utf-16-with-bom"),
        pytest.param(b'{"a": 1}{"b": 2}', [{"a": 1}, {"b": 2}], id="json-joined"),
        pytest.param(b'{"a": 1}\n---\nb: NO\n', [{"a": 1}, {"b": False}], id="json-then-yaml"),
        pytest.param(b'{"a": "\\ud83d\\ude00\\ud83d"}', [{"a": "\U0001f600\ufffd"}], id="surrogates"),
        pytest.param(b'{"a": [true, null, 1.0, 1.5, "true"]}', [{"a": [True, None, 1, 1.5, "true"]}], id="json-values"),
        pytest.param(b"{a: 1,}", [{"a": 1}], id="flow-yaml"),
        pytest.param(b"kind: List\nitems: []\n", [], id="empty-list"),
        pytest.param(
            b"kind: EdgeNodeList\napiVersion: g/v1\nitems: [{a: 1}]",
            [{"apiVersion": "g/v1", "kind": "EdgeNode", "a": 1}],
            id="typed-list",
        ),
        pytest.param(b"kind: Shopping\nitems: [1]\n", [{"kind": "Shopping", "items": [1]}], id="items-of-no-list"),
        pytest.param(b"b: {<<: [{x: 1}, {x: 2, z: 3}]}\n", [{"b": {"x": 1, "z": 3}}], id="first-merge-wins"),
        pytest.param(b"a: &a {x: 1}\nb: {<<: *a, z: 2}\n", [{"a": {"x": 1}, "b": {"x": 1, "z": 2}}], id="merge"),
    ],
)
def test_objects(data: bytes, expected: list[Any]) -> None:
    assert objects(data) == expected


@pytest.mark.parametrize(
    ("path", "line"),
    [
        pytest.param("", 2, id="object"),
        pytest.param("<nil>", 2, id="object-as-the-server-says"),
        pytest.param("metadata", 3, id="field"),
        pytest.param("metadata.labels[a.b/c]", 6, id="key-in-brackets"),
        pytest.param("metadata.labels.a.b/c", 6, id="key-with-dots"),
        pytest.param("metadata.labels[missing]", 5, id="missing-key"),
        pytest.param("spec.tiers[0].backends[1].weight", 13, id="deep"),
        pytest.param("spec.tiers[0].backends[1]", 12, id="item"),
        pytest.param("spec.tiers[0].backends[7].weight", 9, id="missing-item"),
        pytest.param("spec.tiers[x]", 8, id="no-index"),
        pytest.param("spec.tiers[0].backends[0].route.name", 10, id="below-a-scalar"),
        pytest.param("spec.merged.one", 15, id="merged-field"),
        pytest.param("spec.merged.two", 18, id="beside-a-merge"),
        pytest.param("spec.alias.one", 15, id="behind-an-alias"),
        pytest.param("status.x", 2, id="missing-field"),
        pytest.param("NO", 20, id="key-as-written-is-not-its-name"),
        pytest.param("false", 20, id="key-by-its-name"),
    ],
)
def test_lines(path: str, line: int) -> None:
    text = """---
apiVersion: v1
metadata:
  name: x
  labels:
    a.b/c: d
spec:
  tiers:
  - backends:
    - route: x
    -
      name: y
      weight: 5
  base: &base
    one: 1
  merged:
    <<: *base
    two: 2
  alias: *base
NO: 1
"""
    [manifest] = manifests.parse(text.encode(), "f").manifests
    expected = 2 if path == "NO" else line
    assert manifest.line_of(path) == expected


def test_the_longest_key_is_meant() -> None:
    [manifest] = manifests.parse(b"a:\n  b: 1\na.b:\n  c: 2\n", "f").manifests
    assert (manifest.line_of("a.b.c"), manifest.line_of("a.b")) == (4, 3)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param("Off", False, id="boolean"),
        pytest.param("nO", "nO", id="odd-case"),
        pytest.param("0777", 511, id="octal"),
        pytest.param("08", 8, id="no-octal"),
        pytest.param("0o17", 15, id="octal-with-o"),
        pytest.param("-0b101", -5, id="binary"),
        pytest.param("1_000", 1000, id="underscore"),
        pytest.param("12:30:45", "12:30:45", id="base-60"),
        pytest.param("2026-01-27", "2026-01-27", id="date"),
        pytest.param("1e3", 1000, id="exponent"),
        pytest.param("1e400", "1e400", id="beyond-floats"),
        pytest.param("1.2345678901234567e18", 1234567890123456800, id="float-that-fits"),
        pytest.param("9223372036854775808", 9223372036854775808.0, id="beyond-int64"),
        pytest.param("!!str 12", "12", id="tag"),
        pytest.param("!mine 12", "12", id="own-tag"),
    ],
)
def test_scalars(written: str, expected: object) -> None:
    [obj] = objects(f"v: {written}\n".encode())
    assert (type(obj["v"]), obj["v"]) == (type(expected), expected)


def test_lines_are_those_of_editors() -> None:
    [manifest] = manifests.parse("# \u2028 \u2029\na: 'x\u2028\n  y'\nb: 1\n".encode(), "f").manifests
    assert (manifest.source.line, manifest.line_of("b")) == (2, 4)


def test_lines_of_list_items_and_json() -> None:
    first, second = manifests.parse(b"kind: List\nitems:\n- a: 1\n-\n  b: 2\n", "f").manifests
    assert (first.source.line, second.source.line, second.line_of("b")) == (3, 5, 5)
    _, second = manifests.parse(b'{"a": 1}\n{\n "b": [\n  1,\n  {"c":\n    "x"}]}', "f").manifests
    assert (second.source.line, second.line_of("b[0]"), second.line_of("b[1].c")) == (2, 4, 5)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("a", "NO", id="plain"),
        pytest.param("b", None, id="quoted"),
        pytest.param("c", None, id="list"),
        pytest.param("c[0]", "1.10", id="in-list"),
        pytest.param("d", None, id="tagged"),
        pytest.param("e", None, id="missing"),
        pytest.param("a.b", None, id="below"),
    ],
)
def test_what_is_written(path: str, expected: str | None) -> None:
    [manifest] = manifests.parse(b"a: NO\nb: 'NO'\nc: [1.10]\nd: !!str NO\n", "f").manifests
    assert manifest.written(path) == expected


@settings(deadline=None)
@given(OBJECTS)
def test_json_comes_back(value: dict[str, Any]) -> None:
    for text in (json.dumps(value), json.dumps(value, indent=1), json.dumps(value, ensure_ascii=False)):
        assert _same(objects(text.encode()), [value])


@settings(deadline=None)
@given(OBJECTS)
def test_quoted_yaml_comes_back(value: dict[str, Any]) -> None:
    """With quotes, since PyYAML writes `y` and `1e3` without where kubectl needs them."""
    text = yaml.safe_dump(value, default_style='"', allow_unicode=True)
    assert _same(objects(f"---\n{text}".encode()), [value])


@settings(max_examples=50, deadline=None)
@given(st.lists(OBJECTS, max_size=3), st.data())
def test_lines_are_within_the_file(values: list[dict[str, Any]], data: st.DataObject) -> None:
    text = "---\n".join(yaml.safe_dump(value, default_style='"') for value in values)
    lines = text.count("\n")
    for manifest in manifests.parse(text.encode(), "f").manifests:
        names = st.sampled_from([*manifest.obj]) if manifest.obj else st.just("x")
        path = data.draw(
            st.one_of(st.text(), st.builds("{}[{}].{}".format, names, st.integers(0, 3), st.text(max_size=3)))
        )
        assert manifest.source.line <= manifest.line_of(path) <= lines


@settings(deadline=None)
@given(st.binary() | st.text(alphabet="ab:-[]{}&*<!|>'\"\\ \n\t#,?%@\r\x00\ufeff\u2028", max_size=60).map(str.encode))
def test_no_bytes_are_too_nasty(data: bytes) -> None:
    reading = manifests.parse(data, "f")
    last = data.count(b"\n") + 1
    lines = [each.source.line for each in reading.manifests] + [each.source.line for each in reading.faults]
    assert all(1 <= line <= last for line in lines)


def test_the_stand_in_for_libyaml_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"a: [NO, 'NO', 010, 1e3, ~]\nb: &b {<<: {c: 1}}\nd: |\n  x\n---\nx: *y\n---\nz: \x07\n"
    fast = manifests.parse(text, "f")
    monkeypatch.setattr(nodes, "_loader", lambda: yaml.SafeLoader)
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    slow = manifests.parse(text, "f")
    assert [each.obj for each in slow.manifests] == [each.obj for each in fast.manifests]
    assert [each.source for each in slow.faults] == [each.source for each in fast.faults]


def test_folders(tmp_path: Path) -> None:
    for name in ("b.yaml", "a/z.yml", "a.json", "c.txt", "a.yaml.bak"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps({"kind": name}))
    reading = manifests.read([str(tmp_path), str(tmp_path / "b.yaml")])
    assert [each.kind for each in reading.manifests] == ["a/z.yml", "a.json", "b.yaml"]
    assert [each.kind for each in manifests.read([str(tmp_path / "c.txt")]).manifests] == ["c.txt"]


@pytest.mark.parametrize("name", ["missing", "missing.yaml", "empty"])
def test_what_can_not_be_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(manifests.Unreadable, match=name):
        manifests.read([str(tmp_path / name)])


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"kind: A\n")))
    assert [str(each.source) for each in manifests.read(["-"]).manifests] == ["-:1"]


def _same(left: Any, right: Any) -> bool:
    """Equal as JSON, where a float without fraction may have become an integer."""
    match left, right:
        case list(), list():
            return len(left) == len(right) and all(map(_same, left, right))
        case dict(), dict():
            return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
        case int(), float():
            return not isinstance(left, bool) and float(left) == right
        case _:
            return type(left) is type(right) and bool(left == right)
