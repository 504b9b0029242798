"""Ask a real API server about every case, and write its verdicts into the files: `python -m tests.corpus.record`.

What changed is for the author to read: a verdict that puzzles is a fault of the API, not of the corpus.
"""

import sys

from tests.cluster.client import Client
from tests.cluster.controlplane import ControlPlane, Options
from tests.corpus import cases, server


def main() -> None:
    changed = 0
    with ControlPlane(Options()) as plane, Client(plane.kubeconfig) as client, server.installed(client) as api:
        for case in cases.load():
            found = tuple(each for each in server.refusals(server.answer(api, case)) if each != cases.BLOCKED)
            if found != case.expected:
                changed += 1
                print(f"{case.id}: {'; '.join(map(str, found)) or 'accepted'}")  # noqa: T201 - a program
            cases.write(case, found)
    print(f"{len(cases.load())} cases, {changed} changed", file=sys.stderr)  # noqa: T201 - a program


if __name__ == "__main__":
    main()
