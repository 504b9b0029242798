"""An EU tenant under load while sites are killed: never answered from outside, its prompts never seen outside.

Everything that could tempt a gateway is there: engines at a site in the US that are ready, a provider in the US as the
fallback of every request, retries. Engines and the provider remember what they got, and each prompt of the tenant has
a marker in it.
"""

import contextlib
import hashlib
import json
import pathlib
import re
import socket
import urllib.request
from collections.abc import Iterator
from typing import Any, Final

import pytest
from click.testing import CliRunner
from tests.local import asking
from tests.local.asking import (
    EU,
    LIMIT,
    OTHER,
    SECRET,
    Answer,
    Load,
    Question,
    all_answered,
    all_refused,
    is_inside,
)
from tests.local.up import KEY, Up, descendants, running
from tests.local.upstreams import Upstream, upstream

from isochrone.cli import main

US_KEY: Final = "ik_residency_test_of_a_tenant_in_the_us_"
ASKING: Final = 3
"""Clients at a time."""


def tempt(manifests: pathlib.Path, provider: Upstream) -> None:
    """Engines everywhere, a tenant for whom those in the US are lawful, and a provider there that answers."""
    models = manifests / "models.yaml"
    text = models.read_text().split("\n---\n")[0].replace("minSites: 2", "minSites: 4")
    retries = "  retries:\n    attempts: 8\n    backoff: 5ms\n    maxBackoff: 20ms\n"
    models.write_text(text.replace("  tiers:\n", f"{retries}  tiers:\n"))
    text = (manifests / "provider.yaml").read_text()
    text = text.replace("https://us.api.openai.com/v1", f"{provider.url}\n      plaintext: Allow")
    (manifests / "provider.yaml").write_text(text.replace("https://eu.api.openai.com", "https://eu.api.invalid"))
    tenant = (manifests / "tenant.yaml").read_text().replace("    - DE\n    - FR\n", "    - EU\n")
    other = tenant.replace("name: shop", "name: american").replace("    - EU\n", "    - US\n")
    other = re.sub("sha256: .*", f"sha256: {hashlib.sha256(US_KEY.encode()).hexdigest()}", other)
    (manifests / "tenant.yaml").write_text(
        f"{tenant}---\n{other}".replace("requestsPerMinute: 600", "requestsPerMinute: 600000")
    )


@pytest.fixture(scope="module")
def engines() -> Iterator[Upstream]:
    with upstream("engines") as found:
        yield found


@pytest.fixture(scope="module")
def provider() -> Iterator[Upstream]:
    with upstream("the provider in the US") as found:
        yield found


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory, engines: Upstream, provider: Upstream) -> Iterator[Up]:
    options = ("--engine-url", engines.url, "--client", "FRA")
    folder = tmp_path_factory.mktemp("residency")
    secrets = {"OPENAI_API_KEY": "a key"}
    with running(folder, options=options, secrets=secrets, change=lambda path: tempt(path, provider)) as started:
        started.until(lambda: all(ask(started.ports()["iad1"], key=US_KEY).status == 200 for _ in range(2)), LIMIT)
        yield started


def ask(port: int, *, key: str = KEY, marker: str = SECRET, origin: str = "") -> Answer:
    return asking.ask("127.0.0.1", port, Question(key=key, model="smollm2", marker=marker, origin=origin))


def seen(up: Up, site: str) -> dict[str, float]:
    """What a site's gateway has read of bodies, whom it has asked, and which peers have come, as far as any."""
    command = next(each for each in commands(up) if site in each and "--admin" in each)
    address = command[command.index("--admin") + 1]
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=LIMIT) as found:
        lines = found.read().decode().splitlines()
    wanted = ("isochrone_body_bytes_total", "isochrone_upstream_attempts_total", "isochrone_peer_requests_total")
    values = (line.rsplit(" ", 1) for line in lines if line.startswith(wanted) and 'direction="out"' not in line)
    return {name: float(value) for name, value in values if float(value)}


def commands(up: Up) -> Iterator[list[str]]:
    for pid in descendants(up.process.pid):
        with contextlib.suppress(OSError):
            yield pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def state(up: Up, site: str) -> str:
    return next(str(each["state"]) for each in up.view()["sites"] if each["name"] == site)


def test_the_temptations_are_real(up: Up, engines: Upstream, provider: Upstream) -> None:
    """The site in the US answers whom it may, and falls back to the provider: so it could for everybody."""
    port = up.ports()["iad1"]
    # On one machine all sites are equally near, so whose engines answer is drawn.
    assert "iad1" in {ask(port, key=US_KEY, marker=OTHER).site for _ in range(64)}
    engines.fails = True
    try:
        fallen = ask(port, key=US_KEY, marker=OTHER)
    finally:
        engines.fails = False
    assert (fallen.status, fallen.backend) == (200, "provider:openai/us")
    assert provider.got(OTHER) > 0
    assert seen(up, "iad1"), "what is asserted below is counted at all"


def test_each_site_is_killed_in_turn_and_then_all(up: Up, engines: Upstream, provider: Upstream) -> None:
    up.until(lambda: ask(up.port).status == 200, LIMIT)
    before = seen(up, "iad1")
    with Load([lambda: ask(up.port)] * ASKING) as load:
        for site in EU:
            up.sites("kill", site)
            assert all(is_inside(each) and each.site != site for each in load.until(all_answered))
            up.sites("start", site)
            up.until(lambda site=site: state(up, site) == "Ready", LIMIT)  # type: ignore[misc]
            load.until(all_answered)
        for site in EU:
            up.sites("kill", site)
        refused = load.until(all_refused)
        every = dict(load.every)
    assert {(each.status, each.code) for each in refused} == {(403, "residency_denied")}
    assert {each.site for each in refused} == {"iad1"}, "where anycast leads when nobody else is up"

    answered = {each for each in every if each.status == 200}
    assert answered
    assert {each for each in answered if not is_inside(each)} == set()
    assert {each.status for each in every} <= {0, 200, 403, 502, 503}
    assert {each.code for each in every if each.status == 403} == {"residency_denied"}
    assert engines.got(SECRET) > 0
    assert provider.got(SECRET) == 0
    assert seen(up, "iad1") == before, "no byte of a body was read there, nobody asked, no peer came"


def test_the_refusal_comes_before_the_prompt(up: Up) -> None:
    """All sites of the EU are down. A client that waits to be asked for the body never sends it."""
    with socket.create_connection(("127.0.0.1", up.port), timeout=LIMIT) as client:
        head = {"host": "x", "authorization": f"Bearer {KEY}", "content-type": "application/json"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        client.sendall(
            f"POST /v1/chat/completions HTTP/1.1\r\n{lines}content-length: 99\r\nexpect: 100-continue\r\n\r\n".encode()
        )
        answer = client.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"residency_denied" in answer


def test_a_live_drill_finds_the_same_and_brings_all_back(up: Up, provider: Upstream) -> None:
    for site in EU:
        up.sites("start", site)
    up.until(lambda: all(state(up, site) == "Ready" for site in EU) and ask(up.port).status == 200, LIMIT)
    options = ("-f", str(up.manifests), "--all-of", "EU", "--origin", "DE", "--json")
    drilled = CliRunner(env={"ISOCHRONE_KEY": KEY}).invoke(
        main, ["drill", "--live", "--state", str(up.state), *options]
    )
    assert drilled.exit_code == 0, drilled.output
    steps = json.loads(drilled.stdout)["steps"]
    assert [(each["down"], each["after"]) for each in steps] == [
        ([], "nothing"),
        (["ber1"], "failure"),
        (["ber1", "cdg1"], "failure"),
        (["ber1", "cdg1", "fra1"], "failure"),
    ]
    rows = [row for step in steps for row in step["traffic"]]
    assert [row["status"] for row in rows] == [200, 200, 200, 403]
    assert rows[2]["by"] == "site fra1"
    assert (rows[3]["entered"], rows[3]["code"], rows[3]["policy"]) == ("iad1", "residency_denied", "eu-data-stays")
    assert {state(up, site) for site in EU} == {"Ready"}
    assert is_inside(ask(up.port))
    assert provider.got(SECRET) == 0


def test_no_header_leads_outside(up: Up) -> None:
    """The tenant's own word for where data is from is taken within what it declares only."""
    found: list[Any] = [ask(up.ports()["iad1"], origin=origin) for origin in ("US", "DE")]
    assert [(each.status, each.code) for each in found] == [(403, "origin_not_allowed"), (403, "residency_denied")]


def test_broken_engines_are_no_reason_to_leave(up: Up, engines: Upstream, provider: Upstream) -> None:
    """All engines fail. Others fall back to the provider through the very same gateway; the EU's requests don't."""
    engines.fails = True
    try:
        both = [(ask(up.port, key=US_KEY, marker=OTHER), ask(up.port)) for _ in range(12)]
    finally:
        engines.fails = False
    assert "provider:openai/us" in {others.backend for others, _ in both}
    assert {ours.status for _, ours in both} <= {500, 502, 503}
    assert provider.got(SECRET) == 0
