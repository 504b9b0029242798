"""A process of the operator: signals, logs, health, and what it is to run."""

import asyncio
import contextlib
import dataclasses
import logging
import pathlib
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web
from prometheus_client import CollectorRegistry

from isochrone.controller import health
from isochrone.controller.metrics import Metrics
from isochrone.controller.operator import Clocks, Operator
from isochrone.controller.settings import OperatorSettings, SettingsError, read
from isochrone.controller.site import SiteOperator
from isochrone.kube import access
from isochrone.kube.access import Access, AccessError
from isochrone.kube.election import Election

_UNUSABLE = 2
_STUCK_AFTER = 300.0
"""Seconds without a pass after which a replica that leads counts as stuck."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """As on the command line."""

    kubeconfig: pathlib.Path | None
    context: str | None
    installation: str | None
    settings: pathlib.Path | None
    identity: str | None
    health: str
    site: str | None
    hub_kubeconfig: pathlib.Path | None
    log_level: str


@dataclasses.dataclass(frozen=True, slots=True)
class Candidate:
    """A replica that may come to lead."""

    access: Access
    identity: str
    settings: OperatorSettings
    clocks: Clocks


def main(options: Options) -> None:
    """Run until told to end."""
    level = getattr(logging, options.log_level.upper())
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    try:
        asyncio.run(_run(options))
    except (AccessError, SettingsError) as error:
        sys.stderr.write(f"isochrone operator: {error}\n")
        sys.exit(_UNUSABLE)


async def _run(options: Options) -> None:
    here = _access(options.kubeconfig, options.context)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    settings = _settings(options)
    identity = options.identity or socket.gethostname()
    registry = CollectorRegistry()
    clocks = Clocks(wall=time.time, monotonic=time.monotonic)
    if options.site is not None and options.hub_kubeconfig is not None:
        afar = access.from_file(options.hub_kubeconfig)
        async with _serving(options.health, {"/healthz": _well, "/readyz": _well}, registry):
            await _pull(options.site, Candidate(here, identity, settings, clocks), afar, stop)
        return
    operator = Operator(here, identity, settings, clocks=clocks, metrics=Metrics(registry))
    checks = {"/healthz": lambda: operator.stuck(_STUCK_AFTER), "/readyz": operator.unready}
    async with _serving(options.health, checks, registry):
        await operator.run(stop)


def _settings(options: Options) -> OperatorSettings:
    text = ""
    if options.settings is not None:
        try:
            text = options.settings.read_text()
        except OSError as error:
            raise SettingsError(str(error)) from error
    return read(text, installation=options.installation)


def _access(kubeconfig: pathlib.Path | None, context: str | None) -> Access:
    return access.from_file(kubeconfig, context) if kubeconfig is not None else access.in_cluster()


async def _pull(site: str, candidate: Candidate, hub: Access, stop: asyncio.Event) -> None:
    settings, clocks = candidate.settings, candidate.clocks
    plain = candidate.access.api()
    election = Election(
        plain, candidate.identity, wall=clocks.wall, monotonic=clocks.monotonic, timing=settings.election
    )
    here, afar = candidate.access.api(check=election.check), hub.api(check=election.check)
    operator = SiteOperator(site, afar, here, installation=settings.installation, pace=settings.pace, wall=clocks.wall)
    try:
        await _until(stop, election.run(operator.run))
    finally:
        for api in (plain, here, afar):
            await api.close()


async def _until(stop: asyncio.Event, work: Awaitable[None]) -> None:
    """Run it until it ends or we are told to stop."""
    working = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        for task in (working, stopping):
            task.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)


@contextlib.asynccontextmanager
async def _serving(
    address: str, checks: dict[str, Callable[[], str | None]], registry: CollectorRegistry
) -> AsyncIterator[None]:
    host, _, port = address.rpartition(":")
    runner = web.AppRunner(health.application(checks, registry), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host or None, int(port)).start()
        yield
    finally:
        await runner.cleanup()


def _well() -> None:
    return None
