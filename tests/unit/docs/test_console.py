"""What pages say that commands answer is what they answer. Commands that need no cluster are run."""

import re
from pathlib import Path
from typing import Final

import click
import pytest
from click.testing import CliRunner
from tests.unit.audit import network
from tests.unit.docs.console import Command, commands, matches

from isochrone.cli import main

ROOT: Final = Path(__file__).parents[3]
PAGES: Final = sorted(
    [
        ROOT / "README.md",
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "docs" / "guides").glob("*.md"),
        *(ROOT / "docs" / "reference").rglob("*.md"),
        *(ROOT / "examples").rglob("README.md"),
        *(ROOT / "charts").rglob("README.md"),
    ]
)
EVERY: Final = [each for page in PAGES for each in commands(page, ROOT)]
OFFLINE: Final = frozenset({"validate", "plan", "explain", "render", "verify", "drill"})
GOLDEN: Final = ROOT / "tests" / "golden"
RECORDED: Final = {
    "kubectl get edge,mdr,drp,mprov,itn -A": [GOLDEN / "kubectl" / "get-quickstart.txt"],
    "isochrone status": [GOLDEN / "status" / "expected" / f"{name}.txt" for name in ("applied", "well", "trouble")],
}
"""Commands that need a cluster, and what they answered where tests have one."""


def is_run(command: Command) -> bool:
    """Whether it is about the examples, and needs nothing else."""
    words = command.words
    if words[:1] != ["isochrone"] or not command.is_plain:
        return False
    return (words[1] in OFFLINE and any("examples/" in word for word in words)) or (
        (words[1] == "site" and "--dry-run" in words) or (words[1] == "audit" and "evidence" in words)
    )


RUN: Final = [each for each in EVERY if is_run(each)]


def test_there_is_something_to_run() -> None:
    assert {each.words[1] for each in RUN} >= OFFLINE | {"audit"}
    assert {each.page for each in RUN} >= {"README.md", "docs/guides/kubectl.md", "docs/guides/argo-cd.md"}
    assert sum(bool(each.answer) for each in RUN) > 5


@pytest.mark.parametrize("command", RUN, ids=lambda each: f"{each.page}: {each.text}")
def test_the_answer_is_what_is_shown(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    if command.words[1] == "audit":
        network.write(tmp_path / "evidence")
    answer = CliRunner().invoke(main, command.words[1:])
    assert answer.exit_code == 0, answer.output
    if command.answer:
        assert matches(command.answer, answer.stdout), answer.stdout


@pytest.mark.parametrize("text", sorted(RECORDED))
def test_what_clusters_have_answered_is_what_is_shown(text: str) -> None:
    found = [each for each in EVERY if re.sub(r"\s+#.*", "", each.text) == text and each.answer]
    assert found
    recorded = [path.read_text(encoding="utf-8") for path in RECORDED[text]]
    assert [each.page for each in found if not any(matches(each.answer, one) for one in recorded)] == []


OURS: Final = [each for each in EVERY if each.words[:1] == ["isochrone"] or each.words[:1] == [".venv/bin/isochrone"]]


@pytest.mark.parametrize("command", OURS, ids=lambda each: f"{each.page}: {each.text}")
def test_there_are_such_commands_and_options(command: Command) -> None:
    found: click.Command = main
    words = command.words[1:]
    while isinstance(found, click.Group) and words and words[0] in found.commands:
        found = found.commands[words.pop(0)]
    known = {name for each in found.params for name in (*each.opts, *each.secondary_opts)} | {"--help", "-h"}
    assert not isinstance(found, click.Group) or found.invoke_without_command or known & set(words)
    assert [word for word in words if word.startswith("-") and word != "-" and word.split("=")[0] not in known] == []


def test_there_are_such_targets_of_make() -> None:
    known = set(re.findall(r"^\.PHONY: (\S+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {(each.page, each.words[1]) for each in EVERY if each.words[0] == "make"}
    assert ("README.md", "run") in named
    assert [each for each in named if each[1] not in known] == []


def links(page: Path) -> list[str]:
    """What a page leads to within the repository."""
    text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [each for each in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in each]


def anchors(page: Path) -> set[str]:
    """What GitHub makes of headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    missing = []
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            missing.append(link)
    assert missing == []
