"""How API servers spell what objects are called and find each other by."""

import ipaddress
from typing import Any

import pytest

from isochrone.verify import syntax

LONG = "a" * 63


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        *((text, True) for text in ("a", "0", "a-b", "0a9", LONG)),
        *((text, False) for text in ("", "-a", "a-", "a.b", "A", "a_b", "a\n", "é", f"{LONG}a")),
    ],
)
def test_names_without_dots(text: str, *, is_one: bool) -> None:
    assert syntax.is_label(text) is is_one


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        *((text, True) for text in ("a", "a.b", "0-1.a", f"{LONG}a", ".".join([LONG] * 3 + [LONG[:61]]))),
        *((text, False) for text in ("", ".", "a.", ".a", "a..b", "-a.b", "a.-b", "a-.b", "A", "a_b", "a!", "a\n")),
        (".".join([LONG] * 3 + [LONG[:62]]), False),
    ],
)
def test_names_with_dots(text: str, *, is_one: bool) -> None:
    assert syntax.is_subdomain(text) is is_one


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        *((text, True) for text in ("", "a", "A", "9", "a-_.Z", LONG)),
        *((text, False) for text in ("-", "a-", "_a", "a b", "a/b", "a\n", "é", f"{LONG}a")),
    ],
)
def test_values_of_labels(text: str, *, is_one: bool) -> None:
    assert syntax.is_value(text) is is_one


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        *((text, True) for text in ("a", "A_b", "example.com/A.b", f"{LONG}/{LONG}")),
        *((text, False) for text in ("", "/", "a/", "/a", "a/b/c", "A.com/b", "a b", "k8s:a", f"a/{LONG}a")),
    ],
)
def test_keys_of_labels(text: str, *, is_one: bool) -> None:
    assert syntax.is_key(text) is is_one


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("a", True), ("k8s:a.b/c", True), ("any:a", True), ("k8s::a", False), ("a:", False), (":", False)],
)
def test_keys_of_ciliums_labels(text: str, *, is_one: bool) -> None:
    assert syntax.is_cilium_key(text) is is_one


@pytest.mark.parametrize(("text", "is_one"), [("A.com/b", True), ("a", True), ("a b", False), ("", False)])
def test_keys_of_annotations(text: str, *, is_one: bool) -> None:
    assert syntax.is_annotation(text) is is_one


@pytest.mark.parametrize(
    ("found", "is_one"),
    [(1, True), (65535, True), (0, False), (65536, False), (-1, False), (True, False), ("80", False), (80.0, False)],
)
def test_numbers_of_ports(found: Any, *, is_one: bool) -> None:
    assert syntax.is_port(found) is is_one


@pytest.mark.parametrize(
    ("found", "is_one"),
    [
        *((found, True) for found in ("a", "http", "a1", "1a", "http-2", "a" * 15)),
        *((found, False) for found in ("", "80", "A", "-a", "a-", "a--b", "a_b", "a\n", "a" * 16, "8-0", None, 80)),
    ],
)
def test_names_of_ports(found: Any, *, is_one: bool) -> None:
    assert syntax.is_port_name(found) is is_one


@pytest.mark.parametrize(
    ("found", "is_one"),
    [
        ("1", True),
        ("65535", True),
        ("0", False),
        ("65536", False),
        ("²", False),
        ("", False),
        ("http", False),
        (1, False),
    ],
)
def test_numbers_of_ports_as_text(found: Any, *, is_one: bool) -> None:
    assert syntax.is_port_text(found) is is_one


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.7/24", "192.0.2.0/24"),
        ("2001:DB8::/32", "2001:db8::/32"),
        *((text, None) for text in ("192.0.2.0", "192.0.2.0/33", "192.0.2.0/255.255.255.0", "x", "fe80::%1/64", "/8")),
    ],
)
def test_networks(text: str, found: str | None) -> None:
    assert syntax.network(text) == (None if found is None else ipaddress.ip_network(found))


@pytest.mark.parametrize(
    ("part", "is_one"),
    [("10.1.0.0/16", True), ("10.0.0.0/8", False), ("0.0.0.0/0", False), ("11.0.0.0/16", False), ("::/16", False)],
)
def test_parts_of_networks(part: str, *, is_one: bool) -> None:
    assert syntax.is_within(ipaddress.ip_network(part), ipaddress.ip_network("10.0.0.0/8")) is is_one
