"""What `isochrone sites` asks of a running network, by a socket in its state folder: one JSON object a line.

{"do": "sites"}                        -> {"view": {...}}
{"do": "stop", "site": "fra1"}         -> {"say": "..."} ..., then {"done": true}
anything that can't be done            -> {"error": "..."}
"""

import asyncio
import contextlib
import json
import pathlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final, Protocol

import msgspec

from isochrone.local.view import View

_LINE: Final = 4096
_LIMIT: Final = 180.0
"""Seconds in which a network says something, however long its drains are."""


class Unknown(Exception):  # noqa: N818 - it says what is the matter
    """Something that is not there, or can't be done; the message says what there is."""


class NotRunning(Exception):  # noqa: N818 - as above
    """No network runs with this state folder."""


class Commands(Protocol):
    """What can be asked of a network. Each gives lines for people, and raises Unknown."""

    def view(self) -> View: ...
    def stop_site(self, name: str) -> AsyncIterator[str]: ...
    def kill_site(self, name: str) -> AsyncIterator[str]: ...
    def start_site(self, name: str) -> AsyncIterator[str]: ...


async def serve(commands: Commands, path: pathlib.Path) -> asyncio.Server:
    """Listen; whoever may enter the state folder may ask."""
    path.unlink(missing_ok=True)  # noqa: ASYNC240 - before anything runs

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            async for answer in _answers(commands, await reader.readline()):
                writer.write(msgspec.json.encode(answer) + b"\n")
                await writer.drain()
        writer.close()

    return await asyncio.start_unix_server(accept, path, limit=_LINE)


async def _answers(commands: Commands, line: bytes) -> AsyncIterator[dict[str, Any]]:
    ways: dict[str, Callable[[str], AsyncIterator[str]]] = {
        "stop": commands.stop_site,
        "kill": commands.kill_site,
        "start": commands.start_site,
    }
    try:
        match json.loads(line):
            case {"do": "sites"}:
                yield {"view": commands.view()}
            case {"do": str(word), "site": str(name)} if word in ways:
                async for said in ways[word](name):
                    yield {"say": said}
                yield {"done": True}
            case _:
                yield {"error": "this is not understood: is the command of another version?"}
    except (Unknown, ValueError) as error:
        yield {"error": str(error)}


def ask(path: pathlib.Path, what: dict[str, str]) -> Iterator[dict[str, Any]]:
    """The answers of the network whose socket this is, one after the other. Raises NotRunning, Unknown."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(_LIMIT)
        try:
            sock.connect(str(path))
            sock.sendall(json.dumps(what).encode() + b"\n")
            with sock.makefile("rb") as answers:
                for line in answers:
                    yield _understood(json.loads(line))
        except OSError as error:
            raise NotRunning(f"no network runs with its state in {path.parent}") from error


def _understood(answer: dict[str, Any]) -> dict[str, Any]:
    if "error" in answer:
        raise Unknown(answer["error"])
    return answer
