"""A cluster's bundles as files for a GitOps tool: YAML, one object in each, with names that stay.

    README.md                          the Secrets that must be there, which are in no file
    kustomization.yaml                 the files, in the order in which they are applied
    _shared/NAMESPACE/KIND-NAME.yaml   what is no single site's
    SITE/NAMESPACE/KIND-NAME.yaml      what belongs to a site

Pure: who writes the files also removes those that are no longer among them.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import yaml

from isochrone.render import labels
from isochrone.render.bundle import Bundle, identity
from isochrone.render.manifest import Json

_PLAIN: Final = re.compile(r"[A-Za-z_/][-A-Za-z0-9_./]*")
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_SHARED: Final = "_shared"
_NO_NAMESPACE: Final = "_cluster"
"""No site and no namespace has such a name."""


def folder_of(cluster: str) -> str:
    """The name of a cluster's folder."""
    return cluster.replace("/", "-")


def files_of(bundles: Iterable[Bundle], indexes: Mapping[str, Json]) -> dict[str, str]:
    """Path -> text, for the bundles of one cluster and the index of each site that runs a gateway."""
    chosen = sorted(bundles, key=lambda bundle: bundle.site)
    found: dict[str, str] = {}
    seen: set[tuple[str, str, str, str]] = set()
    for bundle in chosen:
        index = indexes.get(bundle.site)
        for each in (*bundle.objects, *([index] if index else [])):
            if identity(each) not in seen:
                seen.add(identity(each))
                found[_path(each, bundle.site)] = written(each)
    return {**found, "kustomization.yaml": _kustomization(found), "README.md": _readme(chosen)}


def written(item: Json) -> str:
    """One object as YAML that every reader takes for the same, whichever version of YAML it follows."""
    return yaml.dump(item, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def _path(item: Json, site: str) -> str:
    metadata = item["metadata"]
    folder = site if metadata["labels"].get(labels.EDGE_NODE) else _SHARED
    return f"{folder}/{metadata.get('namespace', _NO_NAMESPACE)}/{item['kind'].lower()}-{metadata['name']}.yaml"


def _kustomization(paths: Iterable[str]) -> str:
    return written({"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": list(paths)})


def _readme(bundles: Iterable[Bundle]) -> str:
    rows = [
        f"| {bundle.site} | `{each.name}` | {', '.join(f'`{key}`' for key in each.keys)} |"
        f" {'no' if each.is_optional else 'yes'} | {each.why} |"
        for bundle in bundles
        for each in bundle.secrets
    ]
    return "\n".join(
        [
            "# Rendered by isochrone",
            "",
            "`isochrone render` writes these files anew; change the manifests that they are made from.",
            "",
            "Secrets are in none of them. These must be in the namespace isochrone-system; without one that is needed,",
            "the site's gateway doesn't start, and without another, what is in the last column is not available.",
            "",
            "| site | Secret | keys | needed | for |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


class _Dumper(yaml.SafeDumper):
    """Quotes every text that some reader could take for a number, a date or a word for true and false."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the base class asks about each value
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    is_plain = _PLAIN.fullmatch(text) is not None and text.lower() not in _WORDS
    style = "|" if "\n" in text else None if is_plain else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
