"""Versions of the contract, and who may read what. The rules are in docs/decisions/0003-config-contract.md."""

from typing import Annotated, Final, NamedTuple

from isochrone_gateway.config.record import whole

API_VERSION: Final = "config.isochrone.dev/v1"

VersionText = Annotated[str, whole(r"1\.(0|[1-9][0-9]{0,3})")]


class Version(NamedTuple):
    """Major and minor; compares as a pair."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


CURRENT: Final = Version(1, 1)
"""What this package writes, and the newest it understands in full."""

OLDEST_READER: Final = Version(1, 0)
"""The oldest reader that may still use what this package writes, unless the writer demands more."""


def parse_version(text: str) -> Version:
    """Read a version that has the shape of `VersionText`."""
    major, minor = text.split(".")
    return Version(int(major), int(minor))
