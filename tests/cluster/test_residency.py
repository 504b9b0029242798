"""An EU tenant under load while sites lose their power: never answered from outside, its prompts never seen outside.

Real API servers, operators and gateways. Everything that could tempt a gateway is there: engines in the US that are
ready, a provider in the US as the fallback of every request, retries, and clients who knock at the site in the US.
Engines and the provider remember what they got, and each prompt of the tenant has a marker in it.
"""

import contextlib
import copy
import dataclasses
import functools
import hashlib
import json
import socket
import time
import urllib.request
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from click.testing import CliRunner
from tests.cluster.engines import BREAKS
from tests.cluster.fleet import SYSTEM, Fleet, Site
from tests.cluster.network import EXAMPLE, OF_SITE, Network, clusters, running
from tests.cluster.nodes import Nodes
from tests.cluster.subnets import on_this_machine
from tests.cluster.waiting import until
from tests.local import asking
from tests.local.asking import EU, OTHER, SECRET, Answer, Load, Question, is_inside
from tests.local.up import KEY
from tests.local.upstreams import Upstream, upstream

from isochrone.cli import main
from isochrone.render.gateway_settings import DATA_PORT

pytestmark = pytest.mark.usefixtures("kube")

Json = dict[str, Any]

OUTSIDE: Final = "iad1"
OURS: Final = Question(key=KEY, model="chat", marker=SECRET)
THEIRS: Final = Question(key="ik_residency_test_of_a_tenant_in_the_us_", model="chat", marker=OTHER)
"""Of a tenant for whom engines and provider in the US are lawful, and who may enter anywhere."""
BROKEN: Final = {"max_tokens": BREAKS}
"""What engines fail at."""
ADMIN_PORT: Final = 9090
PAUSE: Final = 0.05
MOMENT: Final = 1.5
"""Seconds; workers of a gateway tell what they have counted at least once a second."""
LIMIT: Final = 300.0


def tempted(item: Json, fleet: Fleet, provider: Upstream) -> Iterator[Json]:
    """What is declared in place of an object of the example."""
    item, name = copy.deepcopy(item), item["metadata"]["name"]
    spec = item.get("spec", {})
    match item["kind"]:
        case "EdgeNode":
            spec["gateway"] |= {"replicas": 1, "advertise": {"host": fleet[OF_SITE[name]].gateway_address(name)}}
        case "ModelRoute" if name == "qwen":
            spec["serving"]["replicasPerSite"] = 1
            spec["placement"] = {"minSites": len(OF_SITE)}
            spec["retries"] = {"attempts": 8, "backoff": "5ms", "maxBackoff": "20ms"}
            spec["queue"] = {"maxWait": "300ms"}
        case "ModelRoute":
            return
        case "ModelProvider":
            spec["endpoints"] = [{"name": "us", "url": provider.url, "plaintext": "Allow", "processesIn": ["US"]}]
        case "InferenceTenant":
            del spec["limits"]
            yield {**item, "spec": {**spec, "origins": ["EU"]}}
            key = {"name": "any", "sha256": hashlib.sha256(THEIRS.key.encode()).hexdigest()}
            item = {**item, "metadata": {**item["metadata"], "name": "american"}}
            spec |= {"keys": [key], "origins": ["US"]}
    yield item


class World:
    """The network, and what of it is outside."""

    def __init__(self, net: Network, provider: Upstream) -> None:
        self.net = net
        self.provider = provider
        self.outside = net.fleet[OUTSIDE]

    def ask(self, site: str, question: Question = OURS) -> Answer:
        """Of a client that enters at that site."""
        return asking.ask(self.cluster(site).gateway_host(site), DATA_PORT, question, entered=site)

    def statuses(self, question: Question, sites: Iterable[str]) -> set[int]:
        return {self.ask(site, question).status for site in sites}

    def cluster(self, site: str) -> Site:
        return self.net.fleet[OF_SITE[site]]

    def cut(self, site: str) -> None:
        """The power of a site: of its machines, and of its cluster's API server where the cluster is its own."""
        self.cluster(site).set_power(_machines(site), on=False)
        if OF_SITE[site] == site:
            self.cluster(site).plane.stop_api_server()

    def restore(self, site: str) -> None:
        if OF_SITE[site] == site:
            self.cluster(site).plane.start_api_server()
        self.cluster(site).set_power(_machines(site), on=True)

    def seen_outside(self) -> Mapping[str, float]:
        """What the gateway there has read of bodies, whom it has asked, and which peers have come, as far as any."""
        lines = self._admin("/metrics").splitlines()
        wanted = ("isochrone_body_bytes_total", "isochrone_upstream_attempts_total", "isochrone_peer_requests_total")
        values = (line.rsplit(" ", 1) for line in lines if line.startswith(wanted) and 'direction="out"' not in line)
        return {name: float(value) for name, value in values if float(value)}

    def counted_outside(self) -> Mapping[str, float]:
        """The same, once it stands still: of a worker that is slow to answer, it is as of a moment ago."""

        def twice() -> tuple[Mapping[str, float], Mapping[str, float]]:
            first = self.seen_outside()
            time.sleep(MOMENT)
            return first, self.seen_outside()

        return until(twice, holds=lambda seen: seen[0] == seen[1])[1]

    def _admin(self, path: str) -> str:
        params = {"labelSelector": "app.kubernetes.io/component=gateway"}
        (pod,) = self.outside.api.request("GET", f"/api/v1/namespaces/{SYSTEM}/pods", params=params).body["items"]
        address = on_this_machine(pod["status"]["podIP"])
        with urllib.request.urlopen(f"http://{address}:{ADMIN_PORT}{path}", timeout=20) as found:
            text: str = found.read().decode()
            return text

    def why(self) -> str:
        return "\n".join([self.net.tails(), *(site.gateways.logs()[-4000:] for site in self.net.fleet.sites)])


@pytest.fixture(scope="module")
def world(kube: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    assert kube.exists()
    folder = tmp_path_factory.mktemp("residency")
    with upstream("the provider in the US") as provider, clusters() as fleet:
        manifests = folder / "manifests.yaml"
        read = [each for file in sorted(EXAMPLE.glob("*.yaml")) for each in yaml.safe_load_all(file.read_text())]
        manifests.write_text(yaml.safe_dump_all(each for item in read for each in tempted(item, fleet, provider)))
        with running(Network(fleet, folder, manifests=manifests, replicas=["hub-a"])) as net:
            net.settled()
            made = World(net, provider)
            for asked, sites in ((THEIRS, OF_SITE), (OURS, EU)):
                statuses = functools.partial(made.statuses, asked, sites)
                until(statuses, holds=lambda found: found == {200}, limit=LIMIT, why=made.why)
            yield made
        fleet.background.check()


def _machines(site: str, *, with_gpus: bool = False) -> Callable[[Nodes], bool]:
    """Those of a site: all, or only those where engines are."""
    return lambda nodes: nodes.zone == site and (nodes.gpus > 0 or not with_gpus)


@contextlib.contextmanager
def under_load(world: World) -> Iterator[Load]:
    """Clients of the tenant ask at every site all the time; whatever becomes of that, none of it is seen outside."""
    before = world.counted_outside()
    with Load([functools.partial(world.ask, site) for site in OF_SITE], pause=PAUSE) as load:
        yield load
    every = set(load.every)
    assert {each for each in every if each.status == 200 and not is_inside(each)} == set()
    assert {each.status for each in every} <= {0, 200, 403, 502, 503}
    assert {(each.status, each.code) for each in every if each.entered == OUTSIDE} == {(403, "residency_denied")}
    assert {each.code for each in every if each.status == 403} == {"residency_denied"}
    assert world.seen_outside() == before, "no byte of a body was read there, nobody asked, no peer came"
    assert (world.outside.engines.got(SECRET), world.provider.got(SECRET)) == (0, 0)


def answering(
    *sites: str, refusing: Collection[str] = (), code: str = "residency_denied"
) -> Callable[[Collection[Answer]], bool]:
    """Whether clients are answered by some sites where they enter there, refused at others, and broken off at the rest.

    At least one is refused with the code.
    """

    def is_so(answer: Answer) -> bool:
        if answer.entered == OUTSIDE or answer.entered in refusing:
            return answer.status in {403, 502, 503}
        if answer.entered in sites:
            return answer.status == 200 and answer.site in sites
        return not answer.status

    def is_all(found: Collection[Answer]) -> bool:
        every_site = {each.entered for each in found} == set(OF_SITE)
        return every_site and all(map(is_so, found)) and code in {each.code for each in found}

    return is_all


def test_the_temptations_are_real(world: World) -> None:
    """The site in the US answers whom it may, and falls back to the provider; and it lets nobody of ours in."""
    # All sites are equally near here, so whose engines answer is drawn.
    assert OUTSIDE in {world.ask(OUTSIDE, THEIRS).site for _ in range(64)}
    assert world.outside.engines.got(OTHER) > 0
    assert world.seen_outside(), "what is asserted below is counted at all"
    refused = world.ask(OUTSIDE)
    assert (refused.status, refused.code) == (403, "residency_denied")


def test_what_runs_is_proved(world: World) -> None:
    """As somebody would who has the kubeconfigs of all clusters; whatever else API servers list there does no harm."""
    members = [part for site in world.net.fleet.sites for part in ("--cluster", str(site.plane.kubeconfig))]
    hub = ["--kubeconfig", str(world.net.hub.plane.kubeconfig)]
    proved = CliRunner().invoke(main, ["verify", *hub, *members, "--json"])
    report = json.loads(proved.stdout)
    assert [each for each in report["findings"] if each["severity"] == "Error"] == []
    assert (report["holds"], proved.exit_code) == (True, 0)
    assert {each["name"] for each in report["sites"]} == set(OF_SITE)


def test_each_site_loses_its_power_in_turn(world: World) -> None:
    with under_load(world) as load:
        for site in EU:
            others = [each for each in EU if each != site]
            world.cut(site)
            load.until(answering(*others), limit=LIMIT, why=world.why)
            world.restore(site)
            load.until(answering(*EU), limit=LIMIT, why=world.why)


def test_without_engines_in_the_eu_all_are_refused(world: World) -> None:
    """Gateways are up, and engines in the US are ready. Whom they may answer, they answer through the same gateways."""
    with under_load(world) as load:
        for site in EU:
            world.cluster(site).set_power(_machines(site, with_gpus=True), on=False)
        refused = load.until(answering(refusing=EU, code="no_capacity"), limit=LIMIT, why=world.why)
    # Who was asked in vain is soon known not to answer, and is asked again now and then.
    assert {each.code for each in refused} <= {"residency_denied", "no_capacity", "upstream_failed"}
    until(
        lambda: {world.ask(site, THEIRS).site for site in EU},
        holds=lambda found: found == {OUTSIDE},
        limit=LIMIT,
        why=world.why,
    )
    with under_load(world) as load:
        for site in EU:
            world.cluster(site).set_power(_machines(site), on=True)
        load.until(answering(*EU), limit=LIMIT, why=world.why)


def test_all_sites_of_the_eu_are_gone_and_come_back(world: World) -> None:
    with under_load(world) as load:
        for site in EU:
            world.cut(site)
        load.until(answering(), limit=LIMIT, why=world.why)
        for site in EU:
            world.restore(site)
        load.until(answering(*EU), limit=LIMIT, why=world.why)


def test_the_refusal_comes_before_the_prompt(world: World) -> None:
    """A client that waits to be asked for the body never sends it to the site in the US."""
    with socket.create_connection((world.outside.gateway_host(OUTSIDE), DATA_PORT), timeout=20) as client:
        head = {
            "host": "x",
            "authorization": f"Bearer {KEY}",
            "content-type": "application/json",
            "connection": "close",
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        asks = f"POST /v1/chat/completions HTTP/1.1\r\n{lines}content-length: 99\r\nexpect: 100-continue\r\n\r\n"
        client.sendall(asks.encode())
        answer = client.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 403 ")
    error = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
    assert (error["code"], error["residency"]["policy"]) == ("residency_denied", "eu-data-stays")
    assert error["residency"]["hostnames"] == {
        "DE-BB": "ber1.ai.example.com",
        "DE-HE": "fra1.ai.example.com",
        "FR-IDF": "cdg1.ai.example.com",
    }


def test_broken_engines_are_no_reason_to_leave(world: World) -> None:
    """All engines fail. Others fall back to the provider through the very same gateways; the EU's requests don't."""
    before = world.counted_outside()
    ours = [world.ask(site, dataclasses.replace(OURS, more=BROKEN)) for site in EU]
    assert world.seen_outside() == before
    assert {each.status for each in ours} <= {500, 502, 503}
    others = [world.ask(site, dataclasses.replace(THEIRS, more=BROKEN)) for site in OF_SITE]
    assert {(each.status, each.backend) for each in others} == {(200, "provider:openai/us")}
    assert world.provider.got(OTHER) >= len(others)
    assert world.provider.got(SECRET) == 0


def test_nothing_of_the_tenant_is_written_outside(world: World) -> None:
    """Its log has a line of each request of the others, and none of those that were refused."""
    logs = world.outside.gateways.logs()
    assert "demo/american" in logs
    assert "demo/shop" not in logs
    assert SECRET not in logs
