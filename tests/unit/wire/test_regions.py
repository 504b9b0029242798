"""Whatever a body says: a provider that takes the last of several finds the region that was set, or gets nothing."""

import json
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from isochrone_gateway.server.pipeline.regions import Regions
from isochrone_gateway.wire.body import read_request, spliced
from isochrone_gateway.wire.errors import ApiError

ANYWHERE: Final = 1
PLAIN: Final = '"inference_geo"'
KEYS: Final = (
    *(PLAIN, '"Inference_Geo"', '" inference_geo"', '"inference_geo "', '"inference\\u005fgeo"'),
    *('"geo"', '"inference"', '"\\u0067eo"', '"é"', '"seed"'),
)
REGIONS: Final = Regions([(ANYWHERE, {"inference_geo": "us"})])

scalars = st.sampled_from(["us", "eu", "global", "", None, 1, True])
names = st.sampled_from(["inference_geo", "geo"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=4,
)
Member = tuple[str, Any]
members = st.lists(st.tuples(st.sampled_from(KEYS), values), max_size=4)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[list[Member], bytes]:
    """Members in any order, spelled in any way, also twice; and a body of them, with blanks anywhere."""
    blank = st.sampled_from(["", "", " ", "\n\t"])
    said = draw(members)
    said.insert(draw(st.integers(0, len(said))), ('"model"', "chat"))
    texts = [f"{draw(blank)}{key}{draw(blank)}:{draw(blank)}{json.dumps(value)}{draw(blank)}" for key, value in said]
    return said, f"{draw(blank)}{{{','.join(texts)}}}{draw(blank)}".encode()


def is_refused(said: list[Member]) -> bool:
    """By the table in `server.pipeline.regions`, and for keys that occur twice."""
    decoded = [json.loads(key) for key, _ in said]
    alike = [(key, value) for key, value in said if json.loads(key).strip().casefold() == "inference_geo"]
    return len({*decoded}) < len(decoded) or any(key != PLAIN or value not in ("us", None) for key, value in alike)


@settings(max_examples=300, deadline=None)
@given(drawn=bodies())
def test_last_wins_or_refused(drawn: tuple[list[Member], bytes]) -> None:
    said, body = drawn
    request = read_request(body)
    error = request if isinstance(request, ApiError) else REGIONS.objection(request, ANYWHERE)
    assert (error is not None) == is_refused(said)
    if error is None and not isinstance(request, ApiError):
        sent = b"".join(spliced(request, {"inference_geo": b'"us"'}))
        assert json.loads(sent) == {**json.loads(body), "inference_geo": "us"}
        keys = [key for key, _ in json.loads(sent, object_pairs_hook=list)]
        assert len(keys) == len({*keys})
