"""`isochrone drill`: what it says and writes, and what it refuses."""

import json
import os
import pathlib
from typing import Final, Literal

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from isochrone import maps
from isochrone.cli import drill_map, drill_text, main
from isochrone.drill import signing
from isochrone.drill.report import Report, Step, document
from isochrone.verify import declared as declaring

EXAMPLE: Final = pathlib.Path(__file__).parents[3] / "examples" / "quickstart-multicluster"


def drill(*args: object) -> Result:
    result = CliRunner().invoke(main, ["drill", *map(str, args)])
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result


@pytest.fixture
def key(tmp_path: pathlib.Path) -> pathlib.Path:
    """A private key, and its public one in the folder `trusted`."""
    made = Ed25519PrivateKey.generate()
    path = tmp_path / "ops.pem"
    path.write_bytes(
        made.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (tmp_path / "trusted").mkdir()
    public = made.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "trusted" / "ops.pem").write_bytes(public)
    return path


def test_each_site_is_taken_down_in_turn() -> None:
    result = drill("-f", EXAMPLE)
    assert result.exit_code == 0, result.output
    losses = [line for line in result.output.splitlines() if line.startswith("Without ")]
    assert losses == ["Without ber1:", "Without cdg1:", "Without fra1:", "Without iad1:"]
    assert "Nothing went outside the law, and nothing was lost that could be answered" in result.output


def test_all_sites_of_an_area_go_one_after_the_other_until_none_is_left() -> None:
    result = drill("-f", EXAMPLE, "--all-of", "EU", "--json")
    found = json.loads(result.stdout)
    assert [(each["down"], each["after"]) for each in found["steps"]] == [
        ([], "nothing"),
        (["ber1"], "failure"),
        (["ber1"], "replanning"),
        (["ber1", "cdg1"], "failure"),
        (["ber1", "cdg1"], "replanning"),
        (["ber1", "cdg1", "fra1"], "failure"),
        (["ber1", "cdg1", "fra1"], "replanning"),
    ]
    assert {each["code"] for each in found["steps"][-1]["traffic"]} == {"residency_denied"}
    assert found["passed"]


def test_only_what_was_asked_for_is_followed() -> None:
    options = ("--site", "fra1", "--origin", "DE", "--route", "qwen", "--tenant", "demo/shop")
    found = json.loads(drill("-f", EXAMPLE, *options, "--json").stdout)
    assert {(each["route"], each["origin"]) for step in found["steps"] for each in step["traffic"]} == {
        ("demo/qwen", "DE")
    }
    assert [step["down"] for step in found["steps"]] == [[], ["fra1"], ["fra1"]]


def test_a_report_is_signed_and_checked(key: pathlib.Path, tmp_path: pathlib.Path) -> None:
    report = tmp_path / "report.json"
    made = drill("-f", EXAMPLE, "--site", "fra1", "--report", report, "--sign", key)
    assert made.exit_code == 0, made.output
    checked = drill("--check", report, "--trusted-keys", tmp_path / "trusted")
    assert checked.exit_code == 0, checked.output
    assert checked.output.startswith("Signed by ops, and unchanged: a simulated drill of ")
    assert "which passed" in checked.output


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param('"passed": true', '"passed": false', id="the verdict"),
        pytest.param('"entered": "cdg1"', '"entered": "iad1"', id="where something went"),
        pytest.param('"report": {', '"report": {"more": 1,', id="something is added"),
        pytest.param('"passed": true', '"passed": false, "passed": true', id="a key that occurs twice"),
        pytest.param('"keyId": "ops"', '"keyId": "other"', id="the key that is named"),
        pytest.param('"ed25519": "', '"ed25519": "AAAA', id="the signature"),
        pytest.param('"signature"', '"signatur"', id="no signature"),
        pytest.param("{", '{"passed": false,', id="a verdict beside the one that is signed"),
        pytest.param("{", '{"report": {"passed": false},', id="a report beside the one that is signed"),
        pytest.param('"keyId"', '"passed": false, "keyId"', id="a verdict beside the signature"),
    ],
)
def test_what_was_changed_is_not_good(key: pathlib.Path, tmp_path: pathlib.Path, old: str, new: str) -> None:
    report = tmp_path / "report.json"
    drill("-f", EXAMPLE, "--site", "fra1", "--report", report, "--sign", key)
    text = report.read_text()
    assert old in text
    report.write_text(text.replace(old, new, 1))
    checked = drill("--check", report, "--trusted-keys", tmp_path / "trusted")
    assert checked.exit_code == 1
    assert "Signed by" not in checked.output


GIVE: Final = "give what `isochrone drill --report FILE --sign KEY-ID.pem` wrote to FILE"
NO_SIGNATURE: Final = "its signature can't be read, so the file was changed"
TWICE: Final = '{"report": {"a": 1, "a": 2}, "signature": {"keyId": "ops", "ed25519": ""}}'
UNSIGNED: Final = document(Report(installation="isochrone", at=0, mode="simulated", declared="", steps=()))


def signed(signature: object) -> str:
    return json.dumps({"report": UNSIGNED, "signature": signature})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            json.dumps(UNSIGNED), f"this report is not signed, so nobody can say who made it: {GIVE}", id="no"
        ),
        pytest.param(
            '{"report": {}}', f"this report is not signed any more, its signature was taken away: {GIVE}", id="gone"
        ),
        pytest.param("", f"this is no JSON, so no report: {GIVE}", id="nothing"),
        pytest.param("a: 1", f"this is no JSON, so no report: {GIVE}", id="no JSON"),
        pytest.param("[" * 200_000, f"this is no JSON, so no report: {GIVE}", id="too deep"),
        pytest.param("\xff", f"this is no JSON, so no report: {GIVE}", id="no text"),
        pytest.param("[]", f"this is no report of isochrone drill: {GIVE}", id="a list"),
        pytest.param("7", f"this is no report of isochrone drill: {GIVE}", id="a number"),
        pytest.param('{"kind": "List"}', f"this is no report of isochrone drill: {GIVE}", id="something else"),
        pytest.param('{"report": 1, "signature": {}}', f"this is no report of isochrone drill: {GIVE}", id="no object"),
        pytest.param(TWICE, "it says something twice, which isochrone drill never writes: the file was", id="twice"),
        pytest.param('{"report": {"a": NaN}}', "it has NaN, which isochrone drill never writes", id="no number"),
        pytest.param(
            '{"report": {"a": 1e999}, "signature": {"keyId": "ops", "ed25519": ""}}',
            "it has what isochrone drill never writes: the file was changed",
            id="no number that JSON has",
        ),
        pytest.param(
            json.dumps({"report": UNSIGNED, "signature": {}, "passed": True, "\x1b": 1}),
            "it has \\x1b, passed beside what is signed: the file was changed",
            id="more than is signed",
        ),
        pytest.param(signed({"keyId": "ops", "ed25519": "", "a": 1}), NO_SIGNATURE, id="more in the signature"),
        pytest.param(signed(["keyId", "ed25519"]), NO_SIGNATURE, id="a list"),
        pytest.param(signed(None), NO_SIGNATURE, id="no signature"),
        pytest.param(signed({"keyId": "ops"}), NO_SIGNATURE, id="half a signature"),
        pytest.param(signed({"keyId": "ops", "ed25519": "?"}), NO_SIGNATURE, id="no Base64"),
        pytest.param(signed({"keyId": 7, "ed25519": ""}), NO_SIGNATURE, id="the key's id is a number"),
        pytest.param(signed({"keyId": "ops", "ed25519": 7}), NO_SIGNATURE, id="the signature is a number"),
        pytest.param(
            signed({"keyId": "me", "ed25519": ""}),
            "the signature is not one of key me over this report, or that key is not trusted",
            id="another key",
        ),
        pytest.param(
            signed({"keyId": "\x1b[1m", "ed25519": ""}),
            "the signature is not one of key \\x1b[1m over this report",
            id="what would steer a terminal",
        ),
    ],
)
def test_what_is_no_signed_report_is_told_by_what_it_is(
    key: pathlib.Path, tmp_path: pathlib.Path, text: str, said: str
) -> None:
    (tmp_path / "report.json").write_text(text, encoding="latin-1")
    checked = drill("--check", tmp_path / "report.json", "--trusted-keys", key.parent / "trusted")
    assert checked.exit_code == 1
    assert checked.stdout == ""
    assert checked.stderr.startswith(f"{tmp_path / 'report.json'}: {said}")


@pytest.mark.parametrize("change", [{"version": 2}, {"kind": "Other"}], ids=["version", "kind"])
def test_what_is_signed_and_not_understood_is_no_good_report(
    key: pathlib.Path, tmp_path: pathlib.Path, change: dict[str, object]
) -> None:
    private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    assert isinstance(private, Ed25519PrivateKey)
    made = signing.sign({**UNSIGNED, **change}, private, "ops")
    (tmp_path / "report.json").write_text(json.dumps(made))
    checked = drill("--check", tmp_path / "report.json", "--trusted-keys", tmp_path / "trusted")
    assert checked.exit_code == 1
    assert "what is signed is no report that this version of isochrone knows" in checked.stderr


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        pytest.param(1, "no decisions; a site was taken down once.", id="one"),
        pytest.param(2, "no decisions; a site was taken down 2 times.", id="two"),
    ],
)
def test_the_sum_says_how_often_a_site_was_taken_down(losses: int, said: str) -> None:
    steps = (UP, LOST, SETTLED, BERLIN_TOO)[: 2 * losses]
    report = Report(installation="isochrone", at=0, mode="simulated", declared="", steps=steps)
    assert said in drill_text.text(report)


def test_maps_are_drawn_of_each_loss(tmp_path: pathlib.Path) -> None:
    made = drill("-f", EXAMPLE, "--site", "fra1", "--map", tmp_path / "drill.svg")
    assert made.exit_code == 0, made.output
    before, after = ((tmp_path / name).read_text() for name in ("drill.svg", "drill-01-fra1.svg"))
    assert "all sites are up" in before
    assert "without fra1" in after


UP: Final = Step(down=(), after="nothing", rows=())
LOST: Final = Step(down=("fra1",), after="failure", rows=())
SETTLED: Final = Step(down=("fra1",), after="replanning", rows=())
BERLIN_TOO: Final = Step(down=("fra1", "ber1"), after="failure", rows=())


@pytest.mark.parametrize(
    ("mode", "steps", "maps"),
    [
        pytest.param("simulated", (UP, LOST, SETTLED), ["drill-01-fra1.svg", "drill.svg"], id="simulated"),
        pytest.param(
            "live", (UP, LOST, BERLIN_TOO), ["drill-01-fra1.svg", "drill-02-ber1.svg", "drill.svg"], id="live"
        ),
    ],
)
def test_a_loss_is_drawn_as_it_ends(
    mode: Literal["simulated", "live"], steps: tuple[Step, ...], maps: list[str], tmp_path: pathlib.Path
) -> None:
    """What is so for seconds only, until all is planned anew, is not drawn. In a live drill nobody plans anew."""
    report = Report(installation="isochrone", at=0, mode=mode, declared="", steps=steps)
    drill_map.draw(report, declaring.read([]), {}, tmp_path / "drill.svg")
    assert sorted(each.name for each in tmp_path.iterdir()) == maps


DRILLS_NOTHING: Final = "--check looks at a report, and drills nothing: leave out {}"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(
            ["--site", "muc1"], "no gateway runs at a site muc1; there are: ber1, cdg1, fra1, iad1", id="site"
        ),
        pytest.param(["--all-of", "Atlantis"], "Atlantis is no ISO 3166 code and no bloc", id="area"),
        pytest.param(["--all-of", "JP"], "no site is in JP", id="an area without sites"),
        pytest.param(["--origin", "XX"], "--origin: XX is no ISO 3166 code", id="origin"),
        pytest.param(["--tenant", "nobody"], "--tenant: there is no nobody; there are: demo/shop", id="tenant"),
        pytest.param(["--route", "gpt"], "--route: there is no gpt; there are: demo/bge, demo/qwen", id="route"),
        pytest.param(["--map", "drill.gif"], "--map: drill.gif should end in .svg or .png", id="map"),
    ],
)
def test_what_is_not_there_is_said(options: list[str], said: str) -> None:
    result = drill("-f", EXAMPLE, *options)
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(["--check", "{0}/file", "-f", "{0}"], DRILLS_NOTHING.format("--filename"), id="check, manifests"),
        pytest.param(
            ["--check", "{0}/file", "--trusted-keys", "{0}", "--json", "--live"],
            DRILLS_NOTHING.format("--live, --json"),
            id="check, and how to drill",
        ),
        pytest.param(["--check", "{0}/file"], "--check goes with --trusted-keys", id="check, no keys"),
        pytest.param(["-f", "{0}", "--trusted-keys", "{0}"], "--trusted-keys goes with --check", id="keys, no check"),
        pytest.param(["-f", "{0}", "--key", "k"], "--key goes with --live", id="key, not live"),
        pytest.param(["-f", "{0}", "--state", "{0}"], "--state goes with --live", id="state, not live"),
        pytest.param(["-f", "{0}", "--sign", "{0}/file"], "--sign goes with --report", id="sign, no report"),
    ],
)
def test_an_option_that_would_be_passed_over_is_refused(tmp_path: pathlib.Path, options: list[str], said: str) -> None:
    (tmp_path / "file").touch()
    result = drill(*(each.format(tmp_path) for each in options))
    assert result.exit_code == 2
    assert f"Error: {said}\n" in result.stderr


def test_what_the_environment_says_is_passed_over_where_it_means_nothing(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, key: pathlib.Path
) -> None:
    """Who exports them means other runs, too."""
    monkeypatch.setenv("ISOCHRONE_KEY", "k")
    monkeypatch.setenv("ISOCHRONE_STATE", str(tmp_path))
    report = tmp_path / "report.json"
    assert drill("-f", EXAMPLE, "--site", "fra1", "--report", report, "--sign", key).exit_code == 0
    assert drill("--check", report, "--trusted-keys", tmp_path / "trusted").exit_code == 0


def _no_drill(*_: object) -> None:
    pytest.fail("it drilled")


@pytest.mark.parametrize("live", [[], ["--live", "--key", "k"]], ids=["simulated", "live"])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(["--map", "{0}/m.gif"], "--map: {0}/m.gif should end in .svg or .png", id="map, its form"),
        pytest.param(["--map", "{0}/none/m.svg"], "--map: there is no folder {0}/none: make it", id="map, no folder"),
        pytest.param(["--map", "{0}/m.png"], "--map: no matplotlib", id="map, nothing to draw with"),
        pytest.param(["--report", "{0}/none/r.json"], "--report: there is no folder {0}/none: make it", id="report"),
        pytest.param(["--report", "{0}/locked"], "--report: {0}/locked: Permission denied", id="report, no right"),
        pytest.param(
            ["--report", "{0}/r.json", "--sign", "{0}/key.pem"],
            "--sign: {0}/key.pem is no private key in PEM form without a password: ",
            id="key, none",
        ),
        pytest.param(
            ["--report", "{0}/r.json", "--sign", "{0}/trusted/ops.pem"],
            "--sign: {0}/trusted/ops.pem is no private key in PEM form without a password: ",
            id="key, the public one",
        ),
    ],
)
def test_what_cannot_be_written_is_told_before_anything_is_taken_down(
    key: pathlib.Path, monkeypatch: pytest.MonkeyPatch, *, options: list[str], said: str, live: list[str]
) -> None:
    folder = key.parent
    (folder / "key.pem").write_text("no key")
    (folder / "locked").touch()
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK or path.name != "locked")
    monkeypatch.setattr(maps, "prepare", _no_matplotlib)
    monkeypatch.setattr("isochrone.cli.drill._scene", _no_drill)
    result = drill("-f", EXAMPLE, *live, *(each.format(folder) for each in options))
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {said.format(folder)}")
    assert {each.name for each in folder.iterdir()} == {"key.pem", "locked", "ops.pem", "trusted"}


def _no_matplotlib() -> None:
    raise maps.NoDrawingError("no matplotlib")
