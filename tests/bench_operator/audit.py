"""What an API server's audit log says was asked of it, by whom, and how often."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

Json = Mapping[str, Any]

WRITES: Final = frozenset({"create", "update", "patch", "delete", "deletecollection"})


class Log:
    """The log, from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = path.stat().st_size if path.exists() else 0

    def events(self) -> Iterator[Json]:
        """Those since the last call. A line that is still being written is left for the next."""
        with self._path.open("rb") as file:
            file.seek(self._at)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._at += len(line)
                yield json.loads(line)


def by_user(events: Iterable[Json], user: str) -> list[Json]:
    """Requests that this user made and that have been answered; a watch counts when it begins."""
    return [each for each in events if each["user"]["username"] == user and _is_counted(each)]


def _is_counted(event: Json) -> bool:
    is_watch: bool = event["verb"] == "watch"
    stage: str = event["stage"]
    return stage == "ResponseStarted" if is_watch else stage == "ResponseComplete"


def writes(events: Iterable[Json]) -> Counter[str]:
    """Resource -> how many writes to it were done."""
    return Counter(_resource(each) for each in events if each["verb"] in WRITES and _is_done(each))


def requests(events: Iterable[Json]) -> Counter[str]:
    """Verb and resource -> how many."""
    return Counter(f"{each['verb']} {_resource(each)}" for each in events)


def _is_done(event: Json) -> bool:
    code: int = event.get("responseStatus", {}).get("code", 0)
    return code < 300


def _resource(event: Json) -> str:
    found = event.get("objectRef") or {}
    name, part = found.get("resource", event.get("requestURI", "?")), found.get("subresource")
    return f"{name}/{part}" if part else str(name)
