"""A small, fast Kubernetes client for tests: one kept-alive connection, JSON in and out, nothing hidden.

Every answer comes back as it is, whatever its status: tests ask for failures too. A Client belongs to one thread.
Paths and parameters: https://kubernetes.io/docs/reference/using-api/api-concepts/.
"""

import contextlib
import functools
import http.client
import select
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from tests.cluster import kubeconfig

TYPE_JSON = "application/json"
TYPE_APPLY = "application/apply-patch+yaml"
TYPE_MERGE = "application/merge-patch+json"

FieldValidation = Literal["Strict", "Warn", "Ignore"]
Object = Mapping[str, Any]


class RequestError(Exception):
    """The cluster did not do what a test relies on."""


@dataclass(frozen=True)
class Response:
    """An answer; `body` is decoded when first read, and empty where it isn't a JSON object (`/readyz`)."""

    status: int
    raw: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @functools.cached_property
    def body(self) -> dict[str, Any]:
        if not self.raw.startswith(b"{"):
            return {}
        decoded: dict[str, Any] = msgspec.json.decode(self.raw)
        return decoded

    @property
    def message(self) -> str:
        """The message of a `Status` answer, else the plain text."""
        return str(self.body.get("message", "")) if self.body else self.raw.decode(errors="replace")


@dataclass(frozen=True)
class _Resource:
    """Where objects of one kind are found, as the API server's discovery says."""

    plural: str
    namespaced: bool


class Client:
    def __init__(self, kubeconfig_file: Path, *, timeout: float = 60.0) -> None:
        access = kubeconfig.read(kubeconfig_file)
        self._url = urlsplit(access.url)
        self._tls = access.tls() if self._url.scheme == "https" else None
        self._timeout = timeout
        self._connection: http.client.HTTPConnection | None = None
        self._resources: dict[tuple[str, str], _Resource] = {}
        self._headers = {"Accept": TYPE_JSON}
        if access.token:
            self._headers["Authorization"] = f"Bearer {access.token}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def request(
        self,
        method: str,
        path: str,
        body: Object | bytes | None = None,
        *,
        params: Mapping[str, str] | None = None,
        content_type: str = TYPE_JSON,
    ) -> Response:
        """Send `body` (bytes go out as they are) and return the answer, of any status."""
        target = self._url.path.rstrip("/") + path + (f"?{urlencode(params)}" if params else "")
        data = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
        headers = self._headers if data is None else self._headers | {"Content-Type": content_type}
        connection = self._connected()
        try:
            connection.request(method, target, body=data, headers=headers)
            answer = connection.getresponse()
            return Response(status=answer.status, raw=answer.read())
        except BaseException:
            self.close()  # half an answer may be left on it
            raise

    def create(self, item: Object, *, dry_run: bool = False, field_validation: FieldValidation = "Strict") -> Response:
        params = _params(dry_run=dry_run) | {"fieldValidation": field_validation}
        return self.request("POST", self.collection_path(item), item, params=params)

    def apply(
        self,
        item: Object,
        *,
        manager: str = "isochrone-test",
        force: bool = True,
        dry_run: bool = False,
        field_validation: FieldValidation = "Strict",
    ) -> Response:
        """Server-side apply (https://kubernetes.io/docs/reference/using-api/server-side-apply/)."""
        params = _params(dry_run=dry_run) | {
            "fieldManager": manager,
            "force": "true" if force else "false",
            "fieldValidation": field_validation,
        }
        return self.request("PATCH", self.path(item), item, params=params, content_type=TYPE_APPLY)

    def patch(self, item: Object, change: Object) -> Response:
        """JSON merge patch (RFC 7386)."""
        return self.request("PATCH", self.path(item), body=change, content_type=TYPE_MERGE)

    def get(self, item: Object) -> Response:
        """The object that has the apiVersion, kind, namespace and name of `item`."""
        return self.request("GET", self.path(item))

    def delete(self, item: Object, *, dry_run: bool = False) -> Response:
        return self.request("DELETE", self.path(item), params=_params(dry_run=dry_run))

    @contextlib.contextmanager
    def existing(self, item: Object) -> Iterator[dict[str, Any]]:
        """Creates `item`, yields it as stored, deletes it at the end. What was there before is refused, not deleted."""
        answer = self.create(item)
        if not answer.ok:
            raise RequestError(f"{item['kind']} {item['metadata']['name']} was not created: {answer.message}")
        try:
            yield answer.body
        finally:
            self.delete(item)

    def wait_for_condition(self, item: Object, condition: str, *, limit: float = 60.0) -> None:
        """Of a definition that is established, its kind is served as well."""
        deadline = time.monotonic() + limit
        while condition not in (found := _true_conditions(self.get(item).body)) or not self._is_served(item):
            if time.monotonic() > deadline:
                raise RequestError(f"{item['metadata']['name']} is not {condition} after {limit:.0f} s, only {found}")
            time.sleep(0.02)

    def _is_served(self, item: Object) -> bool:
        """Whether a kind can be used, if it is the definition of one: that may be a moment after the condition."""
        if item["kind"] != "CustomResourceDefinition":
            return True
        spec = item["spec"]
        paths = [_group_path(f"{spec['group']}/{each['name']}") for each in spec["versions"] if each["served"]]
        listed = {path: self.request("GET", path).body.get("resources") or () for path in paths}
        is_known = all(any(each["name"] == spec["names"]["plural"] for each in found) for found in listed.values())
        return is_known and all(self.request("GET", f"{path}/{spec['names']['plural']}").ok for path in paths)

    def path(self, item: Object) -> str:
        return f"{self.collection_path(item)}/{quote(item['metadata']['name'])}"

    def collection_path(self, item: Object) -> str:
        """Where objects like `item` are created; a namespaced one without a namespace goes to `default`."""
        api_version = item["apiVersion"]
        resource = self._resource(api_version, item["kind"])
        namespace = item.get("metadata", {}).get("namespace", "default")
        scope = f"/namespaces/{quote(namespace)}" if resource.namespaced else ""
        return f"{_group_path(api_version)}{scope}/{resource.plural}"

    def _resource(self, api_version: str, kind: str) -> _Resource:
        if (api_version, kind) not in self._resources:
            listed = self.request("GET", _group_path(api_version)).body.get("resources", [])
            for entry in listed:
                if "/" not in entry["name"]:  # not a subresource
                    found = _Resource(plural=entry["name"], namespaced=entry["namespaced"])
                    self._resources[api_version, entry["kind"]] = found
        if (api_version, kind) not in self._resources:
            raise LookupError(f"the API server serves no {kind} in {api_version}")
        return self._resources[api_version, kind]

    def _connected(self) -> http.client.HTTPConnection:
        """The kept connection, unless it became readable while idle: what there is to read is its end."""
        kept = self._connection
        if kept is not None and _has_ended(kept):
            self.close()
        if self._connection is None:
            self._connection = self._new_connection()
        return self._connection

    def _new_connection(self) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._tls is None:
            return http.client.HTTPConnection(host, port, timeout=self._timeout)
        return http.client.HTTPSConnection(host, port, timeout=self._timeout, context=self._tls)


def _has_ended(connection: http.client.HTTPConnection) -> bool:
    if connection.sock is None:
        return True
    readable = select.poll()
    readable.register(connection.sock, select.POLLIN)
    return bool(readable.poll(0))


def _true_conditions(item: Object) -> list[str]:
    conditions = item.get("status", {}).get("conditions") or []
    return [condition["type"] for condition in conditions if condition["status"] == "True"]


def _params(*, dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}


def _group_path(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
