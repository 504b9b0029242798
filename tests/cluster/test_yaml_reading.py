"""Whether our reader and kubectl read the same text as the same objects.

Each text goes through the real kubectl (`create --dry-run=client`), which sends objects on without typing them. Three
things can be expected: both read the same; both refuse; or we report what kubectl passes over in silence (`STRICTER`).
"""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.choice import Cluster
from tests.cluster.kubectl import kubectl

from isochrone import manifests

_HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n"

SCALARS = [
    *("y", "Y", "yes", "Yes", "YES", "yEs", "n", "N", "no", "No", "NO", "nO", "on", "On", "ON", "off", "Off", "OFF"),
    *("true", "True", "TRUE", "tRue", "false", "False", "FALSE", "t", "f", "o"),
    *("", "~", "null", "Null", "NULL", "nULL", "nil", "none", "None"),
    *("0", "-0", "+0", "00", "7", "-7", "+7", "007", "0777", "08", "09", "-010", "+010", "0o17", "0O17", "0o8", "0o"),
    *(
        "0x1F",
        "0X1f",
        "-0x10",
        "+0x10",
        "0x",
        "0xG",
        "0x_1F",
        "0b101",
        "0B101",
        "-0b101",
        "+0b101",
        "0b2",
        "-0b2",
        "0b",
    ),
    *(
        "1_000",
        "1__0",
        "1_",
        "0_8",
        "-1_0",
        "1_000.5",
        "_1",
        "+_1",
        "._5",
        "0_",
        "_",
        "-",
        "+",
        "--1",
        "+-1",
        "-_",
        "+.",
    ),
    *("1e3", "1E3", "1e+3", "1e-3", "-1e3", "1.5e3", "1e", "e3", ".5", "-.5", "+.5", ".5e3", ".e3", "1.", "1.e3", "."),
    *("1.0", "-1.0", "-0.0", "1.50", "2.95", "0.1", "1.10", "100.0", "1e2", "12e03", "1.2.3", "10.0.0.1", ".5.5", ".."),
    *("1e20", "1e21", "1e22", "1e18", "1e19", "1e400", "-1e400", "1e-400", ".1e400", "123456789.123456789", "5e-324"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809"),
    *("+9223372036854775808", "18446744073709551615", "18446744073709551616", "0xFFFFFFFFFFFFFFFF"),
    *("0x10000000000000000", "0777777777777777777777", "07777777777777777777777777", "0b" + "1" * 64, "0b" + "1" * 65),
    *("9" * 40, "9" * 400, "0" * 30 + "1", "9007199254740993", "9007199254740993.0"),
    *(
        "2026-01-27",
        "2026-1-2",
        "2026-01-27T10:00:00Z",
        "2026-01-27 10:00:00",
        "2026-13-45",
        "2026-01-27T10:00:00+02:00",
    ),
    *("12:30", "12:30:45", "190:20:30", "1:60", "-1:30", "12:30:45.5", "1,000", "1 000", "0x1p3", "1f", "1d", "1e3x"),
    *("<<", "=", "!!str", "'NO'", '"NO"', "'1'", '"null"', "''", '"~"', "'<<'", "NO # Norway", "DE", "No.", "no-1"),
    *("!!str 12", "!!str NO", "!!str", "!!str ~", "!!int 12", "!!int '12'", "!!int 0x10", "!!float 1", "!!float 1.5"),
    *("!!float '2'", "!!bool yes", "!!bool 'n'", "!!null ''", "!!null null", "!!timestamp 2026-01-27", "!!binary aGk="),
    *("!!timestamp 2026-01-27T10:00:00Z", "!!timestamp 2026-01-27 10:00:00.5", "!foo bar", "!foo 12", "!!foo NO"),
    *("! 12", "! '12'", "! NO", "!!set {a: , b: }", "!!map {a: 1}", "!!seq [1]", "!!omap [{a: 1}]", "!x {a: NO}"),
    *("[NO, no, DE]", "[1, 1.0, '1']", "{a: NO, b: yes}", "[,]", "[a,]", "{a, b}", "{a: , b: }", "[a: 1]", "[? a : b]"),
    *(
        "{'a': 1}",
        '{"a":1}',
        '{"a":\t1}',
        "[a,\tb]",
        "*unknown",
        "&a 1",
        "&a",
        "|\n    text\n    more",
        ">-\n    a\n    b",
    ),
    *("|+\n    a\n\n", "|2\n    a", "|\n    --x\n", "'it''s'", '"\\x41\\u00e9\\U0001F600\\n\\_"', '"\\q"', '"\\ud83d"'),
    *("a: b", "@x", "`x", "%x", "- a", "x\n    y", "'x\n\n    y'", "#x", "x#y", "x: ", "? x", "ä", "\u2028x", "x\x85y"),
    *("\ufeffx", "\U0001f600", "\x7f", "\x00", "\x1b[0m", "\ufffe", '"\x07"', "a\u200bb", "\xa0x"),
]

KEYS = [
    *("NO", "yes", "y", "~", "null", "1", "1.5", "01", "0x10", "1e3", "1e6", "1000000.0", "123456789.0", "0.00001"),
    *(
        "16777217.0",
        "1e100",
        "-1e100",
        "-1.5",
        ".inf",
        "-.inf",
        ".nan",
        "2026-01-27",
        "12:30",
        "'NO'",
        "!!str NO",
        '""',
    ),
    *(
        "!!binary aGk=",
        "9223372036854775807",
        "9223372036854775808",
        "[a]",
        "{a: 1}",
        "? a",
        "a b",
        "a.b/c",
        "-1",
        "+1",
    ),
    *("0.1", "1e-7", "33.333333333333336", "1e5", "1e+05", "999999.9", "9999999.9"),
]

DOCUMENTS = [*(f"{_HEAD}d:\n  v: {text}\n" for text in SCALARS), *(f"{_HEAD}d:\n  {key}: v\n" for key in KEYS)]

STREAMS = [
    pytest.param(b"\xef\xbb\xbf" + f"{_HEAD}data: {{a: NO}}\n".encode(), id="bom-utf-8"),
    pytest.param(f"\ufeff{_HEAD}data: {{a: ä}}\n".encode("utf-16-le"), id="bom-utf-16-le"),
    pytest.param(f"\ufeff{_HEAD}data: {{a: ä}}\n".encode("utf-16-be"), id="bom-utf-16-be"),
    pytest.param(f"{_HEAD}data:\n  a: |\n    x\n    y\n".replace("\n", "\r\n").encode(), id="crlf"),
    pytest.param(f"{_HEAD}data:\n  a: |\n    x\n    y\n".replace("\n", "\r").encode(), id="cr"),
    pytest.param(f"{_HEAD}data:\n\ta: 1\n".encode(), id="tab-indentation"),
    pytest.param(f"{_HEAD}data:\n  a:\t1\n".encode(), id="tab-before-value"),
    pytest.param(f"{_HEAD}data:\n  a: 1\t\n".encode(), id="tab-behind-value"),
    pytest.param(f"{_HEAD}data:\n  a: 1\t# x\n".encode(), id="tab-before-comment"),
    pytest.param(f"{_HEAD}data:\n  a: x\ty\n".encode(), id="tab-in-text"),
    pytest.param(f"{_HEAD}data:\n  -\ta\n".encode(), id="tab-behind-dash"),
    pytest.param(f"{_HEAD}data:\n  a: |\n    x\n\t\n    y\n".encode(), id="tab-in-block"),
    pytest.param(f"{_HEAD}\t\ndata: {{a: 1}}\n".encode(), id="tab-in-empty-line"),
    pytest.param(f"---\n---\n# x\n---\n{_HEAD}---\n".encode(), id="empty-documents"),
    pytest.param(f"{_HEAD}--- # next\n{_HEAD}data: {{a: 1}}\n".encode(), id="comment-behind-separator"),
    pytest.param(f"{_HEAD}---\t\n{_HEAD}data: {{a: 1}}\n".encode(), id="tab-behind-separator"),
    pytest.param(f"--- {{a: 1}}\n{_HEAD}".encode(), id="content-behind-separator"),
    pytest.param(f"{_HEAD}data:\n  a: |\n---x\n".encode(), id="separator-glued"),
    pytest.param(f"{_HEAD} ---\n".encode(), id="separator-indented"),
    pytest.param(f"{_HEAD}...\n".encode(), id="document-end"),
    pytest.param(f"{_HEAD}...\n---\n{_HEAD}".encode(), id="document-end-and-separator"),
    pytest.param(f"%YAML 1.1\n---\n{_HEAD}".encode(), id="directive"),
    pytest.param(f"{_HEAD}base: &b {{a: 1, b: 2}}\ndata: {{<<: *b, b: 3}}\n".encode(), id="merge-then-own"),
    pytest.param(f"{_HEAD}base: &b {{a: 1, b: 2}}\ndata: {{b: 3, <<: *b}}\n".encode(), id="own-then-merge"),
    pytest.param(
        f"{_HEAD}x: &x {{a: 1, b: 2}}\ny: &y {{a: 3, c: 4}}\ndata: {{<<: [*x, *y]}}\n".encode(), id="merge-several"
    ),
    pytest.param(f"{_HEAD}x: &x {{a: 1}}\ny: &y {{<<: *x, b: 2}}\ndata: {{<<: *y}}\n".encode(), id="merge-of-merge"),
    pytest.param(f"{_HEAD}data: {{<<: {{a: 1}}}}\n".encode(), id="merge-inline"),
    pytest.param(f"{_HEAD}data: {{<<: [{{a: 1}}, {{a: 2, b: 2}}]}}\n".encode(), id="merge-inline-several"),
    pytest.param(f"{_HEAD}data: {{<<: 1}}\n".encode(), id="merge-of-scalar"),
    pytest.param(f"{_HEAD}data: {{<<: }}\n".encode(), id="merge-of-null"),
    pytest.param(f"{_HEAD}x: &x [a]\ndata: {{<<: *x}}\n".encode(), id="merge-of-list-alias"),
    pytest.param(f"{_HEAD}data: {{'<<': {{a: 1}}}}\n".encode(), id="merge-quoted"),
    pytest.param(f"{_HEAD}data: {{!!merge <<: {{a: 1}}}}\n".encode(), id="merge-tagged"),
    pytest.param(f"{_HEAD}data: {{!!str <<: {{a: 1}}}}\n".encode(), id="merge-as-string"),
    pytest.param(f"{_HEAD}data: &d {{a: *d}}\n".encode(), id="anchor-in-itself"),
    pytest.param(f"{_HEAD}data: &d {{<<: *d, a: 1}}\n".encode(), id="merge-of-itself"),
    pytest.param(f"{_HEAD}x: &a 1\ny: &a 2\ndata: {{a: *a}}\n".encode(), id="anchor-twice"),
    pytest.param(f"{_HEAD}x: &a 1\n---\n{_HEAD}data: {{a: *a}}\n".encode(), id="anchor-of-other-document"),
    pytest.param(f"{_HEAD}x: &k a\ndata: {{*k : 1}}\n".encode(), id="alias-as-key"),
    pytest.param(f"{_HEAD}data: {{? a : 1, ? [b] : 2}}\n".encode(), id="list-as-key"),
    pytest.param(b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},\n\t"d":"\\ud83d\\ude00"}', id="json"),
    pytest.param(
        b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"d":[1.0,1e3,-0.0,1e21,0.5,18446744073709551616]}',
        id="json-numbers",
    ),
    pytest.param(b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"d":"\\ud83d"}', id="json-half-pair"),
    pytest.param(b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"d":1e400}', id="json-too-large"),
    pytest.param(b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"d":NaN}', id="json-or-yaml-nan"),
    pytest.param(b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"d":.nan}', id="flow-nan"),
    pytest.param(b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"d":"a\tb"}', id="json-raw-tab"),
    pytest.param(b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"d":01}', id="json-leading-zero"),
    pytest.param(b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},}', id="json-trailing-comma"),
    pytest.param(b"{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, d: NO}", id="flow-yaml"),
    pytest.param(b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"}}' * 2, id="json-joined"),
    pytest.param(
        b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"}}\n---\n' + _HEAD.encode(), id="json-then-yaml"
    ),
    pytest.param(
        b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"}}' * 2 + b"\n---\n" + _HEAD.encode(),
        id="json-joined-then-yaml",
    ),
    pytest.param(b'---\n{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"d":[1.0]}', id="json-in-yaml"),
    pytest.param(
        b'---\n{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"d":"\\ud83d\\ude00"}',
        id="surrogates-in-yaml",
    ),
    pytest.param(b"", id="nothing"),
    pytest.param(b"# only a comment\n", id="comment"),
    pytest.param(b"{", id="open-brace"),
    pytest.param(
        b"apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n"
        b"- {apiVersion: v1, kind: ConfigMap, metadata: {name: b}, data: {n: NO}}\n",
        id="list",
    ),
    pytest.param(
        b"apiVersion: v1\nkind: ConfigMapList\nitems:\n- {metadata: {name: a}}\n- {metadata: {name: b}}\n",
        id="typed-list",
    ),
    pytest.param(
        b"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n"
        b"  - {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n",
        id="list-of-list",
    ),
    pytest.param(
        f"{_HEAD}a: &a [{', '.join('x' * 9)}]\n".encode()
        + b"".join(
            f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n".encode()
            for before, name in zip("abcdef", "bcdefg", strict=True)
        ),
        id="alias-bomb",
    ),
    pytest.param(
        f"{_HEAD}a: &a [{', '.join('x' * 9)}]\nb: [{', '.join(['*a'] * 90)}]\n".encode(), id="harmless-aliases"
    ),
]

STRICTER = [
    pytest.param(f"{_HEAD}data: {{a: 1, a: 2}}\n".encode(), "DuplicateKey", id="key-twice"),
    pytest.param(f"{_HEAD}data: {{1: a, '1': b}}\n".encode(), "DuplicateKey", id="key-twice-by-meaning"),
    pytest.param(
        b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"d":1,"d":2}',
        "DuplicateKey",
        id="json-key-twice",
    ),
    pytest.param(f"{_HEAD}data: {{a: \xe4}}\n".encode("latin-1"), "MalformedText", id="latin-1"),
    pytest.param(f"{_HEAD}...\nkind: Second\n".encode(), "MalformedText", id="behind-document-end"),
]


def _kubectl(cluster: Cluster, data: bytes, folder: Path) -> list[Any] | None:
    """What kubectl would send, or None where it refuses."""
    file = folder / "x.yaml"
    file.write_bytes(data)
    done = kubectl(cluster.kubeconfig, "create", "--dry-run=client", "--validate=false", "-o", "json", "-f", str(file))
    if done.returncode != 0:
        return [] if "no objects passed to create" in done.stderr else None
    found: list[Any] = []
    decoder, text = json.JSONDecoder(parse_int=_int64), done.stdout.strip()
    while text:
        value, end = decoder.raw_decode(text)
        found += value["items"] if value["kind"] == "List" else [value]
        text = text[end:].strip()
    return found


def _int64(digits: str) -> float:
    """kubectl prints a large float without exponent; nobody reads that back as an integer."""
    value = int(digits)
    return value if value in range(-(2**63), 2**63) else float(value)


def _ours(data: bytes) -> list[Any] | None:
    reading = manifests.parse(data, "x.yaml")
    if reading.faults:
        return None
    return [_with_namespace(manifest.obj) for manifest in reading.manifests]


def _with_namespace(obj: Any) -> Any:
    """kubectl fills in the namespace of its context."""
    return {**obj, "metadata": {**obj.get("metadata", {}), "namespace": "default"}}


def _same(left: Any, right: Any) -> bool:
    """Equality that tells 1 from True and from 1.0."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


@pytest.fixture(scope="module")
def answers(control_plane: Cluster, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any] | None]:
    """What kubectl says to each document: asked in few calls, since each costs a tenth of a second."""
    folder = tmp_path_factory.mktemp("documents")
    # kubectl reads up to the first document that it refuses: those that we refuse go alone.
    good = [document for document in DOCUMENTS if _ours(document.encode()) is not None]
    said: dict[str, list[Any] | None] = {
        document: _kubectl(control_plane, document.encode(), folder) for document in {*DOCUMENTS} - {*good}
    }
    waiting = [good]
    while waiting:
        batch = waiting.pop()
        together = _kubectl(control_plane, "---\n".join(batch).encode(), folder)
        if together is not None and len(together) == len(batch):
            said |= {document: [obj] for document, obj in zip(batch, together, strict=True)}
        elif len(batch) == 1:
            said[batch[0]] = together
        else:
            waiting += [batch[: len(batch) // 2], batch[len(batch) // 2 :]]
    return said


@pytest.mark.parametrize("document", DOCUMENTS, ids=[*SCALARS, *(f"key {key}" for key in KEYS)])
def test_document(answers: dict[str, list[Any] | None], document: str) -> None:
    assert _same(_ours(document.encode()), answers[document])


@pytest.mark.parametrize("data", STREAMS)
def test_stream(control_plane: Cluster, tmp_path: Path, data: bytes) -> None:
    theirs = _kubectl(control_plane, data, tmp_path)
    assert _same(_ours(data), theirs)


@pytest.mark.parametrize(("data", "reason"), STRICTER)
def test_what_kubectl_passes_over(control_plane: Cluster, tmp_path: Path, data: bytes, reason: str) -> None:
    assert _kubectl(control_plane, data, tmp_path)
    assert reason in {fault.reason for fault in manifests.parse(data, "x.yaml").faults}
