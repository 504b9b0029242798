"""One run: installs what it measures, takes all samples in turn, and keeps in mind what could not be measured."""

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench import cores, machine, measuring, memory, plan
from tests.bench.budgets import OURS
from tests.bench.driver import DriverError
from tests.bench.installing import InstallError
from tests.bench.measuring import Bench, MeasureError
from tests.bench.plan import Scope, Turn
from tests.bench.programs import ProgramError
from tests.bench.report import Report
from tests.bench.results import Results
from tests.bench.subjects.subject import Subject
from tests.unit.upstream.certificates import Authority

FAILURES = (InstallError, ProgramError, DriverError, MeasureError)
"""What costs a subject its figures, and nobody else theirs."""


def run(subjects: Sequence[Subject], scope: Scope) -> Report:
    """Measure them all."""
    results = Results(tuple(subjects))
    usable = [subject for subject in subjects if install(subject, results)]
    layout = cores.layout(os.sched_getaffinity(0))
    facts = machine.facts(layout, usable)
    for name, value in facts.items():
        say(f"{name}: {value}")
    with tempfile.TemporaryDirectory() as folder:
        files = Authority(Path(folder)).issue("bench", names=("127.0.0.1",))
        with measuring.ready(layout, files.certificate, files.key) as bench:
            measure(bench, list(plan.turns(usable, scope)), results)
            found = _memory(bench, scope.requests, results)
    return Report(facts=facts, results=results, memory=found)


def install(subject: Subject, results: Results) -> bool:
    """Before anything is measured, since it keeps the machine busy."""
    try:
        subject.install()
    except InstallError as error:
        for load in subject.loads:
            results.fail(load, subject, f"not installed: {error}")
        say(f"{subject.name} can't be installed: {error}")
        return False
    return True


def measure(bench: Bench, todo: Sequence[Turn], results: Results) -> None:
    """Take the samples in this order. Who fails once is not tried again under this load."""
    began = time.monotonic()
    for number, turn in enumerate(todo, start=1):
        load, subject = turn.load, turn.subject
        if (load, subject.name) in results.failures:
            continue
        say(f"{time.monotonic() - began:4.0f} s  {number}/{len(todo)} {load}: {subject.name}")
        try:
            results.add(load, subject, measuring.take(bench, subject, load, turn.amount))
        except FAILURES as error:
            results.fail(load, subject, f"not measured: {error}")
            say(f"{subject.name} can't be measured: {error}")


def _memory(bench: Bench, requests: int, results: Results) -> memory.Memory | None:
    if not any(subject.name == OURS for subject in results.subjects):
        return None
    try:
        return memory.measure(bench, requests=requests, seed=memory.SEED, said=lambda words: say(f"memory: {words}"))
    except FAILURES as error:
        results.trouble.append(f"memory: {error}")
        return None


def status(results: Results) -> int:
    """That of the command: 1 if anything could not be measured, and which. A budget that isn't held is a finding."""
    for (load, name), why in results.failures.items():
        say(f"{load}: {name}: {why}")
    for words in results.trouble:
        say(words)
    return 1 if results.failures or results.trouble else 0


def say(words: str) -> None:
    """Progress, for whoever waits."""
    sys.stderr.write(f"bench: {words}\n")
