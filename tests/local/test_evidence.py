"""What a network on this machine leaves behind of where requests were processed."""

import csv
import hashlib
import io
import json
import pathlib

from click.testing import CliRunner
from tests.local.up import running
from tests.unit.ledger.evidence.checking import check

from isochrone.cli import main


def test_each_answer_is_in_evidence_that_is_anchored(tmp_path: pathlib.Path) -> None:
    with running(tmp_path) as up:
        up.until(up.answers)
        with up.client() as client:
            question = {"role": "user", "content": "What is the capital of Germany?"}
            raw = client.chat.completions.with_raw_response.create(
                model="smollm2",
                messages=[question],  # type: ignore[list-item] # a dict is what it becomes
                max_tokens=4,
            )
        site, name = raw.headers["x-isochrone-site"], raw.headers["x-request-id"]
        place = raw.headers["x-isochrone-jurisdiction"]
        anchors = up.state / "anchors.jsonl"
        up.until(lambda: anchors.exists() and any(json.loads(each)["site"] == site for each in _lines(anchors)))
    evidence = up.state / "evidence"
    lines = [line for instance in evidence.glob("*/*") for chain in check(instance).values() for line in chain]
    mine = [line for line in lines if line.get("id") == name]
    assert [line["kind"] for line in mine if not line.get("hosted")][:2] == ["Intent", "Outcome"]
    assert any(line["kind"] == "Intent" and line["jurisdiction"] for line in mine)
    for anchor in map(json.loads, _lines(anchors)):
        path = evidence / anchor["site"] / anchor["instance"] / "checkpoints" / "000000.jsonl"
        assert hashlib.sha256(path.read_bytes().splitlines()[anchor["n"]]).hexdigest() == anchor["digest"]
    last = {anchor["site"]: anchor["n"] for anchor in map(json.loads, _lines(anchors))}
    assert last == {
        each.parent.parent.name: len(_lines(each / "000000.jsonl")) - 1 for each in evidence.glob("*/*/checkpoints")
    }
    assert_shown(evidence, anchors, name, place)
    assert_audited(evidence, anchors, up.state / "keys")


def assert_shown(evidence: pathlib.Path, anchors: pathlib.Path, name: str, place: str) -> None:
    """The auditor is told where it ran, which is what the client was told; and has each try of it as a row."""
    against = [str(evidence), "--anchors", str(anchors)]
    shown = CliRunner().invoke(main, ["audit", "show", name, *against, "--json"])
    assert shown.exit_code == 0, shown.output
    *requests, summary = map(json.loads, shown.stdout.splitlines())
    assert (summary["proof"], summary["unknown"], summary["ran"]["jurisdiction"]) == ("Proved", [], place)
    assert {(each["id"], each["outcome"], each["proof"]) for each in requests} == {(name, "Answered", "Proved")}
    (entry,) = (each for each in requests if not each["hosted"])
    assert {each["cameFrom"]["site"] for each in requests if each["hosted"]} <= {entry["site"]}
    bound = [policy for each in entry["tries"] for policy in each["policies"]]
    assert [f"{each['name']}@{each['generation']}" for each in entry["policyVersions"]] == sorted(set(bound))
    exported = CliRunner().invoke(main, ["audit", "export", *against])
    assert exported.exit_code == 0, exported.output
    rows = [row for row in csv.DictReader(io.StringIO(exported.stdout)) if row["id"] == name]
    assert len(rows) == sum(len(each["tries"]) for each in requests)
    assert {row["proof"] for row in rows} == {"Proved"}


def assert_audited(evidence: pathlib.Path, anchors: pathlib.Path, keys: pathlib.Path) -> None:
    """The auditor, who knows the format alone, finds it whole; and what is changed in it afterwards."""
    command = ["audit", "verify", str(evidence), "--anchors", str(anchors), "--trusted-keys", str(keys)]
    whole = CliRunner().invoke(main, command)
    assert whole.exit_code == 0, whole.output
    assert whole.output.splitlines()[-1] == "PROVED: nothing was edited, removed, reordered or cut off"
    assert "not proved" not in whole.output
    chain = next(evidence.glob("*/*/chains/*/000000.jsonl"))
    chain.write_bytes(chain.read_bytes().replace(b'"kind":"Boot"', b'"kind":"Root"'))
    changed = CliRunner().invoke(main, command)
    assert changed.exit_code == 1, changed.output
    assert str(chain.relative_to(evidence)) in changed.output


def _lines(path: pathlib.Path) -> list[str]:
    return path.read_text().splitlines()
