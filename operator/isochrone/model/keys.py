"""Names of namespaced objects."""

from typing import NamedTuple


class RouteKey(NamedTuple):
    """A ModelRoute. Written `namespace/name`, as gateways do."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"
