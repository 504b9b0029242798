"""What callers may tag their requests with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isochrone_gateway.wire.errors import ApiError
from isochrone_gateway.wire.tags import read_tags


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        pytest.param(b"team=search", {"team": "search"}, id="one"),
        pytest.param(b"team=search,feature=v2/sum", {"team": "search", "feature": "v2/sum"}, id="two"),
        pytest.param(b" team=a ,\tx.y-z=B@c.d:1 ", {"team": "a", "x.y-z": "B@c.d:1"}, id="spaced"),
        pytest.param(b",".join(b"t%d=x" % number for number in range(8)), {f"t{n}": "x" for n in range(8)}, id="eight"),
    ],
)
def test_good(value: bytes, tags: dict[str, str]) -> None:
    assert read_tags(value) == tags


@pytest.mark.parametrize(
    ("value", "says"),
    [
        pytest.param(b"", "is not name=value", id="nothing"),
        pytest.param(b"team", "'team' is not name=value", id="no value"),
        pytest.param(b"team=", "is not name=value", id="empty value"),
        pytest.param(b"Team=a", "in lower case", id="capitals"),
        pytest.param(b"team=a b", "is not name=value", id="space inside"),
        pytest.param(b"team=a,", "'' is not name=value", id="a comma too many"),
        pytest.param(b"team=a,team=b", "team occurs twice", id="twice"),
        pytest.param(b"team=" + b"x" * 65, "is not name=value", id="long"),
        pytest.param(b"team=caf\xe9", "is not name=value", id="not plain"),
        pytest.param(b",".join(b"t%d=x" % number for number in range(9)), "more than 8", id="nine"),
        pytest.param(b",".join(b"t%d=x" % number for number in range(99)), "is not name=value", id="ninety-nine"),
    ],
)
def test_bad(value: bytes, says: str) -> None:
    error = read_tags(value)
    assert isinstance(error, ApiError)
    assert (error.status, error.param) == (400, "x-isochrone-tags")
    assert says in error.message


@given(st.binary(max_size=80))
def test_any_bytes_are_read(value: bytes) -> None:
    tags = read_tags(value)
    assert isinstance(tags, ApiError) or 0 < len(tags) <= 8
