"""Blocs: the shipped lists, and blocs of one's own."""

import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence

import pytest

from isochrone.geo import blocs, codes, tables
from isochrone.geo.blocs import Fault


def members(name: str) -> frozenset[str]:
    found, problems = blocs.resolve([name])
    assert not problems
    return found


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("AfricanUnion", 55),
        ("APEC", 21),
        ("ASEAN", 11),
        ("Benelux", 3),
        ("CIS", 9),
        ("DACH", 3),
        ("EEA", 30),
        ("EFTA", 4),
        ("EU", 27),
        ("EUAdequate", 45),
        ("EUTerritories", 7),
        ("EurasianEconomicUnion", 5),
        ("FiveEyes", 5),
        ("GCC", 6),
        ("GlobalCBPR", 9),
        ("Mercosur", 5),
        ("NATO", 32),
        ("Nordics", 8),
        ("USMCA", 3),
    ],
)
def test_shipped_bloc_has_its_members(name: str, count: int) -> None:
    assert len(members(name)) == count
    assert members(name) <= set(codes.countries())


def test_counts_above_name_every_bloc() -> None:
    marks = test_shipped_bloc_has_its_members.pytestmark  # type: ignore[attr-defined]
    assert {name for name, _ in marks[0].args[1]} == set(blocs.shipped())


@pytest.mark.parametrize("name", sorted(blocs.shipped()))
def test_shipped_bloc_is_well_formed(name: str) -> None:
    bloc = blocs.shipped()[name]
    assert not codes.is_code(name)
    assert re.fullmatch(r"[A-Z][A-Za-z0-9]{1,30}", name)
    assert list(bloc.members) == sorted(bloc.members, key=lambda code: (code not in blocs.shipped(), code))
    assert len(set(bloc.members)) == len(bloc.members)
    assert dt.date.fromisoformat(bloc.as_of) > dt.date(2025, 1, 1)
    assert bloc.source.startswith("https://")
    assert bloc.title


def test_the_file_says_that_it_is_no_legal_advice() -> None:
    assert json.loads(tables.text("blocs.json"))["notice"].startswith("Not legal advice.")


@pytest.mark.parametrize(
    "territory",
    [
        "AW",
        "AX",
        "BL",
        "BQ",
        "CW",
        "FO",
        "GF",
        "GG",
        "GI",
        "GL",
        "GP",
        "IM",
        "JE",
        "MF",
        "MQ",
        "NC",
        "PF",
        "PM",
        "PR",
        "RE",
        "SJ",
        "SX",
        "TF",
        "WF",
        "YT",
    ],
)
@pytest.mark.parametrize("bloc", ["EU", "EEA"])
def test_territories_with_their_own_code_are_not_in_the_eu(bloc: str, territory: str) -> None:
    assert territory not in members(bloc)


@pytest.mark.parametrize("code", ["US", "AU", "MX", "RU", "IN", "GI", "SJ", "PR"])
def test_not_adequate(code: str) -> None:
    assert code not in members("EUAdequate")


def test_lists_nest() -> None:
    assert members("EU") < members("EEA") < members("EUAdequate")
    assert members("EEA") - members("EU") == {"IS", "LI", "NO"}
    assert not members("EUTerritories") & members("EEA")


@pytest.mark.parametrize(
    ("names", "own", "expected"),
    [
        pytest.param(["DE", "US-CA"], {}, {"DE", "US-CA"}, id="codes"),
        pytest.param(["US-PR", "FR-GP"], {}, {"PR", "GP"}, id="made-canonical"),
        pytest.param(["World"], {}, {"World"}, id="world"),
        pytest.param(["Mine"], {"Mine": ["Benelux", "CH"]}, {"BE", "NL", "LU", "CH"}, id="shipped-in-own"),
        pytest.param(["Outer"], {"Outer": ["Inner"], "Inner": ["GB-SCT"]}, {"GB-SCT"}, id="own-in-own"),
        pytest.param(
            ["Aaa"], {"Aaa": ["Bbb", "Ccc"], "Bbb": ["Ddd"], "Ccc": ["Ddd"], "Ddd": ["FR"]}, {"FR"}, id="diamond"
        ),
        pytest.param(["DE"], {"Unused": ["Nowhere"]}, {"DE"}, id="unused-faults-do-not-matter"),
    ],
)
def test_resolve(names: list[str], own: Mapping[str, Sequence[str]], expected: set[str]) -> None:
    found, problems = blocs.resolve(names, own)
    assert found == expected
    assert not problems


@pytest.mark.parametrize(
    ("names", "own", "name", "fault", "words"),
    [
        pytest.param(["UK"], {}, "UK", Fault.UNKNOWN, "did you mean 'GB'?", id="confused"),
        pytest.param(["ASAEN"], {}, "ASAEN", Fault.UNKNOWN, "did you mean 'ASEAN'?", id="misspelt"),
        pytest.param(["Mien"], {"Mine": ["FR"]}, "Mien", Fault.UNKNOWN, "did you mean 'Mine'?", id="own-misspelt"),
        pytest.param(["XQ"], {}, "XQ", Fault.UNKNOWN, "is no ISO 3166 code and no bloc", id="no-suggestion"),
        pytest.param(["Mine"], {"Mine": ["Mine"]}, "Mine", Fault.CYCLE, "by its member 'Mine'", id="itself"),
        pytest.param(["Abc"], {"Abc": ["Bcd"], "Bcd": ["Abc"]}, "Bcd", Fault.CYCLE, "by its member 'Abc'", id="cycle"),
        pytest.param(["EU"], {"EU": ["FR"]}, "EU", Fault.NAME_TAKEN, "already has a meaning", id="shipped-name"),
        pytest.param(["FR"], {"FR": ["DE"]}, "FR", Fault.NAME_TAKEN, "already has a meaning", id="code-as-name"),
        pytest.param(["World"], {"World": ["DE"]}, "World", Fault.NAME_TAKEN, "already has", id="world-as-name"),
        pytest.param(["my-own"], {"my-own": ["DE"]}, "my-own", Fault.BAD_NAME, "capital letter", id="bad-name"),
        pytest.param(["Mine"], {"Mine": []}, "Mine", Fault.EMPTY, "no members", id="empty"),
    ],
)
def test_problem(*, names: list[str], own: Mapping[str, Sequence[str]], name: str, fault: Fault, words: str) -> None:
    _, problems = blocs.resolve(names, own)
    assert [problem.fault for problem in problems if problem.name == name] == [fault]
    assert any(words in problem.message for problem in problems)


def test_a_code_keeps_its_meaning_whatever_is_named_like_it() -> None:
    assert blocs.resolve(["FR"], {"FR": ["DE"]})[0] == {"FR"}


def test_check_looks_at_blocs_that_nobody_uses() -> None:
    assert [problem.name for problem in blocs.check({"Good": ["DE"], "Bad1": ["Nowhere"]})] == ["Nowhere"]


def test_diamonds_cost_no_more_than_their_size() -> None:
    layers = {f"Layer{n}": [f"Layer{n + 1}"] * 50 for n in range(60)} | {"Layer60": ["DE"]}
    found, problems = blocs.resolve(["Layer0"], layers)
    assert found == {"DE"}
    assert not problems
