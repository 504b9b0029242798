"""A source: a folder that something else writes (`files` has its form).

The index is read again at each look and compared by content. It is small, and no time stamp or inode tells reliably
through all the ways in which files are replaced: renames, swapped symbolic links, network file systems.

A look happens on a thread of its own. Where the file system hangs, the thread hangs; then the source is away, and no
second thread is started behind it.
"""

import asyncio
import concurrent.futures
import contextlib
import functools
import pathlib
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from typing import Final, TypeVar

from isochrone_gateway.source import files
from isochrone_gateway.source.reading import Away, Seen, SourceError

INTERVAL: Final = 1.0
"""Seconds between looks."""
_PATIENCE: Final = 10.0
"""Seconds that one look may take."""

_T = TypeVar("_T")


class FolderSource:
    """Polls a folder."""

    def __init__(self, folder: pathlib.Path, *, interval: float = INTERVAL, patience: float = _PATIENCE) -> None:
        self._folder = folder
        self._interval = interval
        self._patience = patience
        self._nudged = asyncio.Event()
        self._thread = concurrent.futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="config-folder")
        self._hanging: asyncio.Future[None] | None = None

    @property
    def name(self) -> str:
        return f"folder {self._folder}"

    def nudge(self) -> None:
        self._nudged.set()

    async def observe(self) -> AsyncGenerator[Seen | Away, None]:
        try:
            while True:
                yield await self._look()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._interval):
                        await self._nudged.wait()
                self._nudged.clear()
        finally:
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _look(self) -> Seen | Away:
        try:
            index = await self._on_thread(functools.partial(_read_index, self._folder))
        except SourceError as error:
            return Away(str(error))
        return Seen(index=index, fetch=self._fetch)

    async def _fetch(self, names: Collection[str]) -> Mapping[str, bytes]:
        return await self._on_thread(functools.partial(_read_shards, self._folder, names))

    async def _on_thread(self, work: Callable[[], _T]) -> _T:
        if self._hanging is not None and not self._hanging.done():
            raise SourceError(f"{self._folder} has not answered for longer than {self._patience:.0f} s")
        future = asyncio.get_running_loop().run_in_executor(self._thread, work)
        try:
            async with asyncio.timeout(self._patience):
                return await asyncio.shield(future)
        except TimeoutError as error:
            self._hanging = asyncio.ensure_future(_ended(future))
            raise SourceError(f"{self._folder} does not answer within {self._patience:.0f} s") from error
        except OSError as error:
            raise SourceError(f"{self._folder} can't be read: {error}") from error


async def _ended(future: asyncio.Future[_T]) -> None:
    with contextlib.suppress(OSError):
        await future


def _read_index(folder: pathlib.Path) -> bytes:
    with files.opened(folder) as opened:
        return opened.index()


def _read_shards(folder: pathlib.Path, names: Collection[str]) -> Mapping[str, bytes]:
    with files.opened(folder) as opened:
        return opened.shards(names)
