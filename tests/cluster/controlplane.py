"""A Kubernetes control plane of our own on this machine: etcd, API server and, on demand, controllers and scheduler.

What the API server admits, defaults and validates is what a cluster set up by kubeadm does; left out is only what
costs time and guards nothing here (etcd's fsync, leader election, the `kubernetes` Service's endpoints).
"""

import contextlib
import datetime as dt
import http.client
import json
import random
import shutil
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.cluster import kubeconfig, pki, tools
from tests.cluster.client import Client
from tests.cluster.reaper import current_run
from tests.cluster.server import PortTakenError, Server

_ADDRESS = "127.0.0.1"
_FIRST_SERVICE = "10.96.0.1"
"""Of the range of Services: the API server itself."""
# Below what operating systems hand to outgoing connections (32768 and up) and below NodePorts (30000 and up).
_PORTS = range(20_000, 30_000)
_PORT_ATTEMPTS = 5
_READY_LIMIT = 300.0
_ANSWER_LIMIT = 5.0
_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a control plane has beside etcd and the API server."""

    controllers: bool = False
    scheduler: bool = False
    audit: bool = False
    api_server_arguments: Sequence[str] = ()
    address: str = _ADDRESS
    """Where its API server listens: not on 127.0.0.1 where real nodes and pods are to reach it."""


@dataclass(frozen=True, kw_only=True)
class _Ports:
    etcd: int
    etcd_peer: int
    api: int


class ControlPlane:
    """Starts on entry, is gone on exit with all its data; `started_in` is the seconds until the API was ready."""

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        self.started_in = 0.0
        self._authority = pki.new_authority()
        self._servers: list[Server] = []
        self._folder: Path | None = None
        self._copies = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def folder(self) -> Path:
        if self._folder is None:
            raise RuntimeError("the control plane has not been started")
        return self._folder

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.folder / "admin.kubeconfig"

    @property
    def pids(self) -> list[int]:
        return [server.pid for server in self._servers]

    def start(self) -> None:
        for _ in range(_PORT_ATTEMPTS - 1):
            with contextlib.suppress(PortTakenError):
                self._start_on(_free_ports())
                return
        self._start_on(_free_ports())

    def stop(self) -> None:
        for server in reversed(self._servers):
            server.stop()
        self._servers.clear()
        if self._folder is not None:
            shutil.rmtree(self._folder)
            self._folder = None

    def stop_api_server(self) -> None:
        self._api_server.stop()

    def start_api_server(self) -> None:
        """Start it again after `stop_api_server`, at the same address and with the same data."""
        self._api_server.start()
        self._wait_until_ready()

    def back_up(self) -> Path:
        """A copy of all that is stored. Everything stops meanwhile: what is written is whole, then."""
        self._copies += 1
        copy = self.folder / f"backup-{self._copies}"
        with self._all_stopped():
            shutil.copytree(self.folder / "etcd", copy)
        return copy

    def restore(self, copy: Path) -> None:
        """Go back to that copy, and start all programs again, as the manual of a restore says.

        https://kubernetes.io/docs/tasks/administer-cluster/configure-upgrade-etcd/#restoring-an-etcd-cluster
        """
        with self._all_stopped():
            shutil.rmtree(self.folder / "etcd")
            shutil.copytree(copy, self.folder / "etcd")

    def issue_kubeconfig(self, user: str, *, groups: Sequence[str] = ()) -> Path:
        """A kubeconfig for a user who has only the rights that RBAC grants to that name and those groups."""
        path = self.folder / f"{user.replace(':', '-')}.kubeconfig"
        path.touch(mode=0o600)
        path.write_text(
            kubeconfig.render(
                self._url,
                authority=self._authority.pair.certificate,
                client=self._authority.issue_client(user, groups),
            )
        )
        return path

    def issue_server(self) -> pki.KeyPair:
        """A certificate for another server on this machine, which everybody trusts who trusts the API server."""
        return self._authority.issue_server(self.options.address)

    def audit_events(self, *, since: str = "") -> list[dict[str, Any]]:
        """audit.k8s.io/v1 Events of the requests so far, in order; one may be written a moment after its answer.

        Those of requests that came after `since`, which is what `now()` said.
        """
        lines = (self.folder / "audit.log").read_bytes().splitlines(keepends=True)
        events = [json.loads(line) for line in lines if line.endswith(b"\n")]
        return [event for event in events if event["requestReceivedTimestamp"] > since]

    def _start_on(self, ports: _Ports) -> None:
        try:
            self._start_servers(ports)
        except BaseException:
            self.stop()
            raise

    def _start_servers(self, ports: _Ports) -> None:
        binary = tools.built()
        began = time.monotonic()
        self._folder = current_run().new_folder("plane")
        self._ports = ports
        self._url = f"https://{self.options.address}:{ports.api}"
        self._write_files()
        etcd = Server([binary.parent / "etcd", *_etcd_arguments(self.folder, ports)], log=self.folder / "etcd.log")
        self._api_server = Server(
            [binary.parent / "kube-apiserver", *_api_server_arguments(self.folder, ports, self.options)],
            log=self.folder / "kube-apiserver.log",
        )
        self._servers = [etcd, self._api_server]
        self._start_storage()
        self.started_in = time.monotonic() - began
        self._start_controllers(binary.parent)

    def _start_storage(self) -> None:
        """etcd and what serves its data."""
        etcd = self._servers[0]
        etcd.start()
        etcd.wait_until(lambda: self.folder.name in _etcd_members(self._ports), limit=_READY_LIMIT)
        self._api_server.start()
        self._wait_until_ready()

    @contextlib.contextmanager
    def _all_stopped(self) -> Iterator[None]:
        for server in reversed(self._servers):
            server.stop()
        yield
        self._start_storage()
        for server in self._servers[2:]:
            server.start()

    def _write_files(self) -> None:
        files = {
            "ca.crt": self._authority.pair.certificate,
            "ca.key": self._authority.pair.key,
            "service-accounts.key": pki.new_signing_key(),
            "audit-policy.json": json.dumps(_AUDIT_POLICY).encode(),
        }
        server = self._authority.issue_server(self.options.address, _ADDRESS, _FIRST_SERVICE)
        files |= {"server.crt": server.certificate, "server.key": server.key}
        for name, content in files.items():
            (self.folder / name).write_bytes(content)
        kubelets = self._authority.issue_client("kube-apiserver-kubelet-client", ["system:masters"])
        for name, content in {"kubelets.crt": kubelets.certificate, "kubelets.key": kubelets.key}.items():
            (self.folder / name).write_bytes(content)
        self.issue_kubeconfig("admin", groups=["system:masters"])

    def _wait_until_ready(self) -> None:
        with Client(self.kubeconfig, timeout=_ANSWER_LIMIT) as client:
            self._api_server.wait_until(lambda: client.request("GET", "/readyz").status == 200, limit=_READY_LIMIT)

    def _start_controllers(self, programs: Path) -> None:
        if self.options.controllers:
            user = self.issue_kubeconfig("system:kube-controller-manager")
            arguments = _controller_arguments(self.folder, user)
            self._start_beside([programs / "kube-controller-manager", *arguments])
        if self.options.scheduler:
            user = self.issue_kubeconfig("system:kube-scheduler")
            arguments = [f"--kubeconfig={user}", "--leader-elect=false", "--secure-port=0"]
            self._start_beside([programs / "kube-scheduler", *arguments])

    def _start_beside(self, command: Sequence[str | Path]) -> None:
        server = Server(command, log=self.folder / f"{Path(command[0]).name}.log")
        self._servers.append(server)
        server.start()


def now() -> str:
    """By the clock of this machine, which its API servers have too, in the form of audit events."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _etcd_arguments(folder: Path, ports: _Ports) -> list[str]:
    client, peer = (f"http://{_ADDRESS}:{port}" for port in (ports.etcd, ports.etcd_peer))
    return [
        f"--name={folder.name}",
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster={folder.name}={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def _api_server_arguments(folder: Path, ports: _Ports, options: Options) -> list[str]:
    audit = [
        f"--audit-policy-file={folder / 'audit-policy.json'}",
        f"--audit-log-path={folder / 'audit.log'}",
    ]
    return [
        f"--etcd-servers=http://{_ADDRESS}:{ports.etcd}",
        f"--bind-address={options.address}",
        f"--advertise-address={options.address}",
        f"--secure-port={ports.api}",
        f"--tls-cert-file={folder / 'server.crt'}",
        f"--tls-private-key-file={folder / 'server.key'}",
        f"--client-ca-file={folder / 'ca.crt'}",
        f"--service-account-key-file={folder / 'service-accounts.key'}",
        f"--service-account-signing-key-file={folder / 'service-accounts.key'}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged",
        f"--kubelet-client-certificate={folder / 'kubelets.crt'}",
        f"--kubelet-client-key={folder / 'kubelets.key'}",
        "--kubelet-preferred-address-types=InternalIP",
        # Endpoints may not be loopback addresses, so there is nothing that the reconciler could write.
        *(["--endpoint-reconciler-type=none"] if options.address == _ADDRESS else []),
        *(audit if options.audit else []),
        *options.api_server_arguments,
    ]


def _controller_arguments(folder: Path, user: Path) -> list[str]:
    return [
        f"--kubeconfig={user}",
        f"--root-ca-file={folder / 'ca.crt'}",
        f"--cluster-signing-cert-file={folder / 'ca.crt'}",
        f"--cluster-signing-key-file={folder / 'ca.key'}",
        f"--service-account-private-key-file={folder / 'service-accounts.key'}",
        "--use-service-account-credentials",
        # At the default of 20 requests/s the controllers need 5 s to make their own service accounts and start.
        "--kube-api-qps=1000",
        "--kube-api-burst=1000",
        "--leader-elect=false",
        "--secure-port=0",
    ]


def _free_ports() -> _Ports:
    """Ports that nobody has bound. Somebody may still be first to bind one: `start` then tries others."""
    etcd, etcd_peer, api = (port for port, _ in zip(unbound_ports(), range(3), strict=False))
    return _Ports(etcd=etcd, etcd_peer=etcd_peer, api=api)


def unbound_ports() -> Iterator[int]:
    """Ports of this machine that nobody has bound, and that no outgoing connection is given."""
    for port in random.sample(_PORTS, len(_PORTS)):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Go's listeners do
            probe.bind((_ADDRESS, port))
            yield port


def _etcd_members(ports: _Ports) -> list[str]:
    """Names of who answers at etcd's port: ours alone, unless another plane's etcd was first to bind it."""
    connection = http.client.HTTPConnection(_ADDRESS, ports.etcd, timeout=_ANSWER_LIMIT)
    try:
        connection.request("POST", "/v3/cluster/member/list", body=b"{}")
        answer = json.load(connection.getresponse())
    finally:
        connection.close()
    return [member.get("name", "") for member in answer.get("members", [])]
