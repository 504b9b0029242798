"""Hops: whatever is written is read as it was meant, and whatever is read has one spelling."""

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.wire.test_hop import FIELDS, written

from isochrone_gateway.wire import hop
from isochrone_gateway.wire.hop import BadHop, Hop

LABELS = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
NAMES = st.builds("{}/{}".format, LABELS, st.lists(LABELS, min_size=1, max_size=3).map(".".join))
CODES = st.from_regex(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", fullmatch=True) | st.just("")
HOPS = st.builds(
    Hop,
    route=NAMES,
    pool=NAMES,
    tenant=st.none() | NAMES,
    origin=st.frozensets(CODES, max_size=20),
    data_classes=st.frozensets(LABELS, max_size=8),
    is_bound=st.booleans(),
    deadline_ms=st.integers(1, hop.MAX_DEADLINE_MS),
    affinity=st.none() | st.integers(0, 2**32 - 1),
    request_id=st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True),
)
TEXTS = st.binary(max_size=40) | st.sampled_from([b"-", b"*", b"yes", b"1", b"DE", b"a/b", b"a", b"DE,FR", b"0"])
HEADERS = st.sampled_from([*FIELDS, b"x-isochrone-hop-x", b"x-isochrone-origin", b"host"])


@given(HOPS)
def test_what_is_written_is_read_as_it_was_meant(made: Hop) -> None:
    assert hop.parse(written(made)) == made


@given(st.dictionaries(HEADERS, TEXTS))
def test_any_fields_are_a_hop_or_a_clear_refusal(fields: dict[bytes, bytes]) -> None:
    found = hop.parse(fields)
    if isinstance(found, BadHop):
        assert found.text.endswith(".")
        assert len(found.text) < 400
    else:
        named = {name: value for name, value in fields.items() if name in FIELDS}
        assert written(found) == named


@given(HOPS, HEADERS, TEXTS)
def test_one_changed_header_is_refused_or_means_what_it_says(made: Hop, name: bytes, value: bytes) -> None:
    fields = written(made) | {name: value}
    found = hop.parse(fields)
    if isinstance(found, Hop):
        assert written(found) == {each: fields[each] for each in FIELDS}


@given(st.frozensets(st.text(max_size=70), max_size=8), st.integers(), st.none() | st.integers())
def test_what_callers_can_choose_never_makes_a_hop_unreadable(
    classes: frozenset[str], deadline_ms: int, affinity: int | None
) -> None:
    lines = hop.whose(route="a/b", pool="a/b", tenant=None, origin=(), data_classes=classes, is_bound=False)
    lines += hop.attempt(deadline_ms=deadline_ms, affinity=affinity)
    assert lines.count(b"\r\n") == lines.count(b"\n") == len(FIELDS) - 1
    fields = dict(line.split(b": ", 1) for line in lines.split(b"\r\n") if line)
    found = hop.parse(fields | {b"x-request-id": b"a"})
    assert isinstance(found, Hop)
    assert found.data_classes <= classes
