"""The volumes of a pod as folders, written and kept up to date as the kubelet does.

Secrets, ConfigMaps, service account tokens and facts about the pod become files of a folder that is replaced as a
whole: `..data` leads to the newest, so that a reader never sees half a change.
"""

import base64
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.cluster.watching import AsyncClient, StatusError

Json = dict[str, Any]
Files = Mapping[str, bytes]

TOKEN_SECONDS = 3607
_RENEW_AT = 0.8
_DATA = "..data"
_NOT_FOUND = 404


class MountError(Exception):
    """A volume can't be mounted yet; the message says why, as the kubelet does."""


class Volumes:
    """All volumes of one pod, below a folder."""

    def __init__(self, client: AsyncClient, pod: Json, folder: Path, *, token_seconds: int = TOKEN_SECONDS) -> None:
        self._client = client
        self._pod = pod
        self._folder = folder
        self._token_seconds = token_seconds
        self._tokens: dict[str, tuple[bytes, float]] = {}
        """By audience, with when it is time for another."""
        self._written: dict[str, Files] = {}

    def folder(self, name: str) -> Path:
        return self._folder / name

    async def refresh(self) -> None:
        """Write what is new. Raises MountError, or what requests fail with; all is then as it was."""
        for volume in self._pod["spec"].get("volumes", []):
            name = volume["name"]
            files = await self._files(volume)
            if self._written.get(name) != files:
                project(self.folder(name), files)
                self._written[name] = files

    async def _files(self, volume: Json) -> Files:
        match volume:
            case {"projected": {"sources": sources}}:
                found: dict[str, bytes] = {}
                for source in sources:
                    found.update(await self._source(source))
                return found
            case {"secret": secret}:
                return await self._object("secrets", {**secret, "name": secret["secretName"]})
            case {"configMap": config}:
                return await self._object("configmaps", config)
            case {"emptyDir": _}:
                return {}
        raise MountError(f"no such volume in these tests: {volume}")

    async def _source(self, source: Json) -> Files:
        match source:
            case {"secret": secret}:
                return await self._object("secrets", secret)
            case {"configMap": config}:
                return await self._object("configmaps", config)
            case {"serviceAccountToken": token}:
                return {token["path"]: await self._token(token.get("audience", ""))}
            case {"downwardAPI": {"items": items}}:
                return {each["path"]: field(self._pod, each["fieldRef"]["fieldPath"]).encode() for each in items}
        raise MountError(f"no such source in these tests: {source}")

    async def _object(self, plural: str, wanted: Json) -> Files:
        name, optional = wanted["name"], wanted.get("optional", False)
        try:
            found = await self._client.request("GET", f"{self._namespace}/{plural}/{name}")
        except StatusError as error:
            if error.status != _NOT_FOUND:
                raise
            if optional:
                return {}
            raise MountError(f'{plural.removesuffix("s")} "{name}" not found') from error
        return picked(content(found), wanted.get("items"), name=name, optional=optional)

    async def _token(self, audience: str) -> bytes:
        token, until = self._tokens.get(audience, (b"", 0.0))
        if time.monotonic() < until:
            return token
        metadata = self._pod["metadata"]
        spec = {
            "expirationSeconds": self._token_seconds,
            "boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": metadata["name"], "uid": metadata["uid"]},
            **({"audiences": [audience]} if audience else {}),
        }
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        account = self._pod["spec"]["serviceAccountName"]
        answer = await self._client.request("POST", f"{self._namespace}/serviceaccounts/{account}/token", body)
        token = str(answer["status"]["token"]).encode()
        self._tokens[audience] = (token, time.monotonic() + _RENEW_AT * self._token_seconds)
        return token

    @property
    def _namespace(self) -> str:
        return f"/api/v1/namespaces/{self._pod['metadata']['namespace']}"


def content(item: Json) -> Files:
    """What a Secret or a ConfigMap holds."""
    encoded = item.get("binaryData" if item["kind"] == "ConfigMap" else "data") or {}
    plain = (item.get("data") or {}) if item["kind"] == "ConfigMap" else {}
    return {key: base64.b64decode(each) for key, each in encoded.items()} | {
        key: each.encode() for key, each in plain.items()
    }


def picked(files: Files, items: list[Json] | None, *, name: str, optional: bool) -> Files:
    if items is None:
        return files
    missing = [each["key"] for each in items if each["key"] not in files]
    if missing and not optional:
        raise MountError(f'references non-existent key "{missing[0]}" of "{name}"')
    return {each["path"]: files[each["key"]] for each in items if each["key"] in files}


def field(pod: Json, path: str) -> str:
    """A fact about a pod, such as metadata.name."""
    found: Any = pod
    for part in path.split("."):
        found = found[part]
    return str(found)


def project(folder: Path, files: Files) -> None:
    """Replace the files of the folder, all at once (AtomicWriter in k8s.io/kubernetes/pkg/volume/util)."""
    folder.mkdir(parents=True, exist_ok=True)
    current = folder / _DATA
    before = current.resolve() if current.is_symlink() else None
    if not files and before is None:
        return
    fresh = Path(tempfile.mkdtemp(prefix="..", dir=folder))
    for path, data in files.items():
        file = fresh / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    swap = folder / "..data_tmp"
    swap.symlink_to(fresh.name)
    swap.rename(current)
    tops = {Path(path).parts[0] for path in files}
    for top in tops:
        if not (folder / top).is_symlink():
            (folder / top).symlink_to(f"{_DATA}/{top}")
    for link in folder.iterdir():
        if link.is_symlink() and link.name != _DATA and link.name not in tops:
            link.unlink()
    if before is not None:
        shutil.rmtree(before)
