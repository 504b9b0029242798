"""What may be done to the files that `writing.small` makes, and their names."""

from collections.abc import Callable, Sequence
from typing import Final

from tests.unit.audit.writing import Instance

FIRST: Final = "w0-20261126T230100Z-1a2b3c4d"
NEXT: Final = "w0-20261126T230200Z-00000000"
ONE: Final = f"chains/{FIRST}/000000.jsonl"
"""Boot, Intent and Outcome of request a."""
TWO: Final = f"chains/{FIRST}/000001.jsonl"
"""Intent and Outcome of request b, End."""
THREE: Final = f"chains/{NEXT}/000000.jsonl"
"""Boot, Intent and Outcome of request c."""
SIGNED: Final = "checkpoints/000000.jsonl"
"""Two checkpoints."""
KEY: Final = "public-key.pem"


def lines(made: Instance, name: str) -> list[bytes]:
    return (made.folder / name).read_bytes().splitlines(keepends=True)


def put(made: Instance, name: str, kept: Sequence[bytes]) -> None:
    (made.folder / name).write_bytes(b"".join(kept))


def changed(name: str, line: int, old: bytes, new: bytes) -> Callable[[Instance], None]:
    """A line in which something was replaced."""

    def change(made: Instance) -> None:
        found = lines(made, name)
        assert old in found[line - 1]
        found[line - 1] = found[line - 1].replace(old, new)
        put(made, name, found)

    return change


def cut(name: str, size: int) -> Callable[[Instance], None]:
    """A file without its last bytes."""
    return lambda made: put(made, name, [(made.folder / name).read_bytes()[:-size]])


def without(name: str, *numbers: int) -> Callable[[Instance], None]:
    """A file without some of its lines."""
    return lambda made: put(
        made, name, [each for number, each in enumerate(lines(made, name), 1) if number not in numbers]
    )


def appended(name: str, data: bytes) -> Callable[[Instance], None]:
    return lambda made: put(made, name, [*lines(made, name), data])
