"""Reads manifests as kubectl reads them, and remembers where everything stood.

Here live the way from bytes to objects (`stream`, `jsontext`, `nodes`, `scalars`, `values`), lines for field paths
(`positions`) and the one module that opens files (`files`). Reading never raises for what a file says: each fault is a
value with its file and line, and what comes after it is read all the same.

What must not: what a resource means. Kinds of other API groups come back like any other object.
"""

from isochrone.manifests.files import Unreadable, read
from isochrone.manifests.manifest import Fault, Manifest, Reading, Source
from isochrone.manifests.stream import parse

__all__ = ["Fault", "Manifest", "Reading", "Source", "Unreadable", "parse", "read"]
