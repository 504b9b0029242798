"""`isochrone plan` and `isochrone explain` on whole networks: what people and programs read.

After a wanted change, record anew with ISOCHRONE_GOLDEN=record and read the difference.
"""

import os
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from isochrone.cli import main

_HERE: Final = Path(__file__).parent
_ROOT: Final = _HERE.parents[2]
_QUICKSTART: Final = ["-f", "examples/quickstart"]
_MULTICLUSTER: Final = ["-f", "examples/quickstart-multicluster"]
_RESIDENCY: Final = ["-f", "examples/residency"]
_TIGHT: Final = ["-f", "tests/golden/plan/tight/after"]
_CASES: Final = [
    pytest.param(["plan", *_QUICKSTART], 0, id="plan-quickstart"),
    pytest.param(["plan", *_MULTICLUSTER], 0, id="plan-multicluster"),
    pytest.param(["plan", *_MULTICLUSTER, "--json"], 0, id="plan-multicluster-json"),
    pytest.param(["plan", *_TIGHT], 1, id="plan-tight"),
    pytest.param(["plan", *_TIGHT, "--against", "tests/golden/plan/tight/before"], 1, id="plan-tight-against"),
    pytest.param(["plan", *_TIGHT, "--against", "tests/golden/plan/tight/before", "--json"], 1, id="plan-tight-json"),
    pytest.param(["explain", "smollm2", *_QUICKSTART], 0, id="explain-quickstart"),
    pytest.param(["explain", "demo/qwen", *_MULTICLUSTER], 0, id="explain-multicluster"),
    pytest.param(["explain", "qwen", "--origin", "US", "--at", "iad1", *_MULTICLUSTER], 0, id="explain-origin"),
    pytest.param(["explain", "chat", "--origin", "DE", "--at", "fra1", *_RESIDENCY], 0, id="explain-origin-unlawful"),
    pytest.param(["explain", "qwen", "--origin", "DE", "--at", "iad1", *_MULTICLUSTER], 0, id="explain-origin-door"),
    pytest.param(["explain", "qwen", *_MULTICLUSTER, "--json"], 0, id="explain-json"),
    pytest.param(["explain", "big", *_TIGHT], 0, id="explain-tight"),
    pytest.param(["explain", "shop/batch", "--at", "zrh", *_TIGHT], 0, id="explain-tight-batch"),
]


@pytest.mark.parametrize(("arguments", "status"), _CASES)
def test_output(
    arguments: list[str], status: int, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(_ROOT)
    result = CliRunner().invoke(main, arguments)
    assert isinstance(result.exception, SystemExit | None), result.exception
    expected = _HERE / "expected" / f"{request.node.callspec.id}.txt"
    if os.environ.get("ISOCHRONE_GOLDEN") == "record":
        expected.parent.mkdir(exist_ok=True)
        expected.write_text(result.stdout, encoding="utf-8")
    assert result.stdout == expected.read_text(encoding="utf-8")
    assert result.exit_code == status
