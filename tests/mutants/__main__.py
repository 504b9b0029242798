"""Changes the code in small ways, one at a time, and sees whether a test fails: `python -m tests.mutants [PATH ...]`.

A change that no test notices is a survivor: a rule that no test holds, or a change that changes nothing. Every survivor
is explained in `equivalent.toml`, or makes the command fail, as does an explanation of what no longer survives. Each
mutant gets a process of its own, forked from one that has imported all that can be, in which only the tests run that
reach the changed statement.

We have this instead of mutmut or cosmic-ray because the former takes `operator/isochrone` for a package of that name
and then finds no test for it, and the latter runs all tests anew for each mutant; neither keeps reasons for survivors.
"""

import argparse
import gc
import importlib
import pathlib
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import pytest
from tests.mutants import explained, report
from tests.mutants.campaign import BrokenError, Campaign, Target, Tried
from tests.mutants.processes import FLAGS
from tests.mutants.source import Key

ROOT: Final = pathlib.Path(__file__).parents[2]


def _alike(source: str, folder: str, tests: str, parts: Mapping[Sequence[str], Sequence[str]]) -> Iterator[Target]:
    """Targets in one folder: modules, and the tests that hold them, by their names alone."""
    for only, held_by in parts.items():
        names = tuple(f"{tests}/test_{each}.py" for each in held_by)
        yield Target(ROOT, source, folder, names, only=tuple(f"{each}.py" for each in only))


TARGETS: Final = (
    Target(ROOT, "operator", "operator/isochrone/law", ("tests/unit/law", "tests/property/test_law.py")),
    Target(
        ROOT,
        "operator",
        "operator/isochrone/plan",
        ("tests/unit/plan", "tests/property/test_plan*.py", "tests/property/test_routing.py"),
        examples=25,
    ),
    Target(
        ROOT,
        "gateway",
        "gateway/isochrone_gateway/route",
        (
            "tests/unit/route/test_copies.py",
            "tests/unit/route/test_mask.py",
            "tests/unit/route/test_candidates.py",
            "tests/unit/route/test_origin.py",
            "tests/contract/test_gateway_mask.py",
        ),
        only=("mask.py", "candidates.py", "copies.py", "origin.py"),
    ),
    *_alike(
        "gateway",
        "gateway/isochrone_gateway/server/pipeline",
        "tests/unit/pipeline",
        {
            ("rulings",): ("rulings",),
            ("chain", "decide"): ("chain", "decide"),
            ("peer_entrance",): ("peer_entrance", "peer_port"),
            ("regions",): ("regions",),
        },
    ),
    *_alike(
        "operator",
        "operator/isochrone/verify",
        "tests/unit/verify",
        {
            ("ground", "meaning", "selecting"): ("ground", "meaning", "selecting"),
            ("book", "callers", "reach", "tables"): ("callers", "reach", "tables"),
            ("egress", "engines", "pods", "whom", "workloads"): ("egress", "engines", "pods", "services"),
            ("declared", "evidence", "likeness"): ("declared", "likeness"),
            ("chosen",): ("chosen",),
            ("copies",): ("copies",),
            ("applied",): ("applied",),
            ("ways_in",): ("ways_in",),
            ("kinds", "shapes"): ("kinds", "shapes"),
            ("syntax",): ("syntax",),
            ("doors",): ("doors",),
            ("misplaced",): ("misplaced",),
            ("reading",): ("reading",),
            ("entries", "services", "slices", "twice"): ("entries", "services", "slices", "twice"),
            ("finding", "gathered", "proof"): ("gathered", "proof", "sections", "twice", "ways_in", "whose"),
        },
    ),
    *_alike(
        "operator",
        "operator/isochrone/audit",
        "tests/unit/audit",
        {
            ("chain", "check", "checkpoint", "finding", "keys", "lines", "retention"): (
                *("changed", "check", "checkpoints", "folders", "forged"),
                *("keys", "loose", "put_back", "records", "removed_early", "report", "retention"),
            ),
            ("sources",): ("sources",),
        },
    ),
)
WARM: Final = ("isochrone.admission", "isochrone.api", "isochrone.manifests", "isochrone.model", "numpy", "yaml")
WARM_TESTS: Final = "tests/unit/geo/test_areas.py"
"""Imported and run once before all: pytest, and what lies below what is mutated, is then there in every process."""


def run(chosen: Mapping[Target, Sequence[str]], known: Mapping[Key, str]) -> int:
    """Try the mutants of these files. 0: each survivor is explained; 1: not so; 2: the tests fail as the code is."""
    results: list[Tried] = []
    try:
        for target, files in chosen.items():
            results += _tried(target, files, known)
    except BrokenError as broken:
        _say(f"The tests fail as the code is.\n{broken}")
        return 2
    survivors = {tried.key for tried in results if tried.survives}
    stale = explained.stale(known, survivors, [file for files in chosen.values() for file in files])
    _say("\n".join(report.summary(results, known, stale)))
    return 1 if stale or survivors - known.keys() else 0


def _tried(target: Target, files: Sequence[str], known: Mapping[Key, str]) -> list[Tried]:
    results: list[Tried] = []
    with tempfile.TemporaryDirectory() as scratch:
        campaign = Campaign.begin(target, files, pathlib.Path(scratch))
        for file in files:
            before = len(results)
            for tried in campaign.tried(file, known):
                results.append(tried)
                if tried.survives and tried.key not in known:
                    _say(report.difference(tried))
            _say(f"{file}: {len(results) - before} mutants")
        campaign.end()
    return results


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument(
        "paths", nargs="*", type=pathlib.Path, help="files or folders; all that is mutated, if left out"
    )
    paths = [path.resolve() for path in parser.parse_args().paths or [ROOT]]
    chosen = {target: files for target in TARGETS if (files := target.files(paths))}
    if not chosen:
        parser.error(f"nothing of this is mutated; what is: {', '.join(target.folder for target in TARGETS)}")
    for name in WARM:
        importlib.import_module(name)
    if pytest.main([*FLAGS, WARM_TESTS]):
        return 2
    gc.freeze()  # What is there is not looked through again by each process.
    return run(chosen, explained.read(explained.FILE.read_text()))


if __name__ == "__main__":
    sys.exit(main())
