"""A bucket for evidence: where it is, what opens it, and whether policies let logs be there."""

from typing import Any

import pytest
from tests.unit.render.test_copies import BUCKET
from tests.unit.validate.sample import FAR, edge, findings, policy, said, secret

HERE = "spec.gateway.evidence.objectStorage"
KEYS = secret("evidence-bucket", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def keeping(spec: dict[str, Any] | None = None, **bucket: Any) -> dict[str, Any]:
    return edge(**{**(spec or {}), "gateway": {"evidence": {"objectStorage": {**BUCKET, **bucket}}}})


REMOTE = {name: value for name, value in FAR.items() if name != "gateway"}

CASES = [
    pytest.param([keeping(), KEYS], [], id="fine"),
    pytest.param(
        [keeping(jurisdiction="QQ"), KEYS], [f"E UnknownPlace EdgeNode fra {HERE}.jurisdiction"], id="no such country"
    ),
    pytest.param(
        [keeping(), secret("evidence-bucket", "AWS_ACCESS_KEY_ID")],
        [f"E RefNotFound EdgeNode fra {HERE}.secretName"],
        id="half a key",
    ),
    pytest.param([keeping(), secret("other")], [f"W RefNotFound EdgeNode fra {HERE}.secretName"], id="no key"),
    pytest.param(
        [keeping(caSecretRef={"name": "ca", "key": "ca.crt"}), KEYS, secret("ca", "tls.crt")],
        [f"E RefNotFound EdgeNode fra {HERE}.caSecretRef.key"],
        id="no authorities",
    ),
    pytest.param([keeping(REMOTE), secret("other")], [], id="its Secrets are elsewhere"),
]


@pytest.mark.parametrize(("objects", "expected"), CASES)
def test_what_is_found(objects: list[dict[str, Any]], expected: list[str]) -> None:
    assert said(objects) == expected


def test_a_policy_that_forbids_copies_is_named() -> None:
    found = [each for each in findings([keeping(jurisdiction="US"), KEYS, policy()]) if each.rule == "CopiesForbidden"]
    assert [(each.severity, each.field) for each in found] == [("Error", f"{HERE}.jurisdiction")]
    assert found[0].message.startswith("eu-only lets logs be at this site, but not in US")


@pytest.mark.parametrize(
    "objects",
    [
        pytest.param([keeping(), policy()], id="inside"),
        pytest.param([keeping(jurisdiction="US"), policy(mode="Audit")], id="only audited"),
        pytest.param([keeping(jurisdiction="US"), policy("us-only", "US")], id="not logged here"),
    ],
)
def test_others_forbid_nothing(objects: list[dict[str, Any]]) -> None:
    assert not [each for each in findings(objects) if each.rule == "CopiesForbidden"]
