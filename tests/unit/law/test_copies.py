"""Which policies forbid that what is logged at one place is copied to another."""

from typing import Any

import pytest
from tests.contract.residency import policy

from isochrone.api import EdgeNode
from isochrone.law import Evidence, Place
from isochrone.law.copies import Buckets, forbidding

HERE = Place(frozenset({"DE-HE"}))


def logs(*include: str, **fields: Any) -> dict[str, Any]:
    """Inference anywhere, logs there."""
    entry = {"scope": "Logs", "places": {"include": list(include)}}
    also = {name: fields.pop(name) for name in ("minEvidence", "originCountry") if name in fields}
    return {"allow": [{"scope": "Inference", "places": {"include": ["World"]}}, {**entry, **also}], **fields}


def origins(*include: str) -> dict[str, Any]:
    return {"binds": {"origins": {"include": list(include)}}}


CASES = [
    pytest.param(logs("EU"), Place(frozenset({"FR"})), False, id="at both"),
    pytest.param(logs("DE"), Place(frozenset({"FR"})), True, id="here alone"),
    pytest.param(logs("FR"), Place(frozenset({"FR"})), False, id="there alone: nothing is here"),
    pytest.param(logs("US"), Place(frozenset({"FR"})), False, id="at neither"),
    pytest.param(logs("DE-HE"), Place(frozenset({"DE"})), True, id="there is known too coarsely"),
    pytest.param(logs("DE"), Place(frozenset()), True, id="nobody knows where"),
    pytest.param(logs("DE", mode="Audit"), Place(frozenset({"FR"})), False, id="only audited"),
    pytest.param(logs("DE", **origins("US")), Place(frozenset({"FR"})), True, id="of some origin"),
    pytest.param(
        logs("FR", originCountry="Allow"), Place(frozenset({"FR"})), False, id="at home, and there for everybody"
    ),
    pytest.param(logs("US", originCountry="Allow"), Place(frozenset({"FR"})), True, id="at home alone"),
    pytest.param(
        logs("US", originCountry="Allow", **origins("FR")), Place(frozenset({"FR"})), False, id="of others' homes alone"
    ),
    pytest.param(
        logs("US", originCountry="Allow", unknownOrigin="Ignore"),
        Place(frozenset({"FR"})),
        True,
        id="home, unknown free",
    ),
    pytest.param(
        logs("DE", unknownOrigin="Bind", **origins("US")), Place(frozenset({"FR"})), True, id="of unknown origin, too"
    ),
    pytest.param(
        logs("DE", unknownOrigin="Ignore", binds={"origins": {"include": ["World"], "exclude": ["US"]}}),
        Place(frozenset({"FR"})),
        True,
        id="of all origins but one",
    ),
    pytest.param(
        logs("DE", originCountry="Allow", unknownOrigin="Bind", **origins("FR")),
        Place(frozenset({"FR"})),
        True,
        id="of unknown origin alone",
    ),
    pytest.param(
        logs("EU", minEvidence="Contracted"), Place(frozenset({"FR"}), Evidence.ATTESTED), False, id="here is declared"
    ),
]


@pytest.mark.parametrize(("spec", "there", "expected"), CASES)
def test_a_policy_forbids_copies(spec: dict[str, Any], there: Place, *, expected: bool) -> None:
    assert forbidding([policy("p", spec)], here=HERE, there=there) == (("p",) if expected else ())


def test_evidence_has_to_do_at_both() -> None:
    known = Place(HERE.codes, Evidence.CONTRACTED)
    shown = [policy("p", logs("EU", minEvidence="Contracted"))]
    assert forbidding(shown, here=known, there=Place(frozenset({"FR"}))) == ("p",)
    assert forbidding(shown, here=known, there=Place(frozenset({"FR"}), Evidence.CONTRACTED)) == ()


def test_all_that_forbid_it_are_named_in_order() -> None:
    policies = [policy(name, logs(*places)) for name, places in (("c", ["DE"]), ("b", ["EU"]), ("a", ["DE"]))]
    assert forbidding(policies, here=HERE, there=Place(frozenset({"FR"}))) == ("a", "c")


def site(evidence: dict[str, Any]) -> EdgeNode:
    spec = {"place": {"iata": "FRA"}, "gateway": {"evidence": evidence}}
    return EdgeNode.model_validate({"metadata": {"name": "fra"}, "spec": spec})


def bucket(jurisdiction: str) -> dict[str, Any]:
    store = {"endpoint": "https://s3.example.com", "bucket": "evidence", "secretName": "bucket"}
    return {"objectStorage": {**store, "jurisdiction": jurisdiction}}


@pytest.mark.parametrize(
    ("edge", "expected"),
    [
        pytest.param(site(bucket("DE")), "DE", id="where policies let it be"),
        pytest.param(site(bucket("FR")), None, id="elsewhere"),
        pytest.param(site(bucket("QQ")), None, id="nobody knows where"),
        pytest.param(site({}), None, id="none"),
    ],
)
def test_a_site_has_a_bucket_where_it_is_lawful(edge: EdgeNode, expected: str | None) -> None:
    found = Buckets([policy("p", logs("DE"))]).lawful(edge)
    assert (found.jurisdiction if found is not None else None) == expected


def test_where_nothing_binds_a_bucket_is_still_somewhere_that_is_known() -> None:
    free = Buckets([])
    assert free.lawful(site(bucket("FR"))) is not None
    assert free.lawful(site(bucket("QQ"))) is None
