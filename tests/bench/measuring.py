"""Takes one sample: starts a subject on its core, asks it until it answers, loads it, and ends it."""

import contextlib
import http.client
import shutil
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench import driver, proc, programs
from tests.bench.cores import Layout
from tests.bench.programs import Program
from tests.bench.samples import Sample
from tests.bench.subjects.subject import MODEL, UPSTREAM_ADDRESSES, Launch, Load, Setup, Subject
from tests.cluster.reaper import current_run

_QUESTION = b'{"model":"%s","messages":[{"role":"user","content":"Are you there?"}]}' % MODEL.encode()
_MARGIN = 30.0
"""Seconds that the driver may take longer than its load."""


class MeasureError(Exception):
    """A subject can't be measured; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Amount:
    """How much load: seconds that count, after others that don't, and the driver's other options."""

    seconds: float
    warm_up: float
    options: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What all samples share: the cores, the running upstream, and the certificate of those that speak TLS."""

    layout: Layout
    upstream: Program
    upstream_port: int
    certificate: Path
    key: Path


@dataclass
class _Meter:
    """CPU used, between two looks."""

    bench: Bench
    roots: Sequence[int]
    _gateway: float = 0.0
    _upstream: float = 0.0
    _busy: dict[int, float] = field(default_factory=dict)

    def begin(self) -> None:
        self._gateway = proc.cpu_seconds(self.roots)
        self._upstream = proc.cpu_seconds([self.bench.upstream.pid])
        self._busy = proc.busy_seconds()

    def sample(self, load: dict[str, Any]) -> Sample:
        gateway, upstream = proc.cpu_seconds(self.roots), proc.cpu_seconds([self.bench.upstream.pid])
        after = proc.busy_seconds()
        seconds = float(load["seconds"])
        busy = {core: (after[core] - self._busy[core]) / seconds for core in after}
        return Sample(
            load=load,
            gateway_cpu=gateway - self._gateway,
            upstream_cpu=upstream - self._upstream,
            gateway_core_busy=busy[self.bench.layout.gateway],
            other_core_busy=max(busy[core] for core in self.bench.layout.others),
        )


@contextlib.contextmanager
def ready(layout: Layout, certificate: Path, key: Path) -> Iterator[Bench]:
    """Start the upstream."""
    (port,) = programs.free_ports(1)
    where = ["--listen", f"127.0.0.1:{port}", "--addresses", str(UPSTREAM_ADDRESSES)]
    command = [str(driver.built()), "upstream", *where]
    with _folder() as folder, programs.running(command, core=layout.upstream, folder=folder) as upstream:
        launch = Launch(command=(), port=port)
        upstream.wait_until(lambda: why_not_answering(launch), limit=20)
        yield Bench(layout=layout, upstream=upstream, upstream_port=port, certificate=certificate, key=key)


def take(bench: Bench, subject: Subject, load: Load, amount: Amount) -> Sample:
    """Take one sample, or say why there is none."""
    with started(bench, subject, load) as (launch, roots):
        meter = _Meter(bench, roots)
        result = driver.run(
            arguments(launch, load, amount),
            core=bench.layout.driver,
            limit=amount.warm_up + amount.seconds + _MARGIN,
            on_begin=meter.begin,
        )
        if not result["seconds"] or not (result["requests"] or result["chunks"]):
            raise MeasureError(f"it answered nothing: {result.get('problems')}")
        return meter.sample(result)


@contextlib.contextmanager
def started(
    bench: Bench, subject: Subject, load: Load, *, output: Path | None = None
) -> Iterator[tuple[Launch, list[int]]]:
    """A subject that answers, and its processes. What it writes goes to `output`, or is thrown away in the end."""
    port, admin = programs.free_ports(2)
    with _folder() as folder:
        setup = Setup(
            load=load,
            folder=folder,
            installed=subject.install(),
            upstream=bench.upstream_port,
            port=port,
            admin=admin,
            certificate=bench.certificate,
            key=bench.key,
        )
        launch = subject.launch(setup)
        if not launch.command:
            yield launch, []
            return
        with programs.running(
            launch.command,
            core=bench.layout.gateway,
            folder=folder,
            environment=launch.environment,
            output=output,
        ) as program:
            program.wait_until(
                lambda: why_not_answering(launch, is_tls=load is Load.TLS),
                limit=subject.patience,
            )
            yield launch, [program.pid]
            program.check_alive()


def arguments(launch: Launch, load: Load, amount: Amount) -> list[str]:
    """The driver's."""
    kind = Load.UNARY if load is Load.TLS else load
    found = [kind.value, "--target", f"127.0.0.1:{launch.port}", "--key", launch.api_key, "--model", MODEL]
    found += ["--time", f"{amount.seconds}s", "--warm-up", f"{amount.warm_up}s", *amount.options]
    for name, value in launch.headers.items():
        found += ["--header", f"{name}: {value}"]
    return [*found, "--tls"] if load is Load.TLS else found


def why_not_answering(launch: Launch, *, is_tls: bool = False) -> str:
    """Ask for a completion; nothing if there is one."""
    headers = {"content-type": "application/json", **launch.headers}
    if launch.api_key:
        headers["authorization"] = f"Bearer {launch.api_key}"
    connection = _connection(launch.port, is_tls=is_tls)
    with contextlib.closing(connection):
        try:
            connection.request("POST", "/v1/chat/completions", _QUESTION, headers)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            return str(error) or type(error).__name__
    return "" if answer.status == 200 else f"{answer.status} {body[:300].decode(errors='replace')}"


def _connection(port: int, *, is_tls: bool) -> http.client.HTTPConnection:
    if not is_tls:
        return http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    anybody = ssl.create_default_context()
    anybody.check_hostname = False
    anybody.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=anybody)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    folder = current_run().new_folder("bench")  # removed even if this process is killed
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
