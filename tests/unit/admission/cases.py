"""Objects, valid and wrong, that the API server and the library must judge alike.

`crds/` holds the resources. A case is an object, and for updates also the old one; `tests/cluster` sends them to a real
API server, whose answers are kept in `verdicts.json` for the tests that run without one.
"""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

FOLDER: Final = Path(__file__).parent
GROUP: Final = "admission.example.com"
DROP: Final = object()


def load(name: str) -> dict[str, Any]:
    crd: dict[str, Any] = yaml.safe_load((FOLDER / "crds" / f"{name}.yaml").read_text())
    return crd


CRDS: Final = {"Widget": load("widgets"), "Holder": load("holders")}
BASES: Final[dict[str, dict[str, Any]]] = {
    "Widget": {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Widget",
        "metadata": {"name": "w", "namespace": "default"},
        "spec": {"mode": "Fast"},
    },
    "Holder": {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Holder",
        "metadata": {"name": "h"},
        "spec": {"mode": "On"},
    },
}
# Valid objects with a value in every field, for random mutation.
COMPLETE: Final[dict[str, dict[str, Any]]] = {
    "Widget": {
        "apiVersion": "admission.example.com/v1",
        "kind": "Widget",
        "metadata": {
            "name": "w",
            "namespace": "default",
            "labels": {"a": "b"},
            "annotations": {"c": "d"},
            "finalizers": ["a.b/c"],
            "ownerReferences": [{"apiVersion": "v1", "kind": "K", "name": "n", "uid": "u", "controller": True}],
        },
        "spec": {
            "mode": "Fast",
            "replicas": 3,
            "size": 6,
            "big": 5,
            "ratio": 1.5,
            "level": 2,
            "single": 2.5,
            "name": "abc",
            "unanchored": "abc",
            "unicode": "é",
            "flag": True,
            "note": None,
            "kindOrNull": "A",
            "port": 80,
            "amount": "5Ki",
            "labels": {"a": "b"},
            "counts": {"a": 1, "b": None},
            "open": {"x": 1},
            "matrix": [[1, 2], [3]],
            "tags": ["a", "b"],
            "numbers": [1, 2.5],
            "pairs": [{"a": 1}, {"a": 2, "b": "x"}],
            "ports": [{"name": "a", "number": 1}, {"name": "b", "protocol": "UDP"}],
            "listeners": [{"host": "a"}, {"host": "a", "port": 1, "weight": 2}],
            "items": ["a", None],
            "defaultedItems": ["a"],
            "nested": {"enabled": False, "deep": {"level": 2, "text": "x"}},
            "optional": {"value": "x"},
            "choice": {"a": "aa"},
            "any": {"a": "aa"},
            "all": "ab",
            "never": "ok",
            "ip": "10.0.0.1",
            "ip6": "::1",
            "cidr": "10.0.0.0/8",
            "date": "2024-01-01",
            "time": "2024-01-01T00:00:00Z",
            "lasting": "1h",
            "uuid": "123e4567-e89b-12d3-a456-426614174000",
            "data": "aGk=",
            "secret": "x",
            "short": "a",
            "long": "a.b",
            "unknownFormat": "x",
            "step": 0.5,
        },
        "status": {"selector": "x"},
    },
    "Holder": {
        "apiVersion": "admission.example.com/v1",
        "kind": "Holder",
        "metadata": {"name": "h", "generateName": "g-"},
        "spec": {
            "mode": "On",
            "fixed": "a",
            "low": 1,
            "high": 2,
            "nothing": "x",
            "lasts": "1h",
            "namespace": "ns",
            "dash-ed": "dash",
            "under__score": {"x.y": 1},
            "memory": "2Gi",
            "ratio": 1.0,
            "port": 8,
            "loose": 9,
            "names": ["one", "two"],
            "map": {"a": 2, "b": 4},
            "entries": [{"key": "a", "value": "x", "locked": False, "limit": 3}, {"key": "b"}],
            "limits": {"x": "y"},
            "counter": 5,
            "choice": {"a": "x"},
            "extra": {"x": {"y": 1}, "known": {"x": "z"}},
            "untyped": [1, {"a": 2}],
            "template": {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "p", "labels": {"a": "b"}},
                "spec": {"x": 1},
            },
            "pruned": {"apiVersion": "v1", "kind": "Pod", "spec": {"a": 1}},
        },
        "status": {"count": 1, "more": {}},
    },
}


@dataclass(frozen=True)
class Case:
    id: str
    obj: dict[str, Any]
    old: dict[str, Any] | None = None
    # The version by which the old object was stored; "lenient" takes invalid ones.
    stored_as: str = "v1"

    @property
    def kind(self) -> str:
        """Of the endpoint; the object may claim another."""
        return self.id.partition("/")[0].capitalize()


def edited(obj: Mapping[str, Any], edits: Mapping[str, Any]) -> dict[str, Any]:
    """A copy with values at `/`-separated paths set, or removed by DROP."""
    result = copy.deepcopy(dict(obj))
    for path, value in edits.items():
        *parents, last = path.split("/")
        at: Any = result
        for step in parents:
            at = at[int(step)] if isinstance(at, list) else at.setdefault(step, {})
        if value is DROP:
            del at[last]
        else:
            at[last] = value
    return result


def spec(kind: str, name: str, /, **fields: Any) -> Case:
    """A case that differs from the base in fields of its spec; `__` in a name stands for a dash."""
    edits = {f"spec/{field.replace('__', '-')}": value for field, value in fields.items()}
    return Case(f"{kind.lower()}/{name}", edited(BASES[kind], edits))


def whole(kind: str, name: str, edits: Mapping[str, Any]) -> Case:
    return Case(f"{kind.lower()}/{name}", edited(BASES[kind], edits))


def update(kind: str, name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Case:
    """Edits to the base: the old object, and the new one."""
    return Case(f"{kind.lower()}/update/{name}", edited(BASES[kind], new), edited(BASES[kind], old))


def kept(kind: str, name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Case:
    """An update of an object that is invalid by now: what did not change may stay wrong (ratcheting)."""
    return Case(f"{kind.lower()}/kept/{name}", edited(BASES[kind], new), edited(BASES[kind], old), "lenient")


def _values(kind: str, field: str, values: Mapping[str, Any]) -> list[Case]:
    return [spec(kind, f"{field}/{name}", **{field: value}) for name, value in values.items()]


_EVERY_TYPE: Final[dict[str, Any]] = {
    "null": None,
    "true": True,
    "zero": 0,
    "minus-one": -1,
    "one": 1,
    "one-float": 1.0,
    "half": 0.5,
    "minus-zero": -0.0,
    "huge-int": 2**63,
    "max-int64": 2**63 - 1,
    "min-int64": -(2**63),
    "exponent": 1e300,
    "tiny": 1e-7,
    "million": 1e6,
    "safe-float": float(2**53 - 1),
    "unsafe-float": float(2**53),
    "almost-whole": 1.0000000001,
    "empty-text": "",
    "text": "text",
    "digits": "12",
    "empty-list": [],
    "list": ["a"],
    "list-of-null": [None],
    "nested-list": [[1]],
    "empty-map": {},
    "map": {"a": 1},
    "map-of-null": {"a": None},
}
_WIDGET_FIELDS: Final = (
    *("mode", "replicas", "size", "big", "ratio", "step", "level", "halfBound", "single", "name", "flag", "note"),
    *("kindOrNull", "port", "amount", "labels", "counts", "closed", "open", "matrix", "tags", "numbers", "pairs"),
    *("ports", "listeners", "items", "defaultedItems", "nested", "optional", "choice", "any", "all", "never"),
    *("ip", "date", "time", "lasting", "data", "unknownFormat"),
)
_HOLDER_FIELDS: Final = (
    *("low", "high", "memory", "ratio", "port", "loose", "names", "map", "entries", "counter", "choice"),
    *("extra", "untyped", "template", "pruned"),
)

_NUMBERS: Final = [
    *_values("Widget", "size", {"bound": -5, "above": -4, "three": 3, "over-int32": 2**31 + 1, "multiple": 2**31 - 1}),
    *_values("Widget", "size", {"negative-multiple": -3, "float-three": 3.0, "float-four": 4.0, "over-as-float": 3e9}),
    *_values("Widget", "ratio", {"int": 2, "low": 0.25, "bound": 1000000.5, "int-low": 0, "over": 2_000_000}),
    *_values("Widget", "step", {"third": 0.3, "off": 0.35, "seven": 0.7, "int": 2, "large": 123456.7}),
    *_values("Widget", "level", {"four": 4, "float-two": 2.0, "two-and-half": 2.5}),
    *_values("Widget", "replicas", {"over-int32": 2**31, "way-over": 2**40, "negative": -3}),
    *_values("Widget", "single", {"over": 1e39, "under": 3e38}),
    *_values("Widget", "port", {"percent": "5%", "over": 70000, "bad": "5", "float": 2.0, "low": 0, "float-half": 2.5}),
    *_values("Widget", "amount", {"int": 5, "text": "5Ki", "bad": "5Kx", "float": 5.0}),
]
_STRINGS: Final = [
    *_values("Widget", "mode", {"lower": "fast", "quote": 'Fa"st', "html": "<a>&\u2028", "control": "a\x01\x7f\n\t"}),
    *_values("Widget", "mode", {"emoji": "😀", "unprintable": "\u200b\ue000", "surrogate": "\ud800", "nul": "\x00"}),
    *_values("Widget", "name", {"short": "a", "long": "abcdef", "wide": "éé", "emoji": "😀😀", "newline": "abc\n"}),
    *_values("Widget", "name", {"arabic-digit": "a٣", "nul": "ab\x00", "upper": "AB", "five": "abc12"}),
    *_values("Widget", "unanchored", {"inside": "abc", "absent": "ac", "empty": ""}),
    *_values("Widget", "unicode", {"greek": "αβγ", "digit": "1", "combining": "é", "long": "abcd"}),
    *_values("Widget", "all", {"both": "b", "short": "a", "not": "az", "fine": "ab"}),
    *_values("Widget", "never", {"bad": "bad", "good": "good"}),
    *_values("Widget", "ip", {"good": "10.0.0.1", "zeros": "010.000.0.1", "v6": "::1", "mapped": "::ffff:1.2.3.4"}),
    *_values("Widget", "ip", {"long": "1.2.3.4.5", "over": "256.1.1.1", "short": "1.2.3"}),
    *_values("Widget", "ip6", {"good": "fe80::1", "zone": "fe80::1%eth0", "v4": "1.2.3.4", "mapped": "::ffff:1.2.3.4"}),
    *_values("Widget", "cidr", {"good": "10.0.0.0/8", "host": "10.1.2.3/8", "over": "10.0.0.0/33", "v6": "fd00::/64"}),
    *_values("Widget", "cidr", {"bare": "10.0.0.0", "negative": "10.0.0.0/-1", "zeros": "10.0.0.0/08"}),
    *_values(
        "Widget", "date", {"good": "2024-02-29", "bad": "2023-02-29", "short": "2023-2-9", "year-zero": "0000-01-01"}
    ),
    *_values(
        "Widget",
        "time",
        {"good": "2024-01-01T10:00:00Z", "lower": "2024-01-01t10:00:00.5z", "leap": "2024-01-01T10:00:60Z"},
    ),
    *_values(
        "Widget",
        "time",
        {"local": "2024-01-01T10:00:00", "zone": "2024-01-01T10:00:00+02:00", "space": "2024-01-01 10:00:00Z"},
    ),
    *_values("Widget", "lasting", {"go": "1h30m", "scala": "3 weeks", "bare": "5", "zero": "0", "negative": "-1.5h"}),
    *_values(
        "Widget",
        "lasting",
        {"word": "22 nanoseconds", "inside": "about 5 minutes", "none": "soon", "overflow": "9999999999h"},
    ),
    *_values(
        "Widget",
        "uuid",
        {"good": "123E4567-e89b-12d3-a456-426614174000", "bare": "123e4567e89b12d3a456426614174000", "bad": "1"},
    ),
    *_values("Widget", "data", {"good": "aGk=", "url": "a_-=", "unpadded": "aGk", "newline": "aGk=\n"}),
    *_values("Widget", "short", {"good": "a-1", "dot": "a.b", "upper": "A", "long": "a" * 64}),
    *_values("Widget", "long", {"good": "a.b-c", "double": "a..b", "long": "a" * 254}),
]
_CONTAINERS: Final = [
    *_values(
        "Widget", "labels", {"three": {"a": "", "b": "", "c": ""}, "long": {"a": "abcd"}, "dotted": {"a.b/c": "abcd"}}
    ),
    *_values("Widget", "labels", {"number": {"a": 5}, "null": {"a": None, "b": "x"}}),
    *_values("Widget", "counts", {"null": {"a": None}, "text": {"a": "x"}, "float": {"a": 1.5}}),
    *_values("Widget", "matrix", {"empty-row": [[]], "negative": [[1], [2, -1]], "four": [[1], [1], [1], [1]]}),
    *_values(
        "Widget",
        "tags",
        {"twice": ["a", "b", "a"], "thrice": ["a", "a", "a"], "five": list("abcde"), "case": ["a", "A"]},
    ),
    *_values("Widget", "tags", {"numbers": [1, 1.0, 1], "nulls": [None, None], "two-pairs": ["a", "b", "b", "a"]}),
    *_values("Widget", "numbers", {"mixed": [1, 1.0], "same": [1.5, 1.5], "zeros": [0.0, -0.0], "ints": [2, 2]}),
    *_values("Widget", "pairs", {"same": [{"a": 1, "b": "<"}, {"b": "<", "a": 1}], "other": [{"a": 1}, {"a": 2}]}),
    *_values(
        "Widget", "ports", {"twice": [{"name": "a"}, {"name": "a", "number": 1}], "unnamed": [{}, {}], "text": ["a"]}
    ),
    *_values(
        "Widget",
        "ports",
        {
            "null": [None, {"name": "a"}],
            "default": [{"name": "a", "protocol": None}],
            "bad": [{"name": "", "protocol": "X"}],
        },
    ),
    *_values(
        "Widget",
        "listeners",
        {
            "default-key": [{"host": "a"}, {"host": "a", "port": 443}],
            "apart": [{"host": "a", "port": 1}, {"host": "a"}],
        },
    ),
    *_values(
        "Widget",
        "listeners",
        {"missing-host": [{}, {}], "html": [{"host": "<&>"}, {"host": "<&>"}], "null-host": [{"host": None}]},
    ),
    *_values("Widget", "items", {"nulls": ["a", None], "long": ["abc", "de"]}),
    *_values("Widget", "defaultedItems", {"nulls": ["a", None], "null-only": [None]}),
    *_values(
        "Widget",
        "nested",
        {"level": {"deep": {"level": 0}}, "null": {"deep": None, "enabled": None}, "text": {"deep": {"text": None}}},
    ),
    *_values("Widget", "optional", {"empty": {}, "null": {"value": None}, "wrong": {"value": 3, "more": 4}}),
    *_values(
        "Widget",
        "choice",
        {"none": {}, "both": {"a": "aa", "b": 10}, "short": {"a": "a"}, "low": {"b": 3}, "one": {"b": 11}},
    ),
    *_values("Widget", "choice", {"both-bad": {"a": "a", "b": 3}, "c-only": {"c": True}, "typed": {"a": 5}}),
    *_values("Widget", "any", {"none": {}, "short": {"a": "a"}, "b": {"b": 1}, "both": {"a": "a", "b": 1}}),
    *_values("Widget", "closed", {"one": {"x": 1}, "two": {"x": 1, "y": {"z": 2}}}),
    *_values("Widget", "open", {"one": {"x": 1}, "deep": {"x": {"y": 1}, "z": [{"w": 1}]}}),
]
_WHOLE: Final = [
    whole("Widget", "no-spec", {"spec": DROP}),
    whole("Widget", "null-spec", {"spec": None}),
    whole("Widget", "list-spec", {"spec": []}),
    whole("Widget", "empty-spec", {"spec": {}}),
    whole("Widget", "no-metadata", {"metadata": DROP}),
    whole("Widget", "null-metadata", {"metadata": None}),
    whole("Widget", "list-metadata", {"metadata": []}),
    whole("Widget", "text-metadata", {"metadata": "x"}),
    whole("Widget", "no-kind", {"kind": DROP}),
    whole("Widget", "null-kind", {"kind": None}),
    whole("Widget", "number-kind", {"kind": 3}),
    whole("Widget", "other-kind", {"kind": "Gadget", "spec/foo": 1}),
    whole("Widget", "lower-kind", {"kind": "widget"}),
    whole("Widget", "no-version", {"apiVersion": DROP}),
    whole("Widget", "other-version", {"apiVersion": f"{GROUP}/v2"}),
    whole("Widget", "other-group", {"apiVersion": "other.example.com/v1"}),
    whole("Widget", "bad-version", {"apiVersion": "a/b/c"}),
    whole("Widget", "number-version", {"apiVersion": 1}),
    whole("Widget", "unknown-root", {"data": {}, "stringData": 1}),
    whole(
        "Widget",
        "unknown-deep",
        {"spec/foo": 1, "spec/nested": {"deep": {"bar": []}}, "spec/ports": [{"name": "a", "x": 1}]},
    ),
    whole("Widget", "unknown-and-invalid", {"spec/foo": 1, "spec/mode": "x"}),
    whole("Widget", "unknown-metadata", {"metadata/foo": 1, "metadata/Labels": {}, "spec/foo": 1}),
    whole("Widget", "unknown-owner-field", {"metadata/ownerReferences": [{"foo": 1}]}),
    whole("Widget", "empty-name", {"metadata/name": ""}),
    whole("Widget", "null-name", {"metadata/name": None}),
    whole("Widget", "upper-name", {"metadata/name": "Up_per"}),
    whole("Widget", "long-name", {"metadata/name": "a" * 254}),
    whole("Widget", "dotted-name", {"metadata/name": "a.b.c"}),
    whole("Widget", "digit-name", {"metadata/name": "1a"}),
    whole("Widget", "41-letters", {"metadata/name": "a" * 41}),
    whole("Widget", "slash-name", {"metadata/name": "a/b"}),
    whole("Widget", "number-name", {"metadata/name": 5}),
    whole("Widget", "generate-name", {"metadata/name": DROP, "metadata/generateName": "gen-"}),
    whole("Widget", "name-and-bad-generate", {"metadata/generateName": "Gen_"}),
    whole("Widget", "bad-label-key", {"metadata/labels": {"a/b/c": "x", "/x": "y", "-": ""}}),
    whole("Widget", "bad-label-value", {"metadata/labels": {"a": "-", "b": "x" * 64, "c": "ü"}}),
    whole("Widget", "bad-label-prefix", {"metadata/labels": {"A.B/c": "x", "a/": "x"}}),
    whole("Widget", "number-label", {"metadata/labels": {"a": 1}}),
    whole("Widget", "null-label", {"metadata/labels": {"a": None}}),
    whole("Widget", "list-labels", {"metadata/labels": ["a"]}),
    whole("Widget", "text-labels", {"metadata/labels": "a"}),
    whole("Widget", "null-labels", {"metadata/labels": None}),
    whole("Widget", "upper-annotation", {"metadata/annotations": {"A.B/C": "x", "a b": ""}}),
    whole("Widget", "bool-annotation", {"metadata/annotations": {"a": True}}),
    whole("Widget", "huge-annotation", {"metadata/annotations": {"a": "x" * 262144}}),
    whole("Widget", "finalizers", {"metadata/finalizers": ["a.b/c", "bad finalizer", ""]}),
    whole("Widget", "text-finalizers", {"metadata/finalizers": "a"}),
    whole("Widget", "number-finalizer", {"metadata/finalizers": ["a/b", 3]}),
    whole("Widget", "both-finalizers", {"metadata/finalizers": ["orphan", "foregroundDeletion"]}),
    whole("Widget", "owner-empty", {"metadata/ownerReferences": [{}]}),
    whole("Widget", "owner-null", {"metadata/ownerReferences": [None]}),
    whole(
        "Widget",
        "owner-bad-version",
        {"metadata/ownerReferences": [{"apiVersion": "a/b/c", "kind": "K", "name": "n", "uid": "u"}]},
    ),
    whole(
        "Widget",
        "two-controllers",
        {
            "metadata/ownerReferences": [
                {"apiVersion": "v1", "kind": "K", "name": "n", "uid": "u", "controller": True},
                {"apiVersion": "v1", "kind": "K", "name": "m", "uid": "v", "controller": True},
            ]
        },
    ),
    whole("Widget", "owner-text-controller", {"metadata/ownerReferences": [{"controller": "yes"}]}),
    whole("Widget", "generation-text", {"metadata/generation": "1"}),
    whole("Widget", "generation-half", {"metadata/generation": 1.5}),
    whole("Widget", "generation-float", {"metadata/generation": 2.0}),
    whole("Widget", "timestamp-null", {"metadata/creationTimestamp": None}),
    whole("Widget", "timestamp-good", {"metadata/creationTimestamp": "2024-01-01T00:00:00Z"}),
    whole("Widget", "timestamp-bad", {"metadata/creationTimestamp": "yesterday"}),
    whole("Widget", "timestamp-number", {"metadata/creationTimestamp": 3}),
    whole("Widget", "uid-number", {"metadata/uid": 3}),
    whole("Widget", "status-dropped", {"status": {"replicas": "x"}}),
    whole("Widget", "status-unknown", {"status": {"foo": 1}}),
    whole("Widget", "status-text", {"status": "x"}),
    whole("Holder", "namespace-dropped", {"metadata/namespace": "default"}),
    whole("Holder", "status-kept", {"status": {"count": "x", "more": 1}}),
    whole("Holder", "status-off", {"status": {}, "spec/mode": "Off"}),
    whole("Holder", "forbidden-name", {"metadata/name": "forbidden"}),
    whole("Holder", "blocked-rules", {"metadata/name": "forbidden", "spec/low": "x"}),
    whole("Holder", "unblocked-rules", {"metadata/name": "forbidden", "spec/entries": [{"key": "a", "limit": 11}]}),
]
_RULES: Final = [
    spec("Holder", "low-high", low=5, high=3),
    spec("Holder", "thirteen", low=13),
    spec("Holder", "fourteen", low=14),
    spec("Holder", "high-zero", high=0),
    spec("Holder", "high-float", high=1.0),
    spec("Holder", "high-over-100", high=101),
    *_values(
        "Holder",
        "memory",
        {"small": "1Gi", "large": "2Ti", "fine": "1.5Gi", "bad": "1Gib", "empty": "", "exponent": "1e12"},
    ),
    *_values(
        "Holder",
        "memory",
        {"milli": "1500000000000m", "negative": "-5Gi", "plus": "+2Gi", "dot": "2.Gi", "cap": "100Ei"},
    ),
    *_values(
        "Holder",
        "memory",
        {each: each for each in ("Gi", ".", "+", "-", "5e", "2Gi-", "5kk", "1e-20", "2G5", "3000Mi")},
    ),
    spec("Holder", "namespace", namespace="dash"),
    spec("Holder", "dashed", namespace="x", dash__ed="x"),
    Case("holder/under-score", edited(BASES["Holder"], {"spec/under__score": {"x.y": 0}})),
    Case("holder/under-score-empty", edited(BASES["Holder"], {"spec/under__score": {}})),
    *_values("Holder", "ratio", {"int-two": 2, "between": 1.75, "three": 3, "one": 1.0}),
    *_values("Holder", "port", {"low": 5, "high": 80, "p": "p", "q": "q"}),
    *_values("Holder", "loose", {"text": "x", "low": 3, "high": 8}),
    *_values(
        "Holder",
        "names",
        {"upper": ["one", "ABC"], "four": ["one", "four"], "third": ["one", "two", "third"], "none": ["two"]},
    ),
    *_values(
        "Holder",
        "names",
        {"symbols": ["one", "a-b"], "wide": ["one", "éééé"], "nul": ["one", "a\x00"], "six": list("abcdef")},
    ),
    *_values(
        "Holder",
        "map",
        {"odd": {"x": 3}, "long-key": {"long": 2}, "a-without-b": {"a": 2}, "a-low-b": {"a": 2, "b": 0}},
    ),
    *_values(
        "Holder", "map", {"no": {"no": 2}, "null": {"x": None}, "a-null-b": {"a": 2, "b": None}, "dots": {"a.b": 3}}
    ),
    *_values("Holder", "entries", {"never": [{"key": "a", "value": "never"}], "equal": [{"key": "a", "value": "a"}]}),
    *_values(
        "Holder", "entries", {"null-value": [{"key": "a", "value": None}], "both": [{"key": "never", "value": "never"}]}
    ),
    *_values("Holder", "counter", {"seven": 7, "eight": 8}),
    *_values(
        "Holder", "choice", {"a": {"a": ""}, "b": {"b": {}}, "a-null": {"a": None}, "a-and-b": {"a": "x", "b": {}}}
    ),
    *_values(
        "Holder", "extra", {"unknown": {"x": {"y": 1}}, "known-unknown": {"known": {"y": 1}}, "null": {"x": None}}
    ),
    *_values(
        "Holder", "template", {"kind": {"apiVersion": "v1", "kind": "Pod"}, "bad": {"apiVersion": "v1", "kind": "Bad"}}
    ),
    *_values(
        "Holder",
        "template",
        {"empty-kind": {"apiVersion": "", "kind": ""}, "symbols": {"apiVersion": "a/b/c", "kind": "P od"}},
    ),
    *_values(
        "Holder",
        "template",
        {
            "typed": {"apiVersion": 1, "kind": "Pod"},
            "labels": {"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"a": 1}}},
        },
    ),
    *_values("Holder", "template", {"x": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}}}),
    *_values(
        "Holder",
        "template",
        {"slash": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a/b", "namespace": "N"}}},
    ),
    *_values("Holder", "template", {"meta-unknown": {"apiVersion": "v1", "kind": "Pod", "metadata": {"foo": 1}}}),
    *_values("Holder", "template", {"meta-null": {"apiVersion": "v1", "kind": "Pod", "metadata": None}}),
    *_values(
        "Holder", "template", {"meta-labels": {"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"a b": ""}}}}
    ),
    *_values("Holder", "pruned", {"extra": {"apiVersion": "v1", "kind": "Pod", "foo": 1, "spec": {"a": 1, "b": 2}}}),
    *_values(
        "Holder",
        "pruned",
        {"fine": {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "x-"}, "spec": {"a": 1}}},
    ),
]
_UPDATES: Final = [
    update("Widget", "same", {}, {}),
    update("Widget", "valid", {}, {"spec/mode": "Slow"}),
    update("Widget", "invalid", {}, {"spec/mode": "x", "spec/name": "A"}),
    update("Widget", "unknown", {}, {"spec/foo": 1}),
    update("Widget", "labels", {}, {"metadata/labels": {"a b": "-"}}),
    update("Widget", "renamed", {}, {"metadata/name": "other"}),
    update("Widget", "unnamed", {}, {"metadata/name": ""}),
    update("Widget", "status-ignored", {}, {"status": {"replicas": "x"}}),
    update("Widget", "list-twice", {"spec/tags": ["a"]}, {"spec/tags": ["a", "a"]}),
    update("Widget", "ports", {"spec/ports": [{"name": "a"}]}, {"spec/ports": [{"name": "a", "number": 70000}]}),
    update("Widget", "float-to-int", {"spec/ratio": 1.0}, {"spec/ratio": 1}),
    update("Holder", "fixed", {"spec/fixed": "a"}, {"spec/fixed": "b"}),
    update("Holder", "fixed-removed", {"spec/fixed": "a"}, {}),
    update("Holder", "fixed-added", {}, {"spec/fixed": "a"}),
    update("Holder", "fixed-same", {"spec/fixed": "a"}, {"spec/fixed": "a", "spec/low": 1}),
    update("Holder", "counter-falls", {"spec/counter": 5}, {"spec/counter": 4}),
    update("Holder", "counter-rises", {"spec/counter": 5}, {"spec/counter": 6}),
    update("Holder", "counter-appears", {}, {"spec/counter": 6}),
    update("Holder", "counter-seven", {"spec/counter": 5}, {"spec/counter": 7}),
    update(
        "Holder",
        "locked",
        {"spec/entries": [{"key": "a", "locked": True, "value": "x"}]},
        {"spec/entries": [{"key": "a", "locked": True, "value": "y"}]},
    ),
    update(
        "Holder",
        "locked-moved",
        {"spec/entries": [{"key": "a", "locked": True}, {"key": "b"}]},
        {"spec/entries": [{"key": "b"}, {"key": "c"}, {"key": "a", "locked": True}]},
    ),
    update(
        "Holder", "locked-replaced", {"spec/entries": [{"key": "a", "locked": True}]}, {"spec/entries": [{"key": "b"}]}
    ),
    update("Holder", "unlocked", {"spec/entries": [{"key": "a"}]}, {"spec/entries": [{"key": "a", "locked": True}]}),
    update("Holder", "rule-broken", {"spec/low": 1, "spec/high": 2}, {"spec/low": 3, "spec/high": 2}),
    update("Holder", "status", {}, {"status": {"count": 1}, "spec/mode": "Off"}),
]

_TWICE: Final = {"apiVersion": "v1", "kind": "K", "name": "n", "uid": "u", "controller": True}
_KEPT: Final = [
    kept("Widget", "same", {"spec/mode": "Bad"}, {"spec/mode": "Bad", "spec/level": 2}),
    kept("Widget", "other", {"spec/mode": "Bad"}, {"spec/mode": "Worse"}),
    kept("Widget", "repaired", {"spec/mode": "Bad"}, {"spec/mode": "Fast"}),
    kept(
        "Widget",
        "item-moved",
        {"spec/ports": [{"name": "a", "number": 70000}]},
        {"spec/ports": [{"name": "b"}, {"name": "a", "number": 70000}]},
    ),
    kept(
        "Widget",
        "item-changed",
        {"spec/ports": [{"name": "a", "number": 70000}]},
        {"spec/ports": [{"name": "a", "number": 70001}]},
    ),
    kept("Widget", "atomic-grown", {"spec/matrix": [[-1]]}, {"spec/matrix": [[-1], [1]]}),
    kept("Widget", "atomic-same", {"spec/matrix": [[-1]]}, {"spec/matrix": [[-1]], "spec/flag": True}),
    kept("Widget", "map-value", {"spec/labels": {"a": "long"}}, {"spec/labels": {"a": "long", "b": "x"}}),
    kept("Widget", "junctor", {"spec/choice": {"a": "a"}}, {"spec/choice": {"a": "a", "c": True}}),
    kept("Widget", "junctor-same", {"spec/choice": {"a": "a"}}, {"spec/choice": {"a": "a"}, "spec/flag": True}),
    kept("Widget", "set", {"spec/tags": ["a", "a"]}, {"spec/tags": ["a", "a", "b", "b"]}),
    kept("Widget", "missing", {"spec": {"flag": True}}, {"spec": {"flag": False}}),
    kept("Widget", "whole", {"spec": {"flag": True}}, {"spec": {"flag": True}}),
    kept("Widget", "type", {"spec/size": "x"}, {"spec/size": "x", "spec/flag": True}),
    kept("Widget", "float", {"spec/size": 3.0}, {"spec/size": 3}),
    kept("Holder", "rule", {"spec/counter": 7}, {"spec/counter": 7, "spec/low": 1}),
    kept("Holder", "rule-above", {"spec/low": 13}, {"spec/low": 13, "spec/high": 20}),
    kept("Holder", "rule-and-transition", {"spec/counter": 8}, {"spec/counter": 7}),
    kept("Holder", "rule-in-item", {"spec/names": ["ABC", "one"]}, {"spec/names": ["ABC", "one", "x"]}),
    kept(
        "Holder",
        "rule-in-map-item",
        {"spec/entries": [{"key": "a", "value": "never"}]},
        {"spec/entries": [{"key": "b"}, {"key": "a", "value": "never"}]},
    ),
    kept("Holder", "rule-on-type", {"spec/counter": "x"}, {"spec/counter": "x", "spec/low": 1}),
    whole("Widget", "owner-twice", {"metadata/ownerReferences": [_TWICE, _TWICE]}),
    whole("Widget", "long-label-prefix", {"metadata/labels": {"a" * 254 + "/b": "x"}}),
    *_values("Widget", "time", {"hour-24": "2024-01-01T24:00:00Z", "minute-60": "2024-01-01T23:60:00Z"}),
    *_values(
        "Holder",
        "lasts",
        {each: each for each in ("90s", "89s", "1m30s", "0h", "89999ms", "99999h99999h", "1m1m", "x", "1m\n")},
    ),
    *_values("Holder", "maybe", {"null": None, "short": "a", "long": "ab"}),
]

CROSSED: Final[tuple[Case, ...]] = tuple(
    case
    for kind, fields in (("Widget", _WIDGET_FIELDS), ("Holder", _HOLDER_FIELDS))
    for field in fields
    for case in _values(kind, field, {f"as-{name}": value for name, value in _EVERY_TYPE.items()})
)
NAMED: Final[tuple[Case, ...]] = (
    *(spec(kind, "base") for kind in BASES),
    *_NUMBERS,
    *_STRINGS,
    *_CONTAINERS,
    *_WHOLE,
    *_RULES,
    *_UPDATES,
    *_KEPT,
)
CASES: Final = CROSSED + NAMED


Verdicts = dict[str, list[list[str]]]
_VERDICTS: Final = FOLDER / "verdicts.json"


def recorded() -> Verdicts:
    """What the API server answered: per case its causes as (field, message, reason); none = accepted."""
    verdicts: Verdicts = json.loads(_VERDICTS.read_text())
    return verdicts


def record(verdicts: Verdicts) -> None:
    """Keeps answers, one case a line; those of other cases stay."""
    merged = {id_: told for id_, told in (recorded() | verdicts).items() if id_ in {case.id for case in CASES}}
    lines = (f"{json.dumps(id_)}: {json.dumps(merged[id_], ensure_ascii=False)}" for id_ in sorted(merged))
    _VERDICTS.write_text("{\n" + ",\n".join(lines) + "\n}\n")
