"""What is said of evidence: which rule, in which file, at which line, in which words."""

import pathlib
from typing import Any, Final

from tests.unit.audit.files import FIRST

from isochrone import audit
from isochrone.audit import Rule

OPEN: Final = "{} requests were sent, and of their end nothing is known; this is the first"
ENDS: Final = "{} lines were signed, and it ends after {}: lines were cut off or removed"
NOT_YET: Final = "its last {} lines are not signed yet: whoever can write there could have written them"
FOLLOWS: Final = "checkpoint {} doesn't follow the one before: one was changed or removed"
EDITED: Final = "its hash is not that of its text and all lines before: one of them was changed"
UNCLEAN: Final = f"{FIRST} before it ended without End: killed, or crashed"

Said = tuple[Rule, str, int, str]
"""What was found: in which file, at which line, and what is said of it."""


def told(root: pathlib.Path, **given: Any) -> list[Said]:
    folder = root / "fra1" / "gateway-0"
    return [
        (each.rule, str(each.path.relative_to(folder)), each.line, each.message)
        for each in audit.check(root, **given).findings
    ]
