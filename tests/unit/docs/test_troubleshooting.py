"""Whoever sees a reason finds it in the page, with what to do."""

import re
from pathlib import Path
from typing import Final

import pytest

from isochrone.api.conditions import Reason

ROOT: Final = Path(__file__).parents[3]
PAGE: Final = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
WELL: Final = frozenset(
    {
        Reason.READY,
        Reason.ACCEPTED,
        Reason.RESOLVED,
        Reason.REACHABLE,
        Reason.DELIVERED,
        Reason.PROGRAMMED,
        Reason.PLACED,
        Reason.SERVING,
        Reason.SATISFIABLE,
        Reason.ENFORCED,
        Reason.ANCHORED,
        Reason.COPIED,
    }
)
PARTS: Final = ("**You see:**", "**It means:**", "**Look at:**", "**Way out:**")


def entries() -> dict[str, str]:
    """Reason -> what is written about it."""
    return dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))


def test_every_reason_is_there() -> None:
    table = set(re.findall(r"`(\w+)`", PAGE.partition("## All is well")[2].partition("\n## ")[0]))
    assert {each.value for each in WELL} == table
    assert {each.value for each in Reason if each not in WELL} == set(entries())


@pytest.mark.parametrize("reason", sorted(entries()))
def test_each_says_what_is_seen_what_it_means_where_to_look_and_the_way_out(reason: str) -> None:
    text = entries()[reason]
    places = [text.find(part) for part in PARTS]
    assert -1 not in places
    assert places == sorted(places)
