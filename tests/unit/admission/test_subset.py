"""What the lint refuses, and that it refuses nothing else."""

from typing import Any

import pytest
from tests.unit.admission import cases

from isochrone.admission import Schema, UnsupportedSchema, lint_crd, patterns


def crd(spec: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"spec": {"type": "object", **spec}}}
    version = {"name": "v1", "served": True, "schema": {"openAPIV3Schema": schema}}
    return {"spec": {"group": "g", "scope": "Cluster", "names": {"kind": "K"}, "versions": [version]}}


FIELDS: dict[str, Any] = {
    "text": {"type": "string", "maxLength": 10},
    "long": {"type": "string"},
    "mode": {"type": "string", "enum": ["A", "B"]},
    "count": {"type": "integer"},
    "ratio": {"type": "number"},
    "flag": {"type": "boolean"},
    "time": {"type": "string", "format": "date-time"},
    "either": {"x-kubernetes-int-or-string": True, "maxLength": 5},
    "names": {"type": "array", "maxItems": 5, "items": {"type": "string", "maxLength": 5}},
    "endless": {"type": "array", "items": {"type": "string", "maxLength": 5}},
    "tags": {
        "type": "array",
        "maxItems": 5,
        "x-kubernetes-list-type": "set",
        "items": {"type": "string", "maxLength": 5},
    },
    "map": {"type": "object", "maxProperties": 5, "additionalProperties": {"type": "integer"}},
    "object": {
        "type": "object",
        "properties": {"a-b": {"type": "integer"}, "kept": {"x-kubernetes-preserve-unknown-fields": True}},
    },
    "holder": {
        "type": "object",
        "properties": {
            "tags": {"type": "array", "maxItems": 2, "x-kubernetes-list-type": "set", "items": {"type": "integer"}}
        },
    },
}


def complaints(rule: str | dict[str, Any]) -> list[str]:
    entry = {"rule": rule, "message": "no"} if isinstance(rule, str) else rule
    return lint_crd(crd({"properties": FIELDS, "x-kubernetes-validations": [entry]}))


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param("self.count > 3 && self.ratio < 2.5 || !self.flag", id="operators"),
        pytest.param("!has(self.text) || self.text.size() > 2", id="has"),
        pytest.param("has(self.long) != has(self.text)", id="has-of-unbounded"),
        pytest.param("size(self.long) < 5", id="size-of-unbounded"),
        pytest.param("self.mode == 'A' || self.text in ['x', 'y']", id="enum"),
        pytest.param("self.names.all(n, n.startsWith('a') && n != 'abc')", id="all"),
        pytest.param("self.names.exists_one(n, n == 'a') || self.names.exists(n, n.endsWith('b'))", id="exists"),
        pytest.param("self.names.filter(n, n.contains('a')).size() < 2", id="filter"),
        pytest.param("self.names.map(n, n.size()).sum() < 20 && self.names.map(n, n.size()).max() < 9", id="map-sum"),
        pytest.param("self.map.all(k, k.lowerAscii() == k && self.map[k] > 0)", id="map-keys"),
        pytest.param("'a' in self.map && self.map.a > 1 && self.map['b'] % 2 == 0", id="map-values"),
        pytest.param("self.object.a__dash__b > 1", id="escaped"),
        pytest.param("type(self.either) == int ? self.either > 1 : self.either.matches('^[0-9]+%$')", id="either"),
        pytest.param("quantity(self.text).isGreaterThan(quantity('1Gi'))", id="quantity"),
        pytest.param("quantity(self.text).add(quantity('1')).compareTo(quantity('5')) < 0", id="quantity-sum"),
        pytest.param("self.names == oldSelf.names && self.count >= oldSelf.count", id="transition"),
        pytest.param("self.tags.all(t, t != 'x') && 'a' in self.tags", id="set"),
        pytest.param("!self.text.matches('^[0-9]{1,5}[hms]$') || duration(self.text) > duration('1m')", id="duration"),
        pytest.param("self.text.split(',').all(p, p.trim() == p)", id="split"),
    ],
)
def test_allowed_rules(rule: str) -> None:
    assert complaints(rule) == []


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        pytest.param("self.nothing == 1", "no field nothing", id="unknown-field"),
        pytest.param("self.object.kept == 1", "no field kept", id="untyped-field"),
        pytest.param("self.count.x == 1", "field x of a value of type integer", id="field-of-scalar"),
        pytest.param("other.x == 1", "doesn't compile", id="unknown-name"),
        pytest.param("self.count", "gives integer, not bool", id="not-bool"),
        pytest.param("self.count >", "doesn't compile", id="syntax"),
        pytest.param("self.?text.hasValue()", "doesn't compile", id="optional"),
        pytest.param("self.tags == oldSelf.tags", "list-type set or map", id="set-equality"),
        pytest.param("self.holder == oldSelf.holder", "list-type set or map", id="nested-set-equality"),
        pytest.param("(self.tags + ['a']).size() < 3", "list-type set or map", id="set-sum"),
        pytest.param("self.long == 'a'", "without maxLength", id="unbounded-text"),
        pytest.param("self.long.matches('a')", "without maxLength", id="unbounded-matches"),
        pytest.param("self.endless.all(e, e != '')", "without maxItems", id="unbounded-list"),
        pytest.param("self.object.all(k, k != '')", "can't be iterated", id="object-keys"),
        pytest.param("self.time == '2024'", "format date-time", id="retyped"),
        pytest.param("string(self.count) == '1'", "string is not supported", id="string-of"),
        pytest.param(
            "timestamp('2024-01-01T00:00:00Z') < timestamp(self.text)", "timestamp is not supported", id="time"
        ),
        pytest.param("duration(self.text) > duration('1m')", "keeps to plain durations", id="unguarded-duration"),
        pytest.param("{'a': 1}.size() == self.count", "map literals", id="map-literal"),
        pytest.param("self.text.matches(self.mode)", "literal pattern", id="computed-pattern"),
        pytest.param("self.text.matches('\\\\d')", "ASCII in RE2", id="unicode-class"),
        pytest.param("self.text.isGreaterThan('1')", "for two quantities", id="no-quantity"),
        pytest.param("self.names.indexOf('a') == 0", "on strings only", id="list-index"),
        pytest.param({"rule": "true"}, "neither message nor messageExpression", id="no-message"),
        pytest.param({"rule": "true", "message": "a\nb"}, "more than one line", id="two-lines"),
        pytest.param({"rule": "true", "message": "m", "reason": "Odd"}, "unknown reason", id="reason"),
        pytest.param(
            {"rule": "true", "messageExpression": "self.count"}, "gives integer, not string", id="message-type"
        ),
        pytest.param(
            {"rule": "true", "message": "m", "fieldPath": ".nothing"}, "no field of the schema", id="field-path"
        ),
        pytest.param({"rule": "true", "message": "m", "fieldPath": "text"}, "not a chain", id="bad-field-path"),
        pytest.param({"rule": "true", "message": "m", "optionalOldSelf": True}, "optionalOldSelf", id="optional-old"),
        pytest.param({"rule": " ", "message": "m"}, "empty rule", id="empty"),
    ],
)
def test_refused_rules(rule: str | dict[str, Any], complaint: str) -> None:
    found = complaints(rule)
    assert len(found) >= 1
    assert complaint in found[0]


def test_whole_objects_are_not_compared() -> None:
    schema = crd({})
    root = schema["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    root["x-kubernetes-validations"] = [{"rule": "self == oldSelf", "message": "immutable"}]
    assert "whole object" in lint_crd(schema)[0]


def test_rules_below_endless_lists_are_refused() -> None:
    item = {"type": "integer", "x-kubernetes-validations": [{"rule": "self > 0", "message": "m"}]}
    inner = {"type": "array", "maxItems": 2, "items": item}
    found = lint_crd(crd({"properties": {"outer": {"type": "array", "items": inner}}}))
    assert found == ["v1: spec.outer[][]: rules below spec.outer, which has no maxItems or maxProperties"]
    assert lint_crd(crd({"properties": {"outer": {"type": "array", "maxItems": 2, "items": inner}}})) == []


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", id="name"),
        pytest.param("^$|^(?:[A-Z]{2}(?:-[A-Z0-9]{1,3})?)$", id="alternatives"),
        pytest.param(r"^[^\s]$".replace(r"\s", " "), id="negated"),
        pytest.param(r"^\.\-\\d[$(?+*]+\$?$".replace(r"\$?", ""), id="escapes"),
        pytest.param("a{2,}b{3}c{1,4}", id="counts"),
        pytest.param("^é+$", id="wide"),
    ],
)
def test_patterns_that_mean_the_same_everywhere(pattern: str) -> None:
    assert list(patterns.differences(pattern)) == []


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            pytest.param(escape, id=escape)
            for escape in (r"\d", r"\w+", r"[\s]", r"a\b", r"a\Z", r"a\z", r"\pL", r"\1(a)")
        ),
        *(pytest.param(group, id=group) for group in ("a(?=b)", "(?!a)", "(?<=a)b", "(?P<n>a)", "(?i)a", "(?a:b)")),
        *(
            pytest.param(other, id=other)
            for other in ("a++", "a{2}+", "a{,3}", "[[:alpha:]]", "[[a]", "a$b", "(", "a**")
        ),
    ],
)
def test_patterns_that_engines_disagree_about(pattern: str) -> None:
    assert list(patterns.differences(pattern)) != []


def test_patterns_of_fields_and_of_junctors_are_read() -> None:
    field = {"type": "string", "pattern": r"\d", "anyOf": [{"pattern": r"\w"}]}
    assert [each.split(":")[1] for each in lint_crd(crd({"properties": {"f": field}}))] == [" spec.f", " spec.f"]


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        pytest.param({"$ref": "#/x"}, "not allowed in a structural schema", id="ref"),
        pytest.param({"type": "string", "format": "email"}, "format email", id="email"),
        pytest.param({"type": "string", "format": "uri"}, "format uri", id="uri"),
    ],
)
def test_unsupported_schemas_are_refused_by_name(schema: dict[str, Any], message: str) -> None:
    broken = crd({"properties": {"f": schema}})
    with pytest.raises(UnsupportedSchema, match=rf"properties\[f\].*{message}|properties\[f\]: .*{message}"):
        Schema.from_crd(broken)
    assert message in lint_crd(broken)[0]


def test_the_fixtures_stay_in_the_subset_but_for_what_they_test() -> None:
    told = [each for kind in cases.CRDS for each in lint_crd(cases.CRDS[kind])]
    assert {each.partition(": ")[2].split(":")[0] for each in told} == {
        *("spec.name", "spec.unicode", "spec.amount", "spec.port", "spec.loose"),
    }
