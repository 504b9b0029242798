"""The gateway of one site, as a process: what it is told, whether it is ready, and its end."""

import asyncio
import contextlib
import datetime as dt
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

from isochrone.local import admin
from isochrone.local.anchors import Anchors, told
from isochrone.local.children import Child, Program
from isochrone.local.folder import Folder, write_config, write_secrets
from isochrone.local.wiring import DRAIN
from isochrone.render.gateway_settings import Ports
from isochrone_gateway.config import Pack, Release, issue

_PATIENCE: Final = DRAIN.max_ms / 1000 + 5
_PROBE_LIMIT: Final = 2.0


class Gateway:
    """One site's."""

    def __init__(
        self,
        name: str,
        ports: Ports,
        folder: Folder,
        *,
        anchors: Anchors,
        changed: Callable[[], None],
        tell: Callable[[str], None],
    ) -> None:
        self.name = name
        self.ports = ports
        self._folder = folder.site(name)
        self._evidence = folder.evidence
        self._evidence_key = folder.evidence_key(name)
        self._anchors = anchors
        self._changed = changed
        self._tell = tell
        self._child: Child | None = None
        self._ready: int | None = None
        self._digest = ""
        self._sequence = 0
        self._token = ""

    @property
    def is_started(self) -> bool:
        """Whether it was told to run, and not to end."""
        return self._child is not None

    @property
    def is_ready(self) -> bool:
        """Whether the process that runs now has said that it is."""
        return self._child is not None and self._child.pid is not None and self._child.pid == self._ready

    def publish(self, pack: Pack, *, installation: str, epoch: int) -> bool:
        """Make this its config, unless it is. Whether it was another one."""
        if pack.digest == self._digest:
            return False
        self._sequence += 1
        release = Release(
            installation=installation, epoch=epoch, sequence=self._sequence, issued_at=dt.datetime.now(dt.UTC)
        )
        write_config(self._folder / "config", issue(pack, site=self.name, release=release), pack.blobs)
        self._digest = pack.digest
        return True

    def entrust(self, files: Mapping[str, str]) -> None:
        """Give it these secrets, and no others."""
        write_secrets(self._folder / "secrets", files)

    def start(self, installation: str) -> None:
        """Run it from now on."""
        token = self._folder / "status-token"
        token.write_text(secrets.token_hex())
        token.chmod(0o600)
        self._token = token.read_text()
        options = {
            "--config": self._folder / "config",
            "--secrets": self._folder / "secrets",
            "--installation": installation,
            "--site": self.name,
            "--admin": f"{self.ports.host}:{self.ports.admin}",
            "--status-token": token,
            "--evidence": self._evidence,
            "--evidence-key": self._evidence_key,
        }
        program = Program(
            name=f"gateway of {self.name}",
            command=(
                sys.executable,
                "-m",
                "isochrone_gateway.server",
                *(str(word) for pair in options.items() for word in pair),
            ),
            log=self._folder / "gateway.log",
            environment=os.environ,
        )
        self._child = Child(program, changed=self._changed, tell=self._tell)

    async def probe(self) -> None:
        """Ask it whether requests should come."""
        pid = self._child.pid if self._child is not None else None
        was_ready = self.is_ready
        self._ready = pid if pid is not None and await self._says_ready() else None
        if self.is_ready != was_ready:
            self._changed()

    async def anchor(self) -> None:
        """Keep what it says of its evidence."""
        with contextlib.suppress(OSError, ValueError, TimeoutError):  # It doesn't answer now; it is asked again.
            async with asyncio.timeout(_PROBE_LIMIT):
                found = await told(self.ports.host, self.ports.admin, self._token)
            if found is not None:
                self._anchors.add(found)

    async def stop(self, patience: float = _PATIENCE) -> None:
        """Let it drain, then end; its clients have so long to hear the rest of their answers."""
        if self._child is not None:
            try:
                await self._child.stop(patience)
                self._anchors.add_last(self._evidence / self.name)
            finally:
                await self.kill()

    async def kill(self) -> None:
        """End it at once."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            await child.gone()

    async def _says_ready(self) -> bool:
        with contextlib.suppress(OSError):
            async with asyncio.timeout(_PROBE_LIMIT):
                status, _ = await admin.get(self.ports.host, self.ports.admin, "/readyz")
                return status == HTTPStatus.OK
        return False
