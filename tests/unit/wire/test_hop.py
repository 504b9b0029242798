"""The headers of a hop: what is written, and that nothing else is read."""

import pytest

from isochrone_gateway.wire import hop
from isochrone_gateway.wire.hop import BadHop, Hop

HOP = Hop(
    route="shop/chat",
    pool="shop/chat",
    tenant="shop/web",
    origin=frozenset({"DE", "US-CA"}),
    data_classes=frozenset({"health", "pii"}),
    is_bound=True,
    deadline_ms=30_000,
    affinity=17,
    request_id="req_0",
)
FIELDS = {
    b"x-isochrone-hop": b"1",
    b"x-isochrone-hop-route": b"shop/chat",
    b"x-isochrone-hop-pool": b"shop/chat",
    b"x-isochrone-hop-tenant": b"shop/web",
    b"x-isochrone-hop-origin": b"DE,US-CA",
    b"x-isochrone-hop-data-classes": b"health,pii",
    b"x-isochrone-hop-bound": b"yes",
    b"x-isochrone-hop-deadline-ms": b"30000",
    b"x-isochrone-hop-affinity": b"17",
    b"x-request-id": b"req_0",
}


def fields_of(lines: bytes) -> dict[bytes, bytes]:
    pairs = (line.split(b": ") for line in lines.split(b"\r\n") if line)
    return {name: value for name, value in pairs}  # noqa: C416 - each pair must have two parts


def written(each: Hop) -> dict[bytes, bytes]:
    whose = hop.whose(
        route=each.route,
        pool=each.pool,
        tenant=each.tenant,
        origin=each.origin,
        data_classes=each.data_classes,
        is_bound=each.is_bound,
    )
    lines = whose + hop.attempt(deadline_ms=each.deadline_ms, affinity=each.affinity)
    return fields_of(lines) | {b"x-request-id": each.request_id.encode()}


def test_what_is_written_is_what_is_read() -> None:
    assert written(HOP) == FIELDS
    assert hop.parse({**FIELDS, b"host": b"par", b"content-type": b"application/json"}) == HOP


def test_nothing_is_said_as_such() -> None:
    nothing = Hop(
        route="a/b",
        pool="a/b",
        tenant=None,
        origin=frozenset(),
        data_classes=frozenset(),
        is_bound=False,
        deadline_ms=1,
        affinity=None,
        request_id="-",
    )
    fields = written(nothing)
    assert list(fields.values()).count(b"-") == 5
    assert hop.parse(fields) == nothing


def test_elsewhere_has_a_sign_of_its_own() -> None:
    fields = fields_of(
        hop.whose(route="a/b", pool="a/b", tenant=None, origin=("DE", ""), data_classes=(), is_bound=False)
    )
    assert fields[b"x-isochrone-hop-origin"] == b"*,DE"
    found = hop.parse(FIELDS | fields)
    assert isinstance(found, Hop)
    assert found.origin == {"", "DE"}


def test_classes_that_no_policy_can_name_are_left_out() -> None:
    """Callers whose tenant may add classes by a header may write anything there."""
    classes = ("pii", "Health", "a,b", "x\r\ny: z", "é", "", "-", "a" * 64)
    fields = fields_of(hop.whose(route="a/b", pool="a/b", tenant=None, origin=(), data_classes=classes, is_bound=False))
    assert fields[b"x-isochrone-hop-data-classes"] == b"pii"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(-5, b"1", id="none left"),
        pytest.param(0, b"1", id="less than one left"),
        pytest.param(10**15, b"31622400000", id="more than can be said"),
    ],
)
def test_the_time_that_is_left_is_always_one_that_can_be_read(given: int, expected: bytes) -> None:
    assert fields_of(hop.attempt(deadline_ms=given, affinity=None))[b"x-isochrone-hop-deadline-ms"] == expected


@pytest.mark.parametrize("name", FIELDS)
def test_each_header_must_be_there(name: bytes) -> None:
    found = hop.parse({key: value for key, value in FIELDS.items() if key != name})
    assert isinstance(found, BadHop)
    assert f"{name.decode()} is missing" in found.text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("", "", id="no version"),
        pytest.param("", "2", id="another version"),
        pytest.param("", "1.0", id="nearly the version"),
        pytest.param("", "1 ", id="the version and a space"),
        pytest.param("-route", "chat", id="route without a namespace"),
        pytest.param("-route", "-", id="no route"),
        pytest.param("-route", "shop/chat/x", id="route with two slashes"),
        pytest.param("-route", "Shop/chat", id="route in capitals"),
        pytest.param("-route", "shop/chat\n", id="route with a line end"),
        pytest.param("-route", "a/" + "b" * 400, id="route too long"),
        pytest.param("-pool", "", id="empty pool"),
        pytest.param("-pool", "../x", id="pool with dots"),
        pytest.param("-tenant", "", id="empty tenant"),
        pytest.param("-tenant", "shop/web,shop/x", id="two tenants"),
        pytest.param("-origin", "", id="empty origin"),
        pytest.param("-origin", "de", id="origin in small letters"),
        pytest.param("-origin", "DE, FR", id="origins with a space"),
        pytest.param("-origin", "FR,DE", id="origins out of order"),
        pytest.param("-origin", "DE,DE", id="origin twice"),
        pytest.param("-origin", "DE,", id="origin and nothing"),
        pytest.param("-origin", "-,DE", id="nothing and an origin"),
        pytest.param("-origin", "DEU", id="origin of three letters"),
        pytest.param("-origin", "DE-", id="half a subdivision"),
        pytest.param("-origin", "**", id="elsewhere twice"),
        pytest.param("-data-classes", "Health", id="class in capitals"),
        pytest.param("-data-classes", "pii,health", id="classes out of order"),
        pytest.param("-data-classes", "a" * 64, id="class too long"),
        pytest.param("-data-classes", "health;pii", id="classes with a semicolon"),
        pytest.param("-bound", "true", id="another word for yes"),
        pytest.param("-bound", "-", id="nothing for no"),
        pytest.param("-deadline-ms", "0", id="no time"),
        pytest.param("-deadline-ms", "-1", id="less than no time"),
        pytest.param("-deadline-ms", "1.5", id="a part of a millisecond"),
        pytest.param("-deadline-ms", "01", id="a leading zero"),
        pytest.param("-deadline-ms", "1e3", id="an exponent"),
        pytest.param("-deadline-ms", "31622400001", id="more than a year"),
        pytest.param("-deadline-ms", "9" * 5000, id="more digits than a number has"),
        pytest.param("-deadline-ms", "\u0661", id="a digit of another script"),
        pytest.param("-affinity", "4294967296", id="33 bits"),
        pytest.param("-affinity", "0x1", id="hexadecimal"),
        pytest.param("-route", "shöp/chat", id="not ASCII"),
    ],
)
def test_whatever_is_said_otherwise_is_refused_by_name(name: str, value: str) -> None:
    header = f"x-isochrone-hop{name}"
    found = hop.parse({**FIELDS, header.encode(): value.encode()})
    assert isinstance(found, BadHop)
    assert found.text.startswith(header)


@pytest.mark.parametrize("value", [b"", b"a b", b"x" * 65, b"a,b", b"\xff", b"req:1"])
def test_an_id_that_could_be_anything_is_refused(value: bytes) -> None:
    found = hop.parse({**FIELDS, b"x-request-id": value})
    assert isinstance(found, BadHop)
    assert found.text.startswith("x-request-id")


@pytest.mark.parametrize("name", [b"x-isochrone-hop-lax", b"x-isochrone-hop-", b"x-isochrone-hops", hop.REFUSAL])
def test_a_header_that_is_not_known_is_refused(name: bytes) -> None:
    found = hop.parse({**FIELDS, name: b"1"})
    assert isinstance(found, BadHop)
    assert name.decode() in found.text
