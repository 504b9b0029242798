"""Errors as clients see them."""

import json

import pytest

from isochrone_gateway.wire.errors import ApiError, ErrorKind, answer, residency_denied


@pytest.mark.parametrize("kind", list(ErrorKind), ids=lambda kind: kind.name)
def test_every_error_has_the_shape_that_sdks_read(kind: ErrorKind) -> None:
    given = answer(ApiError(kind=kind))
    error = json.loads(given.body)["error"]
    assert given.status == kind.value.status
    assert 400 <= given.status <= 599
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    assert given.headers == ((b"content-type", b"application/json"),)


def test_kinds_are_told_apart() -> None:
    assert len({kind.value for kind in ErrorKind}) == len(ErrorKind)


def test_what_is_particular_to_an_error() -> None:
    error = ApiError(
        kind=ErrorKind.RATE_LIMITED, message="At most 5.", param="n", retry_after_s=1.2, should_retry=False
    )
    given = answer(error)
    assert json.loads(given.body)["error"]["message"] == "At most 5."
    assert json.loads(given.body)["error"]["param"] == "n"
    assert given.headers[1:] == ((b"retry-after", b"2"), (b"x-should-retry", b"false"))


@pytest.mark.parametrize(
    ("seconds", "header"),
    [
        pytest.param(0.0, b"1", id="never at once"),
        pytest.param(0.2, b"1", id="rounded up"),
        pytest.param(2.0, b"2", id="whole"),
        pytest.param(2.01, b"3", id="a little more"),
    ],
)
def test_retry_after_is_in_whole_seconds(seconds: float, header: bytes) -> None:
    assert answer(ApiError(kind=ErrorKind.OVERLOADED, retry_after_s=seconds)).headers[1] == (b"retry-after", header)


def test_a_refusal_of_the_law_names_policy_origin_and_way_out() -> None:
    error = residency_denied(
        reason="PlaceNotAllowed",
        scope="Ingress",
        origin=frozenset({"FR", "DE"}),
        policy="eu",
        way_out="Ask the data office.",
        hostnames={"EU": "eu.example.com"},
    )
    given = answer(error)
    said = json.loads(given.body)["error"]
    assert given.status == 403
    assert said["code"] == "residency_denied"
    assert said["message"] == (
        "Data from DE, FR may not be handled here: policy eu refuses it (PlaceNotAllowed, scope Ingress). "
        "Ask the data office. Lawful entrances: eu.example.com."
    )
    assert said["residency"] == {
        "policy": "eu",
        "reason": "PlaceNotAllowed",
        "scope": "Ingress",
        "origin": ["DE", "FR"],
        "hostnames": {"EU": "eu.example.com"},
    }
    assert (b"x-should-retry", b"false") in given.headers


def test_a_refusal_without_a_policy() -> None:
    error = residency_denied(
        reason="DefaultDeny", scope="Inference", origin=frozenset(), policy=None, way_out="", hostnames={}
    )
    assert error.message == (
        "Data from an unknown origin may not be handled here: the default of this installation refuses it "
        "(DefaultDeny, scope Inference)."
    )
