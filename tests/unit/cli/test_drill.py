"""`isochrone drill`: what it says and writes, and what it refuses."""

import json
import pathlib
from typing import Final, Literal

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

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


def test_a_key_of_another_kind_is_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / "key.pem").write_text("no key")
    result = drill("-f", EXAMPLE, "--site", "fra1", "--report", tmp_path / "r.json", "--sign", tmp_path / "key.pem")
    assert result.exit_code == 2
    assert "is no private key in PEM form" in result.stderr
    assert not (tmp_path / "r.json").exists()
