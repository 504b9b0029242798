"""An engine that runs on this machine: a process of ours, or the server that plays all of them."""

import asyncio
import contextlib
import os
import pathlib
import re
import sys
from collections.abc import Callable
from typing import Final

import aiohttp

from isochrone.local.children import Child, Program
from isochrone.local.engines import EngineSpec, Server, Weights
from isochrone.local.folder import Folder

_TOLD: Final = 2.5
"""Seconds until every gateway has read that an engine is going."""
_ENDING: Final = 60.0
"""Seconds that answers under way get."""
_LOOK: Final = 0.5
_BUSY: Final = re.compile(r"^llamacpp:requests_(?:processing|deferred) ([1-9].*)$", re.MULTILINE)


class RunningEngine:
    """One engine."""

    def __init__(
        self,
        spec: EngineSpec,
        player: Weights | Server,
        *,
        packages: pathlib.Path | None,
        folder: Folder,
        changed: Callable[[], None],
        tell: Callable[[str], None],
    ) -> None:
        self.spec = spec
        self._server = player.address if isinstance(player, Server) else None
        self._child: Child | None = None
        if isinstance(player, Weights):
            program = _program(spec, player, packages, folder)
            self._child = Child(program, changed=changed, tell=tell)

    @property
    def address(self) -> str | None:
        """Where it answers; None while it doesn't."""
        return self._child.address if self._child is not None else self._server

    @property
    def pid(self) -> int | None:
        """None where it is no process of ours, or none runs."""
        return self._child.pid if self._child is not None else None

    @property
    def restarts(self) -> int:
        return self._child.restarts if self._child is not None else 0

    async def retire(self) -> None:
        """End it once nobody asks it any more: gateways hear of it first, and llama.cpp ends answers half-way."""
        if self._child is None:
            return
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TOLD + _ENDING):
                    await asyncio.sleep(_TOLD)
                    while await _is_busy(self._child.address):  # noqa: ASYNC110 - it is another's state
                        await asyncio.sleep(_LOOK)
        finally:
            await self.kill()

    async def kill(self) -> None:
        """End it at once."""
        if self._child is not None:
            self._child.kill()
            await self._child.gone()


def _program(spec: EngineSpec, weights: Weights, packages: pathlib.Path | None, folder: Folder) -> Program:
    options = {"--weights": weights.path, "--alias": spec.model, "--context": spec.context}
    if packages is not None:
        options["--packages"] = packages
    words = [str(word) for pair in options.items() for word in pair]
    return Program(
        name=f"engine of {spec.id.route} at {spec.id.site}",
        command=(
            sys.executable,
            "-m",
            "isochrone.local.engine",
            *words,
            *(["--embeddings"] if spec.embeds else []),
        ),
        log=folder.engine_log(str(spec.id)),
        environment=os.environ,
        greets=True,
    )


async def _is_busy(address: str | None) -> bool:
    if address is None:
        return False
    try:
        async with aiohttp.ClientSession() as session, session.get(f"http://{address}/metrics") as answer:
            return _BUSY.search(await answer.text()) is not None
    except aiohttp.ClientError:
        return False
