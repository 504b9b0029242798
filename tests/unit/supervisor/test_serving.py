"""A gateway as a user runs it: starts, serves, changes configs, reports."""

import contextlib
import functools
import http.client
import json
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import time
from typing import Final

import pytest
from msgspec.structs import replace
from tests.cluster import pki
from tests.unit.supervisor import gateways, plane
from tests.unit.supervisor.gateways import TOKEN, all_gone, running, until
from tests.unit.wire.proxy_headers import tcp

from isochrone_gateway.config.site import ClientAddress, ClientAddressSource, Listener, PeerTrust, TlsFiles
from isochrone_gateway.server import settings
from isochrone_gateway.server.cli import main

MOST: Final = 2_000
"""Requests after which the other worker of two has had one, also on a busy machine."""


def test_it_serves_and_tells(tmp_path: pathlib.Path) -> None:
    with running(tmp_path, "--state", str(tmp_path / "state")) as gateway:
        assert gateway.get()[1].startswith(b"s1.example.com ")
        assert gateway.admin_get("/healthz") == (200, b"ok\n")
        assert gateway.admin_get("/readyz") == (200, b"ok\n")
        assert gateway.admin_get("/nowhere")[0] == 404
        status = gateway.status()
        assert status["phase"] == "Serving"
        assert status["config"]["running"]["revision"]["sequence"] == 1
        assert status["config"]["running"]["origin"] == "Source"
        assert status["config"]["age"]["state"] == "Fresh"
        assert status["config"]["refused"] is None
        assert status["restartNeededFor"] == []
        until(lambda: [each.get("targets") for each in gateway.planes()] == [{"engine": "healthy"}] * 2)
        until(lambda: float(gateway.get("/age")[1]) < 60)
        pids = gateway.pids()
        gateway.signal(signal.SIGTERM)
        assert gateway.wait() == 0
        assert all_gone(pids)


def test_status_asks_for_its_token(tmp_path: pathlib.Path) -> None:
    with running(tmp_path, workers=1) as gateway:
        assert gateway.admin_get("/status")[0] == 401
        assert gateway.admin_get("/status", token=TOKEN + "x")[0] == 401
        assert gateway.admin_get("/status", token=TOKEN)[0] == 200
        (tmp_path / "token").write_text("another-token-of-length")
        assert gateway.admin_get("/status", token=TOKEN)[0] == 401
        assert gateway.admin_get("/status", token="another-token-of-length")[0] == 200
        (tmp_path / "token").write_text("")
        assert gateway.admin_get("/status", token="")[0] == 503
        (tmp_path / "token").unlink()
        assert gateway.admin_get("/status", token="another-token-of-length")[0] == 503


def test_the_metrics_of_all_workers_are_one_page_and_survive_them(tmp_path: pathlib.Path) -> None:
    with running(tmp_path) as gateway:
        asked, seen = 0, set[bytes]()
        while asked < 40 or (len(seen) < 2 and asked < MOST):  # which worker accepts is for the kernel to say
            asked, seen = asked + 1, seen | {gateway.get()[1].split()[1]}
        assert gateway.metric("test_requests_total") == asked
        assert gateway.metric('isochrone_connections_total{port="data"}') == asked
        assert gateway.metric("isochrone_config_sequence") == 1
        assert gateway.metric('isochrone_config_state{state="Fresh"}') == 1
        assert gateway.metric("isochrone_workers_ready") == 2
        assert len(seen) == 2, "both workers accept"


def test_a_new_config_is_run_by_all_workers(tmp_path: pathlib.Path) -> None:
    with running(tmp_path) as gateway:
        gateway.publish(2)
        until(lambda: gateway.status()["config"]["running"]["revision"]["sequence"] == 2)
        answers = [gateway.get()[1].split() for _ in range(20)]
        assert {host for host, _ in answers} == {b"s2.example.com"}


@pytest.mark.parametrize(
    ("hostname", "problem"),
    [
        pytest.param(plane.REFUSED, "can't run this one", id="a data plane refuses it"),
        pytest.param(plane.REFUSED_BY_ONE, "can't run this one", id="one worker's data plane refuses it"),
        pytest.param(plane.DEADLY, "no worker survived it", id="it kills workers"),
    ],
)
def test_a_config_that_workers_cannot_run_runs_in_none(tmp_path: pathlib.Path, hostname: str, problem: str) -> None:
    with running(tmp_path) as gateway:
        gateway.publish(2, hostname=hostname)
        until(lambda: gateway.status()["config"]["refused"] is not None)
        refused = gateway.status()["config"]["refused"]
        assert refused["reason"] == "NotApplied"
        assert refused["revision"]["sequence"] == 2
        assert problem in refused["problems"][0]
        assert gateway.metric('isochrone_config_refused{reason="NotApplied"}') == 1
        assert gateway.metric("isochrone_config_sequence") == 1
        until(lambda: gateway.metric("isochrone_workers_ready") == 2)
        assert {gateway.get()[1].split()[0] for _ in range(20)} == {b"s1.example.com"}
        gateway.publish(3)
        until(lambda: gateway.status()["config"]["running"]["revision"]["sequence"] == 3)
        assert gateway.status()["config"]["refused"] is None


@pytest.mark.parametrize(
    ("option", "reason"),
    [pytest.param("--site", "OtherSite", id="site"), pytest.param("--installation", "OtherInstallation", id="owner")],
)
def test_a_config_for_somebody_else_is_refused_and_said(tmp_path: pathlib.Path, option: str, reason: str) -> None:
    with running(tmp_path, option, "elsewhere", publish=False, workers=1) as gateway:
        gateway.publish(1)
        until(lambda: reason in gateway.log)
        gateway.signal(signal.SIGTERM)
        assert gateway.wait() == 0


def test_older_and_broken_configs_do_not_run(tmp_path: pathlib.Path) -> None:
    with running(tmp_path, workers=1) as gateway:
        gateway.publish(5)
        until(lambda: gateway.runs("s5.example.com"))
        gateway.publish(4)
        until(lambda: (gateway.status()["config"]["refused"] or {}).get("reason") == "OldSequence")
        (tmp_path / "config" / "index.json").write_bytes(b'{"apiVersion":')
        until(lambda: gateway.status()["config"]["refused"]["reason"] == "InvalidIndex")
        assert gateway.runs("s5.example.com")
        gateway.publish(6)
        until(lambda: gateway.runs("s6.example.com"))


def test_it_starts_from_its_disk_when_the_source_is_away(tmp_path: pathlib.Path) -> None:
    state = ("--state", str(tmp_path / "state"))
    with running(tmp_path, *state, workers=1) as gateway:
        until((tmp_path / "state" / "config" / "index.json").exists)
        gateway.signal(signal.SIGTERM)
        gateway.wait()
        (tmp_path / "config").rename(tmp_path / "elsewhere")
        options = ("--admin", f"127.0.0.1:{gateway.admin}", "--status-token", str(tmp_path / "token"))
        gateway.process = gateways.start(tmp_path, *state, *options)
        try:
            until(gateway.is_ready, log=lambda: gateway.log)
            assert gateway.runs("s1.example.com")
            until(lambda: "No such file" in (gateway.status()["config"]["away"] or ""))
            config = gateway.status()["config"]
            assert config["running"]["origin"] == "Disk"
            assert 0 < config["age"]["seconds"] < 60
            (tmp_path / "elsewhere").rename(tmp_path / "config")
            until(lambda: gateway.status()["config"]["away"] is None)
        finally:
            gateways.end(gateway.process)


def test_without_any_config_it_lives_and_says_why_it_is_not_ready(tmp_path: pathlib.Path) -> None:
    (admin,) = gateways.free_ports(1)
    with running(tmp_path, "--admin", f"127.0.0.1:{admin}", publish=False) as gateway:
        gateway.admin = admin
        until(lambda: gateway.process.poll() is not None or "PhaseEntered" in gateway.log or _answers(gateway))
        assert gateway.admin_get("/healthz")[0] == 200
        until(lambda: b"No such file" in gateway.admin_get("/readyz")[1])
        assert gateway.admin_get("/readyz")[0] == 503
        assert gateway.metric('isochrone_config_state{state="Expired"}') == 1
        assert gateway.status()["config"]["age"]["seconds"] is None
        gateway.publish(1)
        until(gateway.is_ready, log=lambda: gateway.log)
        assert gateway.runs("s1.example.com")


def _answers(gateway: gateways.Gateway) -> bool:
    try:
        return gateway.admin_get("/healthz")[0] == 200
    except OSError:
        return False


def test_a_taken_port_is_reported_and_tried_again(tmp_path: pathlib.Path) -> None:
    (admin,) = gateways.free_ports(1)
    with running(tmp_path, "--admin", f"127.0.0.1:{admin}", publish=False, workers=1) as gateway:
        gateway.admin = admin
        with socket.create_server(("127.0.0.1", gateway.data)):
            gateway.publish(1)
            until(lambda: _answers(gateway) and b"ddress already in use" in gateway.admin_get("/readyz")[1])
        until(gateway.is_ready, log=lambda: gateway.log)


def test_listeners_that_move_are_told_not_refused(tmp_path: pathlib.Path) -> None:
    with running(tmp_path, workers=1) as gateway:
        (other,) = gateways.free_ports(1)
        gateway.publish(2, data=other)
        until(lambda: gateway.status()["config"]["running"]["revision"]["sequence"] == 2)
        assert gateway.status()["restartNeededFor"] == ["data"]
        assert gateway.runs("s2.example.com")


def test_sighup_reads_everything_again(tmp_path: pathlib.Path) -> None:
    with running(tmp_path) as gateway:
        gateway.signal(signal.SIGHUP)
        until(lambda: [each.get("reloads") for each in gateway.planes()] == [1, 1])
        assert gateway.process.poll() is None


def test_what_is_signalled_at_the_end_changes_nothing_of_it(tmp_path: pathlib.Path) -> None:
    with running(tmp_path) as gateway:
        gateway.signal(signal.SIGTERM)
        until(functools.partial(_has_ended, gateway, signal.SIGHUP))
        assert gateway.wait() == 0


def _has_ended(gateway: gateways.Gateway, number: signal.Signals) -> bool:
    """Whether it has; it is signalled all the time meanwhile."""
    for _ in range(100):
        gateway.signal(number)
        time.sleep(0.0001)
    return gateway.process.poll() is not None


def test_the_state_folder_may_be_unusable(tmp_path: pathlib.Path) -> None:
    (tmp_path / "state").write_text("a file in its place")
    with running(tmp_path, "--state", str(tmp_path / "state"), workers=1) as gateway:
        until(lambda: gateway.status()["config"]["storeProblem"] is not None)
        assert gateway.metric("isochrone_config_store_up") == 0
        assert gateway.is_ready()


def test_tls_on_the_data_port_and_mutual_tls_between_peers(tmp_path: pathlib.Path) -> None:
    authority = pki.new_authority()
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    server, client = authority.issue_server("127.0.0.1"), authority.issue_client("edge-par", [])
    (secrets / "ca.crt").write_bytes(authority.pair.certificate)
    for name, pair in {"server": server, "client": client}.items():
        (secrets / f"{name}.crt").write_bytes(pair.certificate)
        (secrets / f"{name}.key").write_bytes(pair.key)
    files = TlsFiles(certificate="server.crt", key="server.key")
    with running(tmp_path, "--secrets", str(secrets), publish=False, workers=1) as gateway:
        (peer,) = gateways.free_ports(1)
        made = gateways.make_config(gateway.data, gateway.admin, hostname="s1.example.com")
        listeners = replace(
            made.site.listeners,
            data=Listener(port=gateway.data, host="127.0.0.1", tls=files),
            peer=Listener(port=peer, host="127.0.0.1"),
        )
        trust = PeerTrust(ca_bundle="ca.crt", identity=files)
        made = replace(made, site=replace(made.site, listeners=listeners, peer_trust=trust))
        gateways.write(tmp_path / "config", made, 1)
        until(gateway.is_ready, log=lambda: gateway.log)

        anybody = ssl.create_default_context(cafile=str(secrets / "ca.crt"))
        assert _get(gateway.data, anybody).startswith(b"s1.example.com")
        with pytest.raises((ssl.SSLError, OSError, http.client.HTTPException)):
            _get(peer, anybody)
        known = ssl.create_default_context(cafile=str(secrets / "ca.crt"))
        known.load_cert_chain(secrets / "client.crt", secrets / "client.key")
        assert _get(peer, known).startswith(b"s1.example.com")

        renewed = authority.issue_server("127.0.0.1")
        (secrets / "server.crt").write_bytes(renewed.certificate)
        (secrets / "server.key").write_bytes(renewed.key)
        gateway.signal(signal.SIGHUP)
        until(lambda: _certificate(gateway.data, anybody) == ssl.PEM_cert_to_DER_cert(renewed.certificate.decode()))
        with socket.create_connection(("127.0.0.1", gateway.data)) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            plain.settimeout(gateways.PATIENCE)
            assert b"HTTP" not in plain.recv(100)
        until(lambda: gateway.metric('isochrone_connections_lost_total{port="data",why="handshake"}') >= 1)


def test_behind_proxies_a_change_of_who_they_are_needs_no_restart(tmp_path: pathlib.Path) -> None:
    with running(tmp_path) as gateway:

        def publish(sequence: int, source: ClientAddressSource, *proxies: str) -> None:
            told = ClientAddress(source=source, trusted_proxies=frozenset(proxies))
            made = gateways.make_config(gateway.data, gateway.admin, hostname=f"s{sequence}.example.com")
            gateways.write(tmp_path / "config", replace(made, site=replace(made.site, client_address=told)), sequence)
            until(lambda: gateway.status()["config"]["running"]["revision"]["sequence"] == sequence)

        assert gateway.get("/peer") == (200, b"127.0.0.1")
        publish(2, ClientAddressSource.PROXY_PROTOCOL, "127.0.0.1/32")
        assert [_proxied(gateway.data) for _ in range(10)] == [b"192.0.2.7"] * 10
        publish(3, ClientAddressSource.PROXY_PROTOCOL, "10.0.0.0/8")
        assert [_proxied(gateway.data) for _ in range(10)] == [b""] * 10
        until(lambda: gateway.tells('isochrone_connections_lost_total{port="data",why="untrusted_proxy"} 10'))
        assert gateway.is_ready(), "administrators come to another port"
        publish(4, ClientAddressSource.CONNECTION)
        assert gateway.get("/peer") == (200, b"127.0.0.1")


def _proxied(port: int) -> bytes:
    """Ask behind a PROXY header for the client's address; nothing if the connection is closed without an answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=gateways.PATIENCE) as connection:
        try:
            connection.sendall(tcp("192.0.2.7", 4711) + b"GET /peer HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            return b"".join(iter(lambda: connection.recv(4096), b"")).partition(b"\r\n\r\n")[2]
        except ConnectionError:
            return b""


def _get(port: int, context: ssl.SSLContext) -> bytes:
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=gateways.PATIENCE, context=context)
    with contextlib.closing(connection):
        connection.request("GET", "/")
        return connection.getresponse().read()


def _certificate(port: int, context: ssl.SSLContext) -> bytes:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=gateways.PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
    ):
        return wrapped.getpeercert(binary_form=True) or b""


def test_events_are_json_lines(tmp_path: pathlib.Path) -> None:
    with running(tmp_path, workers=1) as gateway:
        gateway.signal(signal.SIGTERM)
        gateway.wait()
        lines = [json.loads(line) for line in gateway.log.splitlines()]
        assert [line["event"] for line in lines] == [
            "ConfigAccepted",
            "PhaseEntered",
            "PhaseEntered",
            "Drained",
        ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param([], "required: --config", id="no config"),
        pytest.param(["--config", "x", "--workers", "0"], "'0' is not a whole number from 1", id="no workers"),
        pytest.param(["--config", "x", "--admin", "9090"], "'9090' is not HOST:PORT", id="admin without host"),
        pytest.param(["--config", "x", "--admin", ":65536"], "is not HOST:PORT", id="admin port"),
        pytest.param(["--config", "x", "--site", ""], "'' is no name", id="site"),
        pytest.param(["--config", "x", "--secrets", "/nowhere"], "/nowhere is not a folder", id="secrets"),
        pytest.param(["--config", "kubernetes:A/b"], "'A/b' is not the name of a ConfigMap", id="ConfigMap"),
        pytest.param(["--config", "x", "--lease", "y"], "--lease goes with --config kubernetes:NAME", id="lease"),
        pytest.param(["--config", "x", "--log-percent", "101"], "from 0 to 100", id="percent"),
        pytest.param(["--config", "x", "--otlp", "collector:4318"], "no http:// or https:// address", id="collector"),
        pytest.param(["--config", "x", "--conf", "y"], "unrecognized arguments", id="abbreviation"),
    ],
)
def test_a_wrong_command_line_says_what_to_do(
    arguments: list[str], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        settings.parse(arguments)
    assert caught.value.code == 2
    assert message in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "lease"),
    [
        pytest.param(["--config", "x"], None, id="a folder"),
        pytest.param(["--config", "kubernetes:a-config"], "a-config", id="the name of the config"),
        pytest.param(["--config", "kubernetes:a-config", "--lease", "b"], "b", id="another name"),
    ],
)
def test_where_a_gateway_says_what_it_runs(
    arguments: list[str], lease: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POD_NAME", "gateway-x2x7q")
    found = settings.parse(arguments)
    assert (found.lease, found.pod) == (lease, "gateway-x2x7q")
    monkeypatch.delenv("POD_NAME")
    assert settings.parse(arguments).pod == socket.gethostname()


@pytest.mark.parametrize(
    ("arguments", "is_missing"),
    [
        pytest.param(["--config", "x"], False, id="a folder"),
        pytest.param(["--config", "kubernetes:a-config"], True, id="a ConfigMap, which may come later"),
    ],
)
def test_trusted_keys_may_be_missing_in_a_pod_only(
    arguments: list[str], is_missing: bool, tmp_path: pathlib.Path
) -> None:
    missing = [*arguments, "--trusted-keys", str(tmp_path / "trust")]
    with contextlib.nullcontext() if is_missing else pytest.raises(SystemExit):
        settings.parse(missing)


def test_a_folder_without_trusted_keys_is_a_mistake(tmp_path: pathlib.Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--config", str(tmp_path), "--trusted-keys", str(tmp_path)]) == 1
    assert "has no file KEY-ID.pem" in capfd.readouterr().err


def test_outside_of_a_pod_kubernetes_is_no_source() -> None:
    process = subprocess.run(
        [sys.executable, "-m", "isochrone_gateway.server.cli", "--config", "kubernetes:isochrone-config"],
        capture_output=True,
        timeout=120,
        check=False,
        env={"PATH": "/usr/bin"},
    )
    assert process.returncode == 1
    assert b"this is no pod" in process.stderr
