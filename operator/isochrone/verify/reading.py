"""Whether a site's gateway reads the config that was verified, and out of their own Secrets the files that it names.

Pods read ConfigMaps of their own namespace alone. Of files a config says their paths, as `providers/SECRET/KEY` and
`peer/KEY`, below the gateway's mount of secrets: what is behind a path, the pod says.
"""

import itertools
import pathlib
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from isochrone.verify.declared import Site
from isochrone.verify.finding import Finding, Rule
from isochrone.verify.gathered import Found, SiteConfig
from isochrone.verify.pods import is_gateway
from isochrone.verify.workloads import arguments, namespace_of, pod_spec

Json = Mapping[str, Any]

_SECRETS: Final = "--secrets"
_PROVIDERS: Final = "providers"


def findings(declared: Site, site: SiteConfig, objects: Iterable[Found]) -> Iterator[Finding]:
    """Of each workload that runs the gateway."""
    for each in objects:
        if is_gateway(each):
            for text in (*_of_namespace(site, each.item), *_of_secrets(each.item, _homes(declared, each.item))):
                yield Finding(rule=Rule.WRONG_ADDRESS, site=site.site, where=each.where, message=text)


def _of_namespace(site: SiteConfig, item: Json) -> Iterator[str]:
    there = namespace_of(item)
    if there != site.namespace:
        yield (
            f"the gateway runs in the namespace {there}, and can't read the config that was verified, which is in"
            f" {site.namespace}"
        )


def _homes(declared: Site, item: Json) -> Mapping[str, str]:
    """Folder -> the Secret whose keys are the files in it, by their names."""
    name, bucket = item["metadata"]["name"], declared.bucket
    found = {each: f"{name}-{each}" for each in ("peer", "evidence")}
    if bucket is not None:
        found["objects"] = bucket.secret
        if bucket.authorities is not None:
            found["objects-ca"] = bucket.authorities[0]
    return found


def _of_secrets(item: Json, homes: Mapping[str, str]) -> Iterator[str]:
    pod = pod_spec(item)
    volumes = {each["name"]: each for each in pod.get("volumes") or ()}
    for container in pod.get("containers") or ():
        said = list(_folders(container))
        for folder in dict.fromkeys(_clean(each) for each in said if each.startswith("/")):
            yield from _of_folder(folder, container.get("volumeMounts") or (), volumes, homes)
        for each in said:
            if not each.startswith("/"):
                yield f"the gateway reads its Secrets in the folder {each!r}, which is another wherever it is started"


def _of_folder(
    folder: pathlib.PurePosixPath, mounts: Iterable[Json], volumes: Mapping[str, Json], homes: Mapping[str, str]
) -> Iterator[str]:
    """A mount hides what is mounted above it, so there must be one at the folder itself."""
    is_mounted = False
    for mount in mounts:
        path = _clean(mount["mountPath"])
        if path == folder:
            is_mounted = True
            yield from _of_volume(volumes.get(mount["name"]) or {}, mount, homes)
        elif path.is_relative_to(folder):
            yield f"the gateway reads what is mounted at {path} as if it were of its Secrets"
    if not is_mounted:
        yield f"the gateway reads its Secrets in {folder}, where no volume is mounted"


def _folders(container: Json) -> Iterator[str]:
    """Where its program is told that secrets are, by one argument, `--secrets=FOLDER`, or by two."""
    said = arguments(container)
    yield from (each.removeprefix(f"{_SECRETS}=") for each in said if each.startswith(f"{_SECRETS}="))
    yield from (folder for option, folder in itertools.pairwise(said) if option == _SECRETS)


def _clean(path: str) -> pathlib.PurePosixPath:
    """As what mounts it takes it: from the root, without `.` and `..`."""
    return pathlib.PurePosixPath(posixpath.normpath(f"/{path.lstrip('/')}"))


def _of_volume(volume: Json, mount: Json, homes: Mapping[str, str]) -> Iterator[str]:
    sources = (volume.get("projected") or {}).get("sources") or ()
    if (
        mount.get("subPath")
        or mount.get("subPathExpr")
        or any(set(each) != {"secret"} or not each["secret"] for each in sources)
        or not sources
    ):
        yield f"the gateway reads as its Secrets the volume {mount['name']}, which is not put together of Secrets alone"
        return
    for each in (source["secret"] for source in sources):
        # Without a list of them all keys are files at the top, where no config looks.
        for file in each.get("items") or ():
            if not _is_own(homes, each["name"], file["key"], file["path"]):
                yield f"the gateway reads {file['path']} out of the Secret {each['name']}, key {file['key']}"


def _is_own(homes: Mapping[str, str], secret: str, key: str, path: str) -> bool:
    folder, _, rest = posixpath.normpath(path).partition("/")
    if folder == _PROVIDERS:
        return rest == f"{secret}/{key}"
    return folder not in homes or (secret, key) == (homes[folder], rest)
