"""Reads whole lists with a kubeconfig, for commands: what goes wrong is said in words that tell what to do.

Objects come as the API server's JSON: what they mean is for others.
"""

import contextlib
import pathlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from isochrone.api import GROUP
from isochrone.kube import access
from isochrone.kube.access import AccessError
from isochrone.kube.api import Api
from isochrone.kube.errors import ApiError, ClusterError, Forbidden, NotFound, Unauthorized, Unreachable

Object = Mapping[str, Any]


class Reader:
    """Lists objects with the rights of a kubeconfig."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def list(self, path: str, *, label_selector: str = "") -> tuple[Object, ...]:
        """All objects below a path, such as `/api/v1/namespaces`. Raises ClusterError."""
        try:
            found = await self._api.list(path, label_selector=label_selector)
        except ApiError as error:
            raise ClusterError(_refused(path, error), status=error.status, reason=error.reason) from error
        return found.items

    async def kept(self, path: str) -> Object | None:
        """One object; None if it isn't there, or isn't for us to read. Raises ClusterError."""
        try:
            return await self._api.get(path)
        except (NotFound, Forbidden):
            return None
        except ApiError as error:
            raise ClusterError(_refused(path, error), status=error.status, reason=error.reason) from error


@contextlib.asynccontextmanager
async def connected(kubeconfig: pathlib.Path, context: str | None = None) -> AsyncIterator[Reader]:
    """A reader with what a kubeconfig says. Raises ClusterError if it says it wrongly."""
    try:
        found = access.from_file(kubeconfig, context)
    except AccessError as error:
        raise ClusterError(str(error)) from error
    async with found.api() as api:
        yield Reader(api)


def _refused(path: str, error: ApiError) -> str:
    match error:
        case Unreachable():
            return str(error)
        case NotFound() if f"/{GROUP}/" in path:
            return (
                f"{path} is not there: install Isochrone in this cluster first, as in helm install isochrone"
                " charts/isochrone --namespace isochrone-system --create-namespace, or take another --kubeconfig"
            )
        case Unauthorized():
            return f"the credentials of the kubeconfig are not accepted: {error}"
        case Forbidden():
            return f"{error}. Use a kubeconfig that may list it"
        case _:
            return f"GET {path}: status {error.status}: {error}"
