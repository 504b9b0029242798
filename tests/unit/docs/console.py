"""What pages show of consoles: commands, and what they answer.

    $ isochrone plan -f examples/quickstart      # what is behind a mark is said to the reader
    cdg1  Paris, FR-IDF (the hub's own cluster)
    ...

In an answer, a line of `...` stands for any lines, and `...` within a line for any text.
"""

import dataclasses
import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_BLOCK: Final = re.compile(r"^( *)```console\n(.*?)^\1```", re.MULTILINE | re.DOTALL)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Command:
    """A command of a page, and the answer shown below it; empty if none is."""

    page: str
    text: str
    answer: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.text, comments=True)

    @property
    def is_plain(self) -> bool:
        """Whether it is one program with arguments."""
        return not set(self.words) & {"|", ">", "&&", ";", "\\"}


def commands(page: Path, root: Path) -> Iterator[Command]:
    text = page.read_text(encoding="utf-8")
    for _, block in _BLOCK.findall(text):
        for part in re.split(r"^\$ ", textwrap.dedent(block), flags=re.MULTILINE)[1:]:
            line, _, answer = re.sub(r"\\\n\s*", "", part).partition("\n")
            yield Command(page=str(page.relative_to(root)), text=line, answer=answer.strip("\n"))


def matches(shown: str, answer: str) -> bool:
    """Whether an answer is what a page shows of it."""
    lines = [r"(?:.*\n)*" if line == "..." else _line(line) + r"\n" for line in shown.splitlines()]
    return re.fullmatch("".join(lines), answer.strip("\n") + "\n") is not None


def _line(line: str) -> str:
    return ".*".join(map(re.escape, line.rstrip().split("...")))
