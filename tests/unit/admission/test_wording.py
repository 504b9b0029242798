"""Go's ways to print and to compare, which no API server is needed to check."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isochrone.admission import equality, gotext, identifiers, quantities, regex


@pytest.mark.parametrize(
    ("value", "plain", "encoded"),
    [
        pytest.param(0.0, "0", "0", id="zero"),
        pytest.param(-0.0, "-0", "-0", id="minus-zero"),
        pytest.param(1e6, "1e+06", "1000000", id="million"),
        pytest.param(100000.5, "100000.5", "100000.5", id="below-million"),
        pytest.param(123456789.0, "1.23456789e+08", "123456789", id="digits"),
        pytest.param(1e-4, "0.0001", "0.0001", id="small"),
        pytest.param(1e-5, "1e-05", "0.00001", id="smaller"),
        pytest.param(1e-7, "1e-07", "1e-7", id="tiny"),
        pytest.param(1e20, "1e+20", "100000000000000000000", id="large"),
        pytest.param(1e21, "1e+21", "1e+21", id="larger"),
        pytest.param(1.5e300, "1.5e+300", "1.5e+300", id="huge"),
        pytest.param(-2.5, "-2.5", "-2.5", id="negative"),
    ],
)
def test_floats(value: float, plain: str, encoded: str) -> None:
    assert gotext.number(value) == plain
    assert gotext.json_text(value) == encoded


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_printed_floats_read_as_themselves(value: float) -> None:
    assert float(gotext.number(value)) == value
    assert float(gotext.json_text(value)) == value


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        pytest.param('a"b\\', r'"a\"b\\"', id="quotes"),
        pytest.param("\a\b\f\n\r\t\v\x01\x7f", r'"\a\b\f\n\r\t\v\x01\x7f"', id="control"),
        pytest.param("é😀\u200b\ufeff\ue000", r'"é😀\u200b\ufeff\ue000"', id="unicode"),
        pytest.param("\U000e0001", r'"\U000e0001"', id="beyond-plane-0"),
    ],
)
def test_quoted_text(text: str, quoted: str) -> None:
    assert gotext.quote(text) == quoted


def test_json_is_sorted_by_bytes_and_safe_in_html() -> None:
    value = {"b": [1, True, None, 2.5], "a": "<&>\u2028\n", "é": {}, "\U00010000": 0, "\uffff": 1}
    expected = '{"a":"\\u003c\\u0026\\u003e\\u2028\\n","b":[1,true,null,2.5],"é":{},"\uffff":1,"\U00010000":0}'
    assert gotext.json_text(value) == expected


def test_values_in_running_text() -> None:
    assert gotext.scalar({"b": [1, "x", None], "a": True}) == "map[a:true b:[1 x <nil>]]"


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        pytest.param("name", "name", id="plain"),
        pytest.param("namespace", "__namespace__", id="reserved"),
        pytest.param("a-b.c/d", "a__dash__b__dot__c__slash__d", id="symbols"),
        pytest.param("a__b", "a__underscores__b", id="underscores"),
        pytest.param("a___b", "a__underscores___b", id="three-underscores"),
        pytest.param("1a", None, id="digit-first"),
        pytest.param("a b", None, id="blank"),
        pytest.param("é", None, id="wide"),
        pytest.param("", None, id="empty"),
    ],
)
def test_names_in_cel(name: str, identifier: str | None) -> None:
    assert identifiers.escape(name) == identifier


def test_field_paths() -> None:
    assert identifiers.field_path(r".a['b.c'].d['it\'s']", frozenset({"a"})) == "a.b.c.d.it's"
    with pytest.raises(ValueError, match="no field"):
        identifiers.field_path(".x", frozenset({"a"}))


@pytest.mark.parametrize(
    ("left", "right", "alike"),
    [
        pytest.param(1, 1.0, False, id="int-float"),
        pytest.param(1, True, False, id="int-bool"),
        pytest.param(0.0, -0.0, True, id="zeros"),
        pytest.param([1, {"a": None}], [1, {"a": None}], True, id="nested"),
        pytest.param({"a": 1}, {"a": 1.0}, False, id="nested-float"),
        pytest.param([1], [1, 2], False, id="longer"),
        pytest.param({"a": 1}, {"b": 1}, False, id="other-key"),
    ],
)
def test_equality_is_of_type_and_value(left: object, right: object, *, alike: bool) -> None:
    assert equality.same(left, right) is alike


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        pytest.param("1Gi", "1073741824/1", id="binary"),
        pytest.param("1.5G", "1500000000/1", id="decimal"),
        pytest.param("100m", "1/10", id="milli"),
        pytest.param("1e3", "1000/1", id="exponent"),
        pytest.param("1E-3", "1/1000", id="upper-exponent"),
        pytest.param("1E", "1000000000000000000/1", id="exa"),
        pytest.param("0.1n", "1/1000000000", id="rounded-up"),
        pytest.param("-0.1n", "-1/1000000000", id="rounded-away-from-zero"),
        pytest.param("100Ei", "9223372036854775807/1", id="capped"),
        pytest.param("+.5", "1/2", id="sign-and-dot"),
        pytest.param("Gi", "0/1", id="no-digits"),
    ],
)
def test_quantities(text: str, canonical: str) -> None:
    assert quantities.text(quantities.parse(text)) == canonical


@pytest.mark.parametrize("text", ["", "1.2.3", "1Gb", "abc", "1 Gi", "1e", "1e+", "--1", "1Gi1"])
def test_no_quantities(text: str) -> None:
    assert not quantities.is_quantity(text)


@given(st.integers(-(10**15), 10**15), st.sampled_from(["", "k", "M", "Ki", "Mi"]))
def test_quantities_add_up(count: int, suffix: str) -> None:
    one, many = quantities.parse(f"1{suffix}"), quantities.parse(f"{count}{suffix}")
    assert many == one * count or suffix.endswith("i")
    assert quantities.from_text(quantities.text(many)) == many


def test_a_wrong_pattern_is_an_error_not_a_mismatch() -> None:
    with pytest.raises(regex.InvalidPattern):
        regex.found("(", "")
