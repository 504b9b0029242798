"""The page that documents the findings names every rule, and no other."""

import re
from pathlib import Path

from isochrone.validate import Rule

_PAGE = Path(__file__).parents[3] / "docs" / "reference" / "validate.md"


def test_every_rule_is_explained() -> None:
    rows = re.findall(r"^\| `([A-Z]\w+)` \|", _PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert sorted(rows) == sorted(rule.value for rule in Rule)
