"""What one pass of the hub comes to."""

import asyncio
import dataclasses
from pathlib import Path

from tests.unit.outage.installation import Installation

from isochrone import manifests, status
from isochrone.plan import routing

EXAMPLE = Path(__file__).parents[3] / "examples" / "quickstart-multicluster"


def test_a_pass_says_whom_gateways_ask_also_when_nothing_is_rendered_anew(tmp_path: Path) -> None:
    async def scenario() -> None:
        made = Installation([dict(each.obj) for each in manifests.read([str(EXAMPLE)]).manifests], tmp_path)
        await made.declare()
        await made.go_on(2)
        for _ in range(2):
            await made.operate()
            passed = made.passed
            assert passed is not None
            tables = routing(passed.snapshot, passed.plan, now=int(made.wall()))
            sites = sorted(each.metadata.name for each in passed.snapshot.edge_nodes)
            assert passed.asked == status.Asked.of(map(tables.at, sites))
            assert {str(key) for key in passed.asked.answered} == {"demo/bge", "demo/qwen"}

    asyncio.run(scenario())


def test_what_several_sites_ask_is_put_together() -> None:
    parts = [status.Asked(providers={name: frozenset({"openai"})}, answered=frozenset()) for name in ("fra1", "cdg1")]
    together = status.Asked.together(parts)
    assert together == status.Asked(
        providers={"fra1": frozenset({"openai"}), "cdg1": frozenset({"openai"})}, answered=frozenset()
    )
    assert together != dataclasses.replace(together, providers={})
