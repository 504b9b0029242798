"""What all sources of files have in common: a path becomes a request."""

from typing import Protocol

from isochrone_fetch.http import Request


class Source(Protocol):
    """Files by path."""

    def request(self, path: str) -> Request:
        """How to ask for a file. Signatures in it age: ask anew for each attempt."""
        ...
