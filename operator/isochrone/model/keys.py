"""Names of objects."""

from typing import NamedTuple


class RouteKey(NamedTuple):
    """A ModelRoute. Written `namespace/name`, as gateways do."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class ObjectKey(NamedTuple):
    """What identifies an object. Kinds without namespace have an empty one."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"
