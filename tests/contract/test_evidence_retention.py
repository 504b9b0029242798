"""What a gateway removes because it is old, an auditor who knows how old it had to be finds old enough."""

import os
import pathlib
import time
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from isochrone import audit
from isochrone.audit import Rule
from isochrone_gateway.ledger.evidence.instance import Instance
from isochrone_gateway.ledger.evidence.lines import Outcome
from isochrone_gateway.ledger.evidence.writer import Whose, Writer, boot_name

DAY: Final = 86_400.0
NOW: Final = time.time()


def _life(instance: Instance, age: float, number: int) -> None:
    """A worker that ran for a moment, so long ago."""
    began = NOW - age
    whose = Whose(site="fra1", instance="gw-0", writer="w0")
    writer = Writer(instance.chains, whose, boot_name(began, number.to_bytes(4)), wall=lambda: began)
    writer.start()
    writer.pen.put(Outcome(at=began, id="req_1", attempt=1, outcome="Answered"))
    writer.stop("Drained", patience=60)
    for path in (instance.chains / writer.name).iterdir():
        os.utime(path, (began, began))
    instance.note(writer.name, writer.synced)
    instance.checkpoint(began)
    instance.ended(writer.name)


@pytest.mark.parametrize(
    ("had_to", "early"), [pytest.param(30, 0, id="as configured"), pytest.param(50, 2, id="for longer than configured")]
)
def test_what_a_gateway_removes_is_as_old_as_its_config_says(tmp_path: pathlib.Path, had_to: int, early: int) -> None:
    instance = Instance(tmp_path, "fra1", "gw-0", Ed25519PrivateKey.from_private_bytes(bytes(32)))
    for number, age in enumerate((60 * DAY, 40 * DAY, 30 * DAY + 1, 30 * DAY - 60, DAY)):
        _life(instance, age, number)
    instance.checkpoint(NOW, keep=30 * DAY)
    instance.close()
    report = audit.check(tmp_path, keep=had_to * DAY)
    found = [each.rule for each in report.findings]
    assert (found.count(Rule.REMOVED_EARLY), found.count(Rule.RETENTION), report.chains) == (early, 1, 2)
    assert report.holds == (early == 0)
