"""The command `isochrone-gateway`: reads the command line, puts the parts together, runs them."""

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from typing import Final

from isochrone_gateway.config import Owner, Verify
from isochrone_gateway.config.site import LogLevel
from isochrone_gateway.ledger.collector import CollectorError, find_collector
from isochrone_gateway.ledger.logs import EventLog, write_to
from isochrone_gateway.server import settings
from isochrone_gateway.server.settings import ConfigMap, Folder, Settings
from isochrone_gateway.server.supervisor.child import Program
from isochrone_gateway.server.supervisor.supervise import Supervisor
from isochrone_gateway.source.contact import system_clock
from isochrone_gateway.source.credentials import CredentialsError, in_cluster
from isochrone_gateway.source.folder import FolderSource
from isochrone_gateway.source.judging import Trust
from isochrone_gateway.source.kubernetes import KubernetesSource
from isochrone_gateway.source.reading import Source

DATA_PLANE: Final = "isochrone_gateway.server.pipeline:DataPlane"
"""What workers run; see `supervisor.dataplane`."""


class StartError(Exception):
    """The gateway can't start; the message says why and what to do."""


def main(arguments: Sequence[str] | None = None, *, plane: str = DATA_PLANE) -> int:
    """Run a gateway until it is told to end; gives the exit status."""
    found = settings.parse(sys.argv[1:] if arguments is None else arguments)
    events = EventLog(write_to(2), wall=time.time)
    events.start()
    try:
        return asyncio.run(_run(found, events, plane))
    except (StartError, OSError) as error:
        sys.stderr.write(f"isochrone-gateway: {error}\n")
        return 1
    finally:
        events.stop()


async def _run(found: Settings, events: EventLog, plane: str) -> int:
    _check_collector(found, events)
    supervisor = Supervisor(
        found,
        _source(found),
        program=Program(
            plane=plane,
            secrets=found.secrets,
            log_percent=found.log_percent,
            otlp=found.otlp,
            evidence=found.evidence,
            instance=found.pod,
        ),
        events=events,
        clock=system_clock(),
        trust=Trust(owner=Owner(installation=found.installation, site=found.site), verify=_verify(found, events)),
    )
    return await supervisor.run()


def _check_collector(found: Settings, events: EventLog) -> None:
    """Say what is wrong with it. That is no reason not to answer requests: variables may be set for a whole cluster."""
    try:
        find_collector(os.environ, found.otlp)
    except CollectorError as error:
        events.say(LogLevel.WARNING, "TracesNotExported", problem=str(error))


def _source(found: Settings) -> Source:
    match found.config:
        case Folder(path):
            return FolderSource(path)
        case ConfigMap(name):
            try:
                return KubernetesSource(in_cluster(found.service_account), name)
            except CredentialsError as error:
                raise StartError(f"--config kubernetes:{name}: {error}") from error


def _verify(found: Settings, events: EventLog) -> Verify | None:
    if found.trusted_keys is None:
        return None
    # Only who verifies signatures needs a cryptography library.
    from isochrone_gateway.source.trust import TrustedKeys

    def tell(problem: str | None) -> None:
        level = LogLevel.INFO if problem is None else LogLevel.WARNING
        events.say(level, "TrustedKeysRead" if problem is None else "TrustedKeysUnusable", problem=problem)

    keys = TrustedKeys(found.trusted_keys, tell=tell)
    problem = keys.look()
    # A ConfigMap that a pod mounts comes when it comes; a folder that somebody named is there, or it is a mistake.
    if problem is not None and isinstance(found.config, Folder):
        raise StartError(f"--trusted-keys: {problem}")
    return keys.verify


if __name__ == "__main__":
    sys.exit(main())
