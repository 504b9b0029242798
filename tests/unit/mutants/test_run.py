"""The whole tool on a small project of its own: what is killed, what survives, and what it exits with.

It forks and runs pytest inside, so it gets an interpreter of its own.
"""

import pathlib
import subprocess
import sys
import textwrap

import pytest
from tests.mutants import explained
from tests.mutants.source import Key

ROOT = pathlib.Path(__file__).parents[3]
RULES = """
    import functools

    LIMIT = 3


    def fits(size: int) -> bool:
        return size <= LIMIT


    @functools.cache
    def doubled(size: int) -> int:
        return size * 2


    def halvings(size: int) -> int:
        found = 0
        while size > 1:
            found, size = found + 1, size // 2
        return found


    def shouted(word: str) -> str:
        return word.upper() or word
"""
CHECKS = """
    import pytest
    from rules import doubled, fits, halvings, shouted

    @pytest.mark.parametrize(("size", "expected"), [(3, True), (4, False)])
    def test_fits(size, expected):
        assert fits(size) is expected

    def test_doubled_first():
        doubled(3)

    def test_doubled_again():
        assert doubled(3) == 6

    def test_halvings():
        assert (halvings(1), halvings(8)) == (0, 3)

    def test_shouted():
        assert shouted("a") == "A"
"""
WARM = """
    def test_nothing():
        pass
"""
DRIVER = """
    import pathlib, pytest, sys
    from tests.mutants.processes import FLAGS
    from tests.mutants import __main__, explained
    from tests.mutants.campaign import Target

    target = Target(pathlib.Path.cwd(), "product", "product", ("checks",))
    assert pytest.main([*FLAGS, "warm"]) == 0
    sys.exit(__main__.run({target: target.files([target.root])}, explained.read(sys.stdin.read())))
"""
LEFT, RIGHT = (
    Key("product/rules.py", "shouted", "return word.upper() or word", f"return {after}")
    for after in ("word.upper()", "word")
)


@pytest.fixture
def project(tmp_path: pathlib.Path) -> pathlib.Path:
    for name, text in (
        ("product/rules.py", RULES),
        ("checks/test_rules.py", CHECKS),
        ("pytest.ini", "[pytest]"),
        ("warm/test_warm.py", WARM),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(textwrap.dedent(text))
    return tmp_path


def run(project: pathlib.Path, *known: Key) -> tuple[int, str]:
    entries = "\n".join(explained.as_entry(key).replace('why = ""', 'why = "It is so."') for key in known)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(DRIVER)],
        cwd=project,
        env={"PYTHONPATH": f"{ROOT}:{project / 'product'}", "PYTHONDONTWRITEBYTECODE": "1"},
        input=entries,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_survivor_without_a_reason_fails(project: pathlib.Path) -> None:
    status, said = run(project)

    assert status == 1, said
    assert said.count("SURVIVED") == 1, said
    assert (
        "SURVIVED product/rules.py:24 shouted\n    -return word.upper() or word\n    +return word.upper()\n" in said
    ), said
    assert explained.as_entry(LEFT) in said
    assert "0 survive for a reason, 1 survive without; 0 reasons are stale" in said
    assert "3 timed out" in said, "what halves no more has no end"


@pytest.mark.parametrize(
    ("known", "status", "reasons"),
    [
        pytest.param([LEFT], 0, "1 survive for a reason, 0 survive without; 0 reasons are stale", id="it is true"),
        pytest.param(
            [LEFT, RIGHT], 1, "1 survive for a reason, 0 survive without; 1 reasons are stale", id="one isn't"
        ),
    ],
)
def test_a_reason_must_be_true(project: pathlib.Path, known: list[Key], status: int, reasons: str) -> None:
    (project / "product/rules.py").write_text("def shouted(word: str) -> str:\n    return word.upper() or word\n")
    checks = "from rules import shouted\n\ndef test_it():\n    assert shouted('a') == 'A'\n"
    (project / "checks/test_rules.py").write_text(checks)
    done, said = run(project, *known)

    assert done == status, said
    assert reasons in said
    assert (explained.as_entry(RIGHT) in said) is (RIGHT in known)


def test_nothing_is_tried_where_the_tests_fail_anyway(project: pathlib.Path) -> None:
    (project / "checks/test_more.py").write_text("def test_it():\n    assert 1 == 2\n")
    status, said = run(project)

    assert status == 2, said
    assert "assert 1 == 2" in said
