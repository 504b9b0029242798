"""Reads whole lists from an API server, a page at a time, each request within a limit.

Objects come as the API server's JSON: what they mean is for others.
"""

import json
import pathlib
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final, Protocol

import kubernetes.client
import kubernetes.config
import urllib3.exceptions
import yaml

from isochrone.api import GROUP

_PAGE: Final = 500
"""Objects in one answer, as kubectl asks for."""
_TIMEOUT: Final = (5.0, 30.0)
"""Seconds to connect, and between two pieces of an answer."""

Object = Mapping[str, Any]


class ClusterError(Exception):
    """The cluster can't be asked, or refuses. The message says what to do."""


class Reader(Protocol):
    """Lists objects."""

    def list(self, path: str, *, label_selector: str = "") -> Iterator[Object]:
        """All objects below a path, such as `/api/v1/namespaces`. Raises ClusterError."""


class ClusterReader:
    """Reads with the rights of a kubeconfig."""

    def __init__(self, api: kubernetes.client.ApiClient) -> None:
        self._api = api

    def list(self, path: str, *, label_selector: str = "") -> Iterator[Object]:
        query = {"limit": str(_PAGE)}
        if label_selector:
            query["labelSelector"] = label_selector
        while True:
            page = self._get(path, query)
            yield from page.get("items", ())
            going_on = page.get("metadata", {}).get("continue")
            if not going_on:
                return
            query["continue"] = going_on

    def _get(self, path: str, query: Mapping[str, str]) -> Object:
        request = self._api.param_serialize(
            "GET",
            path,
            query_params=list(query.items()),
            header_params={"Accept": "application/json"},
            auth_settings=["BearerToken"],
        )
        try:
            answer = self._api.call_api(*request, _request_timeout=_TIMEOUT)
            body: bytes = answer.read()  # type: ignore[no-untyped-call]
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ClusterError(f"{self._api.configuration.host} can't be reached: {error}") from error
        if answer.status != HTTPStatus.OK:
            raise ClusterError(_refused(path, answer.status, body))
        found: Object = json.loads(body)
        return found


def connect(kubeconfig: pathlib.Path, context: str | None = None) -> ClusterReader:
    """A reader with what a kubeconfig says. Raises ClusterError if it says it wrongly."""
    configuration = kubernetes.client.Configuration()
    try:
        kubernetes.config.load_kube_config(  # type: ignore[no-untyped-call]
            config_file=str(kubeconfig), context=context, client_configuration=configuration, persist_config=False
        )
    except (kubernetes.config.ConfigException, OSError, ValueError, yaml.YAMLError) as error:
        raise ClusterError(f"kubeconfig {kubeconfig}: {error}") from error
    configuration.retries = False
    return ClusterReader(kubernetes.client.ApiClient(configuration))


def _refused(path: str, status: int, body: bytes) -> str:
    try:
        message = json.loads(body).get("message", "")
    except ValueError:
        message = body.decode(errors="replace").strip()
    match status:
        case HTTPStatus.NOT_FOUND if f"/{GROUP}/" in path:
            return f"{path} is not there: apply the CRDs of Isochrone first (kubectl apply --server-side -f crds/)"
        case HTTPStatus.UNAUTHORIZED:
            return f"the credentials of the kubeconfig are not accepted: {message}"
        case HTTPStatus.FORBIDDEN:
            return f"{message}. Use a kubeconfig that may list it"
        case _:
            return f"GET {path}: status {status}: {message}"
