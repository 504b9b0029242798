"""A run as files that people and programs read: `bench.md`, `bench.json` and `bench.png`."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import budgets, tables
from tests.bench.memory import Memory
from tests.bench.results import Results
from tests.bench.subjects import isochrone
from tests.bench.subjects.subject import Load
from tests.bench.tables import Table

_HOW = """\
Each cell is the median of all rounds, with the least and the greatest. In each round every subject has its turn, alone
on its core, and ratios are those of one round. Requests per CPU second are answers divided by the CPU that all
processes of the gateway used: what a core could do that did nothing else.

Requests have 1,024 bytes of body, answers 600. The configs are in `tests/bench/configs/`, ours in
`tests/bench/subjects/isochrone.py`.
"""


@dataclass(frozen=True, kw_only=True)
class Report:
    """All that a run has found."""

    facts: Mapping[str, str]
    results: Results
    memory: Memory | None

    def tables(self) -> list[Table]:
        found = [tables.table(self.results, load) for load in Load if self.results.measured(load)]
        return [*found, *([_memory(self.memory)] if self.memory else []), self._budgets()]

    def _budgets(self) -> Table:
        findings = budgets.judge(self.results, self.memory)
        return Table(
            title="Budgets, as measured in this run",
            columns=["budget", "ours to theirs", "verdict"],
            rows=[[each.budget, each.found, each.verdict.value] for each in findings],
            notes=[f"Not in the gateway yet, so in none of our figures: {', '.join(isochrone.MISSING)}."],
        )

    def _subjects(self) -> Table:
        return Table(
            title="Subjects",
            columns=["subject", "what it does"],
            rows=[[subject.name, subject.about] for subject in self.results.subjects],
        )

    def text(self) -> str:
        return "\n".join(table.text() for table in self.tables())

    def markdown(self) -> str:
        facts = "\n".join(f"* {name}: {value}" for name, value in self.facts.items())
        parts = [self._subjects(), *self.tables()]
        picture = "![The figures of this run](bench.png)"
        return "\n".join(["# Benchmark", "", facts, "", _HOW, picture, "", *(part.markdown() for part in parts)])

    def data(self) -> dict[str, Any]:
        """Every sample as it was taken."""
        samples = [
            {"load": load, "subject": name, "samples": [dataclasses.asdict(sample) for sample in found]}
            for (load, name), found in self.results.samples.items()
        ]
        failures = [{"load": load, "subject": name, "why": why} for (load, name), why in self.results.failures.items()]
        findings = budgets.judge(self.results, self.memory)
        return {
            "facts": dict(self.facts),
            "samples": samples,
            "failures": failures,
            "memory": dataclasses.asdict(self.memory) if self.memory else None,
            "budgets": [dataclasses.asdict(finding) for finding in findings],
        }

    def write(self, folder: Path) -> None:
        # Only this needs a plotting library.
        from tests.bench import plot

        folder.mkdir(parents=True, exist_ok=True)
        (folder / "bench.md").write_text(self.markdown(), encoding="utf-8")
        (folder / "bench.json").write_text(json.dumps(self.data(), indent=1) + "\n", encoding="utf-8")
        title = ", ".join(self.facts[name] for name in ("date", "revision", "CPU", "kernel"))
        plot.draw(self.results, self.memory, folder / "bench.png", title=title)


def _memory(memory: Memory) -> Table:
    rows = [[f"{requests:,}", f"{size / 2**20:.1f}"] for requests, size in memory.points]
    outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(memory.outcomes.items()))
    return Table(
        title="Memory of ours after mixed requests of 1,000 tenants",
        columns=["requests", "MiB"],
        rows=rows,
        notes=[f"In {memory.seconds:.0f} s: {outcomes}"],
    )
