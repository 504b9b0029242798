"""What is written on a terminal, and where there is none."""

import io

import pytest

from isochrone.cli.screen import Screen


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_scroll_above_a_table_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "10")
    out = Terminal()
    screen = Screen(out)
    screen.show(["one", "two"])
    screen.show(["one", "two"])
    screen.tell("said")
    screen.show(["a line that is too long"])
    cleared = "\x1b[2A\x1b[J"
    assert out.getvalue() == f"one\ntwo\n{cleared}said\none\ntwo\n{cleared}a line th…\n"


def test_without_a_terminal_there_are_lines_alone() -> None:
    out = io.StringIO()
    screen = Screen(out)
    screen.show(["one"])
    screen.tell("said")
    assert out.getvalue() == "said\n"
