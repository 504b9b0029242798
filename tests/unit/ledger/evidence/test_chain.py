"""Records as lines, and lines as a chain."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isochrone_gateway.ledger.evidence.chain import MOST, Head, TooLongError, digest_of, head_of, link, rest_of
from isochrone_gateway.ledger.evidence.lines import Boot, Config, End, Intent, Line, Lost, Outcome, Policy, Sent

BEFORE = bytes(32)
KINDS: dict[Line, str] = {
    Boot(
        at=1.5, version=1, site="fra1", instance="gw-0", writer="w0", boot="20261126T230100Z-1a2b3c4d", place="DE-HE"
    ): '{"n":0,"kind":"Boot","at":1.5,"version":1,"site":"fra1","instance":"gw-0","writer":"w0",'
    '"boot":"20261126T230100Z-1a2b3c4d","place":"DE-HE"',
    Boot(
        at=1.5, version=1, site="fra1", instance="gw-0", writer="w0", boot="b", after="w0-a", after_count=7,
        after_hash="ab", clean=True, torn=3, revision="1/2",
    ): '{"n":0,"kind":"Boot","at":1.5,"version":1,"site":"fra1","instance":"gw-0","writer":"w0","boot":"b",'
    '"revision":"1/2","after":"w0-a","afterCount":7,"afterHash":"ab","clean":true,"torn":3',
    Intent(
        at=2.25, id="req_1", attempt=1, tenant="team/a", key="ci", route="ns/chat", model="chat", operation="chat",
        data_classes=("health",), origin=("DE",), origin_from="Header", policies=("eu",), scope="Inference",
        candidate="engine:l4/ns/chat", jurisdiction="DE-HE", level="Declared", revision="1/2", age="Fresh",
    ): '{"n":0,"kind":"Intent","at":2.25,"id":"req_1","try":1,"tenant":"team/a","key":"ci","route":"ns/chat",'
    '"model":"chat","operation":"chat","dataClasses":["health"],"origin":["DE"],"originFrom":"Header",'
    '"policies":["eu"],"scope":"Inference","candidate":"engine:l4/ns/chat","jurisdiction":"DE-HE",'
    '"level":"Declared","revision":"1/2","age":"Fresh"',
    Outcome(at=3.0, id="req_1", attempt=1, outcome="Answered", status=200, tokens_in=3, tokens_out=4, bytes_out=600):
    '{"n":0,"kind":"Outcome","at":3.0,"id":"req_1","try":1,"outcome":"Answered","status":200,"tokensIn":3,'
    '"tokensOut":4,"bytesOut":600',
    Lost(at=4.0, count=2, since=3.5, why="DiskFull"):
    '{"n":0,"kind":"Lost","at":4.0,"count":2,"since":3.5,"why":"DiskFull"',
    End(at=5.0, reason="Drained"): '{"n":0,"kind":"End","at":5.0,"reason":"Drained"',
}  # fmt: skip


@pytest.mark.parametrize(("record", "expected"), KINDS.items(), ids=lambda each: type(each).__name__)
def test_each_kind_has_these_bytes(record: Line, expected: str) -> None:
    line, _ = link(0, BEFORE, record)
    digest = hashlib.sha256(bytes(32) + expected.encode()).hexdigest()
    assert line.decode() == f'{expected},"hash":"{digest}"}}\n'


def test_a_config_names_the_policies_in_force() -> None:
    line, _ = link(0, BEFORE, Config(at=1, revision="1/2", digest="ab", policies={"eu": Policy(3, "cd", "Enforce")}))
    assert json.loads(line)["policies"] == {"eu": {"generation": 3, "digest": "cd", "mode": "Enforce"}}


@given(st.lists(st.builds(End, at=st.floats(0, 2e9), reason=st.text(max_size=50)), min_size=1, max_size=20), st.data())
def test_no_line_can_be_changed_without_being_seen(records: list[End], data: st.DataObject) -> None:
    before, lines = BEFORE, []
    for number, record in enumerate(records):
        line, before = link(number, before, record)
        assert digest_of(line) == before
        lines.append(line)
    assert _verifies(lines)
    at = data.draw(st.integers(0, len(lines) - 1))
    where = data.draw(st.integers(0, len(lines[at]) - 2))
    changed = bytearray(lines[at])
    changed[where] ^= data.draw(st.integers(1, 255))
    assert not _verifies([*lines[:at], bytes(changed), *lines[at + 1 :]])
    assert at == len(lines) - 1 or not _verifies(lines[:at] + lines[at + 1 :])
    assert head_of(lines[-1]) == (Head(len(lines), before), "End")


def _verifies(lines: list[bytes]) -> bool:
    before = bytes(32)
    for line in lines:
        body, _, rest = line.rpartition(b',"hash":"')
        before = hashlib.sha256(before + body).digest()
        if rest != before.hex().encode() + b'"}\n':
            return False
    return True


def test_what_does_not_fit_is_no_line() -> None:
    link(0, BEFORE, End(at=1, reason="x" * (MOST - 200)))
    with pytest.raises(TooLongError):
        link(0, BEFORE, End(at=1, reason="x" * MOST))


@pytest.mark.parametrize("record", [each for each in KINDS if isinstance(each, Intent)], ids=["whole"])
def test_what_intents_have_in_common_is_encoded_once(record: Intent) -> None:
    each = Sent(at=record.at, id=record.id, attempt=record.attempt)
    assert link(5, b"x", each, rest_of(record)) == link(5, b"x", record)
    assert link(5, b"x", each, rest_of(Intent(at=9.0, id="other", attempt=7))) == link(5, b"x", each)
