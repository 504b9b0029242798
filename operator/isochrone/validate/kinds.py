"""Which objects are ours, which of other groups ours refer to, and which were meant to be ours.

A misspelt group must not make a policy pass as somebody else's object: nobody would enforce it.
"""

import difflib
import functools
from collections.abc import Iterator, Mapping
from typing import Final

from isochrone.api import GROUP, KINDS, VERSION, Resource
from isochrone.manifests import Manifest
from isochrone.validate.finding import Finding, Key, Rule
from isochrone.validate.item import finding_at, key_of, meant, nearest, softened

BY_NAME: Final[Mapping[str, type[Resource]]] = {kind.__name__: kind for kind in KINDS}
"""Our kinds."""

_OWN_WORD: Final = GROUP.partition(".")[0]
_CLOSE: Final = 0.8
"""How alike two groups must be (difflib's ratio) for one to be a slip for the other."""


def is_ours(manifest: Manifest) -> bool:
    """Whether the object belongs to our API group, whatever its version."""
    return _group(manifest.api_version) == GROUP


def is_asked(manifest: Manifest) -> bool:
    """Whether the object is of another group, but one that ours refer to."""
    return manifest.api_version == "v1" and manifest.kind in {"Namespace", "Secret"}


def is_checked(manifest: Manifest) -> bool:
    """Whether the object is ours, or has a group that is a slip for ours."""
    return is_ours(manifest) or _is_slip(manifest.api_version, manifest.kind)


def is_other(manifest: Manifest) -> bool:
    """Whether the object is somebody else's, and nothing that ours refer to."""
    is_object = bool(manifest.api_version and manifest.kind)
    return is_object and not is_checked(manifest) and not is_asked(manifest)


def is_meant(manifest: Manifest) -> bool:
    """Whether the object was to be one of ours, as far as one can tell."""
    return is_checked(manifest) or (not manifest.api_version and manifest.kind in BY_NAME)


def meant_key(manifest: Manifest) -> Key:
    """What the object would be called if its kind were spelt well."""
    return key_of(manifest, nearest(manifest.kind, BY_NAME))


def misnamed(manifest: Manifest) -> Iterator[Finding]:
    """A group, kind or version that does not exist; at most one finding."""
    if not is_checked(manifest):
        if manifest.kind in BY_NAME:
            yield softened(_foreign(manifest))
    elif not is_ours(manifest):
        yield _foreign(manifest)
    elif manifest.kind not in BY_NAME:
        yield finding_at(
            manifest,
            Rule.UNKNOWN_KIND,
            field="kind",
            message=f'{GROUP} has no kind "{manifest.kind}"',
            way_out=meant(manifest.kind, BY_NAME) or f"its kinds are {', '.join(BY_NAME)}",
        )
    elif manifest.api_version != f"{GROUP}/{VERSION}":
        yield finding_at(
            manifest,
            Rule.UNKNOWN_KIND,
            field="apiVersion",
            message=f'{manifest.kind} has no version "{manifest.api_version}"',
            way_out=f"write {GROUP}/{VERSION}",
        )


def _foreign(manifest: Manifest) -> Finding:
    return finding_at(
        manifest,
        Rule.UNKNOWN_KIND,
        field="apiVersion",
        message=f'"{manifest.api_version}" is not the API of Isochrone, so this {manifest.kind} would do nothing here',
        way_out=f'did you mean "{GROUP}/{VERSION}"?',
    )


@functools.lru_cache(maxsize=1024)
def _is_slip(api_version: str, kind: str) -> bool:
    """Whether a group that is not ours was surely meant to be. The core group (`v1`) has none of our kinds."""
    group = _group(api_version).casefold()
    if not group:
        return bool(api_version) and kind in BY_NAME
    return _OWN_WORD in group or difflib.SequenceMatcher(None, group, GROUP).ratio() >= _CLOSE


def _group(api_version: str) -> str:
    return api_version.partition("/")[0] if "/" in api_version else ""
