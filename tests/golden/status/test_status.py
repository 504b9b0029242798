"""`isochrone status` on whole networks: what people and programs read.

After a wanted change, record anew with ISOCHRONE_GOLDEN=record and read the difference.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click
import pytest
from tests.golden.status import networks

from isochrone.cli import status_text
from isochrone.model import Snapshot

_HERE: Final = Path(__file__).parent


@pytest.mark.parametrize(
    ("network", "ends"),
    [
        pytest.param(networks.applied, 3, id="applied"),
        pytest.param(networks.well, 0, id="well"),
        pytest.param(networks.trouble, 1, id="trouble"),
        pytest.param(Snapshot, 0, id="empty"),
    ],
)
@pytest.mark.parametrize("kind", ["txt", "json"])
def test_output(network: Callable[[], Snapshot], ends: int, kind: str, request: pytest.FixtureRequest) -> None:
    found = network()
    said = (
        click.unstyle(status_text.text(found)) if kind == "txt" else json.dumps(status_text.document(found), indent=2)
    )
    expected = _HERE / "expected" / f"{request.node.callspec.id.removeprefix(f'{kind}-')}.{kind}"
    if os.environ.get("ISOCHRONE_GOLDEN") == "record":
        expected.parent.mkdir(exist_ok=True)
        expected.write_text(f"{said}\n", encoding="utf-8")
    assert f"{said}\n" == expected.read_text(encoding="utf-8")
    assert status_text.exit_status(found) == ends
