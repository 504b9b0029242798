"""Everything that was collected, as files: an index on top, and a folder for each cluster."""

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from isochrone.render import gitops
from isochrone.support import scrubbing
from isochrone.support.scrubbing import Scrubber
from isochrone.support.shown import shown, sizes, told

Json = Mapping[str, Any]

MOST: Final = 64 * 1024 * 1024
"""Characters in all files."""
MOST_OF_ONE: Final = 4 * 1024 * 1024
_NAME: Final = re.compile(r"[^A-Za-z0-9._-]+")
_RELEASES: Final = "releases.json"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that could not be had."""

    cluster: str
    what: str
    why: str


@dataclasses.dataclass(slots=True, kw_only=True)
class Collected:
    """What one cluster gave."""

    name: str
    """Of its folder: `hub`, or `cluster-` and a site."""
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Versions, capabilities, sites."""
    objects: list[Json] = dataclasses.field(default_factory=list)
    """As the API server has them."""
    logs: dict[str, str] = dataclasses.field(default_factory=dict)
    """POD-CONTAINER -> text."""
    metrics: dict[str, str] = dataclasses.field(default_factory=dict)
    troubles: list[Trouble] = dataclasses.field(default_factory=list)


def files(collected: Iterable[Collected], *, version: str, made_at: str) -> dict[str, str]:
    """Path -> text, the index first. No secret is in any of them."""
    clusters = list(collected)
    scrubber = Scrubber(_secrets(clusters))
    found: dict[str, str] = {}
    troubles = [each for cluster in clusters for each in cluster.troubles]
    left = MOST
    for cluster in clusters:
        for name, text in _of_cluster(cluster, scrubber):
            path = f"{cluster.name}/{name}"
            if left <= 0:
                troubles.append(Trouble(cluster=cluster.name, what=name, why="left out: the bundle would be too large"))
                continue
            found[path] = scrubber.known(text)[: min(left, MOST_OF_ONE)]
            left -= len(found[path])
    facts = {"isochrone": version, "madeAt": made_at, "clusters": {each.name: each.facts for each in clusters}}
    head = {
        "versions.json": json.dumps(told("", facts, scrubber), indent=2, sort_keys=True, default=str) + "\n",
        "errors.txt": "".join(_line(each, scrubber) for each in troubles) or "Everything that was asked for was got.\n",
    }
    return {"README.md": _readme({**head, **found}, clusters, version=version, made_at=made_at), **head, **found}


def _secrets(clusters: Iterable[Collected]) -> Iterator[str]:
    """All that is known to be secret."""
    objects = [item for cluster in clusters for item in cluster.objects]
    names = {str(item["metadata"].get(key)) for item in objects for key in ("name", "namespace")}
    for item in objects:
        if item["kind"] == "Secret":
            data = item.get("data") or {}
            # A token's namespace and authority are in its Secret too, and everywhere else.
            is_token = item.get("type") == "kubernetes.io/service-account-token"
            yield from scrubbing.values_of([data[key] for key in data if not is_token or key == "token"], names)
        if item["kind"] == "InferenceTenant":
            yield from (str(each.get("sha256", "")) for each in (item.get("spec") or {}).get("keys") or ())


def _of_cluster(cluster: Collected, scrubber: Scrubber) -> Iterator[tuple[str, str]]:
    groups: dict[str, list[Json]] = {}
    for item in cluster.objects:
        groups.setdefault(item["kind"], []).append(item)
    for kind, items in sorted(groups.items()):
        if kind == "Event":
            yield "events.txt", "".join(sorted(_event(item, scrubber) for item in items))
        else:
            yield f"{kind.lower()}.yaml", "---\n".join(gitops.written(dict(shown(item, scrubber))) for item in items)
    for item in groups.get("ConfigMap", ()):
        if _RELEASES in (item.get("data") or {}):
            yield _RELEASES, _releases(item["data"][_RELEASES], scrubber)
    for name, text in sorted(cluster.metrics.items()):
        yield f"metrics/{_NAME.sub('-', name)}.txt", scrubber.text(text)
    for name, text in sorted(cluster.logs.items()):
        yield f"logs/{_NAME.sub('-', name)}.log", scrubber.text(text)


def _releases(text: str, scrubber: Scrubber) -> str:
    """What was issued. Sites that are gone are told as EdgeNodes are."""
    try:
        found = json.loads(text)
        gone = {name: shown(item, scrubber) for name, item in found.get("tombstones", {}).items()}
        return json.dumps({**found, "tombstones": gone}, indent=1, sort_keys=True) + "\n"
    except (ValueError, AttributeError):
        return f"not JSON, of {len(text)} characters\n"


def _event(item: Json, scrubber: Scrubber) -> str:
    about = item.get("regarding") or {}
    at = item.get("eventTime") or item.get("deprecatedLastTimestamp") or item["metadata"].get("creationTimestamp") or ""
    where = "/".join(str(about[key]) for key in ("kind", "namespace", "name") if about.get(key))
    said = scrubber.text(str(item.get("note", ""))).replace("\n", " ")
    return f"{at} {item.get('type', '')} {item.get('reason', '')} {scrubber.text(where)}: {said}\n"


def _line(trouble: Trouble, scrubber: Scrubber) -> str:
    return scrubber.text(f"{trouble.cluster}: {trouble.what}: {trouble.why}".replace("\n", " ")) + "\n"


def _readme(files: Mapping[str, str], clusters: Iterable[Collected], *, version: str, made_at: str) -> str:
    listed = "".join(f"| {name} | {len(text)} |\n" for name, text in files.items())
    of = ", ".join(each.name for each in clusters)
    return f"""# Support bundle of Isochrone {version}, made at {made_at}

Clusters: {of}. What could not be had is in errors.txt, with the reason.

| file | what is in it |
|---|---|
| versions.json | versions, and what each cluster can do |
| CLUSTER/KIND.yaml | objects of Isochrone, with their statuses |
| CLUSTER/releases.json | which revision was issued to which site |
| CLUSTER/events.txt | what happened to them, in the words of Kubernetes |
| CLUSTER/logs/ | the last lines of operators and gateways; never of engines, which may log prompts |
| CLUSTER/metrics/ | metrics of operators |

Not in it: values of Secrets and ConfigMaps (names and sizes of their keys are), hashes of tenants' keys, values of
environment variables, annotations of others, kubeconfigs, prompts and answers. Whatever stands in a Secret that was
read, or looks like a token, a key or a password, has become {scrubbing.REDACTED} wherever it was. Names of objects,
namespaces, hosts and models are in it. Look through it before you hand it on.

| file | characters |
|---|---|
{listed}"""


__all__ = ["MOST", "Collected", "Trouble", "files", "sizes"]
