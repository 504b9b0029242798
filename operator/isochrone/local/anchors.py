"""Anchors of the gateways' evidence, as the hub would keep them: one file, apart from the evidence itself.

A gateway tells the anchor of its latest checkpoint on `/status`, after that is safely on disk. What it signed last, as
it ended, is read from its checkpoints.
"""

import hashlib
import json
import pathlib
from collections.abc import Mapping
from typing import Any, Final

from isochrone.local import admin

FIELDS: Final = ("site", "instance", "at", "n", "digest")
_READ: Final = 1024 * 1024
"""More than a checkpoint takes."""


class Anchors:
    """A file that is only added to."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self._last: dict[tuple[str, str], int] = {}

    def add(self, anchor: Mapping[str, Any]) -> None:
        """Keep it, if it is later than what is there of this instance. Raises OSError."""
        line = {name: anchor[name] for name in FIELDS}
        key = (line["site"], line["instance"])
        if line["n"] > self._last.get(key, -1):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, separators=(",", ":")) + "\n")
            self._last[key] = line["n"]

    def add_last(self, site: pathlib.Path) -> None:
        """Keep the anchors of all instances of a site whose gateway has ended. Raises OSError."""
        for checkpoints in sorted(site.glob("*/checkpoints")):
            anchor = last_of(checkpoints)
            if anchor is not None:
                self.add(anchor)


def last_of(checkpoints: pathlib.Path) -> dict[str, Any] | None:
    """The anchor of the last whole checkpoint in a folder; None without one."""
    for path in sorted(checkpoints.glob("*.jsonl"), reverse=True):
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _READ))
            lines = file.read().split(b"\n")[:-1]
        if lines:
            checkpoint = json.loads(lines[-1])
            return {**checkpoint, "digest": hashlib.sha256(lines[-1]).hexdigest()}
    return None


async def told(host: str, port: int, token: str) -> dict[str, Any] | None:
    """What a gateway says on `/status`; None before its first checkpoint. Raises OSError, ValueError."""
    _, body = await admin.get(host, port, "/status", token)
    found: dict[str, Any] | None = (json.loads(body).get("evidence") or {}).get("anchor")
    return found
