"""What is written down of survivors is read as it is written, and no more of it stays than is true."""

import pytest
from tests.mutants import explained
from tests.mutants.source import Key

KEY = Key("a.py", "f", "x = 1", "x = 2")


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(KEY, id="plain"),
        pytest.param(Key("a.py", "A.f", "x = 'a'", "x = ''"), id="quotes"),
        pytest.param(Key("a.py", "f", "x = f'''{a}'''", 'x = "\\\\ \'"'), id="odd quotes"),
        pytest.param(Key("a.py", "f", "if a:\n    b = 'c'", "pass"), id="lines"),
        pytest.param(Key("a.py", "f", "x = 1", "x = 2", nth=3), id="not the first"),
        pytest.param(Key("a.py", "", "x = 1", "x = 2"), id="of no function"),
    ],
)
def test_an_entry_is_read_as_it_is_written(key: Key) -> None:
    assert explained.read(explained.as_entry(key).replace('why = ""', 'why = "Because."')) == {key: "Because."}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(explained.as_entry(KEY), "no reason why", id="without a reason"),
        pytest.param(
            2 * (explained.as_entry(KEY).replace('""', '"So."') + "\n"), "explained twice: x = 2", id="explained twice"
        ),
        pytest.param('[[mutant]]\nfile = "a.py"\nwhy = "So."', "missing", id="fields are missing"),
        pytest.param(explained.as_entry(KEY) + "\nline = 1", "line", id="a field too many"),
    ],
)
def test_what_has_no_meaning_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explained.read(text)


def test_what_no_longer_survives_is_stale_in_files_that_were_tried() -> None:
    killed, elsewhere = Key("a.py", "f", "x = 1", "x = 0"), Key("b.py", "f", "x = 1", "x = 0")

    assert explained.stale([KEY, killed, elsewhere], [KEY], ["a.py"]) == [killed]


def test_the_committed_file_can_be_read() -> None:
    for key, why in explained.read(explained.FILE.read_text()).items():
        assert why.endswith("."), key
