"""`isochrone audit show` and `export` as people run them: what they refuse, and how they end."""

import csv
import io
import json
import os
import pathlib

import pytest
from click.testing import CliRunner, Result
from tests.unit.audit import network

from isochrone import audit
from isochrone.audit import Wanted, area
from isochrone.cli import audit_text, main

LONG = "x" * 252
"""A name that a file may have, but not one that is longer by six."""


@pytest.fixture
def evidence(tmp_path: pathlib.Path) -> pathlib.Path:
    network.write(tmp_path / "evidence")
    return tmp_path / "evidence"


def _run(*words: str | pathlib.Path) -> Result:
    return CliRunner().invoke(main, ["audit", *map(str, words)])


def _tamper(evidence: pathlib.Path) -> None:
    path = evidence / "iad1/gateway-0/chains" / network.IAD / "000000.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"jurisdiction":"US"', b'"jurisdiction":"DE"'))


@pytest.mark.parametrize("words", [["show"], ["show", "r-us"], ["export"]])
def test_what_is_not_proved_is_said_of_each_line_and_by_the_exit_status(
    evidence: pathlib.Path, words: list[str]
) -> None:
    assert _run(*words, evidence).exit_code == 0
    _tamper(evidence)
    found = _run(*words, evidence)
    assert found.exit_code == 1
    assert "NOT PROVED: something was tampered with" in found.output
    assert f"tampered: [Edited] {evidence}/iad1" in found.output
    marks = {line.split()[1]: line.rstrip().endswith("NO") for line in found.stdout.splitlines() if " r-" in line}
    if words == ["show"]:
        assert {name for name, is_bad in marks.items() if is_bad} == {"r-us"}
    elif words == ["export"]:
        rows = list(csv.DictReader(io.StringIO(found.stdout)))
        assert {row["id"] for row in rows if row["proof"] == "NotProved"} == {"r-us"}
    else:
        assert "this chain is NOT PROVED" in found.stdout


@pytest.mark.parametrize("words", [["show"], ["show", "r-us"], ["export"]])
def test_what_was_not_looked_at_is_said_so(evidence: pathlib.Path, words: list[str]) -> None:
    _tamper(evidence)
    found = _run(*words, evidence, "--no-verify")
    assert found.exit_code == 0
    assert "NOT CHECKED" in found.output
    assert "PROVED: nothing" not in found.output
    assert "not checked" in found.stdout or ",Unchecked\n" in found.stdout


def test_an_id_that_is_not_there_is_told_with_what_was_read(evidence: pathlib.Path) -> None:
    found = _run("show", "nobody", evidence)
    assert found.exit_code == 2
    for said in (
        "no request nobody",
        "11 requests in 42 lines, 5 chains of 3 gateways, from 2026-11-26T23:00:01.000000Z to 2026-11-26T23:01:01",
        "2 records (a policy forbids it here)",
        str(evidence / "ber1/gateway-7/chains"),
    ):
        assert said in found.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["show", "nothing"], "nothing is no folder; for a request say", id="one word, no folder"),
        pytest.param(["show", "r-us", "nothing"], "nothing is no folder", id="an id, no folder"),
        pytest.param(["show", "{}", "r-us"], "r-us is no folder", id="an id after the folder"),
        pytest.param(["show", "r-us", "{}", "--tenant", "a"], "--tenant is for tables", id="a filter for one id"),
        pytest.param(["show", "r-us", "{}", "--limit", "5"], "--limit is for tables", id="a limit for one id"),
        pytest.param(["show", "{}", "--site", "fra2"], "did you mean fra1?", id="site"),
        pytest.param(["show", "{}", "--site", "xyz"], "there are: ber1, fra1, iad1", id="site, nothing near"),
        pytest.param(["show", "{}", "--outside", "Germny"], "--outside: 'Germny' is no ISO 3166 code", id="area"),
        pytest.param(["show", "{}", "--since", "today"], "--since: today is no time, such as", id="time"),
        pytest.param(["show", "{}", "--outcome", "Fine"], "'Fine' is not one of", id="outcome"),
        pytest.param(["show", "{}", "--no-verify", "--trusted-keys", "{}"], "--no-verify asks for no proof", id="both"),
        pytest.param(["show", "{}", "{}/fra1"], "holds no evidence", id="a folder too deep"),
        pytest.param(
            ["export", "{0}", "-o", "{0}/none/file"],
            "--output: there is no folder {0}/none: make it, or give a file in one that is there\n",
            id="no folder for the file",
        ),
        pytest.param(
            ["export", "{0}", "-o", "{0}"], "--output: {0} is a folder: give the name of a file in it\n", id="a folder"
        ),
        pytest.param(
            ["export", "{0}", "-o", f"{{0}}/{LONG}"],
            f"--output: {{0}}/{LONG}: File name too long\n",
            id="too long a name for a part",
        ),
        pytest.param(["export", "{0}", "-o", LONG * 2], ": File name too long\n", id="too long a name"),
    ],
)
def test_what_is_wrong_is_said(evidence: pathlib.Path, words: list[str], said: str) -> None:
    found = _run(*(each.format(evidence) for each in words))
    assert found.exit_code == 2
    assert said.format(evidence) in found.output


def test_a_limit_says_what_it_leaves_out_and_zero_is_none(evidence: pathlib.Path) -> None:
    cut = _run("show", evidence, "--limit", "1").stdout
    assert "r-late" in cut
    assert "r-gone" not in cut
    assert "left out: 10 older ones of 11; --limit 0 shows all" in cut
    every = _run("show", evidence, "--limit", "0").stdout
    assert "left out" not in every
    assert every.count("\n2026-") == 11


def test_times_may_have_a_zone_and_are_utc_without(evidence: pathlib.Path) -> None:
    for since in ("2026-11-26T23:00:13", "2026-11-27T00:00:13+01:00", "2026-11-26T23:00:13Z"):
        said = _run("show", evidence, "--since", since, "--json").stdout.splitlines()
        assert [json.loads(each)["id"] for each in said[:-1]] == ["r-gone", "r-late"]
    assert "no request is as asked for" in _run("show", evidence, "--until", "2026-11-26").stdout


def test_keys_that_are_trusted_are_held_against_it(evidence: pathlib.Path, tmp_path: pathlib.Path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    for number, key in enumerate(sorted(evidence.glob("*/*/public-key.pem"))):
        (keys / f"{number}.pem").write_bytes(key.read_bytes())
    trusted = _run("show", evidence, "--trusted-keys", keys)
    assert (trusted.exit_code, "not proved: that nobody" in trusted.stdout) == (0, False)
    (keys / "2.pem").unlink()
    found = _run("show", evidence, "--trusted-keys", keys)
    assert found.exit_code == 1
    assert "tampered: [OtherKey]" in found.stdout


def test_outcomes_are_known_in_any_case(evidence: pathlib.Path) -> None:
    said = _run("show", evidence, "--outcome", "refused", "--outcome", "UNKNOWN", "--json").stdout.splitlines()
    assert [json.loads(each)["id"] for each in said[:-1]] == ["r-denied", "r-open"]


def test_outside_is_told_by_colour_too(evidence: pathlib.Path) -> None:
    sources = audit.sources([evidence], None)
    visits = [each for each in audit.every(sources, audit.Reading()) if each.id == "r-away"]
    (_, row) = audit_text.table(visits, Wanted(outside=area("EU")))
    assert "\x1b[31mUS-VA\x1b[0m" in row
    assert "\x1b[31mDE-HE" not in row
    assert "\x1b[31mUS-VA" not in audit_text.table(visits, Wanted())[1]
    assert "\x1b" not in _run("show", evidence, "--outside", "EU").stdout, "it is no terminal"


def test_export_is_there_whole_or_not_at_all(evidence: pathlib.Path, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "out.csv"
    found = _run("export", evidence, "-o", file, "--tenant", "acme")
    assert (found.exit_code, found.stdout) == (0, "")
    assert "7 rows" in found.stderr
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    assert {row["tenant"] for row in rows} == {"acme"}
    assert [(row["id"], row["try"], row["site"]) for row in rows if row["id"] == "r-hop"] == [
        ("r-hop", "1", "ber1"),
        ("r-hop", "1", "fra1"),
        ("r-hop", "2", "fra1"),
    ]
    assert {each.name for each in tmp_path.iterdir()} == {"evidence", "out.csv"}


def test_export_to_what_is_no_file_leaves_it_what_it_is(evidence: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """As `-o /dev/null` must: that a device was replaced by a file would break the machine."""
    pipe, link, file = tmp_path / "pipe", tmp_path / "link", tmp_path / "file"
    os.mkfifo(pipe)
    link.symlink_to(file)
    # Open for reading and writing, so that neither side waits for the other; the rows fit into its buffer.
    reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    try:
        assert _run("export", evidence, "-o", pipe).exit_code == 0
        assert os.read(reader, 1 << 16).startswith(b"time,ended,id,")
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    assert _run("export", evidence, "-o", link).exit_code == 0
    assert link.is_symlink()
    assert file.read_text(encoding="utf-8").startswith("time,ended,id,")
    assert {each.name for each in tmp_path.iterdir()} == {"evidence", "pipe", "link", "file"}


def test_how_a_provider_was_told_its_region_is_shown(evidence: pathlib.Path) -> None:
    told = "model=smollm2-us"
    assert (
        f"try 1 sent to provider:openai/us in US (Contracted, region told by {told})"
        in _run("show", "r-us", evidence).stdout
    )
    shown = [json.loads(line) for line in _run("show", "r-us", evidence, "--json").stdout.splitlines()]
    assert shown[0]["tries"][0]["told"] == [told]
    exported = csv.DictReader(io.StringIO(_run("export", evidence).stdout))
    assert {row["id"]: row["told"] for row in exported if row["told"]} == {"r-us": told}


def test_one_folder_given_twice_is_read_once(evidence: pathlib.Path) -> None:
    assert _run("show", evidence, f"{evidence}/../evidence").stdout.count("\n2026-") == 11
