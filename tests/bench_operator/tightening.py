"""How long a change of the law takes until every site has it: from when the API server took it to each site's ack."""

import dataclasses
import time
from collections.abc import Iterator
from typing import Any, Final

from tests.bench import proc
from tests.bench_operator import hub, world
from tests.bench_operator.hub import Operator
from tests.bench_operator.sites import Sites
from tests.cluster.client import Client
from tests.cluster.controlplane import ControlPlane

LIMIT: Final = 120.0
QUIET: Final = 6.0
_POLICY: Final = "br-stays"
_CPU: Final = 50
_INTO_A_PASS: Final = 2.5
"""Seconds after which bundles are rendered, in a large network."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Round:
    """One change. Seconds, from when it was accepted."""

    is_tight: bool
    is_met: bool
    """Whether a pass was under way, because of another change a moment before."""
    had: list[float]
    """Until each site had the whole new config."""
    acked: list[float]
    """Until the hub's API server had each site's report of that."""
    steps: dict[str, float]
    """What the operator did until then, per pass."""
    cpu: float
    """Seconds of CPU that the operator used until the last ack."""
    server: float
    """The same of the API server and etcd, of which each site's report is a part."""
    settled: float
    """Until nothing more went out: placements follow the law, in waves."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Network:
    """What takes part."""

    api: Client
    plane: ControlPlane
    operator: Operator
    sites: Sites


def rounds(count: int, network: Network) -> Iterator[Round]:
    """Tightened and loosened in turn; from rest, and in the middle of a pass."""
    for number in range(count):
        yield _round(network, number, is_tight=number % 2 == 0, is_met=number % 4 > 1)


def _round(network: Network, number: int, *, is_tight: bool, is_met: bool) -> Round:
    if is_met:
        network.api.apply(world.route(cpu=_CPU + number))
        time.sleep(_INTO_A_PASS)
    operator, sites, servers = network.operator, network.sites, network.plane.pids
    before, since = operator.steps(), len(sites.seen())
    cpu, server = operator.cpu_seconds, proc.cpu_seconds(servers)
    answer = network.api.apply(world.policy(is_tight=is_tight))
    accepted = time.monotonic()
    generation = _generation(answer.body)
    found = sites.all_have(lambda seen: seen.generations.get(_POLICY, 0) >= generation, since=since, limit=LIMIT)
    used, served = operator.cpu_seconds - cpu, proc.cpu_seconds(servers) - server
    sites.quiet(seconds=QUIET, limit=LIMIT)
    return Round(
        is_tight=is_tight,
        is_met=is_met,
        had=sorted(seen.at - accepted for seen in found.values()),
        acked=sorted(seen.acked - accepted for seen in found.values()),
        steps=hub.between(before, operator.steps()),  # The pass goes on after the law is out.
        cpu=used,
        server=served,
        settled=sites.last - accepted,
    )


def _generation(item: dict[str, Any]) -> int:
    generation: int = item["metadata"]["generation"]
    return generation
