"""Files of a web server, with a token or a name and password where it wants them."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

from isochrone_fetch.http import Request


@dataclass(frozen=True)
class Web:
    """What is below a URL."""

    base: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def request(self, path: str) -> Request:
        return Request(f"{self.base}{path}", self.headers)


def credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """TOKEN, or USERNAME and PASSWORD; nothing without them."""
    if token := environment.get("TOKEN"):
        return {"Authorization": f"Bearer {token}"}
    if name := environment.get("USERNAME"):
        pair = base64.b64encode(f"{name}:{environment.get('PASSWORD', '')}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    return {}
