"""What a network says of its engines."""

import dataclasses

from isochrone.local.engines import EngineId
from isochrone.local.telling import engines_of
from isochrone.local.view import EngineView
from isochrone.model import RouteKey


@dataclasses.dataclass
class Engine:
    address: str | None
    pid: int | None
    restarts: int


def test_an_engine_is_ready_once_it_says_where_it_listens() -> None:
    chat = RouteKey("demo", "chat")
    engines = {
        EngineId(chat, "fra1"): Engine(address="127.0.0.1:1", pid=7, restarts=2),
        EngineId(chat, "ber1"): Engine(address=None, pid=8, restarts=0),
    }
    assert engines_of(engines) == (
        EngineView(route="demo/chat", site="ber1", is_ready=False, pid=8),
        EngineView(route="demo/chat", site="fra1", is_ready=True, pid=7, restarts=2),
    )
